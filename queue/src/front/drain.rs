//! The word of a member that it is drained: its puller's own, and only since it was told. Pure: time is an input.
//!
//! A member that is to drain is told so each time it is asked how it is, so every answer of its puller is an answer to the order.
//! A puller that restarted has forgotten its duty; its next answer is one of a puller that was told anew. One that is silent says
//! nothing: its last word stays for the account of its boot, and is none for those who would end it.

use crate::puller_status::{Duty, Order, PullerStatus};

/// For so long a word is believed, in milliseconds: a member is asked each second, and waited for at most 3.5 s.
const BELIEVED_MILLIS: u64 = 5_000;

/// What a member is to do, and what its puller says to that.
#[derive(Debug, Default)]
pub(super) struct Drain {
    wish: Duty,
    /// Another one for each wish and each boot: what was asked under an earlier one says nothing.
    number: u64,
    /// What its puller last said its duty was.
    duty: Duty,
    /// When its puller last said that it was drained, and has said nothing else since.
    word: Option<u64>,
}

impl Drain {
    /// What it is to do from now on.
    pub(super) fn wish(&mut self, duty: Duty) -> bool {
        let is_changed = self.wish != duty;
        if is_changed {
            self.wish = duty;
            self.forget();
        }
        is_changed
    }

    /// What was said is of another boot, or of another wish.
    pub(super) fn forget(&mut self) {
        self.number += 1;
        self.word = None;
    }

    pub(super) fn is_wished(&self) -> bool {
        self.wish == Duty::Drain
    }

    /// The order that goes with the next question, and the number that belongs to its answer.
    pub(super) fn order(&self, id: &str) -> (u64, Option<Order>) {
        let is_told = self.wish == Duty::Drain || self.duty != self.wish;
        (self.number, is_told.then(|| Order { instance_id: id.to_owned(), duty: self.wish }))
    }

    /// The answer to the question of that number.
    pub(super) fn heard(&mut self, number: u64, puller: &PullerStatus, now: u64) {
        if number == self.number {
            self.duty = puller.duty;
            let is_word = self.is_wished() && puller.duty == Duty::Drain && puller.drained;
            self.word = is_word.then_some(now);
        }
    }

    /// Whether its puller has just said that it is drained.
    pub(super) fn is_drained(&self, now: u64) -> bool {
        self.word.is_some_and(|at| now.saturating_sub(at) <= BELIEVED_MILLIS)
    }

    /// Whether that was its puller's last word, however long ago: it takes nothing since.
    pub(super) fn was_drained(&self) -> bool {
        self.word.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(duty: Duty, drained: bool) -> PullerStatus {
        PullerStatus { duty, drained, ..PullerStatus::default() }
    }

    fn told(drain: &Drain) -> Option<Duty> {
        drain.order("i-1").1.map(|order| order.duty)
    }

    #[test]
    fn it_is_told_each_time_and_drained_by_its_word_alone() {
        let mut drain = Drain::default();
        assert_eq!(told(&drain), None);
        assert!(drain.wish(Duty::Drain) && !drain.wish(Duty::Drain));
        let number = drain.order("i-1").0;
        for (said, expected) in [
            (says(Duty::Drain, false), false),
            (says(Duty::Drain, true), true),
            // It restarted, and was told again.
            (says(Duty::Drain, false), false),
            (says(Duty::Serve, false), false),
            (says(Duty::Serve, true), false),
        ] {
            drain.heard(number, &said, 1_000);
            assert_eq!((drain.is_drained(1_000), told(&drain)), (expected, Some(Duty::Drain)), "{said:?}");
        }
    }

    #[test]
    fn a_word_is_believed_for_a_while_and_kept_for_the_account() {
        let mut drain = Drain::default();
        drain.wish(Duty::Drain);
        drain.heard(drain.number, &says(Duty::Drain, true), 1_000);
        assert!(drain.is_drained(6_000) && !drain.is_drained(6_001) && drain.was_drained());
    }

    #[test]
    fn a_word_of_an_earlier_wish_or_boot_is_none() {
        let mut drain = Drain::default();
        drain.wish(Duty::Drain);
        let (number, _) = drain.order("i-1");
        drain.heard(number, &says(Duty::Drain, true), 1);
        drain.wish(Duty::Serve);
        assert_eq!((drain.was_drained(), told(&drain)), (false, Some(Duty::Serve)));
        drain.wish(Duty::Drain);
        drain.heard(number, &says(Duty::Drain, true), 2);
        assert!(!drain.is_drained(2), "that was asked before");
        let (number, _) = drain.order("i-1");
        drain.heard(number, &says(Duty::Drain, true), 3);
        assert!(drain.is_drained(3));
        drain.forget();
        assert!(!drain.is_drained(3) && !drain.was_drained());
    }

    #[test]
    fn one_that_drains_and_is_to_serve_is_told_so_until_it_does() {
        let mut drain = Drain::default();
        drain.heard(0, &says(Duty::Drain, true), 1);
        assert_eq!((told(&drain), drain.is_drained(1)), (Some(Duty::Serve), false));
        drain.heard(0, &says(Duty::Serve, false), 2);
        assert_eq!(told(&drain), None);
    }
}
