//! What can happen to a call on its way, scripted or by chance.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::settings::FaultRates;

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

impl FaultRates {
    /// Draws once per call, also when every rate is zero, so that two runs with other rates see the same ids.
    pub(crate) fn draw(&self, random: &mut ChaCha8Rng) -> Option<Fault> {
        let mut left = random.random_range(0..1000u32);
        let late_by = self.late_by.draw(random) / 1000;
        let chances = [
            (self.lost_answer, Fault::LostAnswer),
            (self.lost_request, Fault::LostRequest),
            (self.late_execution, Fault::LateExecution(late_by)),
            (self.truncated, Fault::Truncated),
            (self.throttled, Fault::Throttled),
            (self.status500, Fault::Status500),
            (self.status500_after_effect, Fault::Status500AfterEffect),
        ];
        for (rate, fault) in chances {
            if left < rate {
                return Some(fault);
            }
            left -= rate;
        }
        None
    }
}
