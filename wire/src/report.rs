//! The full result of a run, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Comparison, RunSpec};

/// Value of [`Report::schema`].
pub const REPORT_SCHEMA: &str = "clusterbench.dev/report/v1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub schema: String,
    pub run: RunSpec,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub validity: Validity,
    /// Why the run is not valid; empty when it is.
    pub reasons: Vec<String>,
    pub environment: Environment,
    /// In the order of `run.targets`, over all counted rounds.
    pub clusters: Vec<ClusterReport>,
    /// In the order measured, voided ones included.
    pub rounds: Vec<RoundReport>,
    /// Each cluster against the first one.
    pub comparisons: Vec<Comparison>,
    /// The comparisons in one line for a column: `cluster2 14 % faster [9, 19]`.
    pub summary: String,
    /// The same as sentences for people, with what the numbers are about.
    pub verdict: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Validity {
    Valid,
    /// A gate failed: the numbers are kept for reading and must not be quoted.
    Invalid,
}

/// Where the load came from. Numbers measured in one environment say nothing of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub generator_instance_id: String,
    pub generator_parallelism: u32,
    pub cpu_model: String,
    pub kernel: String,
    /// CPU time the hypervisor took from the generator during the run, in thousandths of the time passed.
    pub steal_per_mille: u32,
    /// CPU time used by the generator during load, in thousandths of what it was allowed.
    pub generator_cpu_per_mille: u32,
    /// Facts that the operator adds, such as `instance type of cluster1: t2.micro`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    pub cluster: String,
    pub requests: u64,
    pub failures: Failures,
    /// Answered requests per second of load time, rounded.
    pub requests_per_second: u64,
    /// Over all requests, a failure counting as infinitely slow.
    pub latency: Quantiles,
    /// Over answered requests only.
    pub latency_of_successes: Quantiles,
    pub members: Vec<MemberShare>,
    /// HDR histogram of successes in microseconds, V2 deflate format, base64: can be merged with others.
    pub histogram: String,
}

/// Microseconds. Absent: there is no such value, because too many requests failed or none was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_micros: Option<u64>,
}

/// Requests without a good answer, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// No connection.
    pub connect: u64,
    /// No answer within the time limit.
    pub timeout: u64,
    /// The connection ended or broke the protocol before the answer was whole.
    pub broken: u64,
    /// An answer of 4xx.
    pub client_error: u64,
    /// An answer of 5xx.
    pub server_error: u64,
}

impl Failures {
    pub fn total(&self) -> u64 {
        self.connect + self.timeout + self.broken + self.client_error + self.server_error
    }

    pub fn add(&mut self, other: &Failures) {
        self.connect += other.connect;
        self.timeout += other.timeout;
        self.broken += other.broken;
        self.client_error += other.client_error;
        self.server_error += other.server_error;
    }
}

/// How many answers came from one member, by the `x-backend` header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberShare {
    /// Empty: answers that did not name their member.
    pub id: String,
    pub requests: u64,
    pub share_per_mille: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundReport {
    /// From 1. A repeated round has the number of the one that was voided.
    pub round: u32,
    pub seed: u64,
    pub outcome: RoundOutcome,
    /// Why it was voided: `i-0123 of cluster1 was lost`. Empty when it counts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// In the order measured.
    pub clusters: Vec<ClusterReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoundOutcome {
    Counted,
    Voided,
}
