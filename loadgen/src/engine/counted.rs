//! Count of a load that is judged by how many of its requests are in time: from when on it counts, what is slow, and when enough
//! was seen.

use std::sync::atomic::{AtomicU64, Ordering};

use super::recording::Tally;

/// Not cut.
const NEVER: u64 = u64::MAX;

/// What counts of one load; shared by all threads.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Requests that are planned before are told apart, from the start of the load.
    pub(crate) after_nanos: u64,
    /// Longest time of an answer that is in time.
    pub(crate) in_time_nanos: u64,
    /// The load is cut when so many are slow or have failed.
    enough: u64,
    /// So many are so far.
    bad: AtomicU64,
    cut_nanos: AtomicU64,
}

impl Counted {
    pub(crate) fn new(after_nanos: u64, in_time_nanos: u64, enough: u64) -> Self {
        let (bad, cut_nanos) = (AtomicU64::new(0), AtomicU64::new(NEVER));
        Self { after_nanos, in_time_nanos, enough, bad, cut_nanos }
    }

    /// So many more requests are slow or have failed.
    pub(super) fn add(&self, more: u64, now: u64) {
        // Relaxed: a few requests more are sent before every thread sees that it is cut.
        if self.bad.fetch_add(more, Ordering::Relaxed) + more >= self.enough {
            self.cut_nanos.fetch_min(now, Ordering::Relaxed);
        }
    }

    /// When it was cut, on the monotonic clock.
    pub(crate) fn cut_nanos(&self) -> Option<u64> {
        Some(self.cut_nanos.load(Ordering::Relaxed)).filter(|cut| *cut != NEVER)
    }
}

/// What one thread has counted of it.
#[derive(Debug, Default)]
pub(super) struct ThreadCount {
    /// Requests that were planned too early to count.
    pub(super) before: Tally,
    /// Slow or failed, and ended.
    pub(super) bad: u64,
    /// Told to the other threads, those that are open and slow included.
    pub(super) told: u64,
    pub(super) next_look_nanos: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_cut_once_when_threads_together_have_seen_enough() {
        let counted = Counted::new(0, 1, 10);
        counted.add(6, 100);
        assert_eq!(counted.cut_nanos(), None);
        counted.add(4, 300);
        counted.add(1, 400);
        assert_eq!(counted.cut_nanos(), Some(300));
    }
}
