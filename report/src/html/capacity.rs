//! Capacities of a page: what a search found of each cluster, and the rates that were tried in each round. Of a run that is not valid
//! only what was tried is shown.

use stats::{objective, whole};
use wire::{CapacityReport, ClusterReport, Report, RoundOutcome, RoundReport, Step, StepOutcome, Validity};

use super::cluster_keys::Keys;
use super::markup::{Markup, label, line, paragraph, path, rectangle, scrolled, section, tag};
use super::plot::{RoundAxis, WIDTH, across, plot};
use super::scales::Logarithmic;
use crate::capacities::{self, HEADINGS};
use crate::picture::px;

const LEFT: f64 = 66.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 8.0;
const HEIGHT: f64 = 190.0;
/// More steps than this have no words of their own, so that a page can be mailed; the table of all rounds has them.
const MOST_TITLES: usize = 800;

pub(super) fn capacity(report: &Report, keys: &Keys<'_>) -> Markup {
    let Some(search) = &report.run.search else { return Markup::default() };
    let at = objective(&search.objective);
    section(&format!("Capacity at {at}"), [table(report, keys), panels(report, keys)])
}

fn table(report: &Report, keys: &Keys<'_>) -> Markup {
    let rows = capacities::rows(report);
    if rows.is_empty() {
        return Markup::default();
    }
    let [first, others @ ..] = HEADINGS;
    let heading = |name: &str, class: &str| tag("th", &[("scope", "col"), ("class", class)], name.to_lowercase());
    let head = Markup::from([heading(first, ""), others.iter().map(|name| heading(name, "num")).collect()]);
    let row = |cells: &[String; HEADINGS.len()]| {
        let [name, numbers @ ..] = cells;
        let name = tag("th", &[("scope", "row")], [keys.key(name), Markup::from(name)]);
        tag("tr", &[], [name, numbers.iter().map(|cell| tag("td", &[("class", "num")], cell)).collect()])
    };
    let rows: Markup = rows.iter().map(row).collect();
    let table = tag("table", &[], [tag("thead", &[], tag("tr", &[], head)), tag("tbody", &[], rows)]);
    let target = report.run.search.as_ref().and_then(|search| search.sizing);
    let target = target.map(|target| {
        format!(
            " Instances and their cost are those for {} requests/s: never fewer than half of what was measured.",
            whole(u64::from(target.requests_per_second))
        )
    });
    let caption = format!("Requests/s at which the objective is just kept.{}", target.unwrap_or_default());
    Markup::from([scrolled("Capacities", table), paragraph("dim", &caption)])
}

/// A plot for each cluster, all on one scale.
fn panels(report: &Report, keys: &Keys<'_>) -> Markup {
    let steps = || {
        let ways = report.rounds.iter().flat_map(|round| &round.clusters).filter_map(|cluster| cluster.way.as_ref());
        ways.flat_map(|way| &way.steps)
    };
    let rates = || steps().map(|step| u64::from(step.requests_per_second));
    let (Some(least), Some(most)) = (rates().min(), rates().max()) else { return Markup::default() };
    let scale = Logarithmic::between(least, most, (HEIGHT - 36.0, TOP));
    let is_titled = steps().count() <= MOST_TITLES;
    let panel = |cluster: &ClusterReport| {
        let found = cluster.capacity.as_ref()?;
        let name = format!("Rates tried in each round: {}", cluster.cluster);
        let parts = parts(report, cluster, found, keys, &scale, is_titled);
        let plot = plot(&name, &described(report, cluster), HEIGHT, parts);
        let heading = tag("h3", &[], [keys.key(&cluster.cluster), Markup::from(&cluster.cluster)]);
        Some(Markup::from([heading, scrolled(&name, plot)]))
    };
    let panels: Markup = report.clusters.iter().filter_map(panel).collect();
    let caption = "A mark is one rate, in the order in which they were tried: filled where the objective was kept, hollow where it was \
        missed, a cross where so much was missed that it was cut short, a dash where the generator could not send it. The line is \
        what the round found, the band the interval over all rounds.";
    Markup::from([panels, paragraph("dim", caption)])
}

