//! A comparison in words: as one sentence, and as one line for a column.

use wire::{Comparison, Direction, Size, WarningKind};

use super::rules::EQUIVALENCE_PERCENT;
use super::words::{basis, first_clause, units, what_it_takes};
use super::{capacity, per_thousand, per_usd};
use crate::metric::words;
use crate::numbers::Percents;

/// `cluster2 14 % faster [9, 19]`
pub fn line(comparison: &Comparison, one_baseline: bool) -> String {
    let name = if one_baseline {
        comparison.cluster.clone()
    } else {
        format!("{} against {}", comparison.cluster, comparison.baseline)
    };
    let of_money = per_usd::line(comparison, &name).or_else(|| per_thousand::line(comparison, &name));
    if let Some(line) = of_money.or_else(|| capacity::line(comparison, &name)) {
        return line;
    }
    let bounds = comparison.interval_percent.unwrap_or_default();
    let percents = Percents::of(&bounds);
    // Answers for a dollar were asked for: what is shown instead is named.
    let by_rate = comparison.warnings.iter().any(|warning| warning.kind == WarningKind::NoPrice);
    let by = if by_rate { " by rate" } else { "" };
    match (comparison.direction, comparison.faster_percent) {
        (Direction::NoDifferenceShown, _) if comparison.size == Size::EquivalentWithin5Percent && by_rate => {
            format!("{name}: rates within {EQUIVALENCE_PERCENT} % {}", percents.bracket(bounds))
        }
        (Direction::NoDifferenceShown, _) if comparison.size == Size::EquivalentWithin5Percent => {
            format!("{name}: equivalent within {EQUIVALENCE_PERCENT} % {}", percents.bracket(bounds))
        }
        (Direction::NoDifferenceShown, _) if by_rate => {
            format!("{name}: no difference{by} {}", percents.bracket(bounds))
        }
        (Direction::NoDifferenceShown, _) => format!("{name}: no difference shown {}", percents.bracket(bounds)),
        (Direction::Faster | Direction::Slower, Some(estimate)) => {
            let size = percents.one(estimate.abs());
            format!("{name} {size} % {}{by} {}", side(estimate), percents.bracket(sizes(bounds)))
        }
        (Direction::Undecided, Some(estimate)) => {
            let size = Percents::of(&[estimate]).one(estimate.abs());
            format!("{name} {size} % {}{by}, no interval ({})", side(estimate), units(comparison))
        }
        (Direction::Undecided, None) => format!("{name}: not compared, {}", first_clause(&comparison.why)),
        (Direction::NotComparable | Direction::Faster | Direction::Slower, _) => {
            format!("{name}: not comparable, {}", first_clause(&comparison.why))
        }
    }
}

/// The comparison as one sentence.
pub(crate) fn sentence(comparison: &Comparison, comparisons: usize) -> String {
    let of_money =
        per_usd::sentence(comparison, comparisons).or_else(|| per_thousand::sentence(comparison, comparisons));
    if let Some(sentence) = of_money.or_else(|| capacity::sentence(comparison, comparisons)) {
        return sentence;
    }
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

fn side(faster_percent: f64) -> &'static str {
    if faster_percent < 0.0 { "slower" } else { "faster" }
}

/// Both bounds without sign, the smaller first: `slower [7, 15]`.
fn sizes(bounds: [f64; 2]) -> [f64; 2] {
    let [low, high] = bounds.map(f64::abs);
    [low.min(high), low.max(high)]
}
