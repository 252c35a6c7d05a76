//! Metrics that clusters are compared by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Metric that clusters are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Metric {
    /// Median latency of all requests, a failure counting as infinitely slow. The default: every round of a few
    /// dozen requests carries it, while p99 needs thousands.
    #[default]
    #[serde(rename = "p50Micros")]
    P50,
    /// 90th percentile of the latency of all requests.
    #[serde(rename = "p90Micros")]
    P90,
    /// 99th percentile of the latency of all requests.
    #[serde(rename = "p99Micros")]
    P99,
    /// 99.9th percentile of the latency of all requests.
    #[serde(rename = "p999Micros")]
    P999,
    /// Answered requests per second of load.
    #[serde(rename = "requestsPerSecond")]
    RequestsPerSecond,
    /// Share of requests without a good answer. For thresholds only: it has no ratio.
    #[serde(rename = "failedPerMille")]
    FailedPerMille,
    /// Answered requests for each US dollar that the cluster's instances cost meanwhile. Closed loops only: under a fixed
    /// rate all answer the same. Faster means more of them.
    #[serde(rename = "requestsPerUsd")]
    RequestsPerUsd,
    /// Millionths of a US dollar for a thousand right answers, behind queues: instances by the time that they were there, and
    /// calls of SQS and S3. Faster means less of them.
    #[serde(rename = "usdMicrosPerThousand")]
    UsdMicrosPerThousand,
    /// Highest rate at which the objective of a search is kept, in requests a second. Faster means higher.
    #[serde(rename = "capacity")]
    Capacity,
}
