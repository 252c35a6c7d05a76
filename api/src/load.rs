//! The load of a benchmark.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::threshold::Threshold;

/// Load that every cluster is given in every round.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Seed of everything random: the order of clusters within a round and the work that requests ask for.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seed: i64,
    /// Rounds that count; in each, every cluster is measured once, in shuffled order. An interval needs 6. Default: as
    /// many as it takes, looked at after 10, 20 and 40, and ended by the first look that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub rounds: Option<i32>,
    /// Requests sent to each cluster before the first round, not counted.
    #[serde(default = "default_warmup")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub warmup_requests: i32,
    /// What is sent to a cluster in a round, one phase after the other.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = Rule::new("self.exists(p, has(p.arrivals))").message("phases: there is no load, only pauses: add a phase with arrivals"))]
    pub phases: Vec<Phase>,
    /// What the result has to be, for the condition ThresholdsMet. They are a part of what is measured: a change
    /// measures again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub thresholds: Vec<Threshold>,
    /// While true the first cluster is measured twice in every round, the second time as if it were another one. A
    /// difference between it and itself is the measurement's own: then no other figure of the run can be trusted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub self_test: bool,
    /// The instance that the load comes from.
    #[serde(default)]
    pub generator: Generator,
}

/// Rounds of a run whose number is not given: the last of its looks.
pub const AUTO_ROUNDS: u32 = 40;

impl Load {
    /// Rounds that are measured at most.
    pub fn most_rounds(&self) -> u32 {
        self.rounds.map_or(AUTO_ROUNDS, |rounds| u32::try_from(rounds).unwrap_or(1))
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Enough to open every connection and to leave the cold start behind.
fn default_warmup() -> i32 {
    200
}

/// How requests arrive. Poisson (independent users) and Constant (equal gaps) send `requestsPerSecond`, whether or not
/// earlier requests were answered; ClosedLoop keeps `concurrency` requests open and starts the next when one ends.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum Arrivals {
    Poisson,
    Constant,
    ClosedLoop,
}

/// `Option<Enum>` would list "null" among the values in the server's message.
fn arrivals(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    Arrivals::json_schema(generator)
}

/// Either a load (arrivals, and when it stops) or a pause.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.pauseSeconds) != has(self.arrivals)").message("a phase is either a load (arrivals) or a pause (pauseSeconds): set exactly one"),
    validation = Rule::new("!has(self.pauseSeconds) || !(has(self.concurrency) || has(self.requestsPerSecond) || has(self.requests) || has(self.durationSeconds))").message("a pause has no other field than pauseSeconds"),
    validation = Rule::new("!has(self.arrivals) || self.arrivals != 'ClosedLoop' || (has(self.concurrency) && !has(self.requestsPerSecond))").message("ClosedLoop needs concurrency, and has no requestsPerSecond: its rate is what the cluster answers"),
    validation = Rule::new("!has(self.arrivals) || self.arrivals == 'ClosedLoop' || (has(self.requestsPerSecond) && !has(self.concurrency))").message("Poisson and Constant need requestsPerSecond, and have no concurrency: they do not wait for answers"),
    validation = Rule::new("!has(self.arrivals) || has(self.requests) != has(self.durationSeconds)").message("a phase stops after requests or after durationSeconds: set exactly one"),
)]
pub struct Phase {
    /// How requests arrive: Poisson, Constant or ClosedLoop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "arrivals")]
    pub arrivals: Option<Arrivals>,
    /// Requests sent to each cluster per second, whether or not earlier ones were answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_second: Option<i32>,
    /// Requests kept open at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: Option<i32>,
    /// The phase stops after so many requests to each cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub requests: Option<i32>,
    /// The phase stops after so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub duration_seconds: Option<i32>,
    /// Seconds without any request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub pause_seconds: Option<i32>,
}

/// The instance that the load comes from.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Generator {
    /// Instance type of the generator. Choose one that is not burstable and not smaller than what it measures.
    #[schemars(length(min = 3, max = 32), regex(pattern = "^[a-z0-9-]+\\.[a-z0-9-]+$"))]
    pub instance_type: String,
}

impl Default for Generator {
    fn default() -> Self {
        Self { instance_type: "c6i.large".to_owned() }
    }
}
