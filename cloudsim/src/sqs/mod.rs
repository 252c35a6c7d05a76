//! SQS: standard queues, their messages, its actions, and what it does by itself.
//!
//! [`State`] is the truth of one region. [`Sqs`] is SQS at one moment, with the actions as methods: they answer as SQS would
//! on a good day, with its error codes. A call names a queue by its name; [`queue_name`] reads it from a URL. Nobody waits
//! here: a long poll is a caller that asks again.

mod about;
mod address;
mod ask;
mod attributes;
mod batches;
mod counts;
mod manual_changes;
mod message;
mod messages;
mod moment;
mod near_misses;
mod queue;
mod queues;
mod receipt;
mod refusal;
mod state;
mod store;
mod tags;
mod throttle;

pub use crate::actions::sqs::Action;
pub use about::About;
pub use address::{queue_name, queue_url};
pub use batches::Results;
pub use counts::Counts;
pub use message::{ChangeVisibility, Entry, ReceiveMessage, Received, SendMessage};
pub use queue::{Attributes, CreateQueue, Queue};
pub use refusal::NO_QUEUE;
pub use state::State;

pub(crate) use refusal::throttled;
pub(crate) use throttle::costs;

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::error::Outcome;
use crate::engine::random::Stream;
use crate::engine::span::Span;
use crate::engine::visibility::{Path, ReadView};
use crate::settings::Settings;
use state::Event;

/// Bytes of all messages of a batch, and so of one (API reference, SendMessageBatch: 1 MiB).
const LARGEST_BATCH: usize = 1 << 20;

/// SQS at one moment.
pub struct Sqs<'a> {
    engine: &'a mut Engine,
    settings: &'a Settings,
    state: &'a mut State,
}

impl<'a> Sqs<'a> {
    pub(crate) fn new(engine: &'a mut Engine, settings: &'a Settings, state: &'a mut State) -> Self {
        Self { engine, settings, state }
    }

    /// `event` happens so many milliseconds from now.
    fn after(&mut self, millis: u64, event: Event) {
        self.state.agenda.enter(self.engine, millis, event);
    }

    /// Makes happen what is first on the agenda.
    pub(crate) fn happen_first(&mut self) {
        let now = self.engine.now();
        match self.state.agenda.take_first() {
            Some(Event::Gone(number)) => drop(self.state.stores.remove(&number)),
            Some(Event::Purged { number, sent_until }) => {
                if let Some(store) = self.state.stores.get_mut(&number) {
                    store.purge(now, sent_until);
                }
            }
            Some(Event::ManualChange) => self.change_by_hand(),
            None => (),
        }
    }

    /// A length of time of this span.
    fn draw(&mut self, span: Span, of: impl FnOnce(&mut state::Streams) -> &mut Stream) -> u64 {
        span.draw(of(&mut self.state.random))
    }

    fn draw_lag(&mut self) -> [u64; 3] {
        self.engine.draw_lag(self.settings.queues.lag.unwrap_or(self.settings.lag))
    }

    fn read_view(&mut self, path: Path) -> ReadView {
        self.engine.read_view(path, self.settings.stale_reads)
    }

    /// Calls are made with credentials of another account: nothing of this one can be seen or touched.
    fn is_elsewhere(&self) -> bool {
        self.engine.is_elsewhere(&self.settings.account)
    }

    /// The queue that a call finds by its name.
    fn shown(&self, name: &str, view: ReadView) -> Outcome<Arc<Queue>> {
        let found = self.state.records.get(name).and_then(|record| record.seen.seen(view));
        found.filter(|_| !self.is_elsewhere()).cloned().ok_or_else(refusal::no_queue)
    }

    /// The queue that a call about messages finds: no replica is behind.
    fn queue(&self, name: &str) -> Outcome<Arc<Queue>> {
        self.shown(name, ReadView { path: Path::Id, at: self.engine.now() })
    }

    /// Notes what a call does to a queue, if it is somebody else's.
    fn touch(&mut self, queue: &Queue, what: &str) {
        self.engine.touch(queue.origin, || format!("{what} {}", queue.name));
    }

    fn arn(&self, name: &str) -> String {
        let Settings { region, account, .. } = self.settings;
        format!("arn:aws:sqs:{region}:{account}:{name}")
    }
}
