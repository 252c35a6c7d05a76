//! The puller: takes requests out of their queue for the program beside it, and puts its answers into another one.

mod arguments;
mod decide;
mod desk;
mod health;
mod http_program;
mod job;
mod metrics;
mod pages;
mod paths;
mod pull;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;

pub use arguments::Arguments;
pub use decide::{Effect, ORDER};
use desk::Desk;
use health::Health;
pub use http_program::HttpProgram;
pub use pages::pages;
pub use paths::{InvalidPath, Paths};

use crate::puller_status::{Order, PullerStatus};
use crate::tally::Tally;

/// Everything that a puller is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Instance that its answers name.
    pub instance_id: String,
    /// Cluster of the instance.
    pub cluster: String,
    /// Where the program serves what.
    pub paths: Paths,
    /// Requests at the same time.
    pub slots: u32,
    /// Name of the queue that requests are taken from.
    pub request_queue: String,
    /// Name of the queue that answers are put into.
    pub answer_queue: String,
    /// Time for which a request is hidden from others; renewed while it is worked on.
    pub visibility: Duration,
    /// How often a request is run at most.
    pub attempts: u32,
    /// Longest time that the program may take. Reading and writing have 30 s beside it, for all of a message.
    pub timeout: Duration,
    /// Order of the effects: [`ORDER`], but in tests of what another one breaks.
    pub order: [Effect; 3],
}

/// Where a puller is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It takes messages.
    Pulling,
    /// It takes none, and finishes what it has.
    Draining,
    /// What it has is to be visible again at once.
    GivingBack,
}

/// A puller over its ports.
#[derive(Debug)]
pub struct Puller<C, P> {
    cloud: Arc<C>,
    program: P,
    settings: Settings,
    /// Drawn at start: another process is another boot.
    boot: String,
    begun: Instant,
    stage: watch::Sender<Stage>,
    desk: watch::Sender<Desk>,
    health: Health,
    /// What the last answer took from its sending to the end, in microseconds.
    tail_micros: AtomicU64,
    calls: Tally,
    numbers: Numbers,
}

/// An order for another instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("instanceId is {0:?}, and this is {1:?}: ask /status who it is before giving it an order")]
pub struct NotMine(String, String);

#[derive(Debug, Default)]
struct Numbers {
    received: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    exhausted: AtomicU64,
    given_back: AtomicU64,
    outrun: AtomicU64,
    call_failures: AtomicU64,
}

impl<C, P> Puller<C, P> {
    /// A puller that takes nothing yet: [`Puller::run`] does.
    pub fn new(cloud: Arc<C>, program: P, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            cloud,
            program,
            settings,
            boot: format!("{:016x}", rand::rng().next_u64()),
            begun: Instant::now(),
            stage: watch::Sender::new(Stage::Pulling),
            desk: watch::Sender::new(Desk::default()),
            health: Health::unknown(),
            tail_micros: AtomicU64::new(0),
            calls: Tally::default(),
            numbers: Numbers::default(),
        })
    }

    /// Does what the front says. Told to drain, it begins no receive; the one that is on is not broken off, and what it brings is
    /// worked on. Told to serve, it takes messages again.
    ///
    /// # Errors
    /// When the order is for another instance: nothing is changed then.
    pub fn obey(&self, order: &Order) -> Result<(), NotMine> {
        if order.instance_id != self.settings.instance_id {
            return Err(NotMine(order.instance_id.clone(), self.settings.instance_id.clone()));
        }
        let is_changed = self.desk.send_if_modified(|desk| std::mem::replace(&mut desk.duty, order.duty) != order.duty);
        if is_changed {
            tracing::info!(duty = ?order.duty, "the front changed the duty");
        }
        Ok(())
    }

    /// The process ends: no more messages are taken, and those that a poll still brings are given back; [`Puller::run`] ends when those that are there are answered.
    pub fn drain(&self) {
        self.stage.send_replace(Stage::Draining);
    }

    /// What is not answered yet becomes visible to others at once.
    pub fn give_back(&self) {
        self.stage.send_replace(Stage::GivingBack);
    }

    /// Its state now.
    pub fn status(&self) -> PullerStatus {
        let load = |number: &AtomicU64| number.load(Relaxed);
        let (numbers, desk) = (&self.numbers, *self.desk.borrow());
        let is_pulling = *self.stage.borrow() == Stage::Pulling;
        PullerStatus {
            instance_id: self.settings.instance_id.clone(),
            cluster: self.settings.cluster.clone(),
            boot: self.boot_with(None),
            process: self.boot.clone(),
            uptime_millis: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            slots: self.settings.slots,
            duty: desk.duty,
            drained: desk.is_drained(),
            in_flight: desk.at_work,
            received: load(&numbers.received),
            answered: load(&numbers.answered),
            failed: load(&numbers.failed),
            exhausted: load(&numbers.exhausted),
            given_back: load(&numbers.given_back),
            outrun: load(&numbers.outrun),
            call_failures: load(&numbers.call_failures),
            calls: self.calls.calls(),
            last_failure: self.health.last_failure(),
            waits_for: if is_pulling { self.health.doubts() } else { Some("it ends".to_owned()) },
        }
    }

    /// This process and that of the program, where it names one: if either is another, the worker was restarted.
    fn boot_with(&self, program: Option<&str>) -> String {
        match program.map(str::to_owned).or_else(|| self.health.boot()) {
            Some(program) => format!("{}-{program}", self.boot),
            None => self.boot.clone(),
        }
    }
}
