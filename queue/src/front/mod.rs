//! The front: takes requests of clients, puts each into the queue of its cluster, and holds the client until an answer comes.
//!
//! It is to the operator what a balancer is: the same control API, membership and status.

mod account;
mod answers;
mod arguments;
mod arrivals;
mod book;
mod boots;
mod change;
mod checks;
mod cluster;
pub mod control;
mod counting;
mod drain;
mod exchange;
mod inherited;
mod member;
mod metrics;
mod pullers;
mod routing;
mod tasks;
mod timing;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::Rng;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use wire::{BalancerStatus, Membership};

pub use arguments::Arguments;
pub use change::Refused;
pub use exchange::routes;
pub use pullers::{Asked, HttpPullers, Pullers, Unwell};

use change::Changes;
use routing::Routing;

/// Most requests that are held at the same time.
pub const MOST_HELD: usize = 10_000;
/// Longest body of a request, in bytes.
pub const BODY_LIMIT: usize = 5 * 1024 * 1024;
/// Bodies that are in memory at the same time, together, in KiB.
const BODIES_KIB: usize = 256 * 1024;
/// Answers that were read from their objects and that clients have not taken yet, together, in KiB: sixteen of the longest, which
/// have 16 MiB. With the bodies above, and with 64 KiB in the message of each of the 10,000 others, that leaves a front on the default
/// type, which has 4 GiB, most of its memory. Who comes later waits for room, for as long as his request may take.
const ANSWERS_KIB: u32 = 256 * 1024;

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
    pullers: Arc<dyn Pullers>,
    settings: Settings,
    /// Drawn at start and part of every version: a front that restarted, and so forgot its membership and who waits, can not
    /// be taken for the one before.
    boot: String,
    begun: Instant,
    routing: watch::Sender<Arc<Routing>>,
    changes: Mutex<Changes>,
    held: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    /// Requests that were turned away because so many were held.
    turned_away: AtomicU64,
    /// Calls of SQS or S3 that failed and were given up.
    call_failures: AtomicU64,
    /// When somebody last asked for the status, or a request was open, in milliseconds since the start, plus one.
    asked: AtomicU64,
}

impl<C> Front<C> {
    /// A front that serves nothing yet, and reaches pullers over HTTP.
    pub fn new(cloud: Arc<C>, settings: Settings) -> Arc<Self> {
        Self::with_pullers(cloud, Arc::new(HttpPullers), settings)
    }

    /// A front that serves nothing yet.
    pub fn with_pullers(cloud: Arc<C>, pullers: Arc<dyn Pullers>, settings: Settings) -> Arc<Self> {
        let boot = format!("{:016x}", rand::rng().next_u64());
        let routing = Arc::new(Routing::new(format!("{boot}-0"), Membership::default(), Vec::new()));
        Arc::new(Self {
            cloud,
            pullers,
            boot,
            begun: Instant::now(),
            routing: watch::Sender::new(routing),
            changes: Mutex::default(),
            held: Arc::new(Semaphore::new(settings.most_held)),
            bodies: Arc::new(Semaphore::new(BODIES_KIB)),
            answers: Arc::new(Semaphore::new(ANSWERS_KIB as usize)),
            turned_away: AtomicU64::new(0),
            call_failures: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            settings,
        })
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
            busy_per_mille: None,
            version: routing.version.clone(),
            membership_sha256: routing.membership.sha256(),
            clusters: routing.clusters.iter().map(|cluster| cluster.status()).collect(),
            shared: None,
            departing: self.departing(),
            queues: routing.clusters.iter().map(|cluster| cluster.queue_status(now)).collect(),
        }
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
