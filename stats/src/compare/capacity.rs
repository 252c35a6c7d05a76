//! Capacities: what is behind a comparison of them, when there is none, and its words.

use wire::{Capacities, Comparison, Direction, Metric, Objective, Size};

use super::answering::{self, Answering, ratios};
use super::looks::alpha;
use super::own::own;
use super::rules::{EQUIVALENCE_PERCENT, Rules};
use super::series::Series;
use crate::launches::OfCluster;
use crate::metric::words;
use crate::numbers::{PerSecond, Ratios, objective as asked, rounds};
use crate::ways::Found;

/// Margin for the method, by which an interval around one capacity is wider at both ends. It finds a little too much of quiet machines;
/// in simulated clouds its median errors were between -2.6 and +0.8 %, by the scene (docs/performance.md, search). Ratios are not touched
/// by it.
pub(crate) const METHOD: f64 = 1.03;

/// What a search found of cluster and baseline. `None`: it was no search.
pub(super) fn capacities(rules: &Rules, series: &Series<'_>) -> Option<Capacities> {
    let objective = rules.objective?;
    let of = |side: usize| match &series.found[side] {
        Found::AtLeast { milli_rps, .. } => Some(((*milli_rps)?, None)),
        Found::Unmet | Found::Unlike(_) => None,
        Found::Capacity { .. } => {
            let (estimate, interval) = own(series.capacities[side].iter().copied(), alpha(rules))?;
            let interval = interval.map(|interval| [interval.low.exp() / METHOD, interval.high.exp() * METHOD]);
            Some(((estimate.exp() * 1e3).round() as u64, interval.map(|ends| ends.map(|rate| rate * 1e3))))
        }
    };
    let sides = [of(0), of(1)];
    let is_at_least = [0, 1].map(|side| matches!(series.found[side], Found::AtLeast { .. }));
    let bounded = match (sides, is_at_least) {
        ([Some((bound, _)), Some((_, Some([_, high])))], [true, false]) => {
            Some(bound as f64 / high).filter(|more| *more > 1.0)
        }
        ([Some((_, Some([_, high]))), Some((bound, _))], [false, true]) => {
            Some(high / bound as f64).filter(|less| *less < 1.0)
        }
        _ => None,
    };
    Some(Capacities {
        objective,
        milli_rps: sides.map(|side| side.map(|(milli_rps, _)| milli_rps)),
        is_at_least,
        bounded_percent: bounded.map(|ratio| (ratio - 1.0) * 100.0),
    })
}

/// Why there is nothing to compare.
pub(super) fn obstacle(objective: &Objective, series: &Series<'_>) -> Option<String> {
    if !matches!(series.metric, Metric::Capacity | Metric::RequestsPerUsd) {
        return Some(format!(
            "a search asks each cluster for its own rates, at which {} says nothing; capacities and requests per dollar are compared",
            words(series.metric)
        ));
    }
    let sides = || [series.cluster, series.baseline].into_iter().zip(&series.found);
    let unmet: Vec<&str> = sides().filter(|(_, found)| **found == Found::Unmet).map(|(name, _)| name).collect();
    if !unmet.is_empty() {
        return Some(format!("no rate meets {} on {}", asked(objective), unmet.join(" and ")));
    }
    let unlike = |(name, found): (&str, &Found)| match found {
        Found::Unlike(launches) => {
            let OfCluster { unmet, known, .. } = launches;
            Some(format!("in {unmet} of {known} launches no rate met {} on {name}", asked(objective)))
        }
        _ => None,
    };
    let unlike: Vec<String> = sides().filter_map(unlike).collect();
    if !unlike.is_empty() {
        let differs = if unlike.len() == 1 { "it differs" } else { "they differ" };
        return Some(format!("{}; {differs} from launch to launch", unlike.join(", and ")));
    }
    let bound = |(name, found): (&str, &Found)| match found {
        Found::AtLeast { milli_rps, reason } => Some(at_least(name, *milli_rps, reason)),
        _ => None,
    };
    let bounds: Vec<String> = sides().filter_map(bound).collect();
    if !bounds.is_empty() {
        return Some(bounds.join(", and "));
    }
    let nothing = |(name, found): (&str, &Found)| match found {
        Found::Capacity { nothing: 1.. } => Some(name.to_owned()),
        _ => None,
    };
    let names: Vec<String> = sides().filter_map(nothing).collect();
    let count = |(_, found): (&str, &Found)| if let Found::Capacity { nothing } = found { *nothing } else { 0 };
    if let Some(most) = sides().map(count).max().filter(|_| !names.is_empty()) {
        return Some(format!("{} met {} at no rate in {}", names.join(" and "), asked(objective), rounds(most)));
    }
    let lacking = series.lacking();
    (lacking > 0).then(|| format!("a capacity was not found of both in {lacking} of {}", rounds(series.rounds)))
}

