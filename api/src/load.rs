//! Load of a benchmark.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::balancer::not_burstable;
use crate::request::Request;
use crate::rules;
use crate::search::Search;
use crate::threshold::{Metric, Threshold, metric};

/// Load that every cluster is given in every round.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.phases) != has(self.search)").message("load: set exactly one of phases, the load of a round, and search, for the capacity of each cluster"),
    validation = Rule::new("!has(self.search) || !has(self.generator.count) || self.generator.count == 1").message("generator.count: a search has one generator, because several would have to agree on every rate: set count 1 and a larger generator.instanceType, or set phases in place of search"),
    validation = Rule::new("!has(self.search) || self.search.objective.atMost <= (has(self.timeoutSeconds) ? self.timeoutSeconds : 30) * 1000000").message("search.objective.atMost: a request fails after timeoutSeconds (30 seconds without it), so that none would ever be slow: lower atMost, which is in microseconds, or raise timeoutSeconds"),
    validation = Rule::new("!has(self.search) || ((!has(self.comparison) || !has(self.comparison.metric) || self.comparison.metric in ['Capacity', 'RequestsPerUsd']) && (!has(self.thresholds) || self.thresholds.all(t, !has(t.metric) || t.metric in ['Capacity', 'RequestsPerUsd'])))").message("search: it asks each cluster for rates of its own, and compares capacities: choose metric Capacity or RequestsPerUsd for comparison and thresholds, or set phases in place of search"),
    validation = Rule::new("has(self.search) || ((!has(self.comparison) || !has(self.comparison.metric) || self.comparison.metric != 'Capacity') && (!has(self.thresholds) || self.thresholds.all(t, !has(t.metric) || t.metric != 'Capacity')))").message("load: metric Capacity is what a search finds: set search in place of phases, or choose another metric"),
    validation = Rule::new("!has(self.generator.count) || self.generator.count == 1 || !has(self.phases) || self.phases.all(p, !has(p.requests))").message("generator.count: several generators stop by the clock, give every phase durationSeconds instead of requests"),
    validation = Rule::new("!has(self.generator.count) || self.generator.count == 1 || has(self.rounds) || (has(self.launches) && self.launches > 1)").message("generator.count: several generators cannot decide together when they have seen enough, set rounds"),
    validation = Rule::new("!has(self.generator.count) || !has(self.phases) || self.phases.all(p, !has(p.concurrency) || p.concurrency >= self.generator.count)").message("generator.count: every generator needs a user of its own, raise concurrency or lower count"),
    validation = Rule::new("!has(self.generator.count) || !has(self.launches) || self.generator.count * self.launches <= 64").message("generator.count: more than 64 parts (generators times launches) do not fit into the status, lower one of them"),
    validation = Rule::new("!has(self.comparison) || !has(self.comparison.metric) || self.comparison.metric != 'RequestsPerUsd' || !has(self.phases) || self.phases.all(p, !has(p.arrivals) || p.arrivals == 'ClosedLoop')").message("comparison.metric: RequestsPerUsd needs closed loops or a search, because under a fixed rate all clusters answer the same: give every phase arrivals ClosedLoop and concurrency, set search in place of phases, or choose another metric (the report says the cost at this rate in any case)"),
    validation = Rule::new("!has(self.generator.count) || self.generator.count == 1 || ((!has(self.comparison) || !has(self.comparison.metric) || self.comparison.metric != 'UsdMicrosPerThousand') && (!has(self.thresholds) || self.thresholds.all(t, !has(t.metric) || t.metric != 'UsdMicrosPerThousand')))").message("generator.count: of metric UsdMicrosPerThousand each of several generators sees a part of the answers and the cost of all, set count 1 or choose another metric"),
    validation = Rule::new("!has(self.thresholds) || !has(self.phases) || self.phases.all(p, !has(p.arrivals) || p.arrivals == 'ClosedLoop') || self.thresholds.all(t, !has(t.metric) || t.metric != 'RequestsPerUsd')").message("thresholds: metric RequestsPerUsd needs closed loops or a search, because under a fixed rate all clusters answer the same: give every phase arrivals ClosedLoop and concurrency, set search in place of phases, or choose another metric"),
)]
pub struct Load {
    /// Seed of everything random: the order of clusters within a round and the work that requests ask for.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seed: i64,
    /// Rounds that count; in each, every cluster is measured once, in shuffled order. An interval needs 6, of a search 7.
    /// Default: as many as it takes, looked at after 10, 20 and 40, and ended by the first look that decides. With
    /// launches: rounds on each of them, by default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub rounds: Option<i32>,
    /// Launches that are measured: before each but the first, all workers are replaced by new instances. With one, the
    /// default, the result is about these instances; from 6 on (of a search from 7 on) it is about the instance types.
    /// Instances of one type differ by about 5 %: 10 launches of 2 rounds show a difference of 5 % in two of three
    /// benchmarks.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 40))]
    pub launches: i32,
    /// Requests sent to each cluster before the first round, not counted. Clusters with scaling get none: their instances are
    /// new in each round.
    #[serde(default = "default_warmup")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub warmup_requests: i32,
    /// Seconds of load on each cluster before the first round, after the warm-up requests, not counted either. Clusters with
    /// scaling get none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub warmup_seconds: Option<i32>,
    /// How long requests that are still open when a phase stops sending are waited for. Then they count as at least so
    /// slow. Default: timeoutSeconds, or ten seconds without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 600))]
    pub drain_seconds: Option<i32>,
    /// How long an answer may take; then the request has failed. Default: 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<i32>,
    /// What every request looks like, and what a right answer is.
    #[serde(default, skip_serializing_if = "Request::is_default")]
    pub request: Request,
    /// How clusters are compared.
    #[serde(default, skip_serializing_if = "Comparison::is_default")]
    pub comparison: Comparison,
    /// What is sent to a cluster in a round, one phase after the other. Set either phases or search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = Rule::new("self.exists(p, has(p.arrivals))").message("phases: there is no load, only pauses: add a phase with arrivals"))]
    pub phases: Vec<Phase>,
    /// Replaces phases: in each round rates are tried until the highest one is found at which the cluster keeps an objective, its
    /// capacity. Clusters are then compared by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
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
    /// The instances that the load comes from.
    #[serde(default)]
    pub generator: Generator,
}

