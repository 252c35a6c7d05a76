//! The book of one cluster: who waits for which answer, and what came of all requests. Pure: time is an input.
//!
//! At any moment: accepted = answered + failed + those that wait, and open = accepted - outputs, but for those that were forgotten.

use std::collections::{HashMap, VecDeque};

use super::arrivals::Arrivals;
use super::inherited::Peaks;
use crate::message::Id;

/// Ids that are remembered after their end, so that a late answer is not taken for one to nobody's request.
const REMEMBERED: usize = 100_000;
/// Answers of which the mean time of a slot is made.
const MEAN_OVER: usize = 50;

/// Requests of one cluster; `W` is who waits.
#[derive(Debug)]
pub(super) struct Book<W> {
    waiting: HashMap<Id, Waiting<W>>,
    ended: HashMap<Id, Fate>,
    /// The same ids, the oldest first.
    ended_in_order: VecDeque<Id>,
    arrivals: Arrivals,
    /// Times that slots were busy for the last answers, the newest first.
    busy: VecDeque<u64>,
    /// Requests of which nobody knows yet whether they were sent.
    sending: u64,
    /// Messages that may be in the queue and are of this process, at most.
    own: Peaks,
    pub(super) counts: Counts,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Accepted ones that no answer came to, and that are remembered.
    pub(super) open: u64,
    pub(super) duplicates: u64,
    pub(super) unknown: u64,
    pub(super) inputs: u64,
    pub(super) outputs: u64,
}

#[derive(Debug)]
struct Waiting<W> {
    since: u64,
    is_accepted: bool,
    waiter: W,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    GivenUp { is_accepted: bool },
}

/// Whose answer came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived<W> {
    /// The first one of a request that waits.
    First(W),
    /// One more to a request that had one.
    Duplicate,
    /// One to a request that nobody here waits for.
    Unknown,
}

impl<W> Book<W> {
    pub(super) fn new() -> Self {
        Self {
            waiting: HashMap::new(),
            ended: HashMap::new(),
            ended_in_order: VecDeque::new(),
            arrivals: Arrivals::new(),
            busy: VecDeque::new(),
            sending: 0,
            own: Peaks::default(),
            counts: Counts::default(),
        }
    }

    /// The input of a request is an object.
    pub(super) fn stored(&mut self) {
        self.counts.inputs += 1;
    }

    /// A message is about to be sent. Before that, because its answer may be here sooner than the word that it was sent.
    pub(super) fn expect(&mut self, id: Id, now: u64, waiter: W) {
        self.waiting.insert(id, Waiting { since: now, is_accepted: false, waiter });
        self.sending += 1;
        self.note_own(now);
    }

    /// The message was sent.
    pub(super) fn accept(&mut self, id: Id, now: u64) {
        if let Some(waiting) = self.waiting.get_mut(&id).filter(|waiting| !waiting.is_accepted) {
            waiting.is_accepted = true;
            self.counts.accepted += 1;
            (self.sending, self.counts.open) = (self.sending - 1, self.counts.open + 1);
            self.arrivals.record(now);
        }
    }

    /// Nobody waits any more: the time is up, the client went away, or it is not known whether the message was sent. One that
    /// was answered stays so.
    pub(super) fn give_up(&mut self, id: Id, now: u64) {
        if let Some(Waiting { is_accepted, .. }) = self.waiting.remove(&id) {
            self.counts.failed += u64::from(is_accepted);
            self.sending -= u64::from(!is_accepted);
            self.end(id, Fate::GivenUp { is_accepted });
            self.note_own(now);
        }
    }

