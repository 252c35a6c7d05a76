//! Counts of a load that is judged by how many of its requests are in time, and its end when enough was seen.

use super::poller::now_nanos;
use super::recording::{Failure, Tally};
use super::segment::LoadSegment;

/// How often a thread counts its open requests that are slow already.
const LOOK_NANOS: u64 = 5_000_000;

impl LoadSegment<'_> {
    /// Counts that a request belongs to which was planned at this moment.
    pub(super) fn tally_of(&mut self, planned_nanos: u64) -> &mut Tally {
        if self.load.counts(planned_nanos) { &mut self.tally } else { &mut self.count.before }
    }

    /// A request that was planned at this moment has failed.
    pub(super) fn note_failed(&mut self, planned_nanos: u64, failure: Failure) {
        self.tally_of(planned_nanos).failed(failure);
        self.note_bad(planned_nanos);
    }

    /// A request that was planned at this moment failed, or was slow.
    pub(super) fn note_bad(&mut self, planned_nanos: u64) {
        if self.load.counts(planned_nanos) {
            self.count.bad += 1;
        }
    }

    /// A request that was planned at this moment has ended, or is open, after so long.
    pub(super) fn note_time(&mut self, planned_nanos: u64, took_nanos: u64) {
        let is_slow = self.load.counted.as_ref().is_some_and(|counted| took_nanos > counted.in_time_nanos);
        if is_slow {
            self.tally_of(planned_nanos).slow += 1;
            self.note_bad(planned_nanos);
        }
    }

    /// Whether the load was cut because enough were slow or failed. Also those count that are open and slow already.
    pub(super) fn has_enough(&mut self, now: u64) -> bool {
        let load = self.load;
        let Some(counted) = &load.counted else { return false };
        if now >= self.count.next_look_nanos {
            self.count.next_look_nanos = now + LOOK_NANOS;
            let from = load.starts_nanos + counted.after_nanos;
            let open = self.connections.begun_before(now.saturating_sub(counted.in_time_nanos), from);
            // An open one that is slow ends as a slow one or as a failure: the sum never falls.
            let all = self.count.bad + open;
            counted.add(all.saturating_sub(self.count.told), now_nanos());
            self.count.told = self.count.told.max(all);
        }
        counted.cut_nanos().is_some()
    }
}
