//! Comparability of two clusters: reasons that forbid a comparison, whatever the numbers are.

use wire::{CreditMode, Direction, Metric, Speed};

use super::capacity;
use super::outliers::split;
use super::per_thousand::unpriced;
use super::rules::{Arrivals, Demands, Rules};
use super::series::{Pair, Series};
use super::wilcoxon::{Differences, Interval};
use crate::metric::words;
use crate::numbers::{rounds, tenths};

/// Requests that a round needs so that its p99 is worth comparing: the sampling error of its logarithm is then 4 %,
/// or 2.5 % from 1,000 requests when all clusters of a round are asked for the same.
const P99_REQUESTS: u64 = 3_000;
const P99_REQUESTS_SHARED: u64 = 1_000;
/// The same for p99.9: 4 %.
const P999_REQUESTS: u64 = 10_000;

/// Reason for which there is no direction.
pub(crate) struct Obstacle {
    pub(crate) direction: Direction,
    pub(crate) why: String,
}

/// Requests per round from which `metric` may be compared.
pub fn requests_needed(metric: Metric, demands: Demands) -> u64 {
    match (metric, demands) {
        (Metric::P99, Demands::Own) => P99_REQUESTS,
        (Metric::P99, Demands::Shared) => P99_REQUESTS_SHARED,
        (Metric::P999, _) => P999_REQUESTS,
        (
            Metric::P50
            | Metric::P90
            | Metric::RequestsPerSecond
            | Metric::RequestsPerUsd
            | Metric::UsdMicrosPerThousand
            | Metric::Capacity
            | Metric::FailedPerMille,
            _,
        ) => 1,
    }
}

pub(crate) fn obstacle(rules: &Rules, series: &Series<'_>) -> Option<Obstacle> {
    let not_comparable = |why: String| Some(Obstacle { direction: Direction::NotComparable, why });
    if series.rounds == 0 {
        return Some(Obstacle { direction: Direction::Undecided, why: "no round counted".to_owned() });
    }
    if let Some(objective) = &rules.objective {
        if let Some(why) = capacity::obstacle(objective, series).or_else(|| mixed_speeds(series)) {
            return not_comparable(why);
        }
        return None;
    }
    if rules.metric == Metric::RequestsPerUsd && rules.arrivals == Arrivals::Open {
        return not_comparable(
            "under a fixed rate all clusters answer the same; requests per dollar need closed loops".to_owned(),
        );
    }
    if let Some(names) = unpriced(series) {
        return not_comparable(format!("it is not known what right answers of {names} cost"));
    }
    if let Some(why) = mixed_speeds(series) {
        return not_comparable(why);
    }
    let (fewest, needed) = (series.fewest_requests(), requests_needed(series.metric, rules.demands));
    if fewest < needed && series.pairs.len() == series.rounds as usize {
        return not_comparable(format!(
            "a round had {fewest} requests, and {} needs {needed} of them: what it shows is chance",
            words(series.metric)
        ));
    }
    match series.lacking() {
        0 => None,
        lacking => {
            let [mine, first] = series.answered_per_mille().map(tenths);
            not_comparable(format!(
                "failures or requests still open reached {} in {lacking} of {}; {} answered {mine} of its requests, {} {first}",
                words(series.metric),
                rounds(series.rounds),
                series.cluster,
                series.baseline
            ))
        }
    }
}

/// Rounds on credits and rounds without are two different machines.
fn mixed_speeds(series: &Series<'_>) -> Option<String> {
    let speeds = series.speeds();
    if speeds.len() <= 1 {
        return None;
    }
    let count = |side: usize, speed: Speed| {
        let of = |pair: &&Pair<'_>| [pair.cluster.speed, pair.baseline.speed][side] == Some(speed);
        series.pairs.iter().filter(of).count()
    };
    let (side, name) = if count(0, Speed::Baseline) > 0 { (0, series.cluster) } else { (1, series.baseline) };
    Some(format!(
        "{name} ran {} at full speed and {} at its baseline: they are different machines; measure less, or wait until \
         all credits are spent, or use credit mode {:?}",
        rounds(count(side, Speed::Burst) as u32),
        rounds(count(side, Speed::Baseline) as u32),
        CreditMode::Unlimited
    ))
}

/// A direction that only the outliers of one cluster make is a difference of means and none of typical rounds.
///
/// With one-sided outliers of one cluster alone the signed-rank test calls equal clusters different in 27 % of
/// campaigns of 20 rounds: its assumption is that differences are symmetric.
pub(crate) fn spoilt_by_outliers(series: &Series<'_>, gains: &[f64], found: Direction, level: f64) -> Option<String> {
    let (outliers, rest) = split(gains);
    if !outliers.are_unequal() || found == Direction::NoDifferenceShown {
        return None;
    }
    let without = Differences::of(&rest).interval(level).map(Interval::direction);
    (without != Some(found)).then(|| {
        format!(
            "{} had {} outlier rounds and {} had {}, of {}: these make the difference, the other rounds show none",
            series.cluster,
            outliers.of_cluster,
            series.baseline,
            outliers.of_baseline,
            gains.len()
        )
    })
}