fn described(report: &Report, cluster: &ClusterReport) -> String {
    let of_round = |round: &RoundReport| {
        let way = capacities::way(round, &cluster.cluster)?;
        Some(format!("round {}: {}", round.round, capacities::outcome(way)))
    };
    let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted);
    counted.filter_map(of_round).collect::<Vec<_>>().join("; ")
}

fn parts(
    report: &Report,
    cluster: &ClusterReport,
    found: &CapacityReport,
    keys: &Keys<'_>,
    scale: &Logarithmic,
    is_titled: bool,
) -> Vec<Markup> {
    let bottom = HEIGHT - 36.0;
    let axis = RoundAxis::new(&report.rounds, (LEFT, RIGHT));
    let mut parts = Vec::new();
    if let Some([low, high]) = found.interval.filter(|_| report.validity == Validity::Valid) {
        let (upper, lower) = (scale.px(high / 1_000), scale.px(low / 1_000));
        parts.push(rectangle((LEFT, upper), (RIGHT - LEFT, lower - upper), "interval", ""));
    }
    parts.push(across(scale, (LEFT, RIGHT), whole));
    parts.push(axis.marked((TOP, bottom)));
    let ways = axis.places().map(|(x, round)| of_round(round, cluster, keys, scale, (x, axis.width), is_titled));
    parts.extend(ways);
    parts.push(label((LEFT + RIGHT) / 2.0, bottom + 32.0, "", "middle", "round; requests/s"));
    parts
}

/// The steps of one round and what they found, in the colour of the cluster.
fn of_round(
    round: &RoundReport,
    cluster: &ClusterReport,
    keys: &Keys<'_>,
    scale: &Logarithmic,
    (x, width): (f64, f64),
    is_titled: bool,
) -> Markup {
    let name = cluster.cluster.as_str();
    let Some(way) = capacities::way(round, name) else { return Markup::default() };
    let within = width / way.steps.len().max(1) as f64;
    let radius = (within * 0.3).clamp(1.2, 4.0);
    let mut content: Vec<Markup> = Vec::new();
    if let Some(rate) = way.capacity_milli_rps {
        let y = scale.px(rate / 1_000);
        content.push(line("range", (x + 0.06 * width, y), (x + 0.94 * width, y)));
    }
    for (index, step) in way.steps.iter().enumerate() {
        let at = (x + (index as f64 + 0.5) * within, scale.px(u64::from(step.requests_per_second)));
        let title = if is_titled { title(round.round, index + 1, step) } else { String::new() };
        let (left, right) = (px(at.0 - radius), px(at.0 + radius));
        let (upper, lower) = (px(at.1 - radius), px(at.1 + radius));
        content.push(match step.outcome {
            StepOutcome::Met => path("mark", &keys.mark(name, at, radius), &title),
            StepOutcome::Missed => path("mark hollow", &keys.mark(name, at, radius), &title),
            StepOutcome::Cut => {
                path("cross", &format!("M{left} {upper}L{right} {lower}M{left} {lower}L{right} {upper}"), &title)
            }
            StepOutcome::NotSent => path("cross", &format!("M{left} {}H{right}", px(at.1)), &title),
        });
    }
    tag("g", &[("class", &keys.class(name))], content)
}

/// `round 3, step 2: 742 requests/s, 60 of 7,420 slow and 0 failed: missed`
fn title(round: u32, number: usize, step: &Step) -> String {
    let outcome = match step.outcome {
        StepOutcome::Met => "kept",
        StepOutcome::Missed => "missed",
        StepOutcome::Cut => "missed and cut short",
        StepOutcome::NotSent => "not sent as planned",
    };
    format!(
        "round {round}, step {number}: {} requests/s, {} of {} slow and {} failed: {outcome}",
        whole(u64::from(step.requests_per_second)),
        whole(step.slow),
        whole(step.requests),
        whole(step.failed)
    )
}
