//! The front: takes requests of clients, puts each into the queue of its cluster, and holds the client until an answer comes.
//!
//! It is to the operator what a balancer is: the same control API, membership and status.

mod answers;
mod arguments;
mod arrivals;
mod book;
mod checks;
mod cluster;
pub mod control;
mod counting;
mod exchange;
mod member;
mod metrics;
mod routing;
mod tasks;
mod timing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use wire::{BalancerStatus, Departing, InvalidMembership, Membership};

pub use arguments::Arguments;
pub use exchange::routes;

use cluster::{Cluster, ClusterState};
use member::{Member, Record};
use routing::Routing;

/// Most requests that are held at the same time.
pub const MOST_HELD: usize = 10_000;
/// Longest body of a request, in bytes.
pub const BODY_LIMIT: usize = 5 * 1024 * 1024;
/// Bodies that are in memory at the same time, together, in KiB.
const BODIES_KIB: usize = 256 * 1024;

/// Everything that a front is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its own instance.
    pub instance_id: String,
    /// What the names of all queues begin with; then comes the name of the cluster, then `-in` or `-out`.
    pub queue_stem: String,
    /// Longest time from a request to its answer.
    pub timeout: Duration,
    /// Most requests at the same time.
    pub most_held: usize,
}

/// A front over its ports.
#[derive(Debug)]
pub struct Front<C> {
    cloud: Arc<C>,
    settings: Settings,
    /// Drawn at start and part of every version: a front that restarted, and so forgot its membership and who waits, can not
    /// be taken for the one before.
    boot: String,
    begun: Instant,
    routing: watch::Sender<Arc<Routing>>,
    changes: Mutex<Changes>,
    held: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    /// Requests that were turned away because so many were held.
    turned_away: AtomicU64,
    /// Calls of SQS or S3 that failed and were given up.
    call_failures: AtomicU64,
    /// When somebody last asked for the status, or a request was open, in milliseconds since the start, plus one.
    asked: AtomicU64,
}

/// Held while a membership is replaced.
#[derive(Debug, Default)]
struct Changes {
    number: u64,
    /// Clusters by name, also those that are no longer served: their answers may still come.
    states: HashMap<String, Arc<ClusterState>>,
    /// Members that were taken out at work, and when.
    departing: Vec<(Arc<Member>, Instant)>,
}

/// The reason why a membership was not taken over. The one before stays.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It could not be served as written.
    #[error(transparent)]
    Invalid(#[from] InvalidMembership),
    /// It asks for what a front does not do.
    #[error(
        "shared: behind queues there is no path for the members of all clusters: remove it, or take another balancer.kind"
    )]
    Shared,
    /// It was decided on another one.
    #[error("If-Match is {given:?}, but the version being served is {current:?}: read /status and decide again")]
    Stale {
        /// The version that the caller knows.
        given: String,
        /// The version that is served.
        current: String,
    },
}

impl<C> Front<C> {
    /// A front that serves nothing yet.
    pub fn new(cloud: Arc<C>, settings: Settings) -> Arc<Self> {
        let boot = format!("{:016x}", rand::rng().next_u64());
        let routing = Arc::new(Routing::new(format!("{boot}-0"), Membership::default(), Vec::new()));
        Arc::new(Self {
            cloud,
            boot,
            begun: Instant::now(),
            routing: watch::Sender::new(routing),
            changes: Mutex::default(),
            held: Arc::new(Semaphore::new(settings.most_held)),
            bodies: Arc::new(Semaphore::new(BODIES_KIB)),
            turned_away: AtomicU64::new(0),
            call_failures: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            settings,
        })
    }

