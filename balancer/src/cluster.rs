//! One cluster: which of its members may be used, which one is, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use rand_chacha::ChaCha8Rng;
use tokio::sync::Notify;
use wire::Health;

use crate::answer::Broke;
use crate::budget::RetryBudget;
use crate::clock::Clock;
use crate::member::Member;
use crate::policy::{self, Ask, Candidate, MemberKey, Nanos, Outcome, Pick, Policy};

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
    /// Told when a member's health was checked.
    pub(crate) checked: Notify,
    clock: Clock,
    lane: Mutex<Lane>,
}

/// What only one request at a time may touch. It belongs to one cluster; with several shards, to one shard of it.
struct Lane {
    policy: Box<dyn Policy>,
    random: ChaCha8Rng,
    budget: RetryBudget,
    /// Kept to be filled again: no allocation per request.
    candidates: Vec<Candidate>,
    /// Position among the members of each candidate.
    positions: Vec<usize>,
}

impl Tally {
    pub(crate) fn new(kind: wire::Policy, clock: Clock) -> Self {
        Self {
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            checked: Notify::new(),
            clock,
            lane: Mutex::new(Lane {
                policy: policy::build(kind),
                random: rand::make_rng(),
                budget: RetryBudget::default(),
                candidates: Vec::new(),
                positions: Vec::new(),
            }),
        }
    }

    /// Tells the policy who is a member now; `fresh` is a policy that replaces the one so far.
    pub(crate) fn change(&self, members: &[Arc<Member>], fresh: Option<Box<dyn Policy>>) {
        let mut keys: Vec<MemberKey> = members.iter().map(|member| member.key).collect();
        keys.sort_unstable();
        let mut lane = self.lane();
        if let Some(policy) = fresh {
            lane.policy = policy;
        }
        lane.policy.members(self.clock.now(), &keys);
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        // A panic inside a policy leaves at worst a bad measurement behind: carry on.
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// A client's request for this cluster came in.
    pub(crate) fn request(&self) {
        self.tally.requests.fetch_add(1, Relaxed);
        let now = self.tally.clock.now();
        let mut lane = self.tally.lane();
        lane.budget.request(now);
        lane.policy.arrived(now);
    }

    /// Takes one retry out of the cluster's budget, if there is one.
    pub(crate) fn may_retry(&self) -> bool {
        self.tally.lane().budget.take(self.tally.clock.now())
    }

    /// Places a request on an eligible member other than `avoid`. `None` when there is none.
    pub(crate) fn pick(self: &Arc<Self>, avoid: Option<MemberKey>) -> Option<InFlight> {
        let now = self.tally.clock.now();
        let mut lane = self.tally.lane();
        let Lane { policy, random, candidates, positions, .. } = &mut *lane;
        candidates.clear();
        positions.clear();
        let ignore_health = self.ignores_health();
        for (position, member) in self.members.iter().enumerate() {
            let is_usable = match member.health() {
                Health::Healthy => true,
                Health::Unhealthy => ignore_health,
                Health::Unknown => false,
            };
            if is_usable && Some(member.key) != avoid {
                let in_flight = member.record.in_flight.load(Relaxed);
                candidates.push(Candidate {
                    key: member.key,
                    in_flight,
                    parallelism: member.parallelism(),
                    round_trip: Nanos(0),
                });
                positions.push(position);
            }
        }
        if candidates.is_empty() {
            return None;
        }
        if !candidates.is_sorted_by_key(|candidate| candidate.key) {
            // Only after a document that lists its members in another order than before.
            positions.sort_unstable_by_key(|position| self.members[*position].key);
            candidates.sort_unstable_by_key(|candidate| candidate.key);
        }
        // Nothing is parked here, so nothing may be held.
        let ask = Ask { candidates, parked: 1, may_hold: false };
        let Pick::Send { index, note } = policy.pick(now, &ask, random) else { return None };
        let member = Arc::clone(&self.members[*positions.get(index)?]);
        drop(lane);
        member.record.in_flight.fetch_add(1, Relaxed);
        member.record.requests.fetch_add(1, Relaxed);
        Some(InFlight {
            cluster: Arc::clone(self),
            member,
            note,
            started: now,
            latency: Nanos(0),
            outcome: Outcome::Abandoned,
        })
    }

    /// Under half of the checked members healthy: then the checks, or the network, are more likely wrong than all
    /// of these members, and sending everything to the few that are left would take them down as well.
    fn ignores_health(&self) -> bool {
        let (mut checked, mut healthy) = (0, 0);
        for member in &self.members {
            match member.health() {
                Health::Healthy => (checked, healthy) = (checked + 1, healthy + 1),
                Health::Unhealthy => checked += 1,
                Health::Unknown => {}
            }
        }
        healthy * 2 < checked
    }

    /// Some member's first check has not come back yet.
    pub(crate) fn awaits_checks(&self) -> bool {
        self.members.iter().any(|member| member.health() == Health::Unknown)
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
    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }

    pub(crate) fn now(&self) -> Nanos {
        self.cluster.tally.clock.now()
    }

    /// The head of the answer is here.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.member.record.answered(Some(status));
        if status.is_server_error() {
            self.outcome = Outcome::Failure;
        } else {
            self.outcome = Outcome::Success;
            self.latency = self.now().since(self.started);
            self.member.record.latency.observe(self.latency);
        }
    }

