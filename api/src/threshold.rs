//! Threshold: a limit on the result.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A limit on a number of one cluster (atMost or atLeast), or on its difference from another (fasterThan). A difference
/// is judged by its interval: while that contains the limit, the threshold is neither met nor missed.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.atMost), has(self.atLeast), has(self.fasterThan)].filter(given, given).size() == 1").message("a threshold has exactly one of atMost, atLeast and fasterThan"),
    validation = Rule::new("!has(self.percent) || has(self.fasterThan)").message("percent goes with fasterThan: atMost and atLeast are in the unit of the metric"),
    validation = Rule::new("!has(self.fasterThan) || !has(self.metric) || self.metric != 'FailedPerMille'").message("fasterThan needs another metric: nothing is faster by its failures"),
    validation = Rule::new("!has(self.fasterThan) || self.fasterThan != self.cluster").message("fasterThan names the cluster itself, name another one"),
)]
pub struct Threshold {
    /// Name of the cluster.
    #[schemars(length(min = 1, max = 32))]
    pub cluster: String,
    /// Number that is looked at, with its unit. Default: P50Micros, the median, and Capacity with load.search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "metric")]
    pub metric: Option<Metric>,
    /// The number is at most this, in the unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub at_most: Option<i64>,
    /// The number is at least this, in the unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub at_least: Option<i64>,
    /// The cluster is faster than this other one, by the metric and at least by percent. By RequestsPerUsd, faster is to
    /// answer more of them for a dollar; by UsdMicrosPerThousand it is to cost less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub faster_than: Option<String>,
    /// How much faster. Negative: at most so much slower. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -99, max = 10_000))]
    pub percent: Option<i32>,
}

/// `Option<Enum>` would list "null" among the values in the server's message.
pub(crate) fn metric(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    Metric::json_schema(generator)
}

/// A number of a cluster over all rounds that count. Latencies are of all requests, a failure counting as infinitely
/// slow; P50Micros is the median. FailedPerMille is the share of requests without a good answer. RequestsPerUsd is good
/// answers, of a search requests at the capacity, for each US dollar that the cluster's instances cost, and is measured by
/// closed loops and searches only. UsdMicrosPerThousand is what a thousand right answers cost behind queues, in millionths of a
/// US dollar: instances by their time, and calls of SQS and S3. Capacity is the highest rate at which the objective of load.search is kept, in requests a second.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Metric {
    #[default]
    P50Micros,
    P90Micros,
    P99Micros,
    P999Micros,
    RequestsPerSecond,
    FailedPerMille,
    RequestsPerUsd,
    UsdMicrosPerThousand,
    Capacity,
}