    /// Serves `membership` from now on, in place of the one before. Requests that wait go on waiting, members that stay keep
    /// health and counts. The same document again changes nothing.
    ///
    /// # Errors
    /// When the document is invalid, or `if_match` is given and is not the version being served.
    pub fn apply(&self, membership: Membership, if_match: Option<&str>) -> Result<(), Refused> {
        membership.validate()?;
        if membership.shared.is_some() {
            return Err(Refused::Shared);
        }
        let mut changes = self.changes();
        let before = self.current();
        if let Some(given) = if_match.filter(|given| *given != before.version) {
            return Err(Refused::Stale { given: given.to_owned(), current: before.version.clone() });
        }
        if before.membership == membership {
            return Ok(());
        }
        let clusters: Vec<_> =
            membership.clusters.iter().map(|wire| self.adopt(wire, &before, &mut changes.states)).collect();
        changes.number += 1;
        let version = format!("{}-{}", self.boot, changes.number);
        tracing::info!(version, clusters = clusters.len(), "membership changed");
        let after = Arc::new(Routing::new(version, membership, clusters));
        for member in members(&before).filter(|old| !members(&after).any(|new| Arc::ptr_eq(old, new))) {
            member.leave();
            // One that only moved is a member still.
            if !members(&after).any(|new| Arc::ptr_eq(&new.record, &member.record)) {
                changes.departing.push((Arc::clone(member), Instant::now()));
            }
        }
        self.routing.send_replace(after);
        Ok(())
    }

    /// A cluster as the new document says, with everything of the old one of that name that still holds.
    fn adopt(
        &self,
        wire: &wire::Cluster,
        before: &Routing,
        states: &mut HashMap<String, Arc<ClusterState>>,
    ) -> Arc<Cluster> {
        let state = states.entry(wire.name.clone());
        let state = state.or_insert_with(|| Arc::new(ClusterState::new(&wire.name, &self.settings.queue_stem)));
        let old = before.clusters.iter().find(|cluster| cluster.state.name == wire.name);
        let member = |wire: &wire::Member| {
            let known = old.and_then(|cluster| cluster.member(&wire.id));
            // Validated: the fallback is never taken.
            let address = wire.address.parse().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into());
            match known {
                Some(same) if same.address == address => Arc::clone(same),
                Some(moved) => Arc::new(Member::new(&wire.id, address, Arc::clone(&moved.record))),
                None => Arc::new(Member::new(&wire.id, address, Arc::new(Record::default()))),
            }
        };
        let members = wire.members.iter().map(member).collect();
        Arc::new(Cluster { path: wire.path.clone(), policy: wire.policy, members, state: Arc::clone(state) })
    }

    /// The membership being served, and what happened under it.
    pub fn status(&self) -> BalancerStatus {
        self.asked.store(self.now() + 1, Relaxed);
        self.status_unasked()
    }

    /// The same for whoever looks on by himself: SQS is not asked for it.
    fn status_unasked(&self) -> BalancerStatus {
        let (routing, now) = (self.current(), self.now());
        BalancerStatus {
            instance_id: self.settings.instance_id.clone(),
            kernel_boot: agent::kernel_boot(),
            version: routing.version.clone(),
            membership_sha256: routing.membership.sha256(),
            clusters: routing.clusters.iter().map(|cluster| cluster.status()).collect(),
            shared: None,
            departing: self.departing(),
            queues: routing.clusters.iter().map(|cluster| cluster.queue_status(now)).collect(),
        }
    }

    /// Those that left and still work on what they took.
    fn departing(&self) -> Vec<Departing> {
        let mut changes = self.changes();
        changes.departing.retain(|(member, _)| member.record.in_flight() > 0);
        let told = |(member, since): &(Arc<Member>, Instant)| Departing {
            id: member.id.clone(),
            in_flight: member.record.in_flight(),
            seconds: since.elapsed().as_secs(),
        };
        changes.departing.iter().map(told).filter(|one| one.in_flight > 0).collect()
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<Routing> {
        Arc::clone(&self.routing.borrow())
    }

    /// Milliseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Requests that wait for an answer.
    fn open(&self) -> usize {
        self.settings.most_held - self.held.available_permits()
    }
}

fn members(routing: &Routing) -> impl Iterator<Item = &Arc<Member>> {
    routing.clusters.iter().flat_map(|cluster| &cluster.members)
}
