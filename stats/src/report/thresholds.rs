//! Thresholds: limits on a result, and their outcomes. Pure.

use wire::{
    CapacityOutcome, CapacityReport, ClusterReport, Comparison, Limit, Metric, Pairs, RoundReport, Threshold,
    ThresholdOutcome, ThresholdResult, Validity, WarningKind,
};

use crate::compare::compare;
use crate::compare::rules::Rules;
use crate::metric::{answered, for_a_dollar, per_thousand, per_usd, rate, words};
use crate::numbers::{Percents, Ratios, milliseconds, objective, tenths};

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
/// A limit between clusters is met or not when the whole interval says so, and undecided when the interval contains it. Where a search
/// knows a bound in place of an interval, the bound says so.
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
    let (value, bound) = match value(metric, cluster) {
        Value::None => return (ThresholdOutcome::Undecided, format!("{what}: {}", unknown(metric, cluster))),
        Value::NoPrice => return (ThresholdOutcome::Undecided, format!("{what}: {}", unpriced(metric))),
        Value::Infinite => {
            let outcome = if side == "at most" { ThresholdOutcome::NotMet } else { ThresholdOutcome::Met };
            return (outcome, format!("{what} is above everything: too many failed; {side} {limit_text} is asked"));
        }
        Value::Exact(value) => (value, ""),
        Value::AtLeast(value) => (value, "at least "),
        Value::AtMost(value) => (value, "at most "),
    };
    let outcome = match (holds(value, limit as f64), bound, side) {
        // A lower bound that passes an upper limit proves nothing, and one that fails it proves the failure; and the other way
        // round.
        (true, "at least ", "at most") | (false, "at most ", "at most") => ThresholdOutcome::Undecided,
        (false, "at least ", "at least") | (true, "at most ", "at least") => ThresholdOutcome::Undecided,
        (true, ..) => ThresholdOutcome::Met,
        (false, ..) => ThresholdOutcome::NotMet,
    };
    (outcome, format!("{what} is {bound}{}, {side} {limit_text} is asked", show(metric, value)))
}

enum Value {
    Exact(f64),
    /// Requests were still open.
    AtLeast(f64),
    /// Surplus credits are in it as if instances were always busy.
    AtMost(f64),
    /// Failures reached the quantile, or nothing was answered right for what was paid.
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
    if let Some(found) = &cluster.capacity {
        return of_search(metric, found, cluster);
    }
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
        Metric::UsdMicrosPerThousand => match (per_thousand(cluster), cluster.queue_cost) {
            (Some(value), Some(cost)) if cost.is_at_most => Value::AtMost(value),
            (Some(value), _) => Value::Exact(value),
            (None, Some(cost)) if cost.usd_nanos.is_some() => Value::Infinite,
            (None, _) => Value::NoPrice,
        },
        // It was no search.
        Metric::Capacity => Value::None,
        Metric::FailedPerMille => {
            Value::Exact((cluster.requests - answered(cluster)) as f64 * 1000.0 / cluster.requests as f64)
        }
    }
}

/// What a search says of a cluster is its capacity, and what that costs: its other numbers are those of the rates that were tried.
fn of_search(metric: Metric, found: &CapacityReport, cluster: &ClusterReport) -> Value {
    let rate = found.milli_rps.map(|milli_rps| milli_rps as f64 / 1e3);
    match (metric, found.outcome, rate) {
        (Metric::Capacity | Metric::RequestsPerUsd, CapacityOutcome::Unmet, _) => Value::Exact(0.0),
        (Metric::Capacity, CapacityOutcome::Found, Some(rate)) => Value::Exact(rate),
        (Metric::Capacity, CapacityOutcome::AtLeast, Some(rate)) => Value::AtLeast(rate),
        (Metric::RequestsPerUsd, outcome, Some(rate)) => match for_a_dollar(rate, cluster) {
            Some(value) if outcome == CapacityOutcome::AtLeast || cluster.hourly_is_at_most => Value::AtLeast(value),
            Some(value) => Value::Exact(value),
            None => Value::NoPrice,
        },
        _ => Value::None,
    }
}

/// What a search did not find, with its reason. `None`: it is no search, or the number is known.
fn not_found(metric: Metric, cluster: &ClusterReport) -> Option<&str> {
    let found = cluster.capacity.as_ref().filter(|_| matches!(metric, Metric::Capacity | Metric::RequestsPerUsd))?;
    let is_unknown = found.milli_rps.is_none() && found.outcome != CapacityOutcome::Unmet;
    Some(found.reason.as_str()).filter(|reason| is_unknown && !reason.is_empty())
}

/// Why there is no number.
fn unknown(metric: Metric, cluster: &ClusterReport) -> &str {
    not_found(metric, cluster).unwrap_or("nothing was measured")
}

