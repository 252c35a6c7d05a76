//! Queues: created once for each name, found, listed, purged, deleted.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use planner::owner::Tags;
use rand::RngExt;

use super::Sqs;
use super::address::check_name;
use super::queue::{Attributes, CreateQueue, Queue, Rules, with_defaults};
use super::refusal::{deleted_recently, invalid, no_queue, other_settings, purge_in_progress};
use super::state::{Event, Record};
use super::store::Store;
use super::tags::check_tags;
use crate::engine::audit::Origin;
use crate::engine::error::Outcome;
use crate::engine::query::{Page, PageRequest, Query};
use crate::engine::visibility::{Path, Versions, later};
use crate::settings::RepeatedTags;

/// Seconds for which a name rests after a deletion, and a queue after a purge (API reference, CreateQueue, PurgeQueue).
const REST_SECONDS: i64 = 60;
/// Queues of one page at most, and of a list without pages (API reference, ListQueues).
const LISTED: usize = 1_000;

impl Sqs<'_> {
    /// CreateQueue. There is no client token: a queue of this name whose attributes are those of the call is answered,
    /// whoever made it. Only attributes that the call names are compared: one with none finds any queue of its name
    /// (localstack's test `test_create_queue_with_default_arguments_works_with_modified_attributes`, which it holds against
    /// AWS).
    pub fn create_queue(&mut self, request: &CreateQueue) -> Outcome<Arc<Queue>> {
        let outcome = self.create(request);
        let name = &request.name;
        match &outcome {
            Ok(queue) => self.engine.tell(format!("CreateQueue {name} -> {}", queue.number)),
            Err(error) => self.engine.tell(format!("CreateQueue {name} refused: {error}")),
        }
        outcome
    }

    fn create(&mut self, request: &CreateQueue) -> Outcome<Arc<Queue>> {
        check_name(&request.name)?;
        check_tags(&request.tags)?;
        let attributes = with_defaults(&request.attributes)?;
        if let Some(existing) = self.state.truth(&request.name).cloned() {
            return self.repeated(existing, request);
        }
        let deleted_at = self.state.records.get(&request.name).and_then(|record| record.deleted_at);
        if deleted_at.is_some_and(|at| is_within_rest(at, self.engine.now())) {
            return Err(deleted_recently());
        }
        let queue = self.add_queue(&request.name, attributes, request.tags.clone(), Origin::Called);
        *self.state.made.entry(request.name.clone()).or_default() += 1;
        Ok(queue)
    }

    fn repeated(&mut self, existing: Arc<Queue>, request: &CreateQueue) -> Outcome<Arc<Queue>> {
        let differs = |(name, value): &(&String, &String)| existing.attributes.get(*name) != Some(value);
        if let Some((name, _)) = request.attributes.iter().find(differs) {
            return Err(other_settings(&format!("attribute {name}")));
        }
        let has_other_tags = self.state.tags(&existing.name).is_none_or(|tags| *tags != request.tags);
        match self.settings.queues.repeated_tags {
            RepeatedTags::Refused if has_other_tags => return Err(other_settings("tags")),
            RepeatedTags::Taken if has_other_tags => {
                self.touch(&existing, "CreateQueue takes over the tags of");
                self.change_tags(&existing.name, |tags| tags.extend(request.tags.clone()));
            }
            _ => (),
        }
        Ok(existing)
    }

    pub(super) fn add_queue(&mut self, name: &str, attributes: Attributes, tags: Tags, origin: Origin) -> Arc<Queue> {
        let (now, mut lag, mut tags_lag) = (self.engine.now(), self.draw_lag(), self.draw_lag());
        let spans = &self.settings.queues;
        let (creation, tags_late) = (spans.creation, spans.tags_late);
        if origin == Origin::Called {
            lag[Path::Id as usize] = lag[Path::Id as usize].max(self.draw(creation, |random| &mut random.times));
            let late = self.draw(tags_late, |random| &mut random.times);
            tags_lag = tags_lag.map(|millis| millis + late);
        } else {
            (lag, tags_lag) = ([0; 3], [0; 3]);
        }
        self.state.newest += 1;
        let number = self.state.newest;
        self.state.stores.insert(number, Store::new(Rules::of(&attributes), now));
        let queue = Queue { name: name.to_owned(), number, attributes, created_at: now, modified_at: now, origin };
        let shown = Arc::new(queue.clone());
        match self.state.records.get_mut(name) {
            Some(record) => {
                // Its tags begin anew: those of the one before it are nobody's.
                record.tags.push(None, now, [0; 3]);
                record.tags.push(Some(tags), now, tags_lag);
                record.seen.push(Some(queue), now, lag);
                record.deleted_at = None;
            }
            None => {
                let (seen, tags) = (Versions::new(queue, now, lag), Versions::new(tags, now, tags_lag));
                self.state.records.insert(name.to_owned(), Record { seen, tags, deleted_at: None });
            }
        }
        shown
    }

    /// GetQueueUrl, as far as it is not a matter of the host: whether calls find the queue.
    pub fn get_queue_url(&mut self, name: &str) -> Outcome<Arc<Queue>> {
        let view = self.read_view(Path::Id);
        self.shown(name, view)
    }

    /// ListQueues: names in no order. Without a size of pages there is one list of a thousand, and no token that would say
    /// that there are more.
    pub fn list_queues(&mut self, prefix: &str, page: &PageRequest) -> Outcome<Page<String>> {
        let query = Query { page: page.clone(), ..Query::default() };
        let continued = self.engine.continued::<String>(&query, 1..=LISTED).map_err(|error| invalid(error.message))?;
        let mut names = match continued {
            Some(rest) => rest,
            None => {
                let view = self.read_view(Path::Tag);
                let is_shown = |record: &Record| record.seen.seen(view).is_some();
                let named = self.state.records.iter().filter(|(name, _)| name.starts_with(prefix));
                let names = named.filter(|(_, record)| is_shown(record)).map(|(name, _)| name.clone()).collect();
                let names: Vec<String> = if self.is_elsewhere() { Vec::new() } else { names };
                self.engine.shuffled(names)
            }
        };
        if page.max_results.is_none() && page.token().is_none() {
            names.truncate(LISTED);
            return Ok(Page { items: names, next_token: None });
        }
        Ok(self.engine.page(&query, names, self.settings.page_rules()))
    }

    /// DeleteQueue, with all that is in the queue. Calls, and lists for themselves, find it for a while; to delete it once more
    /// then changes nothing.
    pub fn delete_queue(&mut self, name: &str) -> Outcome<()> {
        let view = self.read_view(Path::Id);
        let queue = self.shown(name, view)?;
        if self.state.truth(name).is_none_or(|truth| truth.number != queue.number) {
            self.engine.tell(format!("DeleteQueue {name}: it was deleted before"));
            return Ok(());
        }
        self.touch(&queue, "DeleteQueue");
        self.engine.tell(format!("DeleteQueue {name}"));
        self.remove_queue(&queue);
        Ok(())
    }

    pub(super) fn remove_queue(&mut self, queue: &Queue) {
        let (now, span) = (self.engine.now(), self.settings.queues.deletion);
        let lag = self.draw_lag().map(|millis| millis.max(self.draw(span, |random| &mut random.times)));
        if let Some(record) = self.state.records.get_mut(&queue.name) {
            record.seen.push(None, now, lag);
            record.deleted_at = Some(now);
        }
        self.after(lag[Path::Id as usize], Event::Gone(queue.number));
    }

    /// PurgeQueue. It takes a while, and what is sent meanwhile may go too.
    pub fn purge_queue(&mut self, name: &str) -> Outcome<()> {
        let (queue, now) = (self.queue(name)?, self.engine.now());
        let store = self.state.stores.get_mut(&queue.number).ok_or_else(no_queue)?;
        if store.purged_at.is_some_and(|at| is_within_rest(at, now)) {
            return Err(purge_in_progress(name));
        }
        store.purged_at = Some(now);
        self.touch(&queue, "PurgeQueue");
        self.engine.tell(format!("PurgeQueue {name}"));
        let span = self.settings.queues.purge;
        let millis = self.draw(span, |random| &mut random.times);
        let sent_until = later(now, self.state.random.times.random_range(0..=millis));
        self.after(millis, Event::Purged { number: queue.number, sent_until });
        Ok(())
    }
}

fn is_within_rest(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) < SignedDuration::from_secs(REST_SECONDS)
}
