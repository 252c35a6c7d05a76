//! What can happen to a call on its way, scripted or by chance.

use jiff::Timestamp;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::settings::{EndpointFaults, FaultRates};
use crate::sim::Sim;

/// One bad thing that happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The call takes effect; the connection breaks before the answer.
    LostAnswer,
    /// The connection breaks before the call takes effect.
    LostRequest,
    /// The connection breaks, and the call takes effect so many seconds later.
    LateExecution(u64),
    /// The call takes effect; its answer ends in the middle.
    Truncated,
    /// `RequestLimitExceeded`, no effect.
    Throttled,
    /// `InternalError`, no effect.
    Status500,
    /// `InternalError`, and the call took effect.
    Status500AfterEffect,
    /// `Unavailable`, no effect.
    Status503,
    /// `Unavailable`, and the call took effect.
    Status503AfterEffect,
}

impl Fault {
    /// For counting.
    pub fn kind(self) -> &'static str {
        match self {
            Self::LostAnswer => "lost answer",
            Self::LostRequest => "lost request",
            Self::LateExecution(_) => "late execution",
            Self::Truncated => "truncated answer",
            Self::Throttled => "throttled by chance",
            Self::Status500 => "HTTP 500",
            Self::Status500AfterEffect => "HTTP 500 after effect",
            Self::Status503 => "HTTP 503",
            Self::Status503AfterEffect => "HTTP 503 after effect",
        }
    }
}

/// How an answer reaches the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<T> {
    Whole(T),
    /// Only the first part of it.
    Truncated(T),
    /// Not at all: the connection breaks.
    Lost,
}

/// What the network between a caller and the endpoint does to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFault {
    /// HTTP 503 of something in front of EC2, which never sees the call.
    Status503,
    /// The connection is reset before EC2 sees the call.
    Reset,
    /// The call takes effect; its answer ends before the length that its head promises.
    Cut,
}

impl NetworkFault {
    /// For counting.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Status503 => "endpoint 503",
            Self::Reset => "endpoint reset",
            Self::Cut => "endpoint cut",
        }
    }
}

impl EndpointFaults {
    fn draw(&self, random: &mut ChaCha8Rng, now: Timestamp) -> Option<NetworkFault> {
        if self.unavailable.is_at(now) {
            return Some(NetworkFault::Status503);
        }
        let chances = [
            (self.status503, NetworkFault::Status503),
            (self.reset, NetworkFault::Reset),
            (self.cut, NetworkFault::Cut),
        ];
        if chances.iter().all(|(rate, _)| *rate == 0) {
            return None;
        }
        pick(random.random_range(0..1000), chances)
    }
}

impl Sim {
    /// What becomes of the next call before EC2 sees it, or of its answer.
    pub fn network_fault(&mut self, now: Timestamp) -> Option<NetworkFault> {
        let fault = self.settings.endpoint.draw(&mut self.chance.network, now)?;
        self.history.count(fault.kind());
        Some(fault)
    }

    /// How much of an answer of `length` bytes arrives when it does not arrive whole.
    pub fn cut(&mut self, length: usize) -> usize {
        self.chance.network.random_range(0..length.max(1))
    }
}

/// The first whose share of a thousand `left` falls into.
fn pick<T: Copy>(mut left: u32, chances: impl IntoIterator<Item = (u32, T)>) -> Option<T> {
    for (rate, what) in chances {
        if left < rate {
            return Some(what);
        }
        left -= rate;
    }
    None
}

impl FaultRates {
    /// Draws once per call, also when every rate is zero, so that two runs with other rates see the same ids.
    pub(crate) fn draw(&self, random: &mut ChaCha8Rng) -> Option<Fault> {
        let left = random.random_range(0..1000);
        let late_by = self.late_by.draw(random) / 1000;
        let chances = [
            (self.lost_answer, Fault::LostAnswer),
            (self.lost_request, Fault::LostRequest),
            (self.late_execution, Fault::LateExecution(late_by)),
            (self.truncated, Fault::Truncated),
            (self.throttled, Fault::Throttled),
            (self.status500, Fault::Status500),
            (self.status500_after_effect, Fault::Status500AfterEffect),
            (self.status503, Fault::Status503),
            (self.status503_after_effect, Fault::Status503AfterEffect),
        ];
        pick(left, chances)
    }
}
