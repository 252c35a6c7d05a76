//! A request that was given to a member, and the evidence that it leaves behind.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::member::Member;
use super::{Cluster, ClusterState};
use crate::policy::{Nanos, Outcome};

/// A place at a member. When it is dropped, the request is over: with the evidence gathered until then, which is none
/// when the client went away first.
pub(crate) struct InFlight {
    cluster: Arc<Cluster>,
    member: Arc<Member>,
    note: u32,
    started: Nanos,
    latency: Nanos,
    outcome: Outcome,
    /// Who was told of it beside the cluster that sent it, and what comes back to him at its end.
    told: Option<(Arc<ClusterState>, u32)>,
}

impl InFlight {
    /// The member's request is counted already.
    pub(super) fn new(cluster: &Arc<Cluster>, member: Arc<Member>, note: u32, started: Nanos) -> Self {
        let cluster = Arc::clone(cluster);
        Self { cluster, member, note, started, latency: Nanos(0), outcome: Outcome::Abandoned, told: None }
    }

    /// Tells whatever else sends requests to this member that it has one more: evidence of a member is of all its
    /// requests, whichever path they came by. Not inside the lock that placed it: each takes the other's.
    pub(crate) fn tell(&mut self) {
        let neighbour = self.cluster.neighbours.of(self.member.key);
        self.told = neighbour.map(|state| (Arc::clone(state), state.neighbour_sent(&self.member)));
    }

    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }

    pub(crate) fn started(&self) -> Nanos {
        self.started
    }

    pub(crate) fn now(&self) -> Nanos {
        self.cluster.state.now()
    }

    /// Notes the head of the final response, which came at `now`.
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

    /// Notes that the response is passed on: the client is told what the member said.
    pub(crate) fn passed_on(&self, status: u16) {
        self.cluster.state.failures.fetch_add(u64::from(status >= 500), Relaxed);
    }

    /// Notes that there is no response, by the member's fault.
    pub(crate) fn failed(&mut self) {
        self.member.record.answered(None);
        self.outcome = Outcome::Failure;
    }

    /// Notes that the response ended in the middle.
    pub(crate) fn broke(&mut self) {
        if self.outcome == Outcome::Success {
            self.member.record.failures.fetch_add(1, Relaxed);
            self.cluster.state.failures.fetch_add(1, Relaxed);
        }
        self.outcome = Outcome::Failure;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.member.record.in_flight.fetch_sub(1, Relaxed);
        let mut is_ejected = self.cluster.state.finished(&self.member, self.note, self.outcome, self.latency);
        if let Some((state, note)) = self.told.take() {
            is_ejected |= state.finished(&self.member, note, self.outcome, self.latency);
        }
        if self.outcome != Outcome::Abandoned {
            self.member.record.ejected(is_ejected);
        }
    }
}
