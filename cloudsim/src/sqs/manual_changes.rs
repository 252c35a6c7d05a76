//! Changes that people make with a console of their own, and queues of others.

use std::sync::Arc;

use planner::owner::{BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER, MANAGED_BY, Tags};
use rand::seq::IndexedRandom;

use super::Sqs;
use super::queue::{CreateQueue, Queue, with_defaults};
use super::state::Event;
use crate::engine::audit::Origin;
use crate::engine::span::Span;

/// Tags by which a queue is known to be somebody's.
const PROOF: [&str; 4] = [MANAGED_BY, INSTALLATION, KUBERNETES_CLUSTER, BENCHMARK_UID];
/// Two changes are never closer than this, whatever the knob says: time must go on between them.
const SHORTEST_PAUSE_MILLIS: u64 = 1_000;

impl Sqs<'_> {
    /// Gives a queue other tags. `false`: it is not there.
    pub fn retag_queue_by_hand(&mut self, name: &str, change: impl FnOnce(&mut Tags)) -> bool {
        let is_there = self.state.truth(name).is_some();
        if is_there {
            self.engine.tell(format!("BY HAND tags of {name}"));
            self.change_tags(name, change);
        }
        is_there
    }

    /// Deletes a queue. `false`: it is not there.
    pub fn delete_queue_by_hand(&mut self, name: &str) -> bool {
        let queue = self.state.truth(name).cloned();
        if let Some(queue) = &queue {
            self.engine.tell(format!("BY HAND DeleteQueue {name}"));
            self.remove_queue(queue);
        }
        queue.is_some()
    }

    /// Plants a queue of somebody else, which every call finds at once; `None` where the name is taken or an attribute is wrong.
    pub fn plant_queue(&mut self, request: &CreateQueue) -> Option<Arc<Queue>> {
        let attributes = with_defaults(&request.attributes).ok()?;
        let is_free = self.state.truth(&request.name).is_none();
        is_free.then(|| self.add_queue(&request.name, attributes, request.tags.clone(), Origin::Planted))
    }

    /// Puts the next change on the agenda, if there is to be one.
    pub(crate) fn expect_manual_change(&mut self) {
        let every = self.settings.queues.manual_changes;
        if every == Span::NONE || self.state.manual_change_is_due {
            return;
        }
        self.state.manual_change_is_due = true;
        let wait = self.draw(every, |random| &mut random.manual_changes).max(SHORTEST_PAUSE_MILLIS);
        self.after(wait, Event::ManualChange);
    }

    /// One of these, on a queue that a call made: a tag is taken from it, or it is deleted.
    pub(super) fn change_by_hand(&mut self) {
        self.state.manual_change_is_due = false;
        if self.settings.queues.manual_changes == Span::NONE {
            return;
        }
        let names: Vec<String> = self.state.live_queues().iter().map(|queue| queue.name.clone()).collect();
        let random = &mut self.state.random.manual_changes;
        let key = PROOF.choose(random).copied().unwrap_or(MANAGED_BY);
        let is_deletion = [false, true].choose(random).copied().unwrap_or(false);
        let is_done = match names.choose(random).cloned() {
            Some(name) if is_deletion => self.delete_queue_by_hand(&name),
            Some(name) => self.retag_queue_by_hand(&name, |tags| drop(tags.remove(key))),
            None => false,
        };
        if is_done {
            self.engine.count("manual change of a queue");
        }
        self.expect_manual_change();
    }
}
