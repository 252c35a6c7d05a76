//! Events, as a node tells them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::health::State;

/// One line of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
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
    Health(TargetHealth),
    Sample(Sample),
}

/// State or reason of a target that are others than before. Each node judges on its own.
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
    /// Answers that the node gave itself, by status.
    pub own: BTreeMap<u16, u64>,
    /// Those of them that were fixed responses, as the listener says.
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
    /// Answers of targets, by the first digit of their status.
    pub classes: BTreeMap<u16, u64>,
    /// Connections to targets that could not be made.
    pub connection_errors: u64,
    /// From each request's leaving to the head of its answer.
    pub response_micros: Vec<u32>,
    /// Targets at the time of the sample, those not counted that are draining.
    pub registered: u64,
    pub healthy: u64,
    pub unhealthy: u64,
}