fn between(threshold: &Threshold, other: &str, percent: f64, results: &Results<'_>) -> (ThresholdOutcome, String) {
    let rules = Rules { metric: threshold.metric, pairs: Pairs::AgainstFirst, ..*results.rules };
    let found: Vec<Comparison> = compare(&rules, results.rounds, &[other, &threshold.cluster]);
    let Some(comparison) = found.first() else {
        return (ThresholdOutcome::Undecided, "nothing was compared".to_owned());
    };
    let is_per_usd = threshold.metric == Metric::RequestsPerUsd;
    let is_per_thousand = threshold.metric == Metric::UsdMicrosPerThousand;
    let is_capacity = threshold.metric == Metric::Capacity;
    let asked = match percent {
        _ if is_per_usd || is_capacity => format!("at least {} is asked", ratio(&[percent]).one(1.0 + percent / 100.0)),
        _ if is_per_thousand => {
            let most = 1.0 / (1.0 + percent / 100.0);
            format!("at most {} is asked", Ratios::of(&[most]).one(most))
        }
        ..0.0 => format!("at most {} % slower is asked", -percent),
        _ => format!("at least {percent} % faster is asked"),
    };
    let of = |name: &str| results.clusters.iter().find(|cluster| cluster.cluster == name);
    let mut sides = [threshold.cluster.as_str(), other].into_iter();
    if let Some((name, why)) = sides.find_map(|name| Some((name, not_found(threshold.metric, of(name)?)?))) {
        return (ThresholdOutcome::Undecided, format!("{asked}; the capacity of {name} is not known: {why}"));
    }
    if comparison.metric != threshold.metric {
        let why = comparison.warnings.iter().find(|warning| warning.kind == WarningKind::NoPrice);
        let why = why.map_or("no price is known", |warning| warning.sentence.as_str());
        return (ThresholdOutcome::Undecided, format!("{asked}; {why}"));
    }
    if let Some(bound) = bound(comparison) {
        return (beyond(bound, percent), format!("{asked}; {}", comparison.sentence));
    }
    let Some([low, high]) = comparison.interval_percent.filter(|_| comparison.why.is_empty()) else {
        return (ThresholdOutcome::Undecided, format!("{asked}; {}", comparison.sentence));
    };
    // Upper bounds of a cost prove one side only.
    let of_usd = comparison.per_usd.as_ref().map(|prices| prices.is_at_most);
    let of_thousand = || comparison.per_thousand.as_ref().map(|costs| costs.is_at_most);
    let [more, less] = of_usd.or_else(of_thousand).unwrap_or_default();
    let outcome = if low >= percent && !less {
        ThresholdOutcome::Met
    } else if high < percent && !more {
        ThresholdOutcome::NotMet
    } else {
        ThresholdOutcome::Undecided
    };
    if is_per_usd || is_capacity {
        let bounds = ratio(&[low, high]).bracket([1.0 + low / 100.0, 1.0 + high / 100.0]);
        let per_dollar = if is_per_usd { " per dollar" } else { "" };
        let at = comparison.capacities.map(|capacities| format!(" at {}", objective(&capacities.objective)));
        let what = format!("times as many requests{per_dollar}{}", at.unwrap_or_default());
        let sentence = format!("{} answers {bounds} {what} as {other}, {asked}", threshold.cluster);
        return (outcome, sentence);
    }
    if is_per_thousand {
        // Whoever is faster costs less: the bounds change places.
        let bounds = [high, low].map(|percent| 1.0 / (1.0 + percent / 100.0));
        let shown = Ratios::of(&bounds).bracket(bounds);
        let name = &threshold.cluster;
        let sentence = format!("a right answer of {name} costs {shown} times as much as one of {other}, {asked}");
        return (outcome, sentence);
    }
    let bounds = Percents::of(&[low, high]).bracket([low, high]);
    (
        outcome,
        format!("{} is {bounds} % faster than {other} by {}, {asked}", threshold.cluster, words(threshold.metric)),
    )
}

/// Percent by which a cluster carries more at least, or less at least where it is negative. `None`: no bound decides that.
fn bound(comparison: &Comparison) -> Option<f64> {
    comparison.capacities.filter(|_| comparison.metric == Metric::Capacity)?.bounded_percent
}

/// The truth is on one side of a bound: a limit on the other one is undecided.
fn beyond(bound: f64, percent: f64) -> ThresholdOutcome {
    match () {
        () if bound > 0.0 && bound >= percent => ThresholdOutcome::Met,
        () if bound < 0.0 && bound < percent => ThresholdOutcome::NotMet,
        () => ThresholdOutcome::Undecided,
    }
}

fn unpriced(metric: Metric) -> &'static str {
    match metric {
        Metric::UsdMicrosPerThousand => "it is not known what it cost",
        _ => "no price of its instances is known",
    }
}

fn ratio(percents: &[f64]) -> Ratios {
    Ratios::of(&percents.iter().map(|percent| 1.0 + percent / 100.0).collect::<Vec<_>>())
}

fn show(metric: Metric, value: f64) -> String {
    match metric {
        Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999 => milliseconds(value as u64),
        Metric::RequestsPerSecond | Metric::Capacity => format!("{value:.1}"),
        Metric::RequestsPerUsd => format!("{value:.0}"),
        Metric::UsdMicrosPerThousand => format!("{value:.0} millionths of a USD"),
        Metric::FailedPerMille => tenths(value.round() as u32),
    }
}
