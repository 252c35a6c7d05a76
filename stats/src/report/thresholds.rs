//! Thresholds: limits on a result, and their outcomes. Pure.

use wire::{
    ClusterReport, Comparison, Limit, Metric, Pairs, RoundReport, Threshold, ThresholdOutcome, ThresholdResult,
    Validity, WarningKind,
};

use crate::compare::compare;
use crate::compare::rules::Rules;
use crate::metric::{answered, per_usd, rate, words};
use crate::numbers::{Percents, Ratios, milliseconds, tenths};

/// Results that thresholds are judged on.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    pub validity: Validity,
    /// Over the counted rounds.
    pub clusters: &'a [ClusterReport],
    pub rounds: &'a [RoundReport],
    pub rules: &'a Rules,
}

/// The outcome of each threshold, in their order.
///
/// A limit on a number is judged on the number over all counted rounds, a lower bound counting as at least that much.
/// A limit between clusters is met or not when the whole interval says so, and undecided when the interval contains it.
/// A run that is not valid decides nothing.
pub fn thresholds(asked: &[Threshold], results: &Results<'_>) -> Vec<ThresholdResult> {
    asked.iter().map(|threshold| judge(threshold, results)).collect()
}

fn judge(threshold: &Threshold, results: &Results<'_>) -> ThresholdResult {
    let (outcome, sentence) = if results.validity == Validity::Invalid {
        (ThresholdOutcome::Undecided, format!("{}: the run is not valid", words(threshold.metric)))
    } else {
        match &threshold.limit {
            Limit::FasterThan { cluster, percent } => between(threshold, cluster, f64::from(*percent), results),
            Limit::AtMost(limit) => alone(threshold, *limit, "at most", |value, limit| value <= limit, results),
            Limit::AtLeast(limit) => alone(threshold, *limit, "at least", |value, limit| value >= limit, results),
        }
    };
    ThresholdResult { threshold: threshold.clone(), outcome, sentence }
}

fn alone(
    threshold: &Threshold,
    limit: u64,
    side: &str,
    holds: fn(f64, f64) -> bool,
    results: &Results<'_>,
) -> (ThresholdOutcome, String) {
    let (name, metric) = (&threshold.cluster, threshold.metric);
    let Some(cluster) = results.clusters.iter().find(|cluster| cluster.cluster == *name) else {
        return (ThresholdOutcome::Undecided, format!("there is no cluster {name}"));
    };
    let what = format!("{} of {name}", words(metric));
    let limit_text = show(metric, limit as f64);
    let (value, is_exact) = match value(metric, cluster) {
        Value::None => return (ThresholdOutcome::Undecided, format!("{what}: nothing was measured")),
        Value::NoPrice => return (ThresholdOutcome::Undecided, format!("{what}: no price of its instances is known")),
        Value::Infinite => {
            let outcome = if side == "at most" { ThresholdOutcome::NotMet } else { ThresholdOutcome::Met };
            return (outcome, format!("{what} is above everything: too many failed; {side} {limit_text} is asked"));
        }
        Value::Exact(value) => (value, true),
        Value::AtLeast(value) => (value, false),
    };
    let bound = if is_exact { "" } else { "at least " };
    let outcome = match (holds(value, limit as f64), is_exact, side) {
        // A lower bound that passes an upper limit proves nothing, and one that fails it proves the failure.
        (true, false, "at most") => ThresholdOutcome::Undecided,
        (false, false, "at least") => ThresholdOutcome::Undecided,
        (true, ..) => ThresholdOutcome::Met,
        (false, ..) => ThresholdOutcome::NotMet,
    };
    (outcome, format!("{what} is {bound}{}, {side} {limit_text} is asked", show(metric, value)))
}

enum Value {
    Exact(f64),
    /// Requests were still open.
    AtLeast(f64),
    /// Failures reached the quantile.
    Infinite,
    /// What its instances cost is not known.
    NoPrice,
    None,
}

