//! Metrics that clusters are compared by, and the one definition of "faster".

use wire::{ClusterReport, Metric, WayOutcome};

/// How much faster, in percent, a gain is: `(baseline / cluster - 1) * 100` for times, `(cluster / baseline - 1) * 100`
/// for rates, with `log_gain` the logarithm of that ratio. By requests per dollar, faster is to answer more of them; by the cost of
/// right answers, to cost less.
///
/// **This is the one definition of "faster" in the project.** It is about speed: a cluster that needs half the time is
/// 100 % faster, one that needs twice the time is 50 % slower (-50). Ratios of speed make "faster" mean the same
/// whether times or rates were measured.
pub fn percent_faster(log_gain: f64) -> f64 {
    log_gain.exp_m1() * 100.0
}

/// What so many percent faster mean for the time that a request takes, for metrics that are times: `33 % less time` for 50.
pub fn less_time(metric: Metric, percent: f64) -> Option<String> {
    let is_time = matches!(metric, Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999);
    let change = 100.0 / (100.0 + percent) - 1.0;
    let side = if change < 0.0 { "less" } else { "more" };
    (is_time && percent > -100.0).then(|| format!("{:.0} % {side} time", change.abs() * 100.0))
}

/// Name in sentences.
pub fn words(metric: Metric) -> &'static str {
    match metric {
        Metric::P50 => "p50 latency of all requests",
        Metric::P90 => "p90 latency of all requests",
        Metric::P99 => "p99 latency of all requests",
        Metric::P999 => "p99.9 latency of all requests",
        Metric::RequestsPerSecond => "requests per second",
        Metric::FailedPerMille => "share of failed requests",
        Metric::RequestsPerUsd => "requests per dollar",
        Metric::UsdMicrosPerThousand => "cost of a thousand right answers",
        Metric::Capacity => "capacity",
    }
}

/// `None`: too many failed or were still open at the end, or nothing was answered.
pub(crate) fn value(metric: Metric, cluster: &ClusterReport) -> Option<f64> {
    let latency = &cluster.latency;
    let value = match metric {
        Metric::P50 => latency.exact(latency.p50_micros)? as f64,
        Metric::P90 => latency.exact(latency.p90_micros)? as f64,
        Metric::P99 => latency.exact(latency.p99_micros)? as f64,
        Metric::P999 => latency.exact(latency.p999_micros)? as f64,
        Metric::RequestsPerSecond => rate(cluster),
        Metric::RequestsPerUsd => per_usd(cluster)?,
        Metric::UsdMicrosPerThousand => per_thousand(cluster)?,
        Metric::Capacity => capacity(cluster)?,
        Metric::FailedPerMille => return None,
    };
    (value > 0.0).then_some(value)
}

/// Not the rounded one where it can be had: at 8 requests per second rounding alone would be 6 %.
pub(crate) fn rate(cluster: &ClusterReport) -> f64 {
    if cluster.load_micros == 0 {
        return cluster.requests_per_second as f64;
    }
    answered(cluster) as f64 * 1e6 / cluster.load_micros as f64
}

/// Whether it is one of what things cost, which may be an upper bound or not known.
pub(crate) fn is_of_money(metric: Metric) -> bool {
    matches!(metric, Metric::RequestsPerUsd | Metric::UsdMicrosPerThousand)
}

/// Requests a second that the way of the round found. `None`: it is no search, or the way did not find it.
pub(crate) fn capacity(cluster: &ClusterReport) -> Option<f64> {
    let way = cluster.way.as_ref().filter(|way| way.outcome == WayOutcome::Found)?;
    Some(way.capacity_milli_rps? as f64 / 1e3)
}

/// Good answers for each US dollar; where a capacity was searched, requests at it, of which some may be late. `None`: what the
/// instances cost is not known; nothing costs nothing.
pub(crate) fn per_usd(cluster: &ClusterReport) -> Option<f64> {
    for_a_dollar(if cluster.way.is_some() { capacity(cluster)? } else { rate(cluster) }, cluster)
}

/// Requests for each US dollar, at this rate.
pub(crate) fn for_a_dollar(requests_per_second: f64, cluster: &ClusterReport) -> Option<f64> {
    let hourly = cluster.hourly_usd_micros.filter(|micros| *micros > 0)?;
    Some(requests_per_second * SECONDS_AN_HOUR * MICROS / hourly as f64)
}

const SECONDS_AN_HOUR: f64 = 3600.0;
const MICROS: f64 = 1e6;

/// Millionths of a US dollar for a thousand right answers. `None`: a price is not known, it is not behind queues, or nothing was
/// answered right, which no sum pays.
pub fn per_thousand(cluster: &ClusterReport) -> Option<f64> {
    // Billionths for one are millionths for a thousand.
    let (nanos, answered) = (cluster.queue_cost?.usd_nanos?, answered(cluster));
    (answered > 0).then(|| nanos as f64 / answered as f64)
}

/// Requests with a good answer.
pub fn answered(cluster: &ClusterReport) -> u64 {
    cluster.requests.saturating_sub(cluster.failures.total() + cluster.open_at_end)
}

/// Logarithm of how many times as fast `cluster` was as `baseline`; positive = faster.
pub(crate) fn log_gain(metric: Metric, cluster: &ClusterReport, baseline: &ClusterReport) -> Option<f64> {
    let (cluster, baseline) = (value(metric, cluster)?, value(metric, baseline)?);
    // Differences of logarithms, not the logarithm of a quotient: swapping the clusters negates it exactly.
    Some(match metric {
        Metric::RequestsPerSecond | Metric::RequestsPerUsd | Metric::Capacity => cluster.ln() - baseline.ln(),
        _ => baseline.ln() - cluster.ln(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faster_is_about_speed() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(percent_faster((200.0f64 / 100.0).ln()), 100.0);
        close(percent_faster((100.0f64 / 200.0).ln()), -50.0);
        close(percent_faster(0.0), 0.0);
    }

    #[test]
    fn half_as_fast_again_is_a_third_less_time() {
        let said = |metric, percent| less_time(metric, percent);
        assert_eq!(said(Metric::P50, 50.0).as_deref(), Some("33 % less time"));
        assert_eq!(said(Metric::P99, -50.0).as_deref(), Some("100 % more time"));
        assert_eq!(said(Metric::RequestsPerSecond, 50.0), None);
    }
}
