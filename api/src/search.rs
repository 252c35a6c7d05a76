//! Search for the capacity of clusters, in place of a load that is given.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Search for the highest rate at which each cluster keeps an objective.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// What the answers have to keep.
    pub objective: Objective,
    /// No step asks for more requests a second. Not held to it are the seconds before the first round, in which users wait for
    /// their answers: one for ten seconds, and eight for each slot for five. Default: as many as a cluster can answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub most_requests_per_second: Option<i32>,
    /// The report says how many instances of each cluster carry this rate, and what they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<AskedRate>,
}

/// What the answers of a cluster have to keep: of all requests so many in time, and no more than a few without a good answer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Objective {
    /// How many of the requests have to be in time: P99Micros, 99 of a hundred.
    pub metric: Quantile,
    /// Longest time of an answer that is in time, in microseconds: 50000 is 50 ms.
    #[schemars(range(min = 1, max = 3_600_000_000_i64))]
    pub at_most: i64,
    /// Requests of a thousand that may fail.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 500))]
    pub max_failed_per_mille: i32,
}

fn one() -> i32 {
    1
}

/// A quantile of the latency of all requests, from the planned start of each to its answer; P50Micros is the median.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Quantile {
    P50Micros,
    P90Micros,
    P99Micros,
    P999Micros,
}

/// A rate that instances have to carry.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AskedRate {
    /// Requests a second, within the objective.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub requests_per_second: i32,
    /// Instances more than it takes, for those that fail. Default: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 1000))]
    pub spare: i32,
}

fn is_zero(value: &i32) -> bool {
    *value == 0
}
