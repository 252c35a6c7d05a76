//! The sight of one process: what it saw of the cloud when it looked last, so that the judge can tell who acts blindly.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use api::ClusterBenchmark;
use planner::ports::Answer;

/// What one process saw when it looked last. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Sight(Arc<Mutex<BTreeMap<&'static str, Seen>>>, Arc<AtomicBool>, Arc<AtomicBool>, Arc<AtomicBool>);

/// The word of the front about its queues.
const FRONT: &str = "front";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Known,
    Failed,
}

impl Sight {
    /// The last answer counts.
    pub(super) fn note<T>(&self, what: &'static str, answer: Answer<T>) -> Answer<T> {
        let seen = if answer.is_ok() { Seen::Known } else { Seen::Failed };
        self.0.lock().unwrap().insert(what, seen);
        answer
    }

    /// What stands in front was asked, and answered or not.
    pub(super) fn hears(&self, is_heard: bool) {
        self.0.lock().unwrap().insert(FRONT, if is_heard { Seen::Known } else { Seen::Failed });
    }

    /// Whether what stands in front gave no answer when it was asked last.
    pub(super) fn is_deaf(&self) -> bool {
        self.failed(&[FRONT])
    }

    /// The object was read, and asks for quiet or not.
    pub(crate) fn read(&self, object: &ClusterBenchmark) {
        self.1.store(object.spec.paused, Ordering::Relaxed);
        self.3.store(object.metadata.deletion_timestamp.is_some(), Ordering::Relaxed);
    }

    /// Whether the object was being deleted when it was read last.
    pub(super) fn is_deleted(&self) -> bool {
        self.3.load(Ordering::Relaxed)
    }

    /// Whether the last list showed a load balancer of ours.
    pub(super) fn shows_balancer(&self, shows: bool) {
        self.2.store(shows, Ordering::Relaxed);
    }

    pub(super) fn has_balancer(&self) -> bool {
        self.2.load(Ordering::Relaxed)
    }

    /// Whether the object asked for quiet when it was read last.
    pub(super) fn is_paused(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }

    pub(super) fn failed(&self, what: &[&str]) -> bool {
        let notes = self.0.lock().unwrap();
        what.iter().any(|what| notes.get(what) == Some(&Seen::Failed))
    }

    /// Whether something was looked for and not seen.
    pub(crate) fn is_blind(&self) -> bool {
        self.failed(&["account", "instances", "groups"])
    }
}
