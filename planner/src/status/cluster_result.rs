//! Numbers of one cluster in the status of a run, from its report. Pure.

use api::ClusterResult;
use wire::ClusterReport;

/// Its counts, its latencies and its capacity. What answers cost is told where it may stand beside that of others.
pub(super) fn of(cluster: &ClusterReport) -> ClusterResult {
    let found = cluster.capacity.as_ref();
    let interval = found.and_then(|found| found.interval);
    ClusterResult {
        name: cluster.cluster.clone(),
        requests: whole(cluster.requests),
        failed: whole(cluster.failures.total()),
        requests_per_second: whole(cluster.requests_per_second),
        p50_micros: cluster.latency.p50_micros.map(whole),
        p90_micros: cluster.latency.p90_micros.map(whole),
        p99_micros: cluster.latency.p99_micros.map(whole),
        p999_micros: cluster.latency.p999_micros.map(whole),
        usd_micros_per_million: None,
        capacity: found.and_then(|found| found.milli_rps).map(requests),
        capacity_low: interval.map(|[low, _]| requests(low)),
        capacity_high: interval.map(|[_, high]| requests(high)),
        lowest_capacity: found.and_then(|found| found.lowest_milli_rps).map(requests),
        capacity_outcome: found.map(|found| found.outcome.name().to_owned()).unwrap_or_default(),
        // A bound has no place in a number: the report says it.
        instances_for_target: found
            .and_then(|found| found.sizing.filter(|sizing| !sizing.is_at_most))
            .map(|sizing| i64::from(sizing.instances)),
    }
}

pub(super) fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Thousandths of a request a second as whole ones, rounded to the nearest.
fn requests(milli_rps: u64) -> i64 {
    whole(milli_rps.saturating_add(500) / 1_000)
}
