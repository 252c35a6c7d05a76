//! The status of a puller, which its front asks for.

use serde::{Deserialize, Serialize};

/// Answer to `GET /status` and to `GET /health` of a puller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullerStatus {
    /// Id of the instance.
    pub instance_id: String,
    /// Cluster of the instance.
    pub cluster: String,
    /// The puller's process, and that of the program where it names one.
    pub boot: String,
    /// Requests that it works on at the same time.
    pub slots: u32,
    /// Requests that it works on now.
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
    /// The reason why it takes no requests. Absent: it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}
