//! The balancer's state: the membership being served, its changes, and its status.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use agent::Busy;
use rand::Rng;
use tokio::sync::watch;
use wire::{
    BalancerStatus, ClusterStatus, Departing, InvalidMembership, MemberOpinion, MemberStatus, Membership,
    ParallelismSource, SHARED, SharedPath,
};

use crate::clock::Clock;
use crate::cluster::member::{Member, Record};
use crate::cluster::routing::Routing;
use crate::cluster::{Cluster, ClusterState, Neighbours};
use crate::policy::{self, MemberKey, Nanos, Parallelism, Policy};
use crate::proxy::connections::Connections;
use crate::settings::Settings;

/// Idle connections that are closed when a file is wanting: for the one that is waited for, and for a few that are
/// waited for at the same time. All of them would have to be opened again at once, in the very moment in which files
/// are scarce.
const DROPPED_AT_ONCE: usize = 8;

/// Everything a balancer knows. Shared by data path, checks and control.
pub struct Balancer {
    instance_id: String,
    /// Drawn at start and part of every version: a balancer that restarted, and so forgot its membership, can not
    /// be taken for the one before.
    boot: String,
    clock: Clock,
    settings: Settings,
    routing: watch::Sender<Arc<Routing>>,
    changes: Mutex<Changes>,
    connections: OnceLock<Weak<Connections>>,
    busy: Busy,
}

/// Held while a membership is replaced.
struct Changes {
    number: u64,
    next_key: u64,
    /// Members that were taken out with requests, and when.
    departing: Vec<(Arc<Member>, Nanos)>,
}

/// The reason why a membership was not taken over. The one before stays.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Invalid(#[from] InvalidMembership),
    #[error("If-Match is {given:?}, but the version being served is {current:?}: read /status and decide again")]
    Stale { given: String, current: String },
}

impl Balancer {
    /// A balancer that serves nothing yet.
    pub fn new(instance_id: impl Into<String>, settings: Settings) -> Arc<Self> {
        let boot = format!("{:016x}", rand::rng().next_u64());
        let routing = Arc::new(Routing::new(format!("{boot}-0"), Membership::default(), Vec::new(), None));
        Arc::new(Self {
            instance_id: instance_id.into(),
            boot,
            clock: Clock::start(),
            settings,
            routing: watch::Sender::new(routing),
            changes: Mutex::new(Changes { number: 0, next_key: 0, departing: Vec::new() }),
            connections: OnceLock::new(),
            busy: Busy::default(),
        })
    }

    /// Serves `membership` from now on, in place of the one before. Members that stay keep their connections, health
    /// and statistics; members that go finish what they have in flight. The same document again changes nothing.
    ///
    /// # Errors
    /// When the document is invalid, or `if_match` is given and is not the version being served.
    pub fn apply(&self, membership: Membership, if_match: Option<&str>) -> Result<(), Refused> {
        membership.validate()?;
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        if let Some(given) = if_match.filter(|given| *given != before.version) {
            return Err(Refused::Stale { given: given.to_owned(), current: before.version.clone() });
        }
        if before.membership == membership {
            return Ok(());
        }
        let all = membership.shared.as_ref().map(|shared| self.state(before.shared.as_ref(), shared.policy));
        let clusters: Vec<_> = membership
            .clusters
            .iter()
            .map(|cluster| self.adopt(cluster, all.as_ref(), &before, &mut changes))
            .collect();
        let shared = membership.shared.as_ref().zip(all).map(|(shared, all)| share(shared, all, &clusters, &before));
        changes.number += 1;
        let version = format!("{}-{}", self.boot, changes.number);
        tracing::info!(version, clusters = membership.clusters.len(), "membership changed");
        let after = Arc::new(Routing::new(version, membership, clusters, shared));
        self.routing.send_replace(Arc::clone(&after));
        // Only now: until the line above, requests were still placed on the old members.
        for member in members(&before).filter(|old| !members(&after).any(|new| Arc::ptr_eq(old, new))) {
            member.leave();
            // Whoever places requests knew of it before: it gets no more of them. One that only moved is a member still.
            if !members(&after).any(|new| Arc::ptr_eq(&new.record, &member.record)) {
                changes.departing.push((Arc::clone(member), self.clock.now()));
            }
        }
        changes.departing.retain(|(member, _)| member.record.in_flight.load(Relaxed) > 0);
        Ok(())
    }

