//! Metrics that clusters are compared by, and the one definition of "faster".

use wire::{ClusterReport, Metric};

/// How much faster, in percent, a gain is: `(baseline / cluster - 1) * 100` for times, `(cluster / baseline - 1) * 100`
/// for rates, with `log_gain` the logarithm of that ratio. By requests per dollar, faster is to answer more of them.
///
/// **This is the one definition of "faster" in the project.** It is about speed: a cluster that needs half the time is
/// 100 % faster, one that needs twice the time is 50 % slower (-50). Ratios of speed make "faster" mean the same
/// whether times or rates were measured.
pub fn percent_faster(log_gain: f64) -> f64 {
    log_gain.exp_m1() * 100.0
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

/// Good answers for each US dollar. `None`: what the instances cost is not known; nothing costs nothing.
pub(crate) fn per_usd(cluster: &ClusterReport) -> Option<f64> {
    let hourly = cluster.hourly_usd_micros.filter(|micros| *micros > 0)?;
    Some(rate(cluster) * SECONDS_AN_HOUR * MICROS / hourly as f64)
}

const SECONDS_AN_HOUR: f64 = 3600.0;
const MICROS: f64 = 1e6;

/// Requests with a good answer.
pub fn answered(cluster: &ClusterReport) -> u64 {
    cluster.requests.saturating_sub(cluster.failures.total() + cluster.open_at_end)
}

/// Logarithm of how many times as fast `cluster` was as `baseline`; positive = faster.
pub(crate) fn log_gain(metric: Metric, cluster: &ClusterReport, baseline: &ClusterReport) -> Option<f64> {
    let (cluster, baseline) = (value(metric, cluster)?, value(metric, baseline)?);
    // Differences of logarithms, not the logarithm of a quotient: swapping the clusters negates it exactly.
    Some(match metric {
        Metric::RequestsPerSecond | Metric::RequestsPerUsd => cluster.ln() - baseline.ln(),
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
}
