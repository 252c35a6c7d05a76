//! Differences of a page: their size from zero, with its interval; and in every round. Of a run that is not valid nothing is shown.

use stats::{RoundGain, comparison_line, less_time, round_gains, signed_percent, words};
use wire::{Comparison, Direction, Metric, Report, Validity};

use super::markup::{Markup, fitted, label, line, list, paragraph, path, rectangle, scrolled, section, shape, tag};
use super::plot::{WIDTH, plot};
use super::scales::Signed;
use crate::picture::px;
use crate::{Column, capacities};

/// Below this a difference matters to few.
const NEAR_PERCENT: f64 = stats::EQUIVALENCE_PERCENT;
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 18.0;
/// Height of one comparison in the plot of sizes.
const ROW: f64 = 56.0;
/// The plot of one comparison by round; lower where there are many.
const TALL: f64 = 190.0;
const LOW: f64 = 120.0;
const MOST_TALL: usize = 3;
/// Numbers of rounds that fit below an axis.
const MOST_NUMBERS: usize = 24;

pub(super) fn difference(report: &Report) -> Markup {
    if report.validity == Validity::Invalid || report.comparisons.is_empty() {
        return Markup::default();
    }
    let height = if report.comparisons.len() > MOST_TALL { LOW } else { TALL };
    let rounds = report.comparisons.iter().map(|comparison| by_round(report, comparison, height));
    let further: Vec<String> = report.further_comparisons.iter().map(|one| one.sentence.clone()).collect();
    section("Size of the difference", [fitted(sizes(&report.comparisons)), rounds.collect(), further_ones(&further)])
}

fn further_ones(sentences: &[String]) -> Markup {
    if sentences.is_empty() {
        return Markup::default();
    }
    Markup::from([tag("h3", &[], "By other metrics"), list("dim", sentences)])
}

/// All comparisons on one axis.
fn sizes(comparisons: &[Comparison]) -> Markup {
    let shown =
        || comparisons.iter().flat_map(|one| one.interval_percent.into_iter().flatten().chain(one.faster_percent));
    let least = shown().fold(-NEAR_PERCENT - 1.0, f64::min);
    let most = shown().fold(NEAR_PERCENT + 1.0, f64::max);
    let axis = Signed::between(least, most, (18.0, RIGHT));
    let bottom = ROW * comparisons.len() as f64;
    let mut parts: Vec<Markup> =
        axis.ticks().map(|(percent, name)| label(axis.px(percent), bottom + 14.0, "", "middle", &name)).collect();
    let one_baseline = comparisons.windows(2).all(|two| two[0].baseline == two[1].baseline);
    for (index, comparison) in comparisons.iter().enumerate() {
        parts.push(size(comparison, one_baseline, &axis, ROW * index as f64));
    }
    let metric = comparisons.first().map_or(Metric::default(), |one| one.metric);
    let side = match metric {
        Metric::Capacity | Metric::RequestsPerUsd => "more",
        Metric::UsdMicrosPerThousand => "cheaper",
        _ => "faster",
    };
    let first = comparisons.first().and_then(|one| one.faster_percent);
    let time =
        first.and_then(|percent| Some(format!("; {} is {}", signed_percent(percent), less_time(metric, percent)?)));
    let by = format!("{side} is to the right; {}{}", words(metric), time.unwrap_or_default());
    parts.push(label((18.0 + RIGHT) / 2.0, bottom + 32.0, "", "middle", &by));
    let near = format!("within the pale box, {NEAR_PERCENT} % to either side, a difference matters to few");
    parts.push(label((18.0 + RIGHT) / 2.0, bottom + 48.0, "", "middle", &near));
    let sentences: Vec<&str> = comparisons.iter().map(|one| one.sentence.as_str()).collect();
    plot("Size of the difference", &sentences.join(" "), bottom + 54.0, parts)
}

fn size(comparison: &Comparison, one_baseline: bool, axis: &Signed, top: f64) -> Markup {
    let (zero, middle) = (axis.px(0.0), top + 36.0);
    let (upper, lower) = (middle - 13.0, middle + 13.0);
    let near = [-NEAR_PERCENT, NEAR_PERCENT].map(|percent| axis.px(percent));
    let mut parts = vec![
        label(18.0, top + 15.0, "name", "start", &comparison_line(comparison, one_baseline)),
        rectangle((near[0], upper), (near[1] - near[0], lower - upper), "near", &format!("within {NEAR_PERCENT} %")),
    ];
    parts.extend(axis.ticks().map(|(percent, _)| line("grid", (axis.px(percent), upper), (axis.px(percent), lower))));
    if let Some(percent) = comparison.faster_percent {
        let x = axis.px(percent);
        // What was not shown to be a difference does not look like one.
        let is_shown = matches!(comparison.direction, Direction::Faster | Direction::Slower);
        parts.push(rectangle(
            (zero.min(x), middle - 7.0),
            ((x - zero).abs(), 14.0),
            if is_shown { "effect" } else { "effect unsure" },
            &signed_percent(percent),
        ));
    }
    if let Some([low, high]) = comparison.interval_percent {
        let [from, to] = [low, high].map(|percent| axis.px(percent));
        let (upper, lower) = (px(middle - 6.0), px(middle + 6.0));
        let (from, to, middle) = (px(from), px(to), px(middle));
        let d = format!("M{from} {upper}V{lower}M{from} {middle}H{to}M{to} {upper}V{lower}");
        let confidence = comparison.confidence_percent.unwrap_or_default();
        let [low, high] = [low, high].map(signed_percent);
        parts.push(path("whisker", &d, &format!("{confidence:.1} % interval: {low} to {high}")));
    }
    parts.push(line("zero", (zero, upper), (zero, lower)));
    Markup::from(parts)
}