impl Load {
    /// The number that clusters are compared by, and that a threshold without one is about.
    pub fn default_metric(&self) -> Metric {
        if self.search.is_some() { Metric::Capacity } else { Metric::default() }
    }
}

/// Rounds on each of several launches, when their number is not given. New instances say more about a type than more
/// rounds on the same ones: of 20 rounds on 5, 10 and 20 launches, a gap of 5 % is found in 42, 69 and 84 %.
pub const LAUNCH_ROUNDS: u32 = 2;

pub(crate) fn one() -> i32 {
    1
}

pub(crate) fn is_one(value: &i32) -> bool {
    *value == 1
}

fn is_false(value: &bool) -> bool {
    !value
}

/// How clusters are compared.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.metric) || self.metric != 'FailedPerMille'").message("comparison: FailedPerMille has no ratio, choose another metric; shares of failures are compared in any case"))]
pub struct Comparison {
    /// Number that clusters are compared by. Default: P50Micros, and Capacity with search. P99Micros needs 3,000 requests in a round, or 1,000 when all clusters are
    /// asked for the same (an open loop, or work that is drawn); P999Micros needs 10,000. RequestsPerUsd needs closed loops or
    /// a search, Capacity a search. UsdMicrosPerThousand is for balancer.kind Queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "metric")]
    pub metric: Option<Metric>,
    /// AgainstFirst: each cluster is compared with the first. All: with every other, which takes more rounds.
    #[serde(default)]
    pub pairs: Pairs,
    /// The gap for which the report says how many rounds would show it.
    #[serde(default = "gap")]
    #[schemars(range(min = 1, max = 100))]
    pub gap_percent: i32,
}

/// About what an instance differs from the next of its type.
fn gap() -> i32 {
    5
}

impl Default for Comparison {
    fn default() -> Self {
        Self { metric: None, pairs: Pairs::default(), gap_percent: gap() }
    }
}

impl Comparison {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which clusters are compared.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Pairs {
    #[default]
    AgainstFirst,
    All,
}

/// Enough to open every connection and to leave the cold start behind.
fn default_warmup() -> i32 {
    200
}

/// How requests arrive. Poisson (independent users) and Constant (equal gaps) send `requestsPerSecond`, whether or not
/// earlier requests were answered; ClosedLoop keeps `concurrency` requests open and starts the next when one ends.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
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
    validation = Rule::new("!has(self.pauseSeconds) || !(has(self.concurrency) || has(self.requestsPerSecond) || has(self.requests) || has(self.durationSeconds) || has(self.toRequestsPerSecond) || has(self.steps))").message("a pause has no other field than pauseSeconds"),
    validation = Rule::new("!has(self.arrivals) || self.arrivals != 'ClosedLoop' || (has(self.concurrency) && !has(self.requestsPerSecond))").message("ClosedLoop needs concurrency, and has no requestsPerSecond: its rate is what the cluster answers"),
    validation = Rule::new("!has(self.arrivals) || self.arrivals == 'ClosedLoop' || (has(self.requestsPerSecond) && !has(self.concurrency))").message("Poisson and Constant need requestsPerSecond, and have no concurrency: they do not wait for answers"),
    validation = Rule::new("!has(self.arrivals) || has(self.requests) != has(self.durationSeconds)").message("a phase stops after requests or after durationSeconds: set exactly one"),
    validation = Rule::new("has(self.toRequestsPerSecond) == has(self.steps)").message("toRequestsPerSecond and steps go together: the rate goes from requestsPerSecond to toRequestsPerSecond in so many steps"),
    validation = Rule::new("!has(self.steps) || (has(self.requestsPerSecond) && has(self.durationSeconds))").message("steps need requestsPerSecond, from which they start, and durationSeconds, which they divide"),
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
    /// The rate changes in steps to this one, which is that of the last step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub to_requests_per_second: Option<i32>,
    /// Equal parts of the phase, each with its own rate, from requestsPerSecond to toRequestsPerSecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 1000))]
    pub steps: Option<i32>,
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

/// The instances that the load comes from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Generator {
    /// Instance type of the generator. Choose one that is not burstable and not smaller than what it measures.
    #[serde(default = "not_burstable")]
    #[schemars(length(min = 3, max = 32))]
    #[x_kube(validation = rules::instance_type())]
    pub instance_type: String,
    /// Instances that make the load together: each sends an equal share, at moments that are fixed beforehand, and their
    /// counts are added. For loads that one instance cannot send.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 16))]
    pub count: i32,
}

impl Default for Generator {
    fn default() -> Self {
        Self { instance_type: not_burstable(), count: 1 }
    }
}
