//! The member whose probes were answered fastest lately.
//!
//! Source: a balancer of the same course by others: a background probe of every member each 2.5 s with a timeout of
//! 1.5 s; the moving average starts at 5 s, takes a new value with weight 0.3, and grows by half, up to 9,999 ms, when a
//! probe fails. The lowest average wins, then the lowest last value.
//! Pathologies: only probes feed the average, so for 2.5 s all traffic goes to one member, and the load it causes shows
//! only in the next probe; a probe measures an idle member as well as a busy one with free cores, so parallelism is
//! invisible; and what fails between two probes is not noticed.

use rand::Rng;

use super::roster::Roster;
use super::{Ask, MemberKey, Nanos, Outcome, Pick, Policy, Probes, lowest};

const INTERVAL: Nanos = Nanos(2_500_000_000);
const TIMEOUT: Nanos = Nanos(1_500_000_000);
/// Before the first probe.
const START_MILLIS: f64 = 5_000.0;
const WEIGHT: f64 = 0.3;
const GROWTH: f64 = 1.5;
const MOST_MILLIS: f64 = 9_999.0;

/// Remembers what the probes of each member said.
#[derive(Debug, Default)]
pub struct ProbeEwma {
    members: Roster<Probed>,
}

#[derive(Clone, Copy, Debug)]
struct Probed {
    is_up: bool,
    average_millis: f64,
    last_millis: f64,
}

impl Policy for ProbeEwma {
    fn members(&mut self, _now: Nanos, members: &[MemberKey]) {
        let new = Probed { is_up: true, average_millis: START_MILLIS, last_millis: START_MILLIS };
        self.members.change(members, || new);
    }

    fn pick(&mut self, _now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        // Those that are down only when all are.
        let index = lowest(ask.candidates, random, |candidate| {
            let probed = self.members.get(candidate.key)?;
            Some((!probed.is_up, probed.average_millis, probed.last_millis))
        });
        Pick::Send { index: index.unwrap_or(0), note: 0 }
    }

    fn probed(&mut self, _now: Nanos, member: MemberKey, outcome: Outcome, latency: Nanos) {
        let Some(probed) = self.members.get_mut(member) else { return };
        probed.is_up = outcome == Outcome::Success && latency <= TIMEOUT;
        if probed.is_up {
            probed.last_millis = latency.0 as f64 / 1e6;
            probed.average_millis += WEIGHT * (probed.last_millis - probed.average_millis);
        } else {
            probed.average_millis = (probed.average_millis * GROWTH).min(MOST_MILLIS);
        }
    }

    fn probes(&self) -> Option<Probes> {
        Some(Probes { interval: INTERVAL, timeout: TIMEOUT })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, placed, random};

    #[test]
    fn the_lowest_average_takes_everything_until_the_next_probe() {
        let (mut policy, mut random, members) = (ProbeEwma::default(), random(1), candidates(&[1, 2]));
        policy.members(Nanos(0), &[MemberKey(1), MemberKey(2)]);
        let millis = |millis: u64| Nanos(millis * 1_000_000);
        policy.probed(Nanos(0), MemberKey(1), Outcome::Success, millis(20));
        policy.probed(Nanos(0), MemberKey(2), Outcome::Success, millis(10));
        assert!((0..100).all(|_| placed(&mut policy, &members, &mut random) == 1));
        // 5000 -> 3503 after 10 ms; a failed probe takes it out and makes it 5254.5, a slow one is a failed one.
        policy.probed(Nanos(1), MemberKey(2), Outcome::Success, millis(1_600));
        assert_eq!(policy.members.get(MemberKey(2)).unwrap().average_millis, 5_254.5);
        assert!((0..100).all(|_| placed(&mut policy, &members, &mut random) == 0));
        policy.probed(Nanos(1), MemberKey(1), Outcome::Failure, millis(1));
        assert_eq!(placed(&mut policy, &members, &mut random), 1, "both down: the lower average");
    }
}
