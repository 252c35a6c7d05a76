//! The memory of one member.

use super::failures::Failures;
use super::speed::Service;
use crate::policy::Nanos;

/// One member that is silent for this many times its expected time between answers hangs.
const SILENCE: f64 = 10.0;

#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) service: Service,
    /// Service time that is reckoned with, in nanoseconds; zero when nothing is known.
    pub(super) expected: f64,
    pub(super) failures: Failures,
    /// Position of its kind.
    pub(super) kind: usize,
    pub(super) parallelism: f64,
    /// Sent, by whomever, and not finished.
    pub(super) in_flight: u32,
    /// Its last good answer.
    pub(super) answered: Nanos,
    /// Since when it owes an answer: its last one, or when it got something to do.
    pub(super) quiet: Nanos,
    /// Its last departure, when enough were left in flight to keep all its slots busy.
    pub(super) departed: Option<Nanos>,
}

impl Member {
    pub(super) fn sent(&mut self, now: Nanos) {
        if self.in_flight == 0 {
            self.quiet = now;
        }
        self.in_flight += 1;
        self.failures.sent();
    }

    /// Time for which it has been silent, when that is too long for one whose service takes so long.
    pub(super) fn silence(&self, now: Nanos, service: f64) -> Option<f64> {
        let busy = f64::from(self.in_flight).min(self.parallelism);
        let silent = now.since(self.quiet).0 as f64;
        (busy > 0.0 && service > 0.0 && silent > SILENCE * service / busy).then_some(silent)
    }
}
