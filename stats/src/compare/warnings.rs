//! Warnings: conditions to know before a comparison is quoted.

use wire::{Metric, Speed, Warning, WarningKind};

use super::looks::CONFIDENCE_ALPHA;
use super::outliers::split;
use super::rules::{Arrivals, Rules};
use super::series::{Pair, Series};
use super::utilization::{BUSY, NEAR_SATURATION, utilization};
use super::wilcoxon::Differences;

pub(crate) fn warnings(rules: &Rules, series: &Series<'_>, gains: &[f64]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut add = |kind: WarningKind, sentence: Option<String>| {
        warnings.extend(sentence.map(|sentence| Warning { kind, sentence }));
    };
    let is_throughput = matches!(series.metric, Metric::RequestsPerSecond | Metric::RequestsPerUsd);
    if rules.arrivals == Arrivals::Open && !is_throughput {
        add(WarningKind::NearSaturation, busy(series));
    }
    add(WarningKind::UnequalOutliers, outliers(series, gains));
    add(WarningKind::UnequalFailures, failures(series));
    add(WarningKind::Burstable, burstable(series));
    if series.metric != rules.metric {
        add(WarningKind::NoPrice, Some(no_price(series)));
    }
    warnings
}

/// The report knows the type and the region.
fn no_price(series: &Series<'_>) -> String {
    let sides = [(series.cluster, series.is_priced(0)), (series.baseline, series.is_priced(1))];
    let names: Vec<&str> = sides.into_iter().filter(|(_, is_priced)| !is_priced).map(|(name, _)| name).collect();
    format!("requests per second are compared, and not per dollar: no price for {}", names.join(" and "))
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
