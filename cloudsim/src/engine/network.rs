//! The network between callers and the endpoint. Its faults have no error code of any service.

use jiff::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::fault::pick;
use super::random::Stream;

/// One bad thing that the network does to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFault {
    /// HTTP 503 of something in front of the service, which never sees the call.
    Status503,
    /// The connection is reset before the service sees the call.
    Reset,
    /// The call takes effect; its answer ends before the length that its head promises.
    Cut,
}

impl NetworkFault {
    /// Its name in counts of what was injected.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Status503 => "endpoint 503",
            Self::Reset => "endpoint reset",
            Self::Cut => "endpoint cut",
        }
    }
}

/// Rates at which the network does something before a service sees a call, or to bytes that it sent. In process
/// (`SharedSim`) every one of these is a call without an answer.
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
    /// The rate at which a call meets any of them.
    pub(crate) fn sum(&self) -> u32 {
        self.status503 + self.reset + self.cut
    }

    fn draw(&self, random: &mut Stream, now: Timestamp) -> Option<NetworkFault> {
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

impl Engine {
    /// The fault of the next call, before a service sees it or of its answer.
    pub(crate) fn network_fault(&mut self, faults: &EndpointFaults, now: Timestamp) -> Option<NetworkFault> {
        let fault = faults.draw(&mut self.random.network, now)?;
        self.count(fault.kind());
        Some(fault)
    }

    /// Draws how much of an answer of `length` bytes arrives when it does not arrive whole.
    pub(crate) fn cut(&mut self, length: usize) -> usize {
        self.random.network.random_range(0..length.max(1))
    }
}