fn by_round(report: &Report, comparison: &Comparison, height: f64) -> Markup {
    let gains = round_gains(comparison.metric, &report.rounds, &comparison.cluster, &comparison.baseline);
    if gains.is_empty() {
        return Markup::default();
    }
    let bounds = || comparison.interval_percent.into_iter().flatten();
    let shown = || gains.iter().map(|gain| gain.percent).chain(bounds()).chain(comparison.faster_percent);
    let (mut least, mut most) = (shown().fold(f64::INFINITY, f64::min), shown().fold(f64::NEG_INFINITY, f64::max));
    // Zero is shown where that costs little room.
    if least > 0.0 && least < 1.5 * (most - least) {
        least = 0.0;
    } else if most < 0.0 && -most < 1.5 * (most - least) {
        most = 0.0;
    }
    let bottom = height - 34.0;
    let axis = Signed::between(least, most, (bottom, 8.0));
    let mut parts = Vec::new();
    if let Some([low, high]) = comparison.interval_percent {
        let (upper, lower) = (axis.px(high), axis.px(low));
        parts.push(rectangle((LEFT, upper), (RIGHT - LEFT, lower - upper), "interval", ""));
    }
    for (percent, name) in axis.ticks() {
        let y = axis.px(percent);
        parts.push(line("grid", (LEFT, y), (RIGHT, y)));
        parts.push(label(LEFT - 8.0, y + 4.0, "", "end", &name));
    }
    if axis.holds(0.0) {
        parts.push(line("zero", (LEFT, axis.px(0.0)), (RIGHT, axis.px(0.0))));
    }
    if let Some(percent) = comparison.faster_percent {
        parts.push(line("estimate", (LEFT, axis.px(percent)), (RIGHT, axis.px(percent))));
    }
    let step = (RIGHT - LEFT) / gains.len() as f64;
    let every = gains.len().div_ceil(MOST_NUMBERS);
    for (index, gain) in gains.iter().enumerate() {
        let x = LEFT + (index as f64 + 0.5) * step;
        parts.push(dot(report, comparison, gain, (x, axis.px(gain.percent))));
        if (index + 1) % every == 0 || gains.len() <= MOST_NUMBERS {
            let number = report.rounds.get(gain.place).map(|round| round.round.to_string()).unwrap_or_default();
            parts.push(label(x, bottom + 16.0, "", "middle", &number));
        }
    }
    let place = if axis.holds(0.0) { "round" } else { "round; the axis does not begin at zero" };
    parts.push(label((LEFT + RIGHT) / 2.0, bottom + 32.0, "", "middle", place));
    let (cluster, baseline) = (&comparison.cluster, &comparison.baseline);
    let heading = format!("{cluster} against {baseline} in each round");
    let plot = plot(&heading, &comparison.sentence, height, parts);
    let band = if comparison.interval_percent.is_some() { " The band is the interval of the verdict." } else { "" };
    // Clusters of a search take turns, step by step.
    let order = match report.run.search {
        Some(_) => format!("the first step of {cluster} came before that of {baseline}"),
        None => format!("{cluster} was measured before {baseline}"),
    };
    let caption = format!("A dot is one round, in shuffled order: filled where {order}.{band}");
    Markup::from([tag("h3", &[], &heading), scrolled(&heading, plot), paragraph("dim", &caption)])
}

fn dot(report: &Report, comparison: &Comparison, gain: &RoundGain, (x, y): (f64, f64)) -> Markup {
    let (cluster, baseline) = (&comparison.cluster, &comparison.baseline);
    let round = report.rounds.get(gain.place);
    let value = |name: &str| {
        let one = round.and_then(|round| round.clusters.iter().find(|one| one.cluster == name));
        let searched = one.and_then(|one| one.way.as_ref()).map(capacities::outcome);
        let cell = searched.or_else(|| one.zip(column(comparison.metric)).map(|(one, column)| column.cell(one)));
        cell.map(|cell| format!("; {name} {cell}")).unwrap_or_default()
    };
    let first = if gain.was_first { cluster } else { baseline };
    let title = format!(
        "round {}: {}{}{}; {first} measured first",
        round.map_or(0, |round| round.round),
        signed_percent(gain.percent),
        value(cluster),
        value(baseline)
    );
    let class = if gain.was_first { "dot" } else { "dot second" };
    shape("circle", &[("class", class), ("cx", &px(x)), ("cy", &px(y)), ("r", "4")], &title)
}

/// Column of the tables that shows this metric, if one does.
fn column(metric: Metric) -> Option<Column> {
    match metric {
        Metric::P50 => Some(Column::P50),
        Metric::P90 => Some(Column::P90),
        Metric::P99 => Some(Column::P99),
        Metric::P999 => Some(Column::P999),
        Metric::RequestsPerSecond | Metric::RequestsPerUsd => Some(Column::RequestsPerSecond),
        Metric::UsdMicrosPerThousand | Metric::FailedPerMille | Metric::Capacity => None,
    }
}
