//! Counts of the messages of a queue, now and a while ago: the counts that SQS shows are approximate and late.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Length of the steps in which the past is kept.
const STEP_MILLIS: i64 = 100;
/// The past that is kept: the minute that AWS names, twice.
const KEPT_STEPS: i64 = 2 * 60 * 1_000 / STEP_MILLIS;

/// Messages of a queue by what can be done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They can be received.
    pub visible: usize,
    /// They were received, and neither deleted nor visible again.
    pub in_flight: usize,
    /// They were sent with a delay that is not over.
    pub delayed: usize,
}

/// Counts at the end of each step in which they changed, the oldest first.
#[derive(Debug)]
pub(super) struct History(VecDeque<(i64, Counts)>);

impl History {
    /// The history of a queue that is made now.
    pub(super) fn new(now: Timestamp) -> Self {
        Self(VecDeque::from([(step(now) - 1, Counts::default())]))
    }

    pub(super) fn note(&mut self, at: Timestamp, counts: Counts) {
        let step = step(at);
        match self.0.back_mut() {
            Some((last, kept)) if *last >= step => *kept = counts,
            _ => self.0.push_back((step, counts)),
        }
        while self.0.get(1).is_some_and(|(second, _)| *second < step - KEPT_STEPS) {
            self.0.pop_front();
        }
    }

    /// The counts of a moment; of one that is forgotten, the oldest that are known.
    pub(super) fn at(&self, at: Timestamp) -> Counts {
        let step = step(at);
        let index = self.0.partition_point(|(of, _)| *of <= step);
        let kept = self.0.get(index.saturating_sub(1)).or_else(|| self.0.back());
        kept.map_or_else(Counts::default, |(_, counts)| *counts)
    }
}

fn step(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(STEP_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    fn visible(count: usize) -> Counts {
        Counts { visible: count, ..Counts::default() }
    }

    #[test]
    fn the_past_is_known_to_the_step_and_for_two_minutes() {
        let mut history = History::new(at(0));
        history.note(at(10), visible(1));
        history.note(at(20), visible(2));
        history.note(at(1_050), visible(3));
        assert_eq!((history.at(at(-200)), history.at(at(60))), (visible(0), visible(2)));
        assert_eq!(
            (history.at(at(999)), history.at(at(1_000)), history.at(at(9_000))),
            (visible(2), visible(3), visible(3))
        );
        for minute in 1..100 {
            history.note(at(minute * 60_000), visible(10));
        }
        assert!(history.0.len() < 5);
        assert_eq!(history.at(at(0)), visible(10), "the oldest that is known");
    }
}