    /// The state of what was served before, or a new one.
    fn state(&self, old: Option<&Arc<Cluster>>, policy: wire::Policy) -> Arc<ClusterState> {
        old.map_or_else(|| Arc::new(ClusterState::new(policy, self.clock)), |old| Arc::clone(&old.state))
    }

    /// A cluster as the new document says, with everything of the old one of that name that still holds. `all` is the state
    /// of the path that all members serve together.
    fn adopt(
        &self,
        wire: &wire::Cluster,
        all: Option<&Arc<ClusterState>>,
        before: &Routing,
        changes: &mut Changes,
    ) -> Arc<Cluster> {
        let old = before.clusters.iter().find(|cluster| cluster.name == wire.name);
        let mut known: HashMap<&str, &Arc<Member>> = HashMap::new();
        known.extend(old.iter().flat_map(|cluster| &cluster.members).map(|member| (member.id.as_str(), member)));
        let shards = self.settings.shards;
        let member = |wire: &wire::Member| {
            let known = known.get(wire.id.as_str());
            // Validated: the fallback is never taken.
            let address = wire.address.parse().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into());
            match known {
                Some(same) if same.address == address => {
                    same.set_vcpus(wire.vcpus);
                    Arc::clone(same)
                }
                Some(moved) => Arc::new(Member::new(wire, address, moved.key, Arc::clone(&moved.record), shards)),
                None => {
                    changes.next_key += 1;
                    let key = MemberKey(changes.next_key);
                    Arc::new(Member::new(wire, address, key, Arc::new(Record::default()), shards))
                }
            }
        };
        let members: Vec<_> = wire.members.iter().map(member).collect();
        let state = self.state(old, wire.policy);
        state.change(&members, another_policy(old, wire.policy));
        let neighbours = all.map_or(Neighbours::None, |all| Neighbours::One(Arc::clone(all)));
        let (name, path, policy) = (wire.name.clone(), wire.path.clone(), wire.policy);
        Arc::new(Cluster { name, path, policy, members, state, neighbours })
    }

    /// The membership being served, and what happened under it.
    pub fn status(&self) -> BalancerStatus {
        let routing = self.current();
        BalancerStatus {
            instance_id: self.instance_id.clone(),
            kernel_boot: agent::kernel_boot(),
            busy_per_mille: self.busy.per_mille(),
            version: routing.version.clone(),
            membership_sha256: routing.membership.sha256(),
            clusters: routing.clusters.iter().map(|cluster| cluster_status(cluster)).collect(),
            shared: routing.shared.as_deref().map(cluster_status),
            departing: self.departing(),
            queues: Vec::new(),
        }
    }

    /// Those that left and are not done yet.
    fn departing(&self) -> Vec<Departing> {
        let (now, mut changes) = (self.clock.now(), self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        changes.departing.retain(|(member, _)| member.record.in_flight.load(Relaxed) > 0);
        let told = |(member, since): &(Arc<Member>, Nanos)| Departing {
            id: member.id.clone(),
            in_flight: member.record.in_flight.load(Relaxed),
            seconds: now.since(*since).0 / 1_000_000_000,
        };
        changes.departing.iter().map(told).filter(|one| one.in_flight > 0).collect()
    }

    /// True when every member's first health check has come back.
    pub fn is_checked(&self) -> bool {
        !self.current().clusters.iter().any(|cluster| cluster.awaits_checks())
    }

    /// Closes a few idle connections, of each member in turn: this process needs the files for what is waited for. Who
    /// has most of them begins.
    pub(crate) fn drop_idle(&self) {
        let routing = self.current();
        let mut pools: Vec<_> = members(&routing).map(|member| &member.pool).collect();
        pools.sort_by_key(|pool| Reverse(pool.idle()));
        let mut left = DROPPED_AT_ONCE;
        while left > 0 {
            let dropped = pools.iter().take(left).filter(|pool| pool.drop_one()).count();
            if dropped == 0 {
                return;
            }
            left -= dropped;
        }
    }

    pub(crate) fn current(&self) -> Arc<Routing> {
        Arc::clone(&self.routing.borrow())
    }

    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Routing>> {
        self.routing.subscribe()
    }

    /// Makes the state that its client connections share, when it begins to serve.
    pub(crate) fn connections(self: &Arc<Self>) -> Arc<Connections> {
        let connections = Connections::new(Arc::clone(self));
        // A second listener shares everything but this: its connections are not counted in `/metrics`.
        let _ = self.connections.set(Arc::downgrade(&connections));
        connections
    }

    /// The state that its client connections share, if it serves.
    pub(crate) fn serving(&self) -> Option<Arc<Connections>> {
        self.connections.get().and_then(Weak::upgrade)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn now(&self) -> Nanos {
        self.clock.now()
    }
}

/// The members of all clusters behind one path: the same members, so their health, counts and connections are one.
fn share(wire: &SharedPath, state: Arc<ClusterState>, clusters: &[Arc<Cluster>], before: &Routing) -> Arc<Cluster> {
    let members: Vec<_> = clusters.iter().flat_map(|cluster| cluster.members.iter().cloned()).collect();
    state.change(&members, another_policy(before.shared.as_ref(), wire.policy));
    let (name, path, policy) = (SHARED.to_owned(), wire.path.clone(), wire.policy);
    Arc::new(Cluster { name, path, policy, members, state, neighbours: Neighbours::clusters(clusters) })
}

/// The policy that replaces that of `old`, if it is another one.
fn another_policy(old: Option<&Arc<Cluster>>, kind: wire::Policy) -> Option<Box<dyn Policy>> {
    old.is_some_and(|old| old.policy != kind).then(|| policy::build(kind))
}

fn members(routing: &Routing) -> impl Iterator<Item = &Arc<Member>> {
    routing.clusters.iter().flat_map(|cluster| &cluster.members)
}

fn cluster_status(cluster: &Cluster) -> ClusterStatus {
    let sent = |member: &Arc<Member>| member.record.requests.load(Relaxed);
    let total = cluster.members.iter().map(sent).sum();
    let member = |member: &Arc<Member>| {
        let record = &member.record;
        let load = |counter: &AtomicU64| counter.load(Relaxed);
        MemberStatus {
            id: member.id.clone(),
            address: member.address.to_string(),
            health: member.health(),
            in_flight: load(&record.in_flight),
            requests: load(&record.requests),
            failures: load(&record.failures),
            share_per_mille: per_mille(load(&record.requests), total),
            latency_micros: record.latency.mean_micros(),
            losses: load(&record.losses),
            boot: record.boot(),
            slots: record.slots(),
            opinion: opinion(cluster, member),
        }
    };
    ClusterStatus {
        name: cluster.name.clone(),
        path: cluster.path.clone(),
        policy: cluster.policy,
        requests: cluster.state.requests.load(Relaxed),
        failures: cluster.state.failures.load(Relaxed),
        members: cluster.members.iter().map(member).collect(),
    }
}

fn opinion(cluster: &Cluster, member: &Member) -> MemberOpinion {
    let opinion = cluster.state.opinion(member.key);
    let source = match member.parallelism() {
        _ if opinion.is_hint_refuted => Some(ParallelismSource::Evidence),
        Some(Parallelism::Slots(_)) => Some(ParallelismSource::Slots),
        Some(Parallelism::Vcpus(_)) => Some(ParallelismSource::Vcpus),
        None => None,
    };
    MemberOpinion {
        service_micros: opinion.service.map(Nanos::micros),
        parallelism: opinion.parallelism,
        parallelism_source: source.filter(|_| opinion.parallelism.is_some()),
        ejected: opinion.is_ejected,
    }
}

/// Rounded to the nearest; 0 of 0 is 0.
fn per_mille(part: u64, total: u64) -> u32 {
    u32::try_from((part * 1_000 + total / 2).checked_div(total).unwrap_or(0)).unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(members: &[(&str, &str)]) -> Membership {
        let member =
            |(id, address): &(&str, &str)| wire::Member { id: (*id).into(), address: (*address).into(), vcpus: None };
        let members = members.iter().map(member).collect();
        let policy = wire::Policy::LeastRequests;
        let clusters =
            vec![wire::Cluster { name: "a".into(), path: "/a".into(), policy, health: None, members, scaling: None }];
        Membership { clusters, ..Membership::default() }
    }

    fn ids(balancer: &Balancer) -> Vec<(u64, String)> {
        members(&balancer.current()).map(|member| (member.key.0, member.address.to_string())).collect()
    }

    #[test]
    fn members_that_stay_are_the_same_and_measurements_follow_the_id() {
        let balancer = Balancer::new("b", Settings::default());
        balancer.apply(membership(&[("x", "127.0.0.1:1"), ("y", "127.0.0.1:2")]), None).unwrap();
        let before = balancer.current();
        before.clusters[0].members[1].record.requests.store(7, Relaxed);
        balancer.apply(membership(&[("y", "127.0.0.1:3"), ("z", "127.0.0.1:4"), ("x", "127.0.0.1:1")]), None).unwrap();
        let after = balancer.current();
        assert!(Arc::ptr_eq(&before.clusters[0].members[0], &after.clusters[0].members[2]));
        assert!(!Arc::ptr_eq(&before.clusters[0].members[1], &after.clusters[0].members[0]));
        let expected = [(2, "127.0.0.1:3"), (3, "127.0.0.1:4"), (1, "127.0.0.1:1")];
        assert_eq!(ids(&balancer), expected.map(|(key, address)| (key, address.to_owned())));
        assert_eq!(balancer.status().clusters[0].members[0].requests, 7);
        assert_eq!(balancer.status().clusters[0].members[0].share_per_mille, 1_000);
    }

    #[test]
    fn who_leaves_with_requests_is_told_until_they_are_over_and_who_only_moves_is_not() {
        let balancer = Balancer::new("b", Settings::default());
        balancer.apply(membership(&[("x", "127.0.0.1:1"), ("y", "127.0.0.1:2"), ("z", "127.0.0.1:3")]), None).unwrap();
        let before = balancer.current();
        let in_flight = |index: usize| &before.clusters[0].members[index].record.in_flight;
        in_flight(0).store(2, Relaxed);
        in_flight(2).store(1, Relaxed);
        balancer.apply(membership(&[("z", "127.0.0.1:4")]), None).unwrap();
        let departing = || -> Vec<(String, u64)> {
            balancer.status().departing.into_iter().map(|one| (one.id, one.in_flight)).collect()
        };
        assert_eq!(departing(), [("x".to_owned(), 2)]);
        in_flight(0).store(0, Relaxed);
        assert_eq!(departing(), []);
        in_flight(0).store(1, Relaxed);
        assert_eq!(departing(), [], "what was over once is not looked at again");
    }

    #[test]
    fn versions_pin_what_is_replaced() {
        let balancer = Balancer::new("b", Settings::default());
        let empty = balancer.status().version;
        balancer.apply(membership(&[]), Some(&empty)).unwrap();
        let first = balancer.status().version;
        assert_ne!(first, empty);
        balancer.apply(membership(&[]), Some(&first)).unwrap();
        assert_eq!(balancer.status().version, first, "the same document changes nothing");
        let stale = balancer.apply(membership(&[("x", "127.0.0.1:1")]), Some(&empty));
        assert_eq!(stale, Err(Refused::Stale { given: empty, current: first }));
        assert_ne!(Balancer::new("b", Settings::default()).status().version, balancer.status().version);
    }

    #[test]
    fn a_bad_document_changes_nothing() {
        let balancer = Balancer::new("b", Settings::default());
        let refused = balancer.apply(membership(&[("x", "nowhere")]), None).unwrap_err();
        assert!(refused.to_string().contains("must be an IP address and a port"), "{refused}");
        assert!(balancer.status().version.ends_with("-0"));
    }

    #[test]
    fn shares_are_rounded() {
        assert_eq!([per_mille(0, 0), per_mille(1, 3), per_mille(2, 3), per_mille(5, 5)], [0, 333, 667, 1_000]);
    }
}
