//! What only one request of a cluster at a time may touch: its policy, its retry budget, and the queue of those that
//! the policy holds back.
//!
//! The lock around it is the cluster's own and is held for one decision, never while something is awaited. Each request
//! takes it twice: when it comes and when it is finished. What a shard does alone (sockets, buffers, pools) takes none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;
use wire::Health;

use crate::budget::RetryBudget;
use crate::cluster::{Cluster, InFlight};
use crate::member::Member;
use crate::policy::{self, Ask, Candidate, MemberKey, Nanos, Pick, Policy};

/// Most requests that a cluster holds back; one more is sent on at once, wherever the policy thinks best. Policies that
/// hold stop far below (ten times the parallelism of all members): this only bounds the memory.
const PARKED_LIMIT: usize = 4_096;

/// Longer than the first health check of a member that just joined may take. With nobody else there, requests are held
/// back for it; whoever it concerns is called as soon as it is back.
const FIRST_CHECK: Nanos = Nanos(3_000_000_000);

pub(crate) struct Lane {
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) budget: RetryBudget,
    random: ChaCha8Rng,
    /// By rising key.
    members: Vec<Arc<Member>>,
    parked: VecDeque<Parked>,
    /// When the queue is looked at next, should nothing happen before.
    alarm: Option<Nanos>,
    /// Kept to be filled again: no allocation per request.
    candidates: Vec<Candidate>,
    /// Position among the members of each candidate.
    positions: Vec<usize>,
}

struct Parked {
    cluster: Arc<Cluster>,
    seat: oneshot::Sender<Called>,
}

/// What a parked request is told when its turn has come.
pub(crate) enum Called {
    /// It is to be sent to this member.
    Send(InFlight),
    /// The members are to be probed for it first.
    Probe,
    /// There is no member that may be used.
    Nobody,
}

/// What becomes of a request that has just come.
pub(crate) enum Placed {
    Now(Called),
    Parked(oneshot::Receiver<Called>),
}

/// What is to be done once the lane's lock is released.
#[derive(Default)]
pub(crate) struct After {
    /// Wake the queue then.
    pub(crate) alarm: Option<Nanos>,
    /// Requests whose client went away while they were being called: dropping them takes the lock again.
    _gone: Vec<Called>,
}

