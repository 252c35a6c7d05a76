//! The classic student rule: every member is measured once in ten requests, the rest go to the fastest.
//!
//! Source: the balancer that course projects on EC2 write ("response time refreshed every 10 requests").
//! Pathologies, which this project exists to show: between two measurements one member carries the load of all,
//! so the rule is unstable wherever one member cannot; the loaded member's measurement improves only when it is
//! measured again, so traffic swings; and a bigger instance, which has more cores rather than faster ones, does
//! not look better. One pathology is mended, because it would hide the others: a member that fails at once is not
//! "the fastest". A failure counts as infinitely slow until the member's next measurement.

use rand::Rng;

use super::{Candidate, MemberKey, Nanos, Outcome, Pick, Policy, lowest};

/// Requests from one round of measurements to the next. More when there are more members than this, for each is
/// measured once in a round.
const ROUND: usize = 10;

/// Marks the requests that measure; the others are not looked at, as in the original.
const MEASURES: u32 = 1;

/// What is remembered of each member, in order of keys.
#[derive(Debug, Default)]
pub struct FastestOfTen {
    members: Vec<(MemberKey, Measured)>,
    /// Requests placed in this round.
    placed: usize,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    /// To be measured in this round.
    due: bool,
    /// Last measurement: `Nanos(u64::MAX)` after a failure, `None` before the first.
    latency: Option<Nanos>,
}

impl FastestOfTen {
    fn of(&self, key: MemberKey) -> Option<&Measured> {
        self.members.binary_search_by_key(&key, |(key, _)| *key).ok().map(|index| &self.members[index].1)
    }

    fn of_mut(&mut self, key: MemberKey) -> Option<&mut Measured> {
        self.members.binary_search_by_key(&key, |(key, _)| *key).ok().map(|index| &mut self.members[index].1)
    }
}

impl Policy for FastestOfTen {
    fn members(&mut self, _now: Nanos, members: &[MemberKey]) {
        let new = |key: &MemberKey| (*key, self.of(*key).copied().unwrap_or(Measured { due: true, latency: None }));
        self.members = members.iter().map(new).collect();
    }

    fn pick(&mut self, _now: Nanos, candidates: &[Candidate], random: &mut dyn Rng) -> Pick {
        if self.placed >= ROUND.max(self.members.len()) {
            self.placed = 0;
            self.members.iter_mut().for_each(|(_, measured)| measured.due = true);
        }
        self.placed += 1;
        let due = |candidate: &Candidate| self.of(candidate.key).filter(|measured| measured.due).map(|_| ());
        if let Some(index) = lowest(candidates, random, due) {
            if let Some(measured) = self.of_mut(candidates[index].key) {
                measured.due = false;
            }
            return Pick { index, note: MEASURES };
        }
        // Not measured yet: behind everything that was, failures included, for nothing is known in its favour.
        let latency = |candidate: &Candidate| {
            let latency = self.of(candidate.key).and_then(|measured| measured.latency);
            Some((latency.is_none(), latency))
        };
        Pick { index: lowest(candidates, random, latency).unwrap_or(0), note: 0 }
    }

    fn finished(&mut self, _now: Nanos, member: MemberKey, note: u32, outcome: Outcome, latency: Nanos) {
        let Some(measured) = self.of_mut(member) else { return };
        match outcome {
            Outcome::Failure => measured.latency = Some(Nanos(u64::MAX)),
            Outcome::Success if note == MEASURES => measured.latency = Some(latency),
            Outcome::Success | Outcome::Abandoned => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::simulation::{Simulation, candidates, random};

    #[test]
    fn each_member_is_measured_once_in_ten_and_the_fastest_gets_the_rest() {
        let mut simulation = Simulation::new(FastestOfTen::default(), &[5_000, 1_000, 3_000, 4_000]);
        // One at a time, so that every measurement is in before the next request: the first round is the warm-up.
        simulation.closed_loop(1_000, 1);
        assert_eq!(simulation.shares(), [100, 700, 100, 100]);
    }

    #[test]
    fn with_more_than_ten_members_a_round_measures_all_of_them() {
        let mut simulation = Simulation::new(FastestOfTen::default(), &[1_000; 12]);
        simulation.closed_loop(120, 1);
        assert_eq!(simulation.shares(), [10; 12]);
    }

    #[test]
    fn one_member_carries_the_load_of_all_between_measurements() {
        // The pathology, pinned: a thousandth of a difference moves everything that is not a measurement to one side.
        let mut simulation = Simulation::new(FastestOfTen::default(), &[1_000, 1_001]);
        simulation.closed_loop(1_000, 1);
        assert_eq!(simulation.shares(), [900, 100]);
    }

    #[test]
    fn a_failing_member_never_looks_fast() {
        let mut simulation = Simulation::new(FastestOfTen::default(), &[5_000, 4_000, 10]);
        simulation.fail(2);
        simulation.closed_loop(1_000, 1);
        assert_eq!(simulation.shares(), [100, 800, 100]);
    }

    #[test]
    fn a_failure_between_measurements_counts_at_once() {
        let (mut policy, mut random, members) = (FastestOfTen::default(), random(3), candidates(&[1, 2]));
        policy.members(Nanos(0), &[MemberKey(1), MemberKey(2)]);
        for _ in 0..2 {
            let pick = policy.pick(Nanos(0), &members, &mut random);
            let key = members[pick.index].key;
            policy.finished(Nanos(0), key, pick.note, Outcome::Success, Nanos(key.0 * 100));
        }
        assert_eq!(policy.pick(Nanos(0), &members, &mut random), Pick { index: 0, note: 0 });
        policy.finished(Nanos(0), MemberKey(1), 0, Outcome::Abandoned, Nanos(1));
        assert_eq!(policy.pick(Nanos(0), &members, &mut random).index, 0);
        policy.finished(Nanos(0), MemberKey(1), 0, Outcome::Failure, Nanos(1));
        assert_eq!(policy.pick(Nanos(0), &members, &mut random).index, 1);
    }

    #[test]
    fn members_keep_their_measurement_when_others_come_and_go() {
        let (mut policy, mut random) = (FastestOfTen::default(), random(4));
        policy.members(Nanos(0), &[MemberKey(1), MemberKey(2)]);
        for key in [1, 2] {
            policy.finished(Nanos(0), MemberKey(key), MEASURES, Outcome::Success, Nanos(key * 100));
        }
        policy.members(Nanos(0), &[MemberKey(2), MemberKey(3)]);
        assert_eq!(policy.of(MemberKey(2)).and_then(|measured| measured.latency), Some(Nanos(200)));
        // A late answer of the member that left is nobody's measurement.
        policy.finished(Nanos(0), MemberKey(1), MEASURES, Outcome::Success, Nanos(1));
        let members = candidates(&[2, 3]);
        let measuring = (0..2).filter(|_| policy.pick(Nanos(0), &members, &mut random).note == MEASURES).count();
        assert_eq!(measuring, 2);
        assert_eq!(policy.pick(Nanos(0), &members, &mut random).index, 0);
    }
}
