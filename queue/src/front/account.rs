//! The account of one cluster: calls of the front and of its pullers, and the boots of its members.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::QueueCalls;

use super::boots::Boots;
use crate::puller_status::PullerStatus;
use crate::tally::Tally;

/// Shared by a cluster and all members that it ever had.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Calls of the front itself, and those that pullers told of.
    pub(super) calls: Tally,
    /// Calls of each process of a puller, as it last told them.
    told: Mutex<BTreeMap<String, QueueCalls>>,
    boots: Mutex<Boots>,
    /// Times at which instances began to lack.
    lacks: AtomicU64,
}

impl Account {
    pub(super) fn boots(&self) -> MutexGuard<'_, Boots> {
        self.boots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From one membership to the next instances that are wanted cannot be had, or can again.
    pub(super) fn lack(&self, before: u32, after: u32) {
        self.lacks.fetch_add(u64::from(before == 0 && after > 0), Relaxed);
    }

    pub(super) fn lacks(&self) -> u64 {
        self.lacks.load(Relaxed)
    }

    /// A puller told of its calls, at so many milliseconds since the front's start. A process that is new began at nothing; one
    /// that is older than this front had made its calls for another front, and they are that one's.
    pub(super) fn heard(&self, puller: &PullerStatus, now: u64) {
        if puller.process.is_empty() {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = puller.uptime_millis > now;
        let begun_at = if is_older { puller.calls } else { QueueCalls::default() };
        let before = told.entry(puller.process.clone()).or_insert(begun_at);
        let more = puller.calls.since(*before);
        *before += more;
        self.calls.add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(process: &str, uptime_millis: u64, sqs: u64) -> PullerStatus {
        let calls = QueueCalls { sqs, s3_puts: sqs / 2, s3_gets: 1 };
        PullerStatus { process: process.into(), uptime_millis, calls, ..PullerStatus::default() }
    }

    #[test]
    fn calls_of_pullers_are_counted_once_whichever_process_tells_them() {
        let account = Account::default();
        account.calls.sqs(100);
        account.heard(&says("p1", 4_000, 10), 5_000);
        account.heard(&says("p1", 5_000, 16), 6_000);
        account.heard(&says("p1", 4_500, 12), 6_000);
        account.heard(&says("p1", 5_000, 16), 6_000);
        assert_eq!(account.calls.calls(), QueueCalls { sqs: 116, s3_puts: 8, s3_gets: 1 });
        // It restarted, and its last answer comes late.
        account.heard(&says("p2", 10, 2), 7_000);
        account.heard(&says("p1", 5_500, 18), 7_000);
        assert_eq!(account.calls.calls(), QueueCalls { sqs: 120, s3_puts: 10, s3_gets: 2 });
    }

    #[test]
    fn calls_from_before_this_front_are_not_its() {
        let account = Account::default();
        account.heard(&says("p1", 90_000, 1_000), 500);
        account.heard(&says("p1", 91_000, 1_003), 1_500);
        assert_eq!(account.calls.calls(), QueueCalls { sqs: 3, s3_puts: 1, s3_gets: 0 });
    }
}
