//! Gathering: a thread that has many requests open, and found few things to read since it last waited, sleeps a moment before it
//! waits again. The next wake-up then finds more to read, and costs the same.
//!
//! Counts are of this thread alone, which serves one shard.

use std::cell::Cell;
use std::time::Duration;

/// A turn in which so much was read is full: what sleep would add to the next one, waiting adds by itself.
const FULL_TURN: u32 = 32;

/// When a shard gathers, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// How long it sleeps before it waits; zero: it never does.
    pub nap: Duration,
    /// Requests that are open on the shard, waiting ones included, from which it does.
    pub from: u32,
}

thread_local! {
    static OPEN: Cell<u32> = const { Cell::new(0) };
    static READ: Cell<u32> = const { Cell::new(0) };
}

/// Something was read.
pub(crate) fn note_read() {
    READ.set(READ.get().saturating_add(1));
}

/// A request that is open on this thread.
pub(crate) struct Open(());

impl Open {
    pub(crate) fn new() -> Self {
        OPEN.set(OPEN.get() + 1);
        Self(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.set(OPEN.get().saturating_sub(1));
    }
}

impl Gathering {
    /// To be called once on the thread before it serves. Sleep is as exact as the thread's timer slack: 50 us as Linux sets it
    /// (PR_SET_TIMERSLACK, prctl(2)), as much as the nap itself.
    pub(crate) fn prepare(self) {
        if !self.nap.is_zero()
            && let Some(slack) = std::num::NonZeroU64::new(1_000)
            && let Err(error) = rustix::thread::set_current_timer_slack(Some(slack))
        {
            tracing::debug!(%error, "timer slack stays as it is: naps take longer");
        }
    }

    /// To be called when the thread is about to wait.
    pub(crate) fn before_waiting(self) {
        if self.is_worth_it(OPEN.get(), READ.replace(0)) {
            std::thread::sleep(self.nap);
        }
    }

    fn is_worth_it(self, open: u32, read: u32) -> bool {
        !self.nap.is_zero() && open >= self.from && read < FULL_TURN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Gathering = Gathering { nap: Duration::from_micros(50), from: 16 };

    #[test]
    fn only_a_busy_shard_gathers_and_only_after_a_turn_that_read_little() {
        assert!(USUAL.is_worth_it(16, 0) && USUAL.is_worth_it(512, FULL_TURN - 1));
        assert!(!USUAL.is_worth_it(15, 0), "few are open: each waits for its own answer");
        assert!(!USUAL.is_worth_it(512, FULL_TURN), "the turn was full");
        assert!(!Gathering { nap: Duration::ZERO, ..USUAL }.is_worth_it(512, 0));
    }

    #[test]
    fn requests_are_counted_while_they_are_open_and_reads_from_one_wait_to_the_next() {
        let (first, second) = (Open::new(), Open::new());
        drop(first);
        assert_eq!(OPEN.get(), 1);
        note_read();
        assert_eq!(READ.get(), 1);
        USUAL.before_waiting();
        assert_eq!(READ.get(), 0);
        drop(second);
        assert_eq!(OPEN.get(), 0);
    }
}