    /// An answer came; `busy` is the time that a slot was busy for it, if the program was run.
    pub(super) fn answer(&mut self, id: Id, now: u64, busy: Option<u64>) -> Arrived<W> {
        // Whoever answers has read the message: it was sent, whatever the sender was told.
        self.accept(id, now);
        if let Some(waiting) = self.waiting.remove(&id) {
            self.counts.answered += 1;
            self.counts.outputs += 1;
            self.counts.open -= 1;
            self.note(busy);
            self.end(id, Fate::Answered);
            self.note_own(now);
            return Arrived::First(waiting.waiter);
        }
        match self.ended.get_mut(&id) {
            Some(Fate::Answered) => {
                self.counts.duplicates += 1;
                Arrived::Duplicate
            }
            Some(fate @ Fate::GivenUp { .. }) => {
                let was_accepted = *fate == Fate::GivenUp { is_accepted: true };
                *fate = Fate::Answered;
                if was_accepted {
                    self.counts.open -= 1;
                } else {
                    self.counts.accepted += 1;
                    self.counts.failed += 1;
                }
                self.counts.outputs += 1;
                self.counts.unknown += 1;
                self.note(busy);
                self.note_own(now);
                Arrived::Unknown
            }
            None => {
                self.counts.unknown += 1;
                // A front before this one sent it, or it was forgotten: a slot was busy for it all the same.
                self.note(busy);
                Arrived::Unknown
            }
        }
    }

    /// Most messages of this process that were in the queue in any moment that SQS's counts may speak of.
    pub(super) fn most_own(&self, now: u64) -> u64 {
        self.own.most(now)
    }

    /// Age of the oldest that waits, in milliseconds.
    pub(super) fn oldest(&self, now: u64) -> u64 {
        self.waiting.values().map(|waiting| now.saturating_sub(waiting.since)).max().unwrap_or_default()
    }

    /// Arrivals of the last six ten seconds.
    pub(super) fn arrivals(&mut self, now: u64) -> Vec<u64> {
        self.arrivals.stretches(now)
    }

    /// Mean time that a slot was busy for one of the last answers.
    pub(super) fn service(&self) -> Option<u64> {
        self.busy.iter().sum::<u64>().checked_div(self.busy.len() as u64)
    }

    fn note(&mut self, busy: Option<u64>) {
        if let Some(busy) = busy {
            self.busy.truncate(MEAN_OVER - 1);
            self.busy.push_front(busy);
        }
    }

    fn note_own(&mut self, now: u64) {
        self.own.note(now, self.counts.open + self.sending);
    }

