//! A comparison in words: as one sentence, and as one line for a column.

use wire::{About, Comparison, Direction, Size};

use super::rules::EQUIVALENCE_PERCENT;
use crate::metric::words;
use crate::numbers::{Percents, rounds};

/// From this many measurements on an interval is narrow enough to be useful (half-width about 9 % under cloud noise).
const USEFUL: u32 = 10;

/// `cluster2 14 % faster [9, 19]`
pub(crate) fn line(comparison: &Comparison, one_baseline: bool) -> String {
    let name = if one_baseline {
        comparison.cluster.clone()
    } else {
        format!("{} against {}", comparison.cluster, comparison.baseline)
    };
    let bounds = comparison.interval_percent.unwrap_or_default();
    let percents = Percents::of(&bounds);
    match (comparison.direction, comparison.faster_percent) {
        (Direction::NoDifferenceShown, _) if comparison.size == Size::EquivalentWithin5Percent => {
            format!("{name}: equivalent within {EQUIVALENCE_PERCENT} % {}", percents.bracket(bounds))
        }
        (Direction::NoDifferenceShown, _) => format!("{name}: no difference shown {}", percents.bracket(bounds)),
        (Direction::Faster | Direction::Slower, Some(estimate)) => {
            let size = percents.one(estimate.abs());
            format!("{name} {size} % {} {}", side(estimate), percents.bracket(sizes(bounds)))
        }
        (Direction::Undecided, Some(estimate)) => {
            let size = Percents::of(&[estimate]).one(estimate.abs());
            format!("{name} {size} % {}, no interval ({})", side(estimate), units(comparison))
        }
        (Direction::Undecided, None) => format!("{name}: not compared, {}", first_clause(&comparison.why)),
        (Direction::NotComparable | Direction::Faster | Direction::Slower, _) => {
            format!("{name}: not comparable, {}", first_clause(&comparison.why))
        }
    }
}

/// A column has room for one.
fn first_clause(why: &str) -> &str {
    why.split([';', ':']).next().unwrap_or(why)
}

/// The comparison as one sentence.
pub(crate) fn sentence(comparison: &Comparison, comparisons: usize) -> String {
    let (cluster, baseline, why) = (&comparison.cluster, &comparison.baseline, &comparison.why);
    let by = words(comparison.metric);
    let bounds = comparison.interval_percent.unwrap_or_default();
    let percents = Percents::of(&bounds);
    let basis = basis(comparison, comparisons);
    match (comparison.direction, comparison.faster_percent) {
        (Direction::NotComparable, _) => format!("{cluster} and {baseline} are not comparable: {why}."),
        (Direction::Undecided, Some(estimate)) => format!(
            "{cluster} was {} % {} than {baseline} in {} ({by}); {why}, so there is no verdict.",
            Percents::of(&[estimate]).one(estimate.abs()),
            side(estimate),
            units(comparison)
        ),
        (Direction::Undecided, None) => format!("{cluster} and {baseline} are not compared: {why}."),
        (Direction::NoDifferenceShown, _) if comparison.size == Size::EquivalentWithin5Percent => format!(
            "{cluster} and {baseline} are equivalent within {EQUIVALENCE_PERCENT} %: {cluster} is between {} and {} ({basis}).",
            percents.signed(bounds[0]),
            percents.signed(bounds[1])
        ),
        (Direction::NoDifferenceShown, _) => {
            let mut sentence = format!(
                "No difference is shown between {cluster} and {baseline}: {cluster} is between {} and {} ({basis})",
                percents.signed(bounds[0]),
                percents.signed(bounds[1])
            );
            sentence.push_str(&what_it_takes(comparison, bounds, &percents));
            sentence + "."
        }
        (Direction::Faster | Direction::Slower, estimate) => {
            let estimate = estimate.unwrap_or_default();
            let mut sentence = format!(
                "{cluster} is {} than {baseline} by {} % {} ({basis})",
                side(estimate),
                percents.one(estimate.abs()),
                percents.bracket(sizes(bounds))
            );
            if comparison.size == Size::EquivalentWithin5Percent {
                sentence.push_str(&format!(
                    "; the difference is real, and the two are equivalent within {EQUIVALENCE_PERCENT} %"
                ));
            }
            sentence + "."
        }
    }
}

/// `p50 latency of all requests, 95.2 % interval over 20 rounds`
fn basis(comparison: &Comparison, comparisons: usize) -> String {
    let corrected = if comparisons > 1 { format!(", corrected for {comparisons} comparisons") } else { String::new() };
    format!(
        "{}, {:.1} % interval over {}{corrected}",
        words(comparison.metric),
        comparison.confidence_percent.unwrap_or_default(),
        units(comparison)
    )
}

/// Smallest difference that these rounds could have shown, and the rounds that would show the gap that was asked for.
fn what_it_takes(comparison: &Comparison, bounds: [f64; 2], percents: &Percents) -> String {
    let mut text = String::new();
    if measurements(comparison) < USEFUL {
        let half_width = percents.one((bounds[1] - bounds[0]) / 2.0);
        text.push_str(&format!("; {} show nothing smaller than about {half_width} %", units(comparison)));
    }
    if let (Some(needed), Some(gap)) = (comparison.rounds_needed, comparison.gap_percent)
        && needed > measurements(comparison)
    {
        let unit = if comparison.about == About::TheseInstances { "rounds" } else { "launches" };
        text.push_str(&format!("; a gap of {gap} % would take about {needed} {unit}"));
    }
    text
}

/// Independent measurements behind the comparison.
fn measurements(comparison: &Comparison) -> u32 {
    match comparison.about {
        About::TheseInstances => comparison.rounds,
        About::InstanceTypes | About::Versions | About::TypesWithPrograms => comparison.launches,
    }
}

fn units(comparison: &Comparison) -> String {
    match comparison.about {
        About::TheseInstances => rounds(comparison.rounds),
        About::InstanceTypes | About::Versions | About::TypesWithPrograms => {
            format!("{} launches with {}", comparison.launches, rounds(comparison.rounds))
        }
    }
}

fn side(faster_percent: f64) -> &'static str {
    if faster_percent < 0.0 { "slower" } else { "faster" }
}

/// Both bounds without sign, the smaller first: `slower [7, 15]`.
fn sizes(bounds: [f64; 2]) -> [f64; 2] {
    let [low, high] = bounds.map(f64::abs);
    [low.min(high), low.max(high)]
}
