//! The puller: takes requests out of their queue for the program beside it, and puts its answers into another one.

mod arguments;
mod decide;
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

pub use arguments::Arguments;
pub use decide::{Effect, ORDER};
use health::Health;
pub use http_program::HttpProgram;
pub use pages::pages;
pub use paths::{InvalidPath, Paths};

use crate::puller_status::PullerStatus;

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
    /// Longest time that the program may take, and that a call is repeated for.
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
    stage: watch::Sender<Stage>,
    health: Health,
    in_flight: AtomicU64,
    numbers: Numbers,
}

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
            stage: watch::Sender::new(Stage::Pulling),
            health: Health::unknown(),
            in_flight: AtomicU64::new(0),
            numbers: Numbers::default(),
        })
    }

    /// No more messages are taken; [`Puller::run`] ends when those that are there are answered.
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
        let numbers = &self.numbers;
        let is_pulling = *self.stage.borrow() == Stage::Pulling;
        PullerStatus {
            instance_id: self.settings.instance_id.clone(),
            cluster: self.settings.cluster.clone(),
            boot: self.boot_with(None),
            slots: self.settings.slots,
            in_flight: load(&self.in_flight),
            received: load(&numbers.received),
            answered: load(&numbers.answered),
            failed: load(&numbers.failed),
            exhausted: load(&numbers.exhausted),
            given_back: load(&numbers.given_back),
            outrun: load(&numbers.outrun),
            call_failures: load(&numbers.call_failures),
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
