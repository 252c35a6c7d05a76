//! Two members are drawn at random, and the one whose moving latency times requests in flight is lower is picked.
//!
//! Source: Finagle's `PeakEwma` and tower's `peak_ewma` (linkerd's balancer): latency is a moving average over about
//! ten seconds that a higher value replaces at once; cost = latency x (in flight + 1).
//! Pathologies: the average decays towards zero while a member is idle, so it looks ever better the less is known of
//! it; in flight is multiplied as if each member served one request at a time, which over-prices members of many
//! cores; an outlier prices a good member out until it has decayed; a member that hangs gives no value at all; and one
//! that fails at once is the fastest of all (linkerd shipped it for years before failures got a price). The last one is
//! kept here as well: it is what makes the comparison honest.

use rand::Rng;

use super::p2c_least_requests::two;
use super::roster::Roster;
use super::{Ask, Candidate, MemberKey, Nanos, Outcome, Pick, Policy};

/// Time in which an old value loses 63 % of its weight: Finagle's and tower's default.
const DECAY: f64 = 10e9;

/// Latency that a member without any answer is taken to have: tower's `default_rtt` as linkerd sets it, 30 ms.
const UNKNOWN: f64 = 30e6;

/// Remembers one moving average of each member.
#[derive(Debug, Default)]
pub struct PeakEwma {
    members: Roster<Average>,
}

/// Nanoseconds, as of a moment.
#[derive(Clone, Copy, Debug)]
struct Average {
    latency: f64,
    at: Nanos,
}

impl Average {
    fn now(self, now: Nanos) -> f64 {
        self.latency * (-(now.since(self.at).0 as f64) / DECAY).exp()
    }
}

impl PeakEwma {
    fn cost(&self, now: Nanos, candidate: &Candidate) -> f64 {
        let latency = self.members.get(candidate.key).map_or(UNKNOWN, |average| average.now(now));
        latency * (candidate.in_flight as f64 + 1.0)
    }
}

impl Policy for PeakEwma {
    fn members(&mut self, now: Nanos, members: &[MemberKey]) {
        self.members.change(members, || Average { latency: UNKNOWN, at: now });
    }

    fn pick(&mut self, now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        let (first, second) = two(ask.candidates.len(), random);
        let cost = |index: usize| ask.candidates.get(index).map_or(f64::INFINITY, |one| self.cost(now, one));
        let index = if cost(second) < cost(first) { second } else { first };
        Pick::Send { index, note: 0 }
    }

    fn finished(&mut self, now: Nanos, member: MemberKey, _note: u32, outcome: Outcome, latency: Nanos) {
        let Some(average) = self.members.get_mut(member) else { return };
        // Any answer is an answer, also a failure: as in the originals.
        if outcome == Outcome::Abandoned {
            return;
        }
        let (old, new) = (average.now(now), latency.0 as f64);
        let weight = (-(now.since(average.at).0 as f64) / DECAY).exp();
        let mixed = average.latency * weight + new * (1.0 - weight);
        *average = Average { latency: if new > old { new } else { mixed }, at: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, random};

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let mut policy = PeakEwma::default();
        policy.members(Nanos(0), &[MemberKey(1), MemberKey(2)]);
        let members = candidates(&[1, 2]);
        let share = |policy: &mut PeakEwma, now: u64| {
            let mut random = random(1);
            let ask = Ask { candidates: &members, parked: 1, may_hold: true };
            (0..100).filter(|_| policy.pick(Nanos(now), &ask, &mut random) == Pick::Send { index: 0, note: 0 }).count()
        };
        policy.finished(Nanos(1), MemberKey(1), 0, Outcome::Success, Nanos(900_000_000));
        policy.finished(Nanos(1), MemberKey(2), 0, Outcome::Success, Nanos(31_000_000));
        assert_eq!(share(&mut policy, 2), 0);
        // The pathology, pinned: after a minute without traffic the slow one costs next to nothing.
        policy.finished(Nanos(60_000_000_000), MemberKey(2), 0, Outcome::Success, Nanos(31_000_000));
        assert_eq!(share(&mut policy, 60_000_000_001), 100);
    }
}
