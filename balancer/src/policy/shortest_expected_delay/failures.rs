//! Failures give a member a price, and after a streak eject it.

use crate::policy::Nanos;

/// Weight of one answer in the failure ratio.
const DECAY: f64 = 1.0 / 32.0;
/// Less than this is none.
const FORGOTTEN: f64 = 1e-3;
/// Answers that a member is credited with: one failure of an idle member is not a ratio of 1.
const PRIOR: f64 = 8.0;
/// A streak of failures is evidence when its probability, if the member were like the others, is below this.
const CHANCE: f64 = 1e-4;
/// The others are taken to fail at least this often, or two failures in a row would do.
const LEAST_RATIO: f64 = 0.1;
/// Price of a failed attempt, in service times.
const ATTEMPT: f64 = 10.0;
const FIRST_EJECTION: u64 = 1_000_000_000;
/// Doublings of the time out: at most 32 s.
const MOST_DOUBLINGS: u32 = 5;

/// Failures of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    /// Both decay with each answer.
    pub(super) failed: f64,
    pub(super) tried: f64,
    streak: u32,
    doublings: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    In,
    Out {
        until: Nanos,
    },
    /// One request is under way that decides.
    Trial,
}

impl Failures {
    /// `others`: failure ratio of the other members.
    pub(super) fn observe(&mut self, now: Nanos, has_failed: bool, others: f64) {
        self.tried += 1.0 - DECAY * self.tried;
        self.failed = if self.failed < FORGOTTEN { 0.0 } else { self.failed - DECAY * self.failed };
        if !has_failed {
            self.streak = 0;
            if self.state == State::Trial {
                (self.state, self.doublings) = (State::In, 0);
            }
            return;
        }
        self.failed += 1.0;
        self.streak += 1;
        let streak = (CHANCE.ln() / others.clamp(LEAST_RATIO, 0.99).ln()).ceil();
        // Answers of before the ejection change nothing.
        let is_tried = self.state == State::Trial;
        if is_tried || (self.state == State::In && f64::from(self.streak) >= streak) {
            let out = FIRST_EJECTION << self.doublings;
            self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
            self.state = State::Out { until: Nanos(now.0 + out) };
        }
    }

    /// The client of the deciding request went away.
    pub(super) fn undecided(&mut self, now: Nanos) {
        if self.state == State::Trial {
            self.state = State::Out { until: now };
        }
    }

    /// True while it must not be used.
    pub(super) fn is_out(&self, now: Nanos) -> bool {
        match self.state {
            State::In => false,
            State::Out { until } => now < until,
            State::Trial => true,
        }
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.state != State::In
    }

    /// A request is sent to it: the deciding one, when it was out.
    pub(super) fn sent(&mut self) {
        if self.is_ejected() {
            self.state = State::Trial;
        }
    }

    pub(super) fn readmit(&mut self) {
        (self.state, self.streak) = (State::In, 0);
    }

    /// Extra cost of an attempt because it may fail: an expected success takes 1/(1-e) attempts, and a failed one
    /// costs the client as much as three good ones. Only what exceeds the others' ratio by two standard deviations
    /// is this member's own: when all fail, avoiding one for bad luck only unbalances the load.
    pub(super) fn price(&self, others: f64) -> f64 {
        if self.failed <= 0.0 {
            return 1.0;
        }
        let tried = self.tried + PRIOR;
        let chance = 2.0 * (others * (1.0 - others) / tried).sqrt();
        let ratio = (self.failed / tried - others - chance).clamp(0.0, 0.95);
        (1.0 + ATTEMPT * ratio) / (1.0 - ratio)
    }
}
