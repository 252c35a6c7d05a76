//! Decisions that a cluster makes one at a time: its policy, its retry budget, and the queue of requests that the policy
//! holds back.
//!
//! The lock around a dispatcher is the cluster's own and is held for one decision, never while something is awaited.
//! Each request takes it twice: when it comes and when it is finished. What a shard does alone (sockets, buffers, pools)
//! takes none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rand_chacha::ChaCha8Rng;
use wire::Health;

use super::member::Member;
use crate::policy::{self, Ask, Candidate, MemberKey, Nanos, Pick, Policy, RetryBudget};

/// Most requests that a cluster holds back; one more is sent on at once, wherever the policy thinks best. Policies that
/// hold stop far below (ten times the parallelism of all members): this only bounds the memory.
const PARKED_LIMIT: usize = 4_096;

/// Longer than the first health check of a member that just joined may take. With nobody else there, requests are held
/// back for it; each is called as soon as the check is back.
const FIRST_CHECK: Nanos = Nanos(3_000_000_000);

/// A request in the queue.
pub(super) trait Waiting {
    /// True when its client went away: its turn is passed over.
    fn is_gone(&self) -> bool;
}

/// The decider of one cluster; `W` is a request that waits for its turn.
pub(super) struct Dispatcher<W> {
    pub(super) policy: Box<dyn Policy>,
    budget: RetryBudget,
    random: ChaCha8Rng,
    /// Members by rising key.
    members: Vec<Arc<Member>>,
    parked: VecDeque<W>,
    /// Moment at which the queue is looked at next, should nothing happen before.
    alarm: Option<Nanos>,
    /// Kept to be filled again: no allocation per request.
    candidates: Vec<Candidate>,
    /// Position among the members of each candidate.
    positions: Vec<usize>,
}

/// The decision on one request.
pub(super) enum Decision {
    /// It is to be sent to this member, where it is counted as in flight already; the policy gets its note back.
    Send { member: Arc<Member>, note: u32 },
    /// The members are to be probed for it first.
    Probe,
    /// There is no member that may be used.
    Nobody,
}

/// A request that has to wait.
pub(super) enum Wait {
    /// The policy holds until this moment, if nothing happens before.
    Until(Nanos),
    /// Others wait already.
    InLine,
}

/// The next step of working through the queue.
pub(super) enum Turn<W> {
    /// This request has left the queue.
    Called(W, Decision),
    /// The policy holds. The alarm is to be set, unless an earlier one is set already.
    Held { alarm: Option<Nanos> },
    /// Nobody waits.
    Empty,
}

