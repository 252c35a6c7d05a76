//! The desk of a puller: its duty, its poll and its work as one, because only so it can say that it is drained. Pure.

use crate::puller_status::Duty;

/// A puller takes with one poll at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Desk {
    pub(super) duty: Duty,
    is_polling: bool,
    /// Messages that were taken and are not done with.
    pub(super) at_work: u64,
}

impl Desk {
    /// A poll is about to begin. `false`: the puller was told to drain, and it must not.
    pub(super) fn begin_poll(&mut self) -> bool {
        self.is_polling = self.duty == Duty::Serve;
        self.is_polling
    }

    /// The poll is over, and its messages are at work: there is no moment between the two.
    pub(super) fn end_poll(&mut self, brought: u64) {
        self.is_polling = false;
        self.at_work += brought;
    }

    /// One message is answered, or visible to others again.
    pub(super) fn end_work(&mut self) {
        self.at_work = self.at_work.saturating_sub(1);
    }

    /// Whether nothing is at work here, and nothing will be before the duty is another.
    pub(super) fn is_drained(&self) -> bool {
        self.duty == Duty::Drain && !self.is_polling && self.at_work == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drained_when_no_poll_is_on_and_nothing_is_at_work_and_not_before() {
        let mut desk = Desk::default();
        assert!(!desk.is_drained(), "it serves");
        assert!(desk.begin_poll());
        desk.duty = Duty::Drain;
        assert!(!desk.is_drained(), "a poll is on");
        desk.end_poll(2);
        assert!(!desk.is_drained(), "it brought two");
        assert!(!desk.begin_poll());
        desk.end_work();
        assert!(!desk.is_drained(), "one is at work");
        desk.end_work();
        assert!(desk.is_drained());
        desk.duty = Duty::Serve;
        assert!(!desk.is_drained() && desk.begin_poll());
    }
}
