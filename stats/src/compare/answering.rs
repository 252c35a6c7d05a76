//! Words for comparisons by how many requests are answered: as a ratio, with what it is about and what it stands on.

use wire::{Comparison, Direction, Size};

use super::rules::EQUIVALENCE_PERCENT;
use super::words::{interval as measured, units, what_it_takes};
use crate::numbers::{Percents, Ratios};

/// What a ratio is of.
pub(super) struct Answering<'a> {
    /// `requests per dollar`, in `equivalent by`.
    pub(super) by: &'a str,
    /// `as many requests per dollar as cluster1`
    pub(super) what: &'a str,
    /// `at least `, where the truth is on one side.
    pub(super) side: &'a str,
    /// What prices stand on. Empty: nothing.
    pub(super) basis: &'a str,
    /// A sentence that follows a direction, with a space before it. Empty: none does.
    pub(super) holds: &'a str,
}

/// `cluster2 answers 2.1x [1.9, 2.3] as many requests per dollar as cluster1 (95.2 % interval over 20 rounds).` `None`: nothing
/// was estimated, or it is not comparable.
pub(super) fn sentence(comparison: &Comparison, comparisons: usize, words: &Answering<'_>) -> Option<String> {
    let (estimate, bounds) = ratios(comparison)?;
    let (cluster, baseline, why) = (&comparison.cluster, &comparison.baseline, &comparison.why);
    let shown = Ratios::of(&[estimate, bounds[0], bounds[1]]);
    let Answering { by, what, side, basis, holds } = words;
    let basis = if basis.is_empty() { String::new() } else { format!("; {basis}") };
    let basis = format!("({}{basis})", measured(comparison, comparisons));
    let between = || format!("{cluster} answers between {} and {} {what}", shown.one(bounds[0]), shown.one(bounds[1]));
    Some(match comparison.direction {
        Direction::NotComparable => return None,
        Direction::Undecided => format!(
            "{cluster} answered {side}{} {what} in {}; {why}, so there is no verdict.",
            Ratios::of(&[estimate]).one(estimate),
            units(comparison)
        ),
        Direction::NoDifferenceShown if comparison.size == Size::EquivalentWithin5Percent => format!(
            "{cluster} and {baseline} are equivalent within {EQUIVALENCE_PERCENT} % by {by}: {} {basis}.",
            between()
        ),
        Direction::NoDifferenceShown => {
            let percents = comparison.interval_percent.unwrap_or_default();
            format!(
                "No difference is shown between {cluster} and {baseline} by {by}: {} {basis}{}.",
                between(),
                what_it_takes(comparison, percents, &Percents::of(&percents))
            )
        }
        Direction::Faster | Direction::Slower => {
            let mut sentence =
                format!("{cluster} answers {side}{} {} {what} {basis}", shown.one(estimate), shown.bracket(bounds));
            if comparison.size == Size::EquivalentWithin5Percent {
                sentence.push_str(&format!(
                    "; the difference is real, and the two are equivalent within {EQUIVALENCE_PERCENT} %"
                ));
            }
            format!("{sentence}.{holds}")
        }
    })
}

/// Estimate and interval as ratios. `None`: nothing was estimated.
pub(super) fn ratios(comparison: &Comparison) -> Option<(f64, [f64; 2])> {
    let ratio = |percent: f64| 1.0 + percent / 100.0;
    let estimate = comparison.faster_percent?;
    Some((ratio(estimate), comparison.interval_percent.unwrap_or([estimate; 2]).map(ratio)))
}
