//! Seconds of a load, put together from those of its threads. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::recording::Tally;
use crate::engine::segment::Second;

/// Counts of all threads in one second, or in the part of the last one that load was on.
#[derive(Debug)]
pub(crate) struct Interval {
    /// From the start of the segment.
    pub(crate) starts: Duration,
    pub(crate) length: Duration,
    pub(crate) tally: Tally,
}

/// Keeps the seconds that are not over on every thread, and as few besides as the length of the last one asks for.
#[derive(Debug)]
pub(crate) struct Seconds {
    /// Second of each thread before which it will tell nothing more.
    passed: Vec<u64>,
    open: BTreeMap<u64, Tally>,
    /// Seconds before this one were given out.
    given: u64,
}

impl Seconds {
    pub(crate) fn of(threads: usize) -> Self {
        Self { passed: vec![0; threads], open: BTreeMap::new(), given: 0 }
    }

    /// Takes what one thread did in one second. Returns, in order, what is complete: seconds that every thread has passed,
    /// and after which something happened. Only then is it certain that load was on for the whole of it.
    pub(crate) fn add(&mut self, second: &Second) -> Vec<Interval> {
        if let Some(passed) = self.passed.get_mut(second.thread as usize) {
            *passed = if second.is_last { u64::MAX } else { second.number + u64::from(second.is_over) };
        }
        if second.tally.has_times() {
            self.open.entry(second.number).or_default().merge(&second.tally);
        }
        let passed = self.passed.iter().min().copied().unwrap_or(0);
        let latest = self.open.keys().next_back().copied().unwrap_or(0);
        self.give(passed.min(latest), Duration::MAX)
    }

    /// The rest of a segment that took so long, from its start to the end of its last request.
    pub(crate) fn finish(mut self, took: Duration) -> Vec<Interval> {
        let until = took.as_secs() + u64::from(took.subsec_nanos() > 0);
        self.give(until, took)
    }

    /// Also seconds in which nothing happened: whoever adds up the lengths must come to the whole time.
    fn give(&mut self, until: u64, took: Duration) -> Vec<Interval> {
        let mut given = Vec::new();
        while self.given < until {
            let starts = Duration::from_secs(self.given);
            let length = took.saturating_sub(starts).min(Duration::from_secs(1));
            let tally = self.open.remove(&self.given).unwrap_or_default();
            given.push(Interval { starts, length, tally });
            self.given += 1;
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(thread: u32, number: u64, answers: u64, is_last: bool) -> Second {
        let mut tally = Tally::default();
        (0..answers).for_each(|_| tally.response.record(7));
        let (members, sends) = (Vec::new(), Vec::new());
        Second { thread, number, utc_second: number, tally, counts: true, members, sends, is_over: true, is_last }
    }

    /// Start and length in milliseconds, and answers.
    fn shown(intervals: Vec<Interval>) -> Vec<(u128, u128, u64)> {
        let shown = |it: Interval| (it.starts.as_millis(), it.length.as_millis(), it.tally.response.count());
        intervals.into_iter().map(shown).collect()
    }

    #[test]
    fn threads_are_added_and_the_last_second_has_its_own_length() {
        let mut seconds = Seconds::of(2);
        assert_eq!(shown(seconds.add(&second(0, 0, 3, false))), []);
        assert_eq!(shown(seconds.add(&second(0, 1, 1, false))), [], "the other thread is in the first second still");
        assert_eq!(shown(seconds.add(&second(1, 0, 2, false))), [(0, 1000, 5)]);
        assert_eq!(shown(seconds.add(&second(1, 1, 4, false))), [], "it may be the last one");
        assert_eq!(shown(seconds.add(&second(0, 2, 1, true))), [(1000, 1000, 5)]);
        assert_eq!(shown(seconds.add(&second(1, 2, 1, true))), []);
        assert_eq!(shown(seconds.finish(Duration::from_millis(2_250))), [(2000, 250, 2)]);
    }

    #[test]
    fn a_second_that_is_told_in_two_parts_is_one() {
        let mut seconds = Seconds::of(1);
        let part = |number, answers, is_over| Second { is_over, ..second(0, number, answers, false) };
        assert_eq!(shown(seconds.add(&part(0, 3, false))), []);
        assert_eq!(shown(seconds.add(&part(0, 4, true))), []);
        assert_eq!(shown(seconds.add(&part(1, 1, false))), [(0, 1000, 7)]);
        assert_eq!(shown(seconds.add(&part(1, 2, true))), []);
        assert_eq!(shown(seconds.finish(Duration::from_millis(1_700))), [(1000, 700, 3)]);
    }

    #[test]
    fn seconds_without_anything_are_there_and_those_after_the_end_are_not() {
        let mut seconds = Seconds::of(1);
        assert_eq!(shown(seconds.add(&second(0, 0, 1, false))), []);
        // The thread slept through a second.
        assert_eq!(shown(seconds.add(&second(0, 2, 1, false))), [(0, 1000, 1), (1000, 1000, 0)]);
        assert_eq!(shown(seconds.add(&second(0, 3, 0, false))), []);
        assert_eq!(shown(seconds.add(&second(0, 4, 0, true))), []);
        assert_eq!(shown(seconds.finish(Duration::from_millis(2_900))), [(2000, 900, 1)]);
        assert_eq!(shown(Seconds::of(1).finish(Duration::ZERO)), []);
    }
}
