//! One cluster: who its members are, where a request goes, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::lane::{After, Lane, Placed};
use crate::member::{Latency, Member};
use crate::policy::{MemberKey, Nanos, Opinion, Outcome, Policy, Probes};

/// A cluster as one membership document says. The next document makes a new one, which shares [`Tally`] with it.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) policy: wire::Policy,
    /// In order of the document.
    pub(crate) members: Vec<Arc<Member>>,
    pub(crate) tally: Arc<Tally>,
}

/// What a cluster keeps from one membership to the next.
pub(crate) struct Tally {
    /// Requests of clients.
    pub(crate) requests: AtomicU64,
    /// Of these, how many were answered with 5xx or not at all, retries included in the judgement.
    pub(crate) failures: AtomicU64,
    /// Attempts beyond the first.
    pub(crate) retries: AtomicU64,
    /// Requests that were held back.
    pub(crate) parked: AtomicU64,
    /// From a request's head to its answer's, everything included.
    pub(crate) duration: Latency,
    clock: Clock,
    lane: Mutex<Lane>,
}

impl Tally {
    pub(crate) fn new(kind: wire::Policy, clock: Clock) -> Self {
        Self {
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            duration: Latency::default(),
            clock,
            lane: Mutex::new(Lane::new(kind)),
        }
    }

    /// Tells the policy who is a member now; `fresh` is a policy that replaces the one so far.
    pub(crate) fn change(self: &Arc<Self>, members: &[Arc<Member>], fresh: Option<Box<dyn Policy>>) {
        self.decide(|lane, now| {
            lane.change(now, members, fresh);
            ((), lane.call(now))
        });
    }

    /// A member's health was checked: who may be used may have changed.
    pub(crate) fn checked(self: &Arc<Self>) {
        self.decide(|lane, now| ((), lane.call(now)));
    }

    /// A probe that the policy wanted ended.
    pub(crate) fn probed(self: &Arc<Self>, member: MemberKey, outcome: Outcome, latency: Nanos) {
        self.decide(|lane, now| {
            lane.policy.probed(now, member, outcome, latency);
            ((), lane.call(now))
        });
    }

    /// The probes that the policy lives on.
    pub(crate) fn probes(&self) -> Option<Probes> {
        self.lane().policy.probes()
    }

    /// What the policy thinks of a member.
    pub(crate) fn opinion(&self, member: MemberKey) -> Opinion {
        self.lane().policy.opinion(self.clock.now(), member)
    }

    /// How many requests are being held back.
    pub(crate) fn parked_now(&self) -> usize {
        self.lane().parked()
    }

    pub(crate) fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// Makes one decision behind the lock, and what follows from it after.
    fn decide<R>(self: &Arc<Self>, decision: impl FnOnce(&mut Lane, Nanos) -> (R, After)) -> R {
        let now = self.clock.now();
        let (result, after) = decision(&mut self.lane(), now);
        if let Some(alarm) = after.alarm {
            self.set_alarm(alarm, now);
        }
        result
    }

    fn set_alarm(self: &Arc<Self>, alarm: Nanos, now: Nanos) {
        // Without a runtime the process is ending, and whoever is parked with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let tally = Arc::clone(self);
        runtime.spawn(async move {
            tokio::time::sleep(Duration::from_nanos(alarm.since(now).0)).await;
            tally.decide(|lane, now| ((), lane.ring(alarm, now)));
        });
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        // A panic inside a policy leaves at worst a bad measurement behind: carry on.
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// Places a client's request that came in.
    pub(crate) fn arrive(self: &Arc<Self>) -> Placed {
        self.tally.requests.fetch_add(1, Relaxed);
        let placed = self.tally.decide(|lane, now| lane.arrive(self, now));
        if matches!(placed, Placed::Parked(_)) {
            self.tally.parked.fetch_add(1, Relaxed);
        }
        placed
    }

    /// Places a request once more that was probed for.
    pub(crate) fn again(self: &Arc<Self>) -> Placed {
        self.tally.decide(|lane, now| lane.again(self, now))
    }

    /// Places a request once more, on another member than the one that failed it, if the budget has a retry left; on the
    /// same one only where `or_same` says that nothing speaks against it.
    pub(crate) fn retry(self: &Arc<Self>, failed: MemberKey, or_same: bool) -> Option<InFlight> {
        let now = self.tally.clock.now();
        let placed = self.tally.lane().retry(self, failed, or_same, now);
        self.tally.retries.fetch_add(u64::from(placed.is_some()), Relaxed);
        placed
    }

    /// The first check of somebody who is a member now has not come back yet.
    pub(crate) fn awaits_checks(&self) -> bool {
        self.tally.lane().awaits_checks()
    }
}

/// A request that was given to a member. When it is dropped, the request is over: with the evidence gathered until
/// then, which is none when the client went away first.
pub(crate) struct InFlight {
    cluster: Arc<Cluster>,
    member: Arc<Member>,
    note: u32,
    started: Nanos,
    latency: Nanos,
    outcome: Outcome,
}

impl InFlight {
    /// The member's request is counted already.
    pub(crate) fn new(cluster: &Arc<Cluster>, member: &Arc<Member>, note: u32, started: Nanos) -> Self {
        let (cluster, member) = (Arc::clone(cluster), Arc::clone(member));
        Self { cluster, member, note, started, latency: Nanos(0), outcome: Outcome::Abandoned }
    }

    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }

    pub(crate) fn started(&self) -> Nanos {
        self.started
    }

    pub(crate) fn now(&self) -> Nanos {
        self.cluster.tally.clock.now()
    }

    /// The head of the answer came at `now`.
    pub(crate) fn answered(&mut self, status: u16, now: Nanos) {
        self.member.record.answered(Some(status));
        if status >= 500 {
            self.outcome = Outcome::Failure;
        } else {
            self.outcome = Outcome::Success;
            self.latency = now.since(self.started);
            self.member.record.latency.observe(self.latency);
        }
    }

    /// The answer is passed on: the client is told what the member said.
    pub(crate) fn passed_on(&self, status: u16) {
        self.cluster.tally.failures.fetch_add(u64::from(status >= 500), Relaxed);
    }

    /// There is no answer, by the member's fault.
    pub(crate) fn failed(&mut self) {
        self.member.record.answered(None);
        self.outcome = Outcome::Failure;
    }

    /// The answer ended in the middle.
    pub(crate) fn broke(&mut self) {
        if self.outcome == Outcome::Success {
            self.member.record.failures.fetch_add(1, Relaxed);
            self.cluster.tally.failures.fetch_add(1, Relaxed);
        }
        self.outcome = Outcome::Failure;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Self { member, note, outcome, latency, .. } = self;
        member.record.in_flight.fetch_sub(1, Relaxed);
        let is_ejected = self.cluster.tally.decide(|lane, now| {
            lane.policy.finished(now, member.key, *note, *outcome, *latency);
            let after = if lane.parked() == 0 { After::default() } else { lane.call(now) };
            // Only a failure ejects, and failures are few: asking costs nothing.
            let is_ejected = *outcome == Outcome::Failure && lane.policy.opinion(now, member.key).is_ejected;
            ((is_ejected), after)
        });
        if *outcome != Outcome::Abandoned {
            member.record.ejected(is_ejected);
        }
    }
}

#[cfg(test)]
mod tests;
