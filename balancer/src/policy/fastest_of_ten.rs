//! The classic student rule: every tenth request first measures all members, one after the other, and the ten requests
//! from there on go to the fastest.
//!
//! Source: the balancer that course projects on EC2 write: a counter per cluster; at the first and then at every tenth
//! request it GETs each member in turn, inside the client's request, and remembers the one with the smallest time.
//! Pathologies, which this project exists to show: all traffic goes to one member at a time, so the rule is unstable
//! wherever one member cannot carry the load of all; every tenth client waits for as many requests as there are members;
//! a bigger instance, which has more cores rather than faster ones, does not look better. One pathology is mended,
//! because it would hide the others: a member that fails at once is not "the fastest".

use rand::Rng;

use super::{Ask, Candidate, MemberKey, Nanos, Outcome, Pick, Policy, lowest};

/// Requests from one round of measurements to the next.
const ROUND: u32 = 10;

/// Remembers who was fastest.
#[derive(Debug, Default)]
pub struct FastestOfTen {
    /// Requests since the last measurement began.
    counted: u32,
    is_due: bool,
    fastest: Option<MemberKey>,
    /// The best of the round that is being measured.
    round: Option<(Nanos, MemberKey)>,
}

impl Policy for FastestOfTen {
    fn members(&mut self, _now: Nanos, members: &[MemberKey]) {
        self.fastest = self.fastest.filter(|fastest| members.contains(fastest));
    }

    fn arrived(&mut self, _now: Nanos) {
        self.is_due |= self.counted == 0;
        self.counted = (self.counted + 1) % ROUND;
    }

    fn pick(&mut self, _now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        if self.is_due && ask.may_hold {
            (self.is_due, self.round) = (false, None);
            return Pick::Probe;
        }
        if !ask.may_hold {
            // Outside the queue: the request whose probes are in now (or a retry, to which they are as good).
            self.fastest = self.round.take().map(|(_, fastest)| fastest).or(self.fastest);
        }
        let is_fastest = |candidate: &Candidate| Some(candidate.key) == self.fastest;
        let index = ask.candidates.iter().position(is_fastest);
        // Nothing measured yet, or the fastest is out.
        let index = index.or_else(|| lowest(ask.candidates, random, |_| Some(())));
        Pick::Send { index: index.unwrap_or(0), note: 0 }
    }

    fn probed(&mut self, _now: Nanos, member: MemberKey, outcome: Outcome, latency: Nanos) {
        let measured = (latency, member);
        if outcome == Outcome::Success && self.round.is_none_or(|best| measured < best) {
            self.round = Some(measured);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, placed, random};

    /// Members that 20 requests in a row go to, `!` before those that measure first.
    fn trace(latency_micros: &[Option<u64>]) -> String {
        let mut policy = FastestOfTen::default();
        let keys: Vec<u64> = (0..latency_micros.len() as u64).collect();
        let (members, mut random) = (candidates(&keys), random(3));
        policy.members(Nanos(0), &keys.iter().copied().map(MemberKey).collect::<Vec<_>>());
        let mut trace = String::new();
        for _ in 0..20 {
            policy.arrived(Nanos(0));
            let mut may_hold = true;
            loop {
                match policy.pick(Nanos(0), &Ask { candidates: &members, parked: 1, may_hold }, &mut random) {
                    Pick::Send { index, .. } => break trace.push_str(&index.to_string()),
                    Pick::Probe => trace.push('!'),
                    Pick::Hold { .. } => unreachable!(),
                }
                may_hold = false;
                for (key, latency) in keys.iter().zip(latency_micros) {
                    let outcome = if latency.is_some() { Outcome::Success } else { Outcome::Failure };
                    let latency = Nanos(latency.unwrap_or(1) * 1_000);
                    policy.probed(Nanos(0), MemberKey(*key), outcome, latency);
                }
            }
        }
        trace
    }

    #[test]
    fn every_tenth_request_measures_and_the_fastest_takes_them_all() {
        assert_eq!(trace(&[Some(50), Some(10), Some(30)]), "!1111111111!1111111111");
        // A thousandth of a difference moves everything.
        assert_eq!(trace(&[Some(1_000), Some(1_001)]), "!0000000000!0000000000");
    }

    #[test]
    fn a_failing_member_never_looks_fast() {
        assert_eq!(trace(&[Some(50), None, Some(30)]), "!2222222222!2222222222");
        assert_eq!(trace(&[Some(50), Some(40), None]), "!1111111111!1111111111");
    }

    #[test]
    fn the_fastest_that_left_is_not_asked_again() {
        let (mut policy, mut random) = (FastestOfTen::default(), random(4));
        policy.members(Nanos(0), &[MemberKey(1), MemberKey(2)]);
        policy.probed(Nanos(0), MemberKey(1), Outcome::Success, Nanos(1));
        policy.probed(Nanos(0), MemberKey(2), Outcome::Success, Nanos(2));
        let mut members = candidates(&[1, 2]);
        assert_eq!(placed(&mut policy, &members, &mut random), 0);
        policy.members(Nanos(0), &[MemberKey(2), MemberKey(3)]);
        assert_eq!(policy.fastest, None);
        members = candidates(&[2, 3]);
        placed(&mut policy, &members, &mut random);
    }
}