/// `b answers at least 9,400 requests/s: the generator was late`
fn at_least(name: &str, milli_rps: Option<u64>, reason: &str) -> String {
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match milli_rps {
        Some(rate) => format!("{name} answers at least {} requests/s{reason}", PerSecond::of(&[rate]).one(rate)),
        None => format!("it is not known what {name} answers{reason}"),
    }
}

/// `cluster2 2.1x capacity [1.9, 2.3]`. `None`: another metric, or nothing that needs words of its own. The column takes 68
/// characters, of which a name may have 32.
pub(super) fn line(comparison: &Comparison, name: &str) -> Option<String> {
    let capacities = of(comparison)?;
    if let Some(percent) = capacities.bounded_percent {
        let (side, ratio) = bounded(percent);
        return Some(format!("{name} {side}{ratio} capacity"));
    }
    let (estimate, bounds) = ratios(comparison)?;
    let shown = Ratios::of(&[estimate, bounds[0], bounds[1]]);
    // Answers for a dollar were asked for, and a price is not known: `capacity` says what is shown instead.
    Some(match comparison.direction {
        Direction::NotComparable => return None,
        Direction::Undecided => format!("{name} {} capacity, no verdict", Ratios::of(&[estimate]).one(estimate)),
        Direction::NoDifferenceShown if comparison.size == Size::EquivalentWithin5Percent => {
            format!("{name}: capacity within {EQUIVALENCE_PERCENT} % {}", shown.bracket(bounds))
        }
        Direction::NoDifferenceShown => format!("{name}: no capacity difference {}", shown.bracket(bounds)),
        Direction::Faster | Direction::Slower => {
            format!("{name} {} capacity {}", shown.one(estimate), shown.bracket(bounds))
        }
    })
}

/// `cluster2 answers 2.1x [1.9, 2.3] as many requests at p99 <= 50 ms as cluster1 (98.0 % interval over 10 rounds).`
pub(super) fn sentence(comparison: &Comparison, comparisons: usize) -> Option<String> {
    let capacities = of(comparison)?;
    let at = asked(&capacities.objective);
    let what = format!("as many requests at {at} as {}", comparison.baseline);
    if let Some(percent) = capacities.bounded_percent {
        let (side, ratio) = bounded(percent);
        let known = PerSecond::of(&capacities.milli_rps.map(Option::unwrap_or_default));
        let rate = |side: usize, unit: &str| {
            let bound = if capacities.is_at_least[side] { "at least " } else { "" };
            format!("{bound}{}{unit}", known.one(capacities.milli_rps[side].unwrap_or_default()))
        };
        return Some(format!(
            "{} answers {side}{ratio} {what}: {} against {}; how many times exactly is not known.",
            comparison.cluster,
            rate(0, " requests/s"),
            rate(1, "")
        ));
    }
    let words = Answering { by: "capacity", what: &what, side: "", basis: "", holds: "" };
    answering::sentence(comparison, comparisons, &words)
}

fn of(comparison: &Comparison) -> Option<&Capacities> {
    comparison.capacities.as_ref().filter(|_| comparison.metric == Metric::Capacity)
}

/// The side on which the truth is, and the ratio that is its bound, rounded to that side's other one.
fn bounded(percent: f64) -> (&'static str, String) {
    let ratio = 1.0 + percent / 100.0;
    let hundredths = ratio * 100.0;
    let (side, ratio) = if percent > 0.0 { ("at least ", hundredths.floor()) } else { ("at most ", hundredths.ceil()) };
    (side, format!("{:.2}x", ratio / 100.0))
}
