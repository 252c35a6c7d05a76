//! Words that sentences about comparisons share, whatever the metric.

use wire::{About, Comparison};

use crate::metric::words;
use crate::numbers::{Percents, rounds};

/// From this many measurements on an interval is narrow enough to be useful (half-width about 9 % under cloud noise).
const USEFUL: u32 = 10;

/// A column has room for one.
pub(super) fn first_clause(why: &str) -> &str {
    why.split([';', ':']).next().unwrap_or(why)
}

/// `p50 latency of all requests, 95.2 % interval over 20 rounds`
pub(super) fn basis(comparison: &Comparison, comparisons: usize) -> String {
    format!("{}, {}", words(comparison.metric), interval(comparison, comparisons))
}

/// `95.2 % interval over 20 rounds`
pub(super) fn interval(comparison: &Comparison, comparisons: usize) -> String {
    let corrected = if comparisons > 1 { format!(", corrected for {comparisons} comparisons") } else { String::new() };
    format!("{:.1} % interval over {}{corrected}", comparison.confidence_percent.unwrap_or_default(), units(comparison))
}

/// Smallest difference that these rounds could have shown, and the rounds that would show the gap that was asked for.
pub(super) fn what_it_takes(comparison: &Comparison, bounds: [f64; 2], percents: &Percents) -> String {
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

pub(super) fn units(comparison: &Comparison) -> String {
    match comparison.about {
        About::TheseInstances => rounds(comparison.rounds),
        About::InstanceTypes | About::Versions | About::TypesWithPrograms => {
            format!("{} launches with {}", comparison.launches, rounds(comparison.rounds))
        }
    }
}
