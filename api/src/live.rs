//! The run that is on, in the status of a `ClusterBenchmark`: for people who watch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::CapacityOutcome;

/// A run while it is on.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Live {
    /// The latest round in which a cluster was measured.
    pub round: i64,
    /// Clusters in the order of the spec. Nothing is judged yet: a round may still be voided.
    pub clusters: Vec<LiveCluster>,
}

/// One cluster in one round.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveCluster {
    /// Name of the cluster.
    pub name: String,
    /// The round that it was last measured in; 0: it was not measured yet.
    pub round: i64,
    /// Answered requests per second of load.
    pub requests_per_second: i64,
    /// Median latency in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<i64>,
    /// 99th percentile of the latency in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<i64>,
    /// What the finished rounds of a search found. Absent: it is no search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<LiveCapacity>,
    /// Rate of the step of a search that is on, in requests a second. Absent: this cluster is not asked now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_requests_per_second: Option<i64>,
}

/// The capacity of one cluster, as far as the finished rounds of a search know it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveCapacity {
    /// Found, AtLeast or Unmet: no rate keeps the objective.
    pub outcome: String,
    /// Thousandths of a request a second: the median of the rounds that found it; with AtLeast the highest rate that was
    /// kept. Absent: none is known yet, or no rate keeps the objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milli_rps: Option<i64>,
    /// Finished rounds that say so.
    pub rounds: i64,
}

impl From<wire::LiveCapacity> for LiveCapacity {
    fn from(told: wire::LiveCapacity) -> Self {
        Self {
            outcome: told.outcome.name().to_owned(),
            milli_rps: told.milli_rps.map(|rate| i64::try_from(rate).unwrap_or(i64::MAX)),
            rounds: i64::from(told.rounds),
        }
    }
}

impl From<&LiveCapacity> for wire::LiveCapacity {
    /// An outcome that a later version writes is not known here.
    fn from(said: &LiveCapacity) -> Self {
        let Some(outcome) = CapacityOutcome::ALL.into_iter().find(|one| one.name() == said.outcome) else {
            return Self::default();
        };
        Self {
            outcome,
            milli_rps: said.milli_rps.and_then(|rate| u64::try_from(rate).ok()),
            rounds: u32::try_from(said.rounds).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_generator_tells_comes_out_of_status_as_it_was() {
        for outcome in CapacityOutcome::ALL {
            let told = wire::LiveCapacity { outcome, milli_rps: Some(741_300), rounds: 3 };
            assert_eq!(wire::LiveCapacity::from(&LiveCapacity::from(told)), told);
        }
        let later = LiveCapacity { outcome: "Later".to_owned(), milli_rps: Some(1), rounds: 1 };
        assert_eq!(wire::LiveCapacity::from(&later), wire::LiveCapacity::default());
    }
}
