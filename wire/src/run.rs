//! What a generator is asked to do, and how far it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One measurement: every target measured once per round, in an order shuffled by `seed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunSpec {
    /// Chosen by the operator, unique per run; a second `PUT` with the same id and the same document changes nothing.
    pub id: String,
    pub seed: u64,
    pub rounds: Rounds,
    /// Requests sent to each target before the first round and not counted.
    pub warmup_requests: u64,
    pub targets: Vec<Target>,
    pub phases: Vec<Phase>,
    /// `http://host:port` of the balancer's control API. When given, its members are compared before and after
    /// every round, and a member that was lost or restarted voids the round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer_control: Option<String>,
}

/// One thing to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Name of the cluster.
    pub cluster: String,
    /// `http://host:port/path`
    pub url: String,
}

/// How many rounds count. Voided rounds are repeated and not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rounds {
    pub count: u32,
}

/// One stretch of load inside a round, for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Phase {
    ClosedLoop(ClosedLoop),
    #[serde(rename_all = "camelCase")]
    Pause {
        seconds: u32,
    },
}

/// `concurrency` requests are kept open; the next starts when one ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClosedLoop {
    pub concurrency: u32,
    pub stop: Stop,
}

/// When a phase ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    Requests(u64),
    DurationSeconds(u32),
}

/// What `GET /v1/runs/{id}` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    pub id: String,
    pub state: RunState,
    pub rounds_done: u32,
    pub rounds_total: u32,
    pub rounds_voided: u32,
    pub started_at: Timestamp,
    /// One line for people: `round 7 of 20, cluster2: 812 requests/s`.
    pub message: String,
    /// Set once the report is on disk: SHA-256 of the exact bytes that `GET /v1/runs/{id}/report` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_sha256: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    Running,
    /// The report is ready. It may still be `Invalid`; the report says so.
    Finished,
    /// Stopped by `DELETE` before its end; the report holds the rounds that were finished.
    Aborted,
}
