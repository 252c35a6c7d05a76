//! Warnings: conditions to know before a comparison is quoted.

use wire::{Metric, Speed, Warning, WarningKind};

use super::looks::CONFIDENCE_ALPHA;
use super::outliers::split;
use super::per_thousand::unpriced;
use super::rules::{Arrivals, Rules};
use super::series::{Pair, Series};
use super::utilization::{BUSY, NEAR_SATURATION, utilization};
use super::wilcoxon::Differences;
use crate::metric::is_of_money;
use crate::numbers::tenths;
use crate::ways::balancer_busy;

pub(crate) fn warnings(rules: &Rules, series: &Series<'_>, gains: &[f64]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut add = |kind: WarningKind, sentence: Option<String>| {
        warnings.extend(sentence.map(|sentence| Warning { kind, sentence }));
    };
    let is_of_rates = matches!(series.metric, Metric::RequestsPerSecond | Metric::Capacity);
    if rules.arrivals == Arrivals::Open && !is_of_rates && !is_of_money(series.metric) {
        add(WarningKind::NearSaturation, busy(series));
    }
    add(WarningKind::UnequalOutliers, outliers(series, gains));
    if rules.objective.is_none() {
        add(WarningKind::UnequalFailures, failures(series));
    } else {
        add(WarningKind::BalancerBound, balancer_bound(series));
    }
    add(WarningKind::Burstable, burstable(series));
    if series.metric != rules.metric {
        add(WarningKind::NoPrice, Some(no_price(series)));
    }
    add(WarningKind::NoPrice, unpriced(series).map(|names| format!("{NO_COST}: a price is not known of {names}")));
    warnings
}

/// What cannot be compared without prices.
pub(crate) const NO_COST: &str = "what right answers cost is not compared";

/// The report knows the type and the region.
fn no_price(series: &Series<'_>) -> String {
    let sides = [(series.cluster, series.is_priced(0)), (series.baseline, series.is_priced(1))];
    let names: Vec<&str> = sides.into_iter().filter(|(_, is_priced)| !is_priced).map(|(name, _)| name).collect();
    format!("{}: no price for {}", not_per_usd(series.metric), names.join(" and "))
}

/// What is compared in place of requests per dollar.
pub(crate) fn not_per_usd(compared: Metric) -> &'static str {
    match compared {
        Metric::Capacity => "capacities are compared, and not requests per dollar",
        _ => "requests per second are compared, and not per dollar",
    }
}

/// One balancer is in front of all clusters: what it cannot pass on, none of them can show.
fn balancer_bound(series: &Series<'_>) -> Option<String> {
    let busy = |side: usize| balancer_busy(series.pairs.iter().map(|pair| pair.sides()[side]));
    let sides = [(series.cluster, busy(0)), (series.baseline, busy(1))];
    let bound: Vec<(&str, u32)> = sides.into_iter().filter_map(|(name, busy)| Some((name, busy?))).collect();
    let most = bound.iter().map(|(_, busy)| *busy).max()?;
    let names: Vec<&str> = bound.iter().map(|(name, _)| *name).collect();
    Some(format!(
        "the balancer was {} busy at the capacity of {}, which may be the balancer's: choose a larger balancer.instanceType",
        tenths(most),
        names.join(" and ")
    ))
}

fn busy(series: &Series<'_>) -> Option<String> {
    let median = |side: fn(&Pair<'_>) -> Option<f64>| {
        let mut all: Vec<f64> = series.pairs.iter().filter_map(side).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    let sides = [
        (series.cluster, median(|pair| utilization(pair.cluster))),
        (series.baseline, median(|pair| utilization(pair.baseline))),
    ];
    let (name, most) =
        sides.into_iter().filter_map(|(name, busy)| Some((name, busy?))).max_by(|one, two| one.1.total_cmp(&two.1))?;
    let percent = (most * 100.0).round();
    if most > NEAR_SATURATION {
        Some(format!(
            "near saturation: {name} was about {percent} % busy, where waiting grows without bound and rounds differ by \
             chance; a rate a fifth lower tells more in less time"
        ))
    } else if most > BUSY {
        Some(format!(
            "{name} was about {percent} % busy: latency is then mostly waiting and differs far more than speed (5 % less \
             speed shows as a third more latency or worse)"
        ))
    } else {
        None
    }
}

fn outliers(series: &Series<'_>, gains: &[f64]) -> Option<String> {
    let (outliers, _) = split(gains);
    outliers.are_unequal().then(|| {
        let share = |count: u32| (f64::from(count) * 100.0 / gains.len() as f64).round();
        format!(
            "outlier rounds are unequal: {} % of {}'s and {} % of {}'s were far slower than usual; typical rounds and \
             means may point to different sides",
            share(outliers.of_cluster),
            series.cluster,
            share(outliers.of_baseline),
            series.baseline
        )
    })
}

fn failures(series: &Series<'_>) -> Option<String> {
    let points = series.answered_points();
    if points.iter().all(|point| *point == 0.0) {
        return None;
    }
    let interval = Differences::of(&points).interval(CONFIDENCE_ALPHA)?;
    let (fewer, low, high) = if interval.high < 0.0 {
        (series.cluster, -interval.high, -interval.low)
    } else if interval.low > 0.0 {
        (series.baseline, interval.low, interval.high)
    } else {
        return None;
    };
    Some(format!("{fewer} answered a smaller share of its requests, by {low:.1} to {high:.1} percentage points"))
}

fn burstable(series: &Series<'_>) -> Option<String> {
    let words = |name: &str, speed_of: fn(&Pair<'_>) -> Option<Speed>| {
        let all = |speed| !series.pairs.is_empty() && series.pairs.iter().all(|pair| speed_of(pair) == Some(speed));
        if all(Speed::Burst) {
            Some(format!("{name} ran on credits, at a speed that lasts until they are spent"))
        } else if all(Speed::Baseline) {
            Some(format!("{name} had spent its credits and ran at its baseline"))
        } else {
            None
        }
    };
    let sides = [words(series.cluster, |pair| pair.cluster.speed), words(series.baseline, |pair| pair.baseline.speed)];
    let both: Vec<String> = sides.into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join("; "))
}
