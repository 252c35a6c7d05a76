//! State of SQS in one region: queues by name, their messages, and what is still to happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use planner::owner::Tags;

use super::counts::Counts;
use super::queue::Queue;
use super::store::Store;
use super::throttle::Bucket;
use crate::engine::agenda::{Agenda, Place};
use crate::engine::audit::Origin;
use crate::engine::random::{Stream, stream};
use crate::engine::throttle::Buckets;
use crate::engine::visibility::Versions;

/// SQS of one region. What it answers for itself is the truth, whatever readers are shown.
pub struct State {
    pub(super) random: Streams,
    pub(super) agenda: Agenda<Event>,
    pub(crate) buckets: Buckets<Bucket>,
    pub(super) records: BTreeMap<String, Record>,
    /// Messages by the number of their queue, until calls find it no more.
    pub(super) stores: BTreeMap<u64, Store>,
    /// Queues that calls ever made, by name.
    pub(super) made: BTreeMap<String, usize>,
    /// Number of the newest queue.
    pub(super) newest: u64,
    /// Whether the next change by hand is on the agenda.
    pub(super) manual_change_is_due: bool,
}

/// Everything about the queues that ever had one name.
pub(super) struct Record {
    pub(super) seen: Versions<Queue>,
    /// Tags show for themselves.
    pub(super) tags: Versions<Tags>,
    /// When the latest of them was deleted.
    pub(super) deleted_at: Option<Timestamp>,
}

/// Random streams of SQS. Their numbers must be no other stream's: see [`crate::engine::random`].
pub(super) struct Streams {
    /// Creation, deletion, purges.
    pub(super) times: Stream,
    /// Ids of messages.
    pub(super) ids: Stream,
    pub(super) manual_changes: Stream,
    /// Order, copies and empty answers of receives.
    pub(super) delivery: Stream,
    /// The age of counts.
    pub(super) counts: Stream,
}

impl Streams {
    fn new(seed: u64) -> Self {
        Self {
            times: stream(seed, 20),
            ids: stream(seed, 21),
            manual_changes: stream(seed, 22),
            delivery: stream(seed, 23),
            counts: stream(seed, 24),
        }
    }
}

/// Something that happens by itself.
#[derive(Debug)]
pub(super) enum Event {
    /// A deleted queue, by its number, is gone for all calls, and its messages with it.
    Gone(u64),
    /// What was sent to a queue up to a moment goes.
    Purged { number: u64, sent_until: Timestamp },
    /// Somebody changes something by hand.
    ManualChange,
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Streams::new(seed),
            agenda: Agenda::default(),
            buckets: Buckets::default(),
            records: BTreeMap::new(),
            stores: BTreeMap::new(),
            made: BTreeMap::new(),
            newest: 0,
            manual_change_is_due: false,
        }
    }

    /// Draws everything to come from another seed; ids go on, because none may come twice.
    pub(crate) fn reseed(&mut self, seed: u64) {
        let Streams { ids, .. } = std::mem::replace(&mut self.random, Streams::new(seed));
        self.random.ids = ids;
    }

    /// Place of what happens next.
    pub(crate) fn first_event(&self) -> Option<Place> {
        self.agenda.first()
    }

    /// Queues that calls ever made, by name.
    pub fn made(&self) -> &BTreeMap<String, usize> {
        &self.made
    }

    /// Queues that exist, those of others left out. One whose deletion was called for does not.
    pub fn live_queues(&self) -> Vec<Arc<Queue>> {
        self.all_queues().filter(|queue| queue.origin == Origin::Called).cloned().collect()
    }

    /// Tags of a queue that exists.
    pub fn tags(&self, name: &str) -> Option<Arc<Tags>> {
        self.records.get(name).and_then(|record| record.tags.truth()).cloned()
    }

    /// Messages of a queue that calls find, as they were when somebody asked for them last.
    pub fn messages(&self, number: u64) -> Option<Counts> {
        self.stores.get(&number).map(Store::counts)
    }

    pub(super) fn all_queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.records.values().filter_map(|record| record.seen.truth())
    }

    pub(super) fn truth(&self, name: &str) -> Option<&Arc<Queue>> {
        self.records.get(name).and_then(|record| record.seen.truth())
    }
}
