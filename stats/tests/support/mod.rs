//! Rounds as tests write them.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod auto;
pub(crate) mod naive;
pub(crate) mod noise;
pub(crate) mod sample;
pub(crate) mod schema;
pub(crate) mod searched;

use wire::{ClusterReport, Failures, Quantiles, RoundOutcome, RoundReport};

pub(crate) fn cluster(name: &str, p50_micros: Option<u64>) -> ClusterReport {
    ClusterReport {
        cluster: name.to_owned(),
        requests: 1000,
        failures: Failures { server_error: if p50_micros.is_some() { 0 } else { 600 }, ..Failures::default() },
        requests_per_second: p50_micros.map_or(0, |micros| 100_000_000 / micros.max(1)),
        latency: Quantiles { p50_micros, ..Quantiles::default() },
        latency_of_successes: Quantiles { p50_micros, ..Quantiles::default() },
        ..ClusterReport::default()
    }
}

pub(crate) fn round(number: u32, outcome: RoundOutcome, medians: &[(&str, Option<u64>)]) -> RoundReport {
    let clusters = medians.iter().map(|(name, p50)| cluster(name, *p50));
    RoundReport { outcome, ..RoundReport::counted(number, 0, clusters.collect()) }
}

/// One counted round per pair of medians, of `cluster1` and `cluster2`.
pub(crate) fn pairs(medians: &[(u64, u64)]) -> Vec<RoundReport> {
    (1..)
        .zip(medians)
        .map(|(number, (first, second))| {
            round(number, RoundOutcome::Counted, &[("cluster1", Some(*first)), ("cluster2", Some(*second))])
        })
        .collect()
}