fn value(metric: Metric, cluster: &ClusterReport) -> Value {
    let latency = &cluster.latency;
    let quantile = |value: Option<u64>| match value {
        Some(micros) if latency.exact(value).is_none() => Value::AtLeast(micros as f64),
        Some(micros) => Value::Exact(micros as f64),
        None => Value::Infinite,
    };
    if cluster.requests == 0 {
        return Value::None;
    }
    match metric {
        Metric::P50 => quantile(latency.p50_micros),
        Metric::P90 => quantile(latency.p90_micros),
        Metric::P99 => quantile(latency.p99_micros),
        Metric::P999 => quantile(latency.p999_micros),
        Metric::RequestsPerSecond => Value::Exact(rate(cluster)),
        Metric::RequestsPerUsd => match per_usd(cluster) {
            Some(value) if cluster.hourly_is_at_most => Value::AtLeast(value),
            Some(value) => Value::Exact(value),
            None => Value::NoPrice,
        },
        Metric::FailedPerMille => {
            Value::Exact((cluster.requests - answered(cluster)) as f64 * 1000.0 / cluster.requests as f64)
        }
    }
}

fn between(threshold: &Threshold, other: &str, percent: f64, results: &Results<'_>) -> (ThresholdOutcome, String) {
    let rules = Rules { metric: threshold.metric, pairs: Pairs::AgainstFirst, ..*results.rules };
    let found: Vec<Comparison> = compare(&rules, results.rounds, &[other, &threshold.cluster]);
    let Some(comparison) = found.first() else {
        return (ThresholdOutcome::Undecided, "nothing was compared".to_owned());
    };
    let is_per_usd = threshold.metric == Metric::RequestsPerUsd;
    let asked = match percent {
        _ if is_per_usd => format!("at least {} is asked", ratio(&[percent]).one(1.0 + percent / 100.0)),
        ..0.0 => format!("at most {} % slower is asked", -percent),
        _ => format!("at least {percent} % faster is asked"),
    };
    if comparison.metric != threshold.metric {
        let why = comparison.warnings.iter().find(|warning| warning.kind == WarningKind::NoPrice);
        let why = why.map_or("no price is known", |warning| warning.sentence.as_str());
        return (ThresholdOutcome::Undecided, format!("{asked}; {why}"));
    }
    let Some([low, high]) = comparison.interval_percent.filter(|_| comparison.why.is_empty()) else {
        return (ThresholdOutcome::Undecided, format!("{asked}; {}", comparison.sentence));
    };
    // Upper bounds of a cost prove one side only.
    let [more, less] = comparison.per_usd.as_ref().map_or([false; 2], |prices| prices.is_at_most);
    let outcome = if low >= percent && !less {
        ThresholdOutcome::Met
    } else if high < percent && !more {
        ThresholdOutcome::NotMet
    } else {
        ThresholdOutcome::Undecided
    };
    if is_per_usd {
        let bounds = ratio(&[low, high]).bracket([1.0 + low / 100.0, 1.0 + high / 100.0]);
        let sentence =
            format!("{} answers {bounds} times as many requests per dollar as {other}, {asked}", threshold.cluster);
        return (outcome, sentence);
    }
    let bounds = Percents::of(&[low, high]).bracket([low, high]);
    (
        outcome,
        format!("{} is {bounds} % faster than {other} by {}, {asked}", threshold.cluster, words(threshold.metric)),
    )
}

fn ratio(percents: &[f64]) -> Ratios {
    Ratios::of(&percents.iter().map(|percent| 1.0 + percent / 100.0).collect::<Vec<_>>())
}

fn show(metric: Metric, value: f64) -> String {
    match metric {
        Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999 => milliseconds(value as u64),
        Metric::RequestsPerSecond => format!("{value:.1}"),
        Metric::RequestsPerUsd => format!("{value:.0}"),
        Metric::FailedPerMille => tenths(value.round() as u32),
    }
}
