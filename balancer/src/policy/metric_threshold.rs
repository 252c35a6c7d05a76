//! The same member until its utilisation passes a limit, then the least utilised one.
//!
//! Source: the second way of the course's task: read a metric such as CPU, and past a set limit send new requests to
//! others. The metric is seen as a monitoring service shows it: the average of a period that is over (CloudWatch's
//! detailed monitoring: one minute). It is computed here from what this balancer has in flight, as the share of the
//! member's parallelism that was busy, so that it works in front of any worker.
//! Pathologies: a metric of the last minute knows nothing of this one, so all traffic goes to one member for a minute,
//! and then to the next; utilisation cannot exceed 100 %, so it does not tell a busy member from a drowning one; and a
//! member that fails at once is idle.

use rand::Rng;

use super::roster::Roster;
use super::{Ask, Candidate, MemberKey, Nanos, Outcome, Parallelism, Pick, Policy, lowest};

/// Length of a period of the metric.
const PERIOD: Nanos = Nanos(60_000_000_000);
/// Past this utilisation in the last period, in percent, a member is left: the usual limit of scaling alarms.
const LIMIT_PERCENT: u64 = 70;

/// Remembers how busy each member was.
#[derive(Debug, Default)]
pub struct MetricThreshold {
    members: Roster<Busy>,
    current: Option<MemberKey>,
    /// End of the current period.
    end: Nanos,
}

#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    in_flight: u64,
    parallelism: u64,
    since: Nanos,
    /// Slot-nanoseconds of this period so far.
    busy: u64,
    /// Utilisation in the last period.
    percent: u64,
}

impl Busy {
    fn advance(&mut self, now: Nanos) {
        self.busy += self.in_flight.min(self.parallelism) * now.since(self.since).0;
        self.since = now;
    }
}

impl MetricThreshold {
    fn publish(&mut self, now: Nanos) {
        if now < self.end {
            return;
        }
        let length = PERIOD.0 + now.since(self.end).0;
        for member in self.members.iter_mut() {
            member.advance(now);
            member.percent = (u128::from(member.busy) * 100 / u128::from(length * member.parallelism.max(1))) as u64;
            member.busy = 0;
        }
        self.end = Nanos(now.0 + PERIOD.0);
    }

    fn percent(&self, key: MemberKey) -> u64 {
        self.members.get(key).map_or(0, |member| member.percent)
    }
}

impl Policy for MetricThreshold {
    fn members(&mut self, now: Nanos, members: &[MemberKey]) {
        self.members.change(members, || Busy { since: now, ..Busy::default() });
        if self.end == Nanos(0) {
            self.end = Nanos(now.0 + PERIOD.0);
        }
    }

    fn sent(&mut self, now: Nanos, candidate: &Candidate) -> u32 {
        if let Some(member) = self.members.get_mut(candidate.key) {
            member.advance(now);
            member.in_flight += 1;
            member.parallelism = match candidate.parallelism {
                Some(Parallelism::Slots(known) | Parallelism::Vcpus(known)) => u64::from(known),
                None => 1,
            };
        }
        0
    }

    fn pick(&mut self, now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        self.publish(now);
        let stays = |one: &Candidate| Some(one.key) == self.current && self.percent(one.key) <= LIMIT_PERCENT;
        let index = ask
            .candidates
            .iter()
            .position(stays)
            .or_else(|| lowest(ask.candidates, random, |candidate| Some(self.percent(candidate.key))));
        let index = index.unwrap_or(0);
        if let Some(candidate) = ask.candidates.get(index) {
            self.current = Some(candidate.key);
            self.sent(now, candidate);
        }
        Pick::Send { index, note: 0 }
    }

    fn finished(&mut self, now: Nanos, member: MemberKey, _note: u32, _outcome: Outcome, _latency: Nanos) {
        if let Some(member) = self.members.get_mut(member) {
            member.advance(now);
            member.in_flight = member.in_flight.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, random};

    #[test]
    fn one_member_takes_everything_until_the_metric_of_the_last_minute_says_otherwise() {
        let (mut policy, mut random) = (MetricThreshold::default(), random(1));
        policy.members(Nanos(0), &[MemberKey(1), MemberKey(2)]);
        let members = candidates(&[1, 2]);
        let mut pick = |policy: &mut MetricThreshold, second: u64| {
            let ask = Ask { candidates: &members, parked: 1, may_hold: true };
            let picked = policy.pick(Nanos(second * 1_000_000_000), &ask, &mut random);
            let Pick::Send { index, .. } = picked else { panic!("{picked:?}") };
            index
        };
        let first = pick(&mut policy, 0);
        assert!((1..60).all(|second| pick(&mut policy, second) == first), "busy all the time, and nobody knows yet");
        assert_eq!(pick(&mut policy, 60), 1 - first);
        assert_eq!(policy.percent(members[first].key), 100);
    }
}
