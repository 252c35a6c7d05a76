//! The state that all tasks of a node share.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::AbortHandle;

use super::config::{Config, HealthCheck};
use super::counts::{self, Counts};
use super::event::{Event, Sample, TargetHealth};
use super::table::{IsNew, Table, Target};

/// The node's limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long a connection may be silent.
    pub(super) idle: Duration,
    /// How long a connection to a target may take.
    pub(super) connect: Duration,
    /// Connections of clients at a time.
    pub(super) connections: usize,
}

pub(super) struct Node {
    /// The listener's address, from which targets are asked as well.
    pub(super) address: SocketAddr,
    pub(super) limits: Limits,
    pub(super) counts: Counts,
    /// Connections of clients that are open.
    pub(super) connections: AtomicUsize,
    table: RwLock<Arc<Table>>,
    random: Mutex<StdRng>,
    events: Sender<Event>,
}

impl Node {
    pub(super) fn new(address: SocketAddr, limits: Limits, seed: u64, events: Sender<Event>) -> Self {
        Self {
            address,
            limits,
            counts: Counts::default(),
            connections: AtomicUsize::default(),
            table: RwLock::default(),
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            events,
        }
    }

    /// Brings a version into force for all requests that come from now on; `start` begins to check a target.
    ///
    /// *Errors*: the field that makes no sense; nothing has changed.
    pub(super) fn configure(
        &self,
        config: &Config,
        start: impl Fn(&str, &Arc<Target>, &HealthCheck, IsNew) -> AbortHandle,
    ) -> Result<(), String> {
        config.check()?;
        let before = self.table();
        let next = Arc::new(before.next(config, start));
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = next.clone();
        before.retire(&next);
        Ok(())
    }

    pub(super) fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn random(&self) -> MutexGuard<'_, StdRng> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When nobody hears it any more, the node's end is near.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Tells the state of a target.
    pub(super) fn tell_health(&self, group: &str, target: &Target) {
        let (state, reason) = {
            let health = target.health();
            (health.state, health.reason())
        };
        let (reason, description) = reason.map(|(code, text)| (code.to_owned(), text)).unzip();
        let (group, target) = (group.to_owned(), target.id.clone());
        self.tell(Event::Health(TargetHealth { group, target, state, reason, description }));
    }

    /// Tells a sample each second, for ever.
    pub(super) async fn report(self: Arc<Self>) {
        loop {
            let pause = counts::until_next_second();
            tokio::time::sleep(pause).await;
            self.tell_samples(false);
            for group in self.table().groups() {
                group.targets.iter().for_each(|target| target.close_idle(self.limits.idle));
            }
        }
    }

    /// Tells what was not told yet, also of the second that is not over.
    pub(super) fn report_all(&self) {
        self.tell_samples(true);
    }

    /// At least one sample, as the number of healthy targets is news without traffic too.
    fn tell_samples(&self, also_now: bool) {
        let mut samples = self.counts.take(also_now);
        if samples.is_empty() {
            let second = counts::second() - i64::from(!also_now);
            samples.push(Sample { second, ..Sample::default() });
        }
        let table = self.table();
        for mut sample in samples {
            for group in table.groups() {
                let of_group = sample.groups.entry(group.id.clone()).or_default();
                [of_group.registered, of_group.healthy, of_group.unhealthy] = group.count();
            }
            self.tell(Event::Sample(sample));
        }
    }
}
