//! Tags of queues: lists do not show them, so they are asked for queue by queue.

use planner::owner::Tags;

use super::Sqs;
use super::refusal::invalid;
use crate::ec2;
use crate::engine::error::Outcome;
use crate::engine::visibility::{Path, ReadView};

impl Sqs<'_> {
    /// ListQueueTags.
    pub fn list_queue_tags(&mut self, name: &str) -> Outcome<Tags> {
        let view = self.read_view(Path::Id);
        self.shown(name, view)?;
        Ok(self.shown_tags(name, view))
    }

    /// TagQueue. A tag under a key that is there replaces it.
    pub fn tag_queue(&mut self, name: &str, new: &Tags) -> Outcome<()> {
        check_tags(new)?;
        self.retag(name, "TagQueue", |tags| tags.extend(new.clone()))
    }

    /// UntagQueue.
    pub fn untag_queue(&mut self, name: &str, keys: &[String]) -> Outcome<()> {
        self.retag(name, "UntagQueue", |tags| tags.retain(|key, _| !keys.contains(key)))
    }

    fn retag(&mut self, name: &str, what: &str, change: impl FnOnce(&mut Tags)) -> Outcome<()> {
        let view = self.read_view(Path::Id);
        let queue = self.shown(name, view)?;
        self.touch(&queue, what);
        self.engine.tell(format!("{what} {name}"));
        self.change_tags(name, change);
        Ok(())
    }

    pub(super) fn change_tags(&mut self, name: &str, change: impl FnOnce(&mut Tags)) {
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let mut tags = self.state.tags(name).map(|tags| (*tags).clone()).unwrap_or_default();
        change(&mut tags);
        if let Some(record) = self.state.records.get_mut(name) {
            record.tags.push(Some(tags), now, lag);
        }
    }

    /// The tags that a call sees of a queue that it finds: none while they are not there yet.
    pub(super) fn shown_tags(&self, name: &str, view: ReadView) -> Tags {
        let seen = self.state.records.get(name).and_then(|record| record.tags.seen(view));
        seen.map(|tags| (**tags).clone()).unwrap_or_default()
    }
}

/// The limits are EC2's (developer guide, "Quotas related to queues"), the code is not.
pub(super) fn check_tags(tags: &Tags) -> Outcome<()> {
    ec2::check_tags(tags).map_err(|error| invalid(error.message))
}
