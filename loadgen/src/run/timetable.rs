//! Timetable of several generators that make one load: every phase has its moment, so that none has to ask another.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use wire::{BETWEEN_CLUSTERS_SECONDS, Phase, RunSpec, Stop};

use crate::engine::poller::now_nanos;

/// Clocks of instances differ by less (they are disciplined by the cloud's own source), and a request is late by more.
const LATE: SignedDuration = SignedDuration::from_millis(100);

/// Moments of the segments, from the first one on. Pure but for the clock in the answers how far away one is.
#[derive(Clone, Debug)]
pub(crate) struct Timetable {
    starts_at: Timestamp,
    /// From one cluster to the next.
    slot: SignedDuration,
    /// From the begin of a slot to that of each phase.
    phases: Vec<SignedDuration>,
}

impl Timetable {
    /// `None` for a spec that gives no start, or whose phases do not stop by the clock.
    pub(crate) fn of(spec: &RunSpec) -> Option<Self> {
        let starts_at = spec.start_at?;
        let drain = i64::from(spec.drains_for());
        let between = SignedDuration::from_secs(i64::from(BETWEEN_CLUSTERS_SECONDS));
        let (mut slot, mut phases) = (SignedDuration::ZERO, Vec::new());
        for phase in &spec.phases {
            phases.push(slot);
            let stop = match phase {
                Phase::Pause { seconds } => {
                    slot += SignedDuration::from_secs(i64::from(*seconds));
                    continue;
                }
                Phase::ClosedLoop(load) => load.stop,
                Phase::OpenLoop(load) => load.stop,
            };
            let Stop::DurationSeconds(seconds) = stop else { return None };
            slot += SignedDuration::from_secs(i64::from(seconds) + drain);
        }
        Some(Self { starts_at, slot: slot + between, phases })
    }

    /// Time until the first segment begins.
    pub(crate) fn left(&self) -> Duration {
        Duration::try_from(self.starts_at.duration_since(Timestamp::now())).unwrap_or_default()
    }

    /// Time until a place begins; none when that has passed.
    pub(crate) fn until(&self, slot: u64) -> Duration {
        Duration::try_from(self.moment(slot, 0).duration_since(Timestamp::now())).unwrap_or_default()
    }

    fn moment(&self, slot: u64, phase: u64) -> Timestamp {
        let slots = i32::try_from(slot).unwrap_or(i32::MAX);
        let within = self.phases.get(phase as usize).copied().unwrap_or_default();
        self.starts_at.checked_add(self.slot * slots + within).unwrap_or(Timestamp::MAX)
    }

    /// When the phase begins, on the monotonic clock; an error when that has passed.
    pub(crate) fn begins(&self, slot: u64, phase: u64) -> Result<u64, String> {
        let ahead = self.moment(slot, phase).duration_since(Timestamp::now());
        if ahead < -LATE {
            let late = -ahead.as_millis();
            return Err(format!("this generator was {late} ms late for its place in the timetable of the generators"));
        }
        Ok(now_nanos() + u64::try_from(ahead.as_nanos()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use wire::{Arrivals, OpenLoop};

    use super::*;

    fn spec(stop: Stop) -> RunSpec {
        let load =
            OpenLoop { arrivals: Arrivals::Poisson, requests_per_second: 1, stop, ramp: None, max_connections: None };
        RunSpec {
            phases: vec![Phase::OpenLoop(load.clone()), Phase::Pause { seconds: 5 }, Phase::OpenLoop(load)],
            drain_seconds: Some(2),
            start_at: Some(Timestamp::UNIX_EPOCH),
            ..RunSpec::default()
        }
    }

    #[test]
    fn every_stretch_has_its_moment() {
        let table = Timetable::of(&spec(Stop::DurationSeconds(10))).unwrap();
        let seconds = |slot, phase| table.moment(slot, phase).as_second();
        // 10 s of load, 2 s of drain, 5 s of pause, and 10 s between the clusters.
        assert_eq!([seconds(0, 0), seconds(0, 1), seconds(0, 2), seconds(1, 0)], [0, 12, 17, 39]);
        assert!(table.begins(3, 0).unwrap_err().contains("late for its place"));
        assert!(Timetable::of(&spec(Stop::Requests(10))).is_none());
    }
}
