//! Attributes of queues, those that can be set and those that are counted.

use super::Sqs;
use super::queue::{Attributes, Queue, Rules, can_be_set, check};
use super::refusal::attribute_name;
use crate::engine::error::Outcome;
use crate::engine::visibility::{Path, earlier};

const ALL: &str = "All";
const ARN: &str = "QueueArn";
const CREATED: &str = "CreatedTimestamp";
const MODIFIED: &str = "LastModifiedTimestamp";
const VISIBLE: &str = "ApproximateNumberOfMessages";
const IN_FLIGHT: &str = "ApproximateNumberOfMessagesNotVisible";
const DELAYED: &str = "ApproximateNumberOfMessagesDelayed";

/// Attributes that cannot be set.
const SHOWN: [&str; 6] = [ARN, CREATED, MODIFIED, VISIBLE, IN_FLIGHT, DELAYED];

impl Sqs<'_> {
    /// GetQueueAttributes: those that are asked for, none when none is named. One that the queue does not have is left out.
    pub fn get_queue_attributes(&mut self, name: &str, names: &[String]) -> Outcome<Attributes> {
        let view = self.read_view(Path::Id);
        let queue = self.shown(name, view)?;
        let is_known = |name: &str| name == ALL || SHOWN.contains(&name) || can_be_set(name);
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(attribute_name(unknown));
        }
        let mut all = self.attributes(&queue)?;
        if !names.iter().any(|name| name == ALL) {
            all.retain(|name, _| names.contains(name));
        }
        Ok(all)
    }

    /// SetQueueAttributes. Messages follow it at once, calls that read it later.
    pub fn set_queue_attributes(&mut self, name: &str, attributes: &Attributes) -> Outcome<()> {
        let view = self.read_view(Path::Id);
        let queue = self.shown(name, view)?;
        check(attributes)?;
        self.touch(&queue, "SetQueueAttributes");
        self.engine.tell(format!("SetQueueAttributes {name}"));
        let (now, lag) = (self.engine.now(), self.draw_lag());
        // One that was deleted meanwhile stays so.
        let Some(truth) = self.state.truth(name).filter(|truth| truth.number == queue.number) else { return Ok(()) };
        let mut changed = Queue { modified_at: now, ..(**truth).clone() };
        changed.attributes.extend(attributes.clone());
        let rules = Rules::of(&changed.attributes);
        self.store(&queue)?.rules = rules;
        if let Some(record) = self.state.records.get_mut(name) {
            record.seen.push(Some(changed), now, lag);
        }
        Ok(())
    }

    fn attributes(&mut self, queue: &Queue) -> Outcome<Attributes> {
        let (now, span) = (self.engine.now(), self.settings.queues.count_lag);
        let ages = [(); 3].map(|()| self.draw(span, |random| &mut random.counts));
        let store = self.store(queue)?;
        store.settle(now);
        // Each is as old as it is: their sum may be the number of messages at no moment.
        let [visible, in_flight, delayed] = ages.map(|millis| match millis {
            0 => store.counts(),
            millis => store.counts_at(earlier(now, millis)),
        });
        let mut all = queue.attributes.clone();
        all.insert(ARN.to_owned(), self.arn(&queue.name));
        all.insert(CREATED.to_owned(), queue.created_at.as_second().to_string());
        all.insert(MODIFIED.to_owned(), queue.modified_at.as_second().to_string());
        all.insert(VISIBLE.to_owned(), visible.visible.to_string());
        all.insert(IN_FLIGHT.to_owned(), in_flight.in_flight.to_string());
        all.insert(DELAYED.to_owned(), delayed.delayed.to_string());
        Ok(all)
    }
}
