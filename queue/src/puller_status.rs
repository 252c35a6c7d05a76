//! Words between a front and the pullers of its members: an order, and the status that answers it.

use serde::{Deserialize, Serialize};
use wire::QueueCalls;

/// Whether a puller is to take requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// It takes requests.
    #[default]
    Serve,
    /// It takes no more, and finishes what it has and what a long poll that is on still brings.
    Drain,
}

/// Body of `PUT /duty`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Instance that it is for. Addresses are given to other instances when one has ended, and these do not obey it.
    pub instance_id: String,
    /// What the instance is to do from now on.
    pub duty: Duty,
}

/// Answer to `GET /status`, `GET /health` and `PUT /duty` of a puller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullerStatus {
    /// Id of the instance.
    pub instance_id: String,
    /// Cluster of the instance.
    pub cluster: String,
    /// The puller's process, and that of the program where it names one.
    pub boot: String,
    /// The puller's process alone: counts are since its start, and its duty is [`Duty::Serve`] then.
    pub process: String,
    /// Time since its start, in milliseconds.
    pub uptime_millis: u64,
    /// Requests that it works on at the same time.
    pub slots: u32,
    /// What it was told to do.
    pub duty: Duty,
    /// Whether it was told to drain, has no poll under way, and nothing that it works on.
    pub drained: bool,
    /// Requests that it works on now, those that it is giving back included.
    pub in_flight: u64,
    /// Messages that it took, since it started.
    pub received: u64,
    /// Those of them that it answered.
    pub answered: u64,
    /// Those that became visible again because the program gave no answer.
    pub failed: u64,
    /// Those that were answered with 502 because they had been taken too often.
    pub exhausted: u64,
    /// Those that were given back unfinished, at the end of the process.
    pub given_back: u64,
    /// Outputs of which another one was there before.
    pub outrun: u64,
    /// Calls of SQS or S3 that failed and were given up.
    pub call_failures: u64,
    /// Calls of SQS and S3 that it sent.
    pub calls: QueueCalls,
    /// The reason why the program gave no answer to a request, the last time that this happened. Absent: it always did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// The reason why it could take no requests, whatever its duty is. Absent: it could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}
