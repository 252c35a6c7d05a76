//! Rounds in the order measured: whether anything changed while the run was on. A line from p50 to p99 for each cluster; voided
//! rounds are shaded, and a hollow mark ran at the baseline of its CPU credits.

use stats::{bounded, time};
use wire::{ClusterReport, Report, RoundOutcome, RoundReport, Speed};

use super::cluster_keys::Keys;
use super::markup::{Markup, label, paragraph, path, rectangle, scrolled, section, tag};
use super::plot::{RoundAxis, WIDTH, plot, times_across};
use super::scales::Logarithmic;
use crate::picture::px;

const LEFT: f64 = 66.0;
const RIGHT: f64 = WIDTH - 20.0;
/// So many clusters share a plot; more have one each, on the same scale.
const TOGETHER: usize = 4;
const TALL: f64 = 210.0;
const LOW: f64 = 110.0;

pub(super) fn steady(report: &Report, keys: &Keys<'_>) -> Markup {
    let measured = || report.rounds.iter().flat_map(|round| &round.clusters);
    let times = || measured().flat_map(|one| [one.latency.p50_micros, one.latency.p99_micros]).flatten();
    let (Some(least), Some(most)) = (times().min(), times().max()) else { return Markup::default() };
    // The rounds of a search are measured at rates of their own: what changes between them says nothing of the time.
    if report.rounds.len() < 2 || report.run.search.is_some() {
        return Markup::default();
    }
    let names: Vec<&str> = report.clusters.iter().map(|cluster| cluster.cluster.as_str()).collect();
    let (panels, height): (Vec<&[&str]>, f64) =
        if names.len() <= TOGETHER { (vec![&names], TALL) } else { (names.chunks(1).collect(), LOW) };
    let panel = |names: &&[&str]| {
        let heading = match names {
            [one] if report.clusters.len() > 1 => tag("h3", &[], [keys.key(one), Markup::from(*one)]),
            _ => Markup::default(),
        };
        let name = format!("Rounds in order: {}", names.join(", "));
        let times = Logarithmic::between(least, most, (height - 36.0, 8.0));
        let plot = plot(&name, &described(report, names), height, parts(report, names, keys, &times, height));
        Markup::from([heading, scrolled(&name, plot)])
    };
    let legend = if panels.len() == 1 { keys.legend() } else { Markup::default() };
    let any = |is_so: fn(&ClusterReport) -> bool| measured().any(is_so);
    let mut caption =
        "In each round the clusters stand in the order in which they were measured. Mark: p50; upper end: p99."
            .to_owned();
    if report.rounds.iter().any(|round| round.outcome == RoundOutcome::Voided) {
        caption += " Shaded: voided and repeated, in no total.";
    }
    if any(|one| one.speed == Some(Speed::Baseline)) {
        caption += " Hollow: at the baseline of the type, its CPU credits spent.";
    }
    section("Rounds in order", [legend, panels.iter().map(panel).collect(), paragraph("dim", &caption)])
}

fn described(report: &Report, names: &[&str]) -> String {
    let of = |name: &&str| {
        let mut p50: Vec<u64> =
            stats::counted_of(&report.rounds, name).filter_map(|one| one.latency.p50_micros).collect();
        p50.sort_unstable();
        match p50[..] {
            [] => format!("{name}: no round has a p50"),
            [only] => format!("{name}: p50 {}", time(only)),
            [first, .., last] => format!("{name}: p50 between {} and {}", time(first), time(last)),
        }
    };
    names.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn parts(report: &Report, names: &[&str], keys: &Keys<'_>, times: &Logarithmic, height: f64) -> Vec<Markup> {
    let (top, bottom) = (8.0, height - 36.0);
    let axis = RoundAxis::new(&report.rounds, (LEFT, RIGHT));
    let every_second = axis.places().skip(1).step_by(2);
    let banded = every_second.filter(|(_, round)| round.outcome != RoundOutcome::Voided);
    let mut parts: Vec<Markup> =
        banded.map(|(x, _)| rectangle((x, top), (axis.width, bottom - top), "band", "")).collect();
    parts.push(axis.marked((top, bottom)));
    parts.push(times_across(times, (LEFT, RIGHT)));
    parts.extend(axis.places().map(|(x, round)| visits(round, names, keys, times, (x, axis.width))));
    parts.push(label((LEFT + RIGHT) / 2.0, bottom + 32.0, "", "middle", "round, in the order measured"));
    parts
}

/// The clusters of one round, in their order.
fn visits(round: &RoundReport, names: &[&str], keys: &Keys<'_>, times: &Logarithmic, (x, step): (f64, f64)) -> Markup {
    let shown: Vec<(usize, &ClusterReport)> =
        round.clusters.iter().enumerate().filter(|(_, one)| names.contains(&one.cluster.as_str())).collect();
    let within = step / shown.len().max(1) as f64;
    let radius = (within * 0.28).clamp(1.4, 4.2);
    let visit = |(index, (position, one)): (usize, &(usize, &ClusterReport))| {
        let at = x + (index as f64 + 0.5) * within;
        let latency = &one.latency;
        let cells = [latency.p50_micros, latency.p99_micros].map(|micros| bounded(latency, micros, time));
        let title = format!(
            "round {}: {} measured as number {}; p50 {}, p99 {}; {} of {} failed",
            round.round,
            one.cluster,
            position + 1,
            cells[0],
            cells[1],
            one.failures.total(),
            one.requests
        );
        // Without one so many failed that there is none: it is at the upper edge.
        let height = |micros: Option<u64>| micros.map_or(4.0, |micros| times.px(micros));
        let (middle, end) = (height(latency.p50_micros), height(latency.p99_micros));
        let cap = radius * 0.8;
        let d = format!("M{0} {1}V{2}M{3} {2}H{4}", px(at), px(middle), px(end), px(at - cap), px(at + cap));
        let mark = keys.mark(&one.cluster, (at, middle), radius);
        let class = if one.speed == Some(Speed::Baseline) { "mark hollow" } else { "mark" };
        let content = [tag("title", &[], title), path("range", &d, ""), path(class, &mark, "")];
        tag("g", &[("class", &keys.class(&one.cluster))], content)
    };
    shown.iter().enumerate().map(visit).collect()
}
