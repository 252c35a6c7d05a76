//! What may be said about two clusters.

use serde::{Deserialize, Serialize};

/// One cluster against the baseline, over the rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub cluster: String,
    pub baseline: String,
    /// What is compared: `p50Micros`, `requestsPerSecond`, ...
    pub metric: String,
    pub rounds: u32,
    pub direction: Direction,
    /// Hodges-Lehmann estimate of how much faster the cluster is, in percent; negative = slower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faster_percent: Option<f64>,
    /// Exact Wilcoxon signed-rank interval around it. Absent below 6 rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_percent: Option<[f64; 2]>,
    /// Achieved confidence of the interval, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_percent: Option<f64>,
    /// The comparison as one sentence.
    pub sentence: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Faster,
    Slower,
    /// The interval contains zero.
    NoDifferenceShown,
    /// There is no interval: too few rounds, or failures reached the quantile.
    Undecided,
}
