//! Faults of single calls, injected or by chance.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::random::Stream;
use super::span::Span;

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
    /// The call is answered by a replica that is so many seconds behind. Only injected: by chance it is
    /// [`crate::StaleReads`], whose span also says for how long what is gone is kept for such a read.
    Stale(u64),
}

impl Fault {
    /// Its name in counts of what was injected.
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
            Self::Stale(_) => "stale read",
        }
    }
}

/// An answer as it reaches the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<T> {
    Whole(T),
    /// Only the first part of it.
    Truncated(T),
    /// Not at all: the connection breaks.
    Lost,
}

/// Rates at which calls meet faults, in thousandths. At most one happens per call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRates {
    /// It takes effect, and the connection breaks before the answer.
    pub lost_answer: u32,
    /// The connection breaks before it takes effect.
    pub lost_request: u32,
    /// The connection breaks, and it takes effect later.
    pub late_execution: u32,
    /// Its delay: EC2's own figure is five minutes.
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
    /// The rate at which a call meets any of them.
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

    /// Draws once per call, also when every rate is zero, so that two runs with other rates see the same ids.
    pub(crate) fn draw(&self, random: &mut Stream) -> Option<Fault> {
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

/// The first whose part of a thousand `left` falls into.
pub(crate) fn pick<T: Copy>(mut left: u32, chances: impl IntoIterator<Item = (u32, T)>) -> Option<T> {
    for (rate, what) in chances {
        if left < rate {
            return Some(what);
        }
        left -= rate;
    }
    None
}
