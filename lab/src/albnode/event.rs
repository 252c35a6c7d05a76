//! Events, as a node tells them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::health::State;

/// One line of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// It takes connections.
    Listening {
        address: SocketAddr,
    },
    /// This version is in force.
    Configured {
        version: u64,
    },
    /// A line was no configuration; the one before stays.
    Refused {
        why: String,
    },
    Check(Check),
    Health(TargetHealth),
    Sample(Sample),
}

/// The result of one health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub group: String,
    pub target: String,
    pub found: Found,
}

/// How a target took a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Found {
    /// It answered with this status.
    Answered(u16),
    Timeout,
    /// No connection, or no HTTP.
    Failed,
}

/// State or reason of a target, when they are others than before. Each node judges on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetHealth {
    pub group: String,
    pub target: String,
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Everything that passed in one second. Samples of all seconds summed are everything that passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Begin, in seconds since 1970.
    pub second: i64,
    /// Errors that the node answered itself, by status.
    pub own: BTreeMap<u16, u64>,
    /// Fixed responses.
    pub fixed: u64,
    pub new_connections: u64,
    /// Connections beyond the most that the node holds.
    pub rejected_connections: u64,
    pub groups: BTreeMap<String, GroupSample>,
}

/// Everything that passed to one target group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSample {
    /// Requests that a target was chosen for.
    pub requests: u64,
    /// Answers of targets by status: microseconds of each, from the request's leaving to the head of its answer.
    pub answers: BTreeMap<u16, Vec<u32>>,
    /// Connections to targets that could not be made.
    pub connection_errors: u64,
    /// Targets at the time of the sample, those not counted that are draining.
    pub registered: u64,
    pub healthy: u64,
    pub unhealthy: u64,
}
