//! Batches: up to ten of the same, each with a result of its own.

use std::collections::BTreeSet;

use super::message::{ChangeVisibility, Entry, SendMessage};
use super::refusal::{batch_too_long, empty_batch, entry_id, equal_ids, too_many_entries};
use super::{LARGEST_BATCH, Sqs};
use crate::engine::error::{Outcome, SimError};

/// Entries of a batch (API reference, SendMessageBatch).
const ENTRIES: usize = 10;
const ID_LIMIT: usize = 80;

/// The results of a batch, in the order of its entries.
pub type Results<T> = Vec<Entry<Result<T, SimError>>>;

impl Sqs<'_> {
    /// SendMessageBatch. All bodies together may be as long as one.
    pub fn send_message_batch(&mut self, queue: &str, entries: &[Entry<SendMessage>]) -> Outcome<Results<String>> {
        self.queue(queue)?;
        check(entries)?;
        let length = entries.iter().map(|entry| entry.of.body.len()).sum();
        if length > LARGEST_BATCH {
            return Err(batch_too_long(length));
        }
        Ok(each(entries, |message| self.send_message(queue, message)))
    }

    /// DeleteMessageBatch, by receipt handles.
    pub fn delete_message_batch(&mut self, queue: &str, entries: &[Entry<String>]) -> Outcome<Results<()>> {
        self.queue(queue)?;
        check(entries)?;
        Ok(each(entries, |handle| self.delete_message(queue, handle)))
    }

    /// ChangeMessageVisibilityBatch.
    pub fn change_message_visibility_batch(
        &mut self,
        queue: &str,
        entries: &[Entry<ChangeVisibility>],
    ) -> Outcome<Results<()>> {
        self.queue(queue)?;
        check(entries)?;
        Ok(each(entries, |change| self.change_message_visibility(queue, change)))
    }
}

fn each<A, T>(entries: &[Entry<A>], mut carry_out: impl FnMut(&A) -> Outcome<T>) -> Results<T> {
    entries.iter().map(|entry| Entry { id: entry.id.clone(), of: carry_out(&entry.of) }).collect()
}

fn check<T>(entries: &[Entry<T>]) -> Outcome<()> {
    if entries.is_empty() {
        return Err(empty_batch());
    }
    if entries.len() > ENTRIES {
        return Err(too_many_entries(entries.len()));
    }
    let is_id = |id: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(is_allowed)
    };
    let mut ids = BTreeSet::new();
    for entry in entries {
        if !is_id(&entry.id) {
            return Err(entry_id(&entry.id));
        }
        if !ids.insert(&entry.id) {
            return Err(equal_ids(&entry.id));
        }
    }
    Ok(())
}