impl<W: Waiting> Dispatcher<W> {
    pub(super) fn new(kind: wire::Policy) -> Self {
        Self {
            policy: policy::build(kind),
            budget: RetryBudget::default(),
            random: rand::make_rng(),
            members: Vec::new(),
            parked: VecDeque::new(),
            alarm: None,
            candidates: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// Tells the policy who is a member now; `fresh` is a policy that replaces the one so far.
    pub(super) fn change(&mut self, now: Nanos, members: &[Arc<Member>], fresh: Option<Box<dyn Policy>>) {
        self.members = members.to_vec();
        self.members.sort_unstable_by_key(|member| member.key);
        let keys: Vec<MemberKey> = self.members.iter().map(|member| member.key).collect();
        if let Some(policy) = fresh {
            self.policy = policy;
        }
        self.policy.members(now, &keys);
    }

    /// True while some member's first check has not come back.
    pub(super) fn awaits_checks(&self) -> bool {
        self.members.iter().any(|member| member.health() == Health::Unknown)
    }

    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Counts a client's request.
    pub(super) fn arrived(&mut self, now: Nanos) {
        self.budget.request(now);
        self.policy.arrived(now);
    }

    /// Decides on a request that joins the end of the queue; the error says that it has to wait there.
    pub(super) fn join(&mut self, now: Nanos) -> Result<Decision, Wait> {
        if self.parked.is_empty() { self.choose(None, 1, true, now).map_err(Wait::Until) } else { Err(Wait::InLine) }
    }

    /// Decides on a request that was probed for: outside the queue, as the policy expects it. `None`: the members
    /// changed meanwhile, and it has to join the queue.
    pub(super) fn probed(&mut self, now: Nanos) -> Option<Decision> {
        self.choose(None, 1, false, now).ok().filter(|decision| !matches!(decision, Decision::Nobody))
    }

    /// Takes a request into the queue.
    pub(super) fn park(&mut self, request: W) {
        self.parked.push_back(request);
    }

    /// Finds a member for a retry: another one than the one that failed the request; the same one only where `or_same`
    /// says that nothing speaks against it. The budget pays for retries that are made, not for those that find nobody.
    pub(super) fn retry(&mut self, failed: MemberKey, or_same: bool, now: Nanos) -> Option<(Arc<Member>, u32)> {
        if !self.budget.allows(now) {
            return None;
        }
        let other = self.at_once(Some(failed), now);
        let found = other.or_else(|| or_same.then(|| self.at_once(None, now)).flatten());
        if found.is_some() {
            self.budget.retry(now);
        }
        found
    }

    /// A member other than `avoid`, without waiting.
    fn at_once(&mut self, avoid: Option<MemberKey>, now: Nanos) -> Option<(Arc<Member>, u32)> {
        match self.choose(avoid, 1, false, now) {
            Ok(Decision::Send { member, note }) => Some((member, note)),
            Ok(Decision::Probe | Decision::Nobody) | Err(_) => None,
        }
    }

    /// Decides on the request that has waited longest.
    pub(super) fn next(&mut self, now: Nanos) -> Turn<W> {
        while self.parked.pop_front_if(|first| first.is_gone()).is_some() {}
        let parked = self.parked.len();
        if parked == 0 {
            return Turn::Empty;
        }
        match self.choose(None, parked, parked <= PARKED_LIMIT, now) {
            Ok(decision) => match self.parked.pop_front() {
                Some(first) => Turn::Called(first, decision),
                None => Turn::Empty,
            },
            Err(until) => Turn::Held { alarm: self.set_alarm(until) },
        }
    }

    /// The alarm to set, unless an earlier one is set already.
    pub(super) fn set_alarm(&mut self, until: Nanos) -> Option<Nanos> {
        if self.alarm.is_some_and(|alarm| alarm <= until) {
            return None;
        }
        self.alarm = Some(until);
        Some(until)
    }

    /// Forgets the alarm for this moment: it rang.
    pub(super) fn rang(&mut self, set_for: Nanos) {
        if self.alarm == Some(set_for) {
            self.alarm = None;
        }
    }

    /// Asks the policy. The error is the moment until which it holds.
    fn choose(
        &mut self,
        avoid: Option<MemberKey>,
        parked: usize,
        may_hold: bool,
        now: Nanos,
    ) -> Result<Decision, Nanos> {
        let ignores_health = ignores_health(&self.members);
        self.candidates.clear();
        self.positions.clear();
        for (position, member) in self.members.iter().enumerate() {
            let is_usable = match member.health() {
                Health::Healthy => true,
                Health::Unhealthy => ignores_health,
                Health::Unknown => false,
            };
            if is_usable && Some(member.key) != avoid {
                self.candidates.push(member.candidate());
                self.positions.push(position);
            }
        }
        if self.candidates.is_empty() {
            let waits = may_hold && self.awaits_checks();
            return if waits { Err(Nanos(now.0 + FIRST_CHECK.0)) } else { Ok(Decision::Nobody) };
        }
        let ask = Ask { candidates: &self.candidates, parked, may_hold: may_hold && !ignores_health };
        match self.policy.pick(now, &ask, &mut self.random) {
            Pick::Send { index, note } => {
                let member = self.positions.get(index).and_then(|position| self.members.get(*position));
                let Some(member) = member else { return Ok(Decision::Nobody) };
                member.record.in_flight.fetch_add(1, Relaxed);
                member.record.requests.fetch_add(1, Relaxed);
                Ok(Decision::Send { member: Arc::clone(member), note })
            }
            Pick::Hold { until } => Err(until),
            Pick::Probe => Ok(Decision::Probe),
        }
    }
}

/// Under half of the members healthy: then the checks, or the network, are more likely wrong than all of these members,
/// and sending everything to the few that are left would take them down as well. Not while there is nobody healthy and
/// somebody whose first check is still under way: that takes two seconds at most, and may be the one that works.
fn ignores_health(members: &[Arc<Member>]) -> bool {
    let (mut checked, mut healthy, mut unknown) = (0, 0, 0);
    for member in members {
        match member.health() {
            Health::Healthy => (checked, healthy) = (checked + 1, healthy + 1),
            Health::Unhealthy => checked += 1,
            Health::Unknown => unknown += 1,
        }
    }
    healthy * 2 < checked && (healthy > 0 || unknown == 0)
}