    fn end(&mut self, id: Id, fate: Fate) {
        self.ended.insert(id, fate);
        self.ended_in_order.push_back(id);
        if self.ended_in_order.len() > REMEMBERED
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            // From here on it is SQS's counts that tell of it.
            let is_open = self.ended.remove(&oldest) == Some(Fate::GivenUp { is_accepted: true });
            self.counts.open -= u64::from(is_open);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Expect(u8),
        Accept(u8),
        GiveUp(u8),
        Answer(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let id = || 0..12_u8;
        prop_oneof![
            id().prop_map(Step::Expect),
            id().prop_map(Step::Accept),
            id().prop_map(Step::GiveUp),
            id().prop_map(Step::Answer),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_the_counts_and_nobody_is_answered_twice(
            steps in proptest::collection::vec(step(), 1..80),
        ) {
            let mut book: Book<u8> = Book::new();
            let (mut begun, mut served, mut answers) = (Vec::new(), Vec::new(), 0);
            for (now, step) in steps.into_iter().enumerate() {
                let now = now as u64 * 100;
                match step {
                    // An id is drawn once.
                    Step::Expect(id) if !begun.contains(&id) => {
                        begun.push(id);
                        book.expect(u128::from(id).into(), now, id);
                    }
                    Step::Expect(_) => {}
                    Step::Accept(id) => book.accept(u128::from(id).into(), now),
                    Step::GiveUp(id) => book.give_up(u128::from(id).into(), now),
                    Step::Answer(id) => {
                        answers += 1;
                        if let Arrived::First(waiter) = book.answer(u128::from(id).into(), now, Some(1)) {
                            prop_assert_eq!(waiter, id);
                            prop_assert!(!served.contains(&id));
                            served.push(id);
                        }
                    }
                }
                let Counts { accepted, answered, failed, duplicates, unknown, outputs, open, .. } = book.counts;
                prop_assert_eq!(open, accepted - outputs);
                prop_assert!(book.most_own(now) >= open + book.sending);
                let waiting = book.waiting.values().filter(|waiting| waiting.is_accepted).count() as u64;
                prop_assert_eq!(accepted, answered + failed + waiting);
                prop_assert_eq!(answered + duplicates + unknown, answers);
                prop_assert!(outputs <= begun.len() as u64 && outputs >= answered);
            }
        }
    }

    #[test]
    fn a_late_answer_is_unknown_once_and_a_duplicate_after() {
        let mut book = Book::new();
        book.expect(1.into(), 0, ());
        book.accept(1.into(), 0);
        book.give_up(1.into(), 4);
        assert_eq!(book.counts.open, 1, "it lies in the queue, whoever waits");
        assert_eq!(book.answer(1.into(), 5, None), Arrived::Unknown);
        assert_eq!(book.answer(1.into(), 6, None), Arrived::Duplicate);
        assert_eq!(book.answer(2.into(), 7, None), Arrived::Unknown);
        let Counts { accepted, failed, unknown, duplicates, outputs, open, .. } = book.counts;
        assert_eq!((accepted, failed, unknown, duplicates, outputs, open), (1, 1, 2, 1, 1, 0));
    }

    #[test]
    fn an_answer_to_what_was_given_up_before_it_was_known_to_be_sent_hides_no_other_request() {
        let mut book = Book::new();
        book.expect(1.into(), 0, ());
        book.give_up(1.into(), 1);
        assert_eq!(book.answer(1.into(), 2, None), Arrived::Unknown);
        book.expect(2.into(), 3, ());
        book.accept(2.into(), 3);
        let Counts { accepted, failed, outputs, open, .. } = book.counts;
        assert_eq!((accepted, failed, outputs, open), (2, 1, 1, 1));
    }

    #[test]
    fn the_oldest_and_the_mean_of_the_last_fifty() {
        let mut book = Book::new();
        assert_eq!((book.oldest(9), book.service()), (0, None));
        for id in 0..100_u128 {
            book.expect(id.into(), id as u64, ());
            book.answer(id.into(), 1_000, Some(if id < 50 { 1_000_000 } else { 10 }));
        }
        assert_eq!((book.oldest(1_000), book.service()), (0, Some(10)));
        book.expect(200.into(), 400, ());
        book.expect(201.into(), 300, ());
        assert_eq!((book.oldest(1_000), book.waiting.len()), (700, 2));
        assert_eq!(book.arrivals(1_000), [0, 0, 0, 0, 0, 100]);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut book = Book::new();
        for id in 0..=REMEMBERED as u128 {
            book.expect(id.into(), 0, ());
            book.answer(id.into(), 0, None);
        }
        assert_eq!((book.ended.len(), book.ended_in_order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(book.answer(0.into(), 0, None), Arrived::Unknown);
    }

    #[test]
    fn what_is_forgotten_without_an_answer_is_open_no_more() {
        let mut book = Book::new();
        for id in 0..=REMEMBERED as u128 {
            book.expect(id.into(), 0, ());
            book.accept(id.into(), 0);
            book.give_up(id.into(), 0);
        }
        assert_eq!(book.counts.open, REMEMBERED as u64);
    }

    #[test]
    fn times_are_learnt_from_answers_to_what_a_front_before_sent() {
        let mut book: Book<()> = Book::new();
        assert_eq!(book.answer(1.into(), 5, None), Arrived::Unknown);
        assert_eq!(book.service(), None, "its program was not run");
        assert_eq!(book.answer(2.into(), 6, Some(30)), Arrived::Unknown);
        assert_eq!(book.answer(3.into(), 7, Some(10)), Arrived::Unknown);
        assert_eq!(book.service(), Some(20));
        let Counts { accepted, unknown, outputs, open, .. } = book.counts;
        assert_eq!((accepted, unknown, outputs, open), (0, 3, 0, 0), "they were never this front's");
    }
}
