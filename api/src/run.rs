//! Runs in the status of a `ClusterBenchmark`: measurements, and what became of each.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::load::{is_one, one};
use crate::status::is_zero;

/// One measurement.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// spec.runId.
    pub id: String,
    /// SHA-256 of all that is measured; another value makes another run due.
    #[serde(default)]
    pub measured_sha256: String,
    /// Running, Valid, Invalid, Aborted, or Failed: ended by itself, because going on was useless.
    #[serde(default)]
    pub outcome: String,
    /// The comparison in one line.
    #[serde(default)]
    pub result: String,
    /// Name of the BenchmarkReport.
    #[serde(default)]
    pub report: String,
    /// SHA-256 of the report as the generator gave it.
    #[serde(default)]
    pub report_sha256: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Rounds that count.
    #[serde(default)]
    pub rounds: i32,
    /// Launches of the workers that it measures.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub launches: i32,
    /// The launch that is measured now, or was measured last.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub launch: i32,
    /// Generators that make its load together.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub generators: i32,
    /// When several generators begin together what is measured now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Time>,
    /// What was measured: each launch in their order, and of each what every generator sent. Each has a BenchmarkReport
    /// of its own; that of the run is made of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What became of load.thresholds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<ThresholdsResult>,
    /// Numbers of each cluster over all counted rounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterResult>,
    /// CloudWatch's account of it, of a run through an Application Load Balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch: Option<RunCloudWatch>,
}

/// CloudWatch's account of a run. What it says is in the BenchmarkReport; the dimensions stay here, because the load balancer
/// may be gone before CloudWatch has counted.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunCloudWatch {
    /// Pending, Complete, Partial or None.
    pub state: String,
    /// Dimension LoadBalancer.
    pub load_balancer: String,
    /// The target group of each cluster.
    pub target_groups: Vec<RunTargetGroup>,
}

/// The target group of one cluster.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunTargetGroup {
    /// Name of the cluster.
    pub cluster: String,
    /// Dimension TargetGroup.
    pub target_group: String,
}

/// One of several launches that a run measures, or one generator's slice of it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// SHA-256 of its report as the generator gave it. The report's name ends with its first ten digits.
    #[serde(default)]
    pub report_sha256: String,
    /// Rounds that count.
    #[serde(default)]
    pub rounds: i32,
    /// How often the workers had been replaced when it was measured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub relaunches: i64,
    /// The generator that it is from.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub generator: i32,
    /// When several generators began together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Time>,
    /// Capacities that searches found up to its launch, in the last part only: the next launch's search begins at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacities: Vec<FoundCapacity>,
}

/// What the search of one launch found of one cluster.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundCapacity {
    /// Name of the cluster; of one that is measured twice, with what marks it.
    pub cluster: String,
    /// Thousandths of a request a second.
    pub milli_requests_per_second: i64,
}

/// What became of the thresholds of a run, all together.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ThresholdsResult {
    /// Met, NotMet or Undecided.
    pub outcome: String,
    /// Those that were not met, else those that were not decided, else all, with what was measured.
    pub message: String,
}

/// Numbers of one cluster. A quantile is absent when so many requests failed that it does not exist.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterResult {
    /// Name of the cluster.
    pub name: String,
    /// Requests that count.
    #[serde(default)]
    pub requests: i64,
    /// Requests without a good answer.
    #[serde(default)]
    pub failed: i64,
    /// Answered requests per second of load.
    #[serde(default)]
    pub requests_per_second: i64,
    /// Median latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<i64>,
    /// 90th percentile of the latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_micros: Option<i64>,
    /// 99th percentile of the latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<i64>,
    /// 99.9th percentile of the latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_micros: Option<i64>,
    /// A million good answers, in millionths of a US dollar: what the cluster's instances cost meanwhile, without balancer and
    /// generators. Absent: a price is not known, or only its upper bound is; or load came at a fixed rate, and the cluster did
    /// not meet its thresholds or the run is not valid. Of a search it is a million requests at the capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_micros_per_million: Option<i64>,
    /// The highest rate of a search at which it keeps the objective, in requests a second; with capacityOutcome AtLeast a lower
    /// bound of that. Absent: none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    /// Lower end of the interval around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_low: Option<i64>,
    /// Upper end of the interval around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_high: Option<i64>,
    /// The capacity in its worst round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_capacity: Option<i64>,
    /// Found, AtLeast or Unmet: no rate keeps the objective. Empty: it was no search.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub capacity_outcome: String,
    /// Instances that carry load.search.target, without those to spare. Absent: nothing was asked for, or it is not known, or
    /// only that so many are enough, which the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances_for_target: Option<i64>,
}
