//! What happens to calls on their way.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Span;

/// How often a call meets a fault, in thousandths. At most one happens per call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRates {
    /// It takes effect, and the connection breaks before the answer.
    pub lost_answer: u32,
    /// The connection breaks before it takes effect.
    pub lost_request: u32,
    /// The connection breaks, and it takes effect later.
    pub late_execution: u32,
    /// How late: EC2's own figure is five minutes.
    pub late_by: Span,
    /// The answer ends in the middle, and nothing in its head says so.
    pub truncated: u32,
    /// `RequestLimitExceeded` although the buckets are full.
    pub throttled: u32,
    /// `InternalError`, HTTP 500, without effect.
    pub status500: u32,
    /// `InternalError`, HTTP 500, and it took effect.
    pub status500_after_effect: u32,
    /// `Unavailable`, HTTP 503, without effect.
    pub status503: u32,
    /// `Unavailable`, HTTP 503, and it took effect.
    pub status503_after_effect: u32,
}

impl FaultRates {
    /// Of a call to meet any of them.
    pub(crate) fn sum(&self) -> u32 {
        let Self {
            lost_answer,
            lost_request,
            late_execution,
            late_by: _,
            truncated,
            throttled,
            status500,
            status500_after_effect,
            status503,
            status503_after_effect,
        } = *self;
        let connection = lost_answer + lost_request + late_execution + truncated + throttled;
        connection + status500 + status500_after_effect + status503 + status503_after_effect
    }
}

/// What the endpoint's network does before EC2 sees a call, or to bytes that it sent: nothing of it has an EC2 error
/// code. In process (`SharedSim`) every one of these is a call without an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointFaults {
    /// HTTP 503 without XML, as a load balancer in front of a service answers.
    pub unavailable: Unavailable,
    /// Single calls answered like that, per thousand.
    pub status503: u32,
    /// Connections reset (RST) before the request is read, per thousand calls.
    pub reset: u32,
    /// Answers that end in the middle although their head promises more, per thousand.
    pub cut: u32,
}

impl EndpointFaults {
    /// Of a call to meet any of them.
    pub(crate) fn sum(&self) -> u32 {
        self.status503 + self.reset + self.cut
    }
}

/// Whether, and until when, nobody answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unavailable {
    #[default]
    No,
    Until(Timestamp),
    ForGood,
}

impl Unavailable {
    pub fn is_at(self, now: Timestamp) -> bool {
        match self {
            Self::No => false,
            Self::Until(end) => now < end,
            Self::ForGood => true,
        }
    }
}
