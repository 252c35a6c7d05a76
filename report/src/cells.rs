//! Rendering as cells: one value for each cluster, for the columns of `kubectl get`.

use stats::{bounded, milliseconds};
use wire::Report;

/// Answered requests per second.
pub fn requests_per_second(report: &Report) -> Vec<String> {
    report.clusters.iter().map(|cluster| cluster.requests_per_second.to_string()).collect()
}

/// 99th percentile in milliseconds. `none`: too many failed. `>= 5.00 ms`: requests were still open at the end.
pub fn p99(report: &Report) -> Vec<String> {
    let latencies = report.clusters.iter().map(|cluster| &cluster.latency);
    latencies.map(|latency| bounded(latency, latency.p99_micros, milliseconds)).collect()
}