impl Lane {
    pub(crate) fn new(kind: wire::Policy) -> Self {
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
    pub(crate) fn change(&mut self, now: Nanos, members: &[Arc<Member>], fresh: Option<Box<dyn Policy>>) {
        self.members = members.to_vec();
        self.members.sort_unstable_by_key(|member| member.key);
        let keys: Vec<MemberKey> = self.members.iter().map(|member| member.key).collect();
        if let Some(policy) = fresh {
            self.policy = policy;
        }
        self.policy.members(now, &keys);
    }

    /// Some member's first check has not come back yet.
    pub(crate) fn awaits_checks(&self) -> bool {
        self.members.iter().any(|member| member.health() == Health::Unknown)
    }

    pub(crate) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Places a request that has just come.
    pub(crate) fn arrive(&mut self, cluster: &Arc<Cluster>, now: Nanos) -> (Placed, After) {
        self.budget.request(now);
        self.policy.arrived(now);
        self.seat(cluster, now)
    }

    /// Places a request once more that was probed for: outside the queue, as the policy expects it.
    pub(crate) fn again(&mut self, cluster: &Arc<Cluster>, now: Nanos) -> (Placed, After) {
        match self.choose(cluster, None, 1, false, now) {
            Ok(called @ (Called::Send(_) | Called::Probe)) => (Placed::Now(called), After::default()),
            // The members changed meanwhile; a first check may still bring one.
            Ok(Called::Nobody) | Err(_) => self.seat(cluster, now),
        }
    }

    /// At once, or in the queue behind those that wait already.
    fn seat(&mut self, cluster: &Arc<Cluster>, now: Nanos) -> (Placed, After) {
        if self.parked.is_empty() {
            return match self.choose(cluster, None, 1, true, now) {
                Ok(called) => (Placed::Now(called), After::default()),
                Err(until) => {
                    let called = self.park(cluster);
                    (Placed::Parked(called), After { alarm: self.set_alarm(until), ..After::default() })
                }
            };
        }
        let called = self.park(cluster);
        let after = self.call(now);
        (Placed::Parked(called), after)
    }

    fn park(&mut self, cluster: &Arc<Cluster>) -> oneshot::Receiver<Called> {
        let (seat, called) = oneshot::channel();
        self.parked.push_back(Parked { cluster: Arc::clone(cluster), seat });
        called
    }

    /// Places a request once more, on another member than the one that failed it; on the same one only where `or_same`
    /// says that nothing speaks against it. The budget pays for retries that are made, not for those that find nobody.
    pub(crate) fn retry(
        &mut self,
        cluster: &Arc<Cluster>,
        failed: MemberKey,
        or_same: bool,
        now: Nanos,
    ) -> Option<InFlight> {
        if !self.budget.allows(now) {
            return None;
        }
        let other = self.place(cluster, Some(failed), now);
        let placed = other.or_else(|| or_same.then(|| self.place(cluster, None, now)).flatten());
        if placed.is_some() {
            self.budget.retry(now);
        }
        placed
    }

    /// At once, on a member other than `avoid`.
    fn place(&mut self, cluster: &Arc<Cluster>, avoid: Option<MemberKey>, now: Nanos) -> Option<InFlight> {
        match self.choose(cluster, avoid, 1, false, now) {
            Ok(Called::Send(in_flight)) => Some(in_flight),
            Ok(Called::Probe | Called::Nobody) | Err(_) => None,
        }
    }

    /// Calls parked requests, first come first served, until the policy holds.
    pub(crate) fn call(&mut self, now: Nanos) -> After {
        let mut after = After::default();
        while let Some(first) = self.parked.front() {
            if first.seat.is_closed() {
                self.parked.pop_front();
                continue;
            }
            let cluster = Arc::clone(&first.cluster);
            let parked = self.parked.len();
            match self.choose(&cluster, None, parked, parked <= PARKED_LIMIT, now) {
                Ok(called) => {
                    let first = self.parked.pop_front();
                    let gone = first.and_then(|first| first.seat.send(called).err());
                    after._gone.extend(gone);
                }
                Err(until) => {
                    after.alarm = self.set_alarm(until);
                    break;
                }
            }
        }
        after
    }

    /// The alarm to set, unless an earlier one is set already.
    fn set_alarm(&mut self, until: Nanos) -> Option<Nanos> {
        if self.alarm.is_some_and(|alarm| alarm <= until) {
            return None;
        }
        self.alarm = Some(until);
        Some(until)
    }

    /// The alarm for this moment rings.
    pub(crate) fn ring(&mut self, set_for: Nanos, now: Nanos) -> After {
        if self.alarm == Some(set_for) {
            self.alarm = None;
        }
        self.call(now)
    }

    /// Asks the policy. The error is the moment until which it holds.
    fn choose(
        &mut self,
        cluster: &Arc<Cluster>,
        avoid: Option<MemberKey>,
        parked: usize,
        may_hold: bool,
        now: Nanos,
    ) -> Result<Called, Nanos> {
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
            return if waits { Err(Nanos(now.0 + FIRST_CHECK.0)) } else { Ok(Called::Nobody) };
        }
        let ask = Ask { candidates: &self.candidates, parked, may_hold: may_hold && !ignores_health };
        match self.policy.pick(now, &ask, &mut self.random) {
            Pick::Send { index, note } => {
                let member = self.positions.get(index).and_then(|position| self.members.get(*position));
                let Some(member) = member else { return Ok(Called::Nobody) };
                member.record.in_flight.fetch_add(1, Relaxed);
                member.record.requests.fetch_add(1, Relaxed);
                Ok(Called::Send(InFlight::new(cluster, member, note, now)))
            }
            Pick::Hold { until } => Err(until),
            Pick::Probe => Ok(Called::Probe),
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