    /// There is no answer, by the member's fault.
    pub(crate) fn failed(&mut self) {
        self.member.record.answered(None);
        self.outcome = Outcome::Failure;
    }

    /// The answer ended in the middle.
    pub(crate) fn broke(&mut self, how: &Broke) {
        tracing::debug!(member = self.member.id, %how, "answer broke off");
        if self.outcome == Outcome::Success {
            self.member.record.failures.fetch_add(1, Relaxed);
            self.cluster.tally.failures.fetch_add(1, Relaxed);
        }
        if matches!(how, Broke::Off(_)) {
            self.member.record.losses.fetch_add(1, Relaxed);
        }
        self.outcome = Outcome::Failure;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.member.record.in_flight.fetch_sub(1, Relaxed);
        let now = self.now();
        self.cluster.tally.lane().policy.finished(now, self.member.key, self.note, self.outcome, self.latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(health: &[Health]) -> Arc<Cluster> {
        let member = |(index, health): (usize, &Health)| {
            let wire = wire::Member { id: format!("i-{index}"), address: "127.0.0.1:1".into(), vcpus: None };
            let address = wire.address.parse().unwrap();
            let member = Member::new(&wire, address, MemberKey(index as u64), Arc::default());
            match health {
                Health::Healthy => member.set_healthy(),
                Health::Unhealthy => member.set_unhealthy("test"),
                Health::Unknown => {}
            }
            Arc::new(member)
        };
        let members: Vec<_> = health.iter().enumerate().map(member).collect();
        let tally = Arc::new(Tally::new(wire::Policy::RoundRobin, Clock::start()));
        tally.change(&members, None);
        Arc::new(Cluster { name: "a".into(), path: "/a".into(), policy: wire::Policy::RoundRobin, members, tally })
    }

    fn picks(cluster: &Arc<Cluster>, avoid: Option<u64>) -> String {
        let pick = |_| cluster.pick(avoid.map(MemberKey)).map_or("none".into(), |flight| flight.member().id.clone());
        (0..4).map(pick).collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn eligibility() {
        use Health::{Healthy, Unhealthy, Unknown};
        for (health, avoid, expected) in [
            (&[][..], None, "none none none none"),
            (&[Unknown, Unknown], None, "none none none none"),
            (&[Healthy, Healthy, Unhealthy], None, "i-0 i-1 i-0 i-1"),
            (&[Healthy, Unhealthy], None, "i-0 i-0 i-0 i-0"),
            (&[Healthy, Unhealthy, Unhealthy], None, "i-0 i-1 i-2 i-0"),
            (&[Unhealthy, Unhealthy, Unknown], None, "i-0 i-1 i-0 i-1"),
            (&[Healthy, Unknown, Unknown, Unknown], None, "i-0 i-0 i-0 i-0"),
            (&[Healthy, Healthy, Healthy], Some(1), "i-0 i-2 i-0 i-2"),
            (&[Healthy], Some(0), "none none none none"),
        ] {
            assert_eq!(picks(&cluster(health), avoid), expected, "{health:?} avoiding {avoid:?}");
        }
    }

    #[test]
    fn in_flight_is_counted_until_the_request_is_dropped() {
        let cluster = cluster(&[Health::Healthy]);
        let record = &cluster.members[0].record;
        let mut flight = cluster.pick(None).unwrap();
        assert_eq!(record.in_flight.load(Relaxed), 1);
        flight.answered(StatusCode::BAD_GATEWAY);
        drop(flight);
        let (in_flight, failures) = (record.in_flight.load(Relaxed), record.failures.load(Relaxed));
        assert_eq!((in_flight, failures, record.latency.mean_micros()), (0, 1, None));
    }
}
