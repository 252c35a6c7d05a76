//! Evidence that the gates look at. Pure.

use wire::{ClusterReport, Environment, LimitHits, RoundReport, RunSpec};

use crate::compare::rules::Arrivals;
use crate::histogram::Latencies;

/// Evidence of one run.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub planned_rounds: u32,
    /// Specification of the run.
    pub run: &'a RunSpec,
    /// It is that of a single step of the run's search, and not of the search.
    pub is_step: bool,
    /// Voided ones included.
    pub rounds: &'a [RoundReport],
    /// Over the counted rounds.
    pub clusters: &'a [ClusterReport],
    pub environment: &'a Environment,
    pub phases: &'a [PhaseEvidence],
    pub arrivals: Arrivals,
    pub elapsed_millis: u64,
    /// Why the run ended before its end.
    pub aborted: Option<&'a str>,
}

/// One phase of load on one cluster, over all counted rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhaseEvidence {
    /// `cluster1, phase 2`
    pub about: String,
    /// Requests of the schedule; 0 in a closed loop, which plans none.
    pub planned: u64,
    pub sent: u64,
    /// Absent in a closed loop.
    pub send_lag_p99_micros: Option<u64>,
    pub service_p50_micros: Option<u64>,
    pub connections: u64,
    /// Connections that this load needs: those of its users, or the most requests open at the same time, every round
    /// anew. Absent when every request has one of its own.
    pub connections_needed: Option<u64>,
    /// Connections that took the place of one whose end was announced, or that the generator ended itself.
    pub connections_explained: u64,
    /// Requests that met a limit of the generator.
    pub limits: Vec<LimitHits>,
}

impl PhaseEvidence {
    /// Evidence of the load as a whole, from the totals of a cluster.
    pub fn of(cluster: &ClusterReport) -> Self {
        let quantile = |text: &str, per_mille| Latencies::decode(text).ok().and_then(|all| all.quantile(per_mille));
        Self {
            about: cluster.cluster.clone(),
            planned: cluster.planned,
            sent: cluster.sent,
            send_lag_p99_micros: quantile(&cluster.histograms.send_lag, 990),
            service_p50_micros: quantile(&cluster.histograms.service, 500),
            connections: cluster.connections,
            connections_needed: None,
            connections_explained: 0,
            limits: cluster.generator_limits.clone(),
        }
    }
}
