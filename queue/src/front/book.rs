//! The book of one cluster: who waits for which answer, and what came of all requests. Pure: time is an input.
//!
//! At any moment: accepted = answered + failed + those that wait.

use std::collections::{HashMap, VecDeque};

use super::arrivals::Arrivals;
use crate::message::Id;

/// Ids that are remembered after their end, so that a late answer is not taken for one to nobody's request.
const REMEMBERED: usize = 100_000;
/// Answers of which the mean time of the program is made.
const MEAN_OVER: usize = 50;

/// Requests of one cluster; `W` is who waits.
#[derive(Debug)]
pub(super) struct Book<W> {
    waiting: HashMap<Id, Waiting<W>>,
    ended: HashMap<Id, Fate>,
    /// The same ids, the oldest first.
    ended_in_order: VecDeque<Id>,
    arrivals: Arrivals,
    works: VecDeque<u64>,
    pub(super) counts: Counts,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) answered: u64,
    pub(super) failed: u64,
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
    GivenUp,
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
            works: VecDeque::new(),
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
    }

    /// The message was sent.
    pub(super) fn accept(&mut self, id: Id, now: u64) {
        if let Some(waiting) = self.waiting.get_mut(&id).filter(|waiting| !waiting.is_accepted) {
            waiting.is_accepted = true;
            self.counts.accepted += 1;
            self.arrivals.record(now);
        }
    }

    /// Nobody waits any more: the time is up, the client went away, or it is not known whether the message was sent. One that
    /// was answered stays so.
    pub(super) fn give_up(&mut self, id: Id) {
        if let Some(waiting) = self.waiting.remove(&id) {
            self.counts.failed += u64::from(waiting.is_accepted);
            self.end(id, Fate::GivenUp);
        }
    }

    /// An answer came; `work` is the program's time for it, if it was run.
    pub(super) fn answer(&mut self, id: Id, now: u64, work: Option<u64>) -> Arrived<W> {
        // Whoever answers has read the message: it was sent, whatever the sender was told.
        self.accept(id, now);
        if let Some(waiting) = self.waiting.remove(&id) {
            self.counts.answered += 1;
            self.counts.outputs += 1;
            self.note(work);
            self.end(id, Fate::Answered);
            return Arrived::First(waiting.waiter);
        }
        match self.ended.get_mut(&id) {
            Some(Fate::Answered) => {
                self.counts.duplicates += 1;
                Arrived::Duplicate
            }
            Some(fate) => {
                *fate = Fate::Answered;
                self.counts.outputs += 1;
                self.counts.unknown += 1;
                self.note(work);
                Arrived::Unknown
            }
            None => {
                self.counts.unknown += 1;
                Arrived::Unknown
            }
        }
    }

    /// Age of the oldest that waits, in milliseconds.
    pub(super) fn oldest(&self, now: u64) -> u64 {
        self.waiting.values().map(|waiting| now.saturating_sub(waiting.since)).max().unwrap_or_default()
    }

    /// Arrivals of the last six ten seconds.
    pub(super) fn arrivals(&mut self, now: u64) -> Vec<u64> {
        self.arrivals.stretches(now)
    }

    /// Mean time of the program for the last answers.
    pub(super) fn service(&self) -> Option<u64> {
        self.works.iter().sum::<u64>().checked_div(self.works.len() as u64)
    }

    fn note(&mut self, work: Option<u64>) {
        if let Some(work) = work {
            self.works.truncate(MEAN_OVER - 1);
            self.works.push_front(work);
        }
    }

    fn end(&mut self, id: Id, fate: Fate) {
        self.ended.insert(id, fate);
        self.ended_in_order.push_back(id);
        if self.ended_in_order.len() > REMEMBERED
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
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
                    Step::GiveUp(id) => book.give_up(u128::from(id).into()),
                    Step::Answer(id) => {
                        answers += 1;
                        if let Arrived::First(waiter) = book.answer(u128::from(id).into(), now, Some(1)) {
                            prop_assert_eq!(waiter, id);
                            prop_assert!(!served.contains(&id));
                            served.push(id);
                        }
                    }
                }
                let Counts { accepted, answered, failed, duplicates, unknown, outputs, .. } = book.counts;
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
        book.give_up(1.into());
        assert_eq!(book.answer(1.into(), 5, None), Arrived::Unknown);
        assert_eq!(book.answer(1.into(), 6, None), Arrived::Duplicate);
        assert_eq!(book.answer(2.into(), 7, None), Arrived::Unknown);
        let Counts { accepted, failed, unknown, duplicates, outputs, .. } = book.counts;
        assert_eq!((accepted, failed, unknown, duplicates, outputs), (1, 1, 2, 1, 1));
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
}
