//! What clusters are compared by, and what "faster" means.

use wire::ClusterReport;

/// How much faster, in percent, a gain is: `(baseline / cluster - 1) * 100` for times, `(cluster / baseline - 1) * 100`
/// for rates, with `log_gain` the logarithm of that ratio.
///
/// **This is the one definition of "faster" in the project.** It is about speed: a cluster that needs half the time is
/// 100 % faster, one that needs twice the time is 50 % slower (-50). Ratios of speed make "faster" mean the same
/// whether times or rates were measured.
pub fn percent_faster(log_gain: f64) -> f64 {
    log_gain.exp_m1() * 100.0
}

/// One number per cluster and round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Median latency of all requests, a failure counting as infinitely slow. The default: every round of a few
    /// dozen requests carries it, while p99 needs thousands.
    #[default]
    P50,
    P90,
    P99,
    P999,
    RequestsPerSecond,
}

impl Metric {
    /// Name of the field in reports.
    pub fn field(self) -> &'static str {
        match self {
            Self::P50 => "p50Micros",
            Self::P90 => "p90Micros",
            Self::P99 => "p99Micros",
            Self::P999 => "p999Micros",
            Self::RequestsPerSecond => "requestsPerSecond",
        }
    }

    /// Name in sentences.
    pub fn words(self) -> &'static str {
        match self {
            Self::P50 => "p50 latency of all requests",
            Self::P90 => "p90 latency of all requests",
            Self::P99 => "p99 latency of all requests",
            Self::P999 => "p99.9 latency of all requests",
            Self::RequestsPerSecond => "requests per second",
        }
    }

    /// `None`: too many failed, or nothing was answered.
    fn value(self, cluster: &ClusterReport) -> Option<u64> {
        let value = match self {
            Self::P50 => cluster.latency.p50_micros,
            Self::P90 => cluster.latency.p90_micros,
            Self::P99 => cluster.latency.p99_micros,
            Self::P999 => cluster.latency.p999_micros,
            Self::RequestsPerSecond => Some(cluster.requests_per_second),
        };
        value.filter(|value| *value > 0)
    }

    /// Logarithm of how many times as fast `cluster` was as `baseline`; positive = faster.
    pub(crate) fn log_gain(self, cluster: &ClusterReport, baseline: &ClusterReport) -> Option<f64> {
        let (cluster, baseline) = (self.value(cluster)? as f64, self.value(baseline)? as f64);
        // Differences of logarithms, not the logarithm of a quotient: swapping the clusters negates it exactly.
        Some(match self {
            Self::RequestsPerSecond => cluster.ln() - baseline.ln(),
            _ => baseline.ln() - cluster.ln(),
        })
    }
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
