//! Messages: sent, received, hidden, deleted.

use jiff::Timestamp;
use rand::RngExt;

use super::message::{ChangeVisibility, ReceiveMessage, Received, SendMessage, id};
use super::queue::Queue;
use super::receipt::Receipt;
use super::refusal::{invalid, invalid_contents, no_message, no_queue, not_in_flight, too_many_in_flight};
use super::store::{Delivery, Store};
use super::{LARGEST_BATCH, Sqs};
use crate::engine::error::{Outcome, SimError};

/// Messages in flight of a queue (API reference, ReceiveMessage: "approximately 120,000").
const IN_FLIGHT: usize = 120_000;
/// Seconds for which a message can be hidden after it was received (API reference, ChangeMessageVisibility).
const LONGEST_VISIBILITY: u32 = 43_200;
const LONGEST_WAIT: u32 = 20;
const LONGEST_DELAY: u32 = 900;

impl Sqs<'_> {
    /// SendMessage. Answers the message's id.
    pub fn send_message(&mut self, queue: &str, message: &SendMessage) -> Outcome<String> {
        let queue = self.queue(queue)?;
        let number: u128 = self.state.random.ids.random();
        let (now, store) = (self.engine.now(), self.store(&queue)?);
        let is_in_range = message.delay_seconds.is_none_or(|seconds| seconds <= LONGEST_DELAY);
        if !is_in_range {
            return Err(out_of_range("DelaySeconds", "must be >= 0 and <= 900"));
        }
        check_body(&message.body, store.rules.largest_message)?;
        let delay = message.delay_seconds.map_or(store.rules.delay_seconds, u64::from);
        store.send(now, number, message.body.clone(), delay);
        self.touch(&queue, "SendMessage");
        Ok(id(number))
    }

    /// ReceiveMessage, without the wait: a caller that would wait asks again when somebody sent something, and at
    /// [`Sqs::next_visible`], until its time is over. None is no error.
    pub fn receive_message(&mut self, queue: &str, request: &ReceiveMessage) -> Outcome<Vec<Received>> {
        let queue = self.queue(queue)?;
        let count = in_range(request.max_messages, 1, 1..=10, "MaxNumberOfMessages", "must be between 1 and 10")?;
        in_range(request.wait_seconds, 0, 0..=LONGEST_WAIT, "WaitTimeSeconds", "must be >= 0 and <= 20")?;
        check_visibility(request.visibility_seconds)?;
        let now = self.engine.now();
        let store = self.store(&queue)?;
        let visibility = request.visibility_seconds.map_or(store.rules.visibility_seconds, u64::from);
        let waits = request.wait_seconds.map_or(store.rules.wait_seconds, u64::from) > 0;
        store.settle(now);
        if store.in_flight() >= IN_FLIGHT {
            return Err(too_many_in_flight());
        }
        if !waits && self.draws_empty_receive() {
            return Ok(Vec::new());
        }
        let Some(store) = self.state.stores.get_mut(&queue.number) else { return Err(no_queue()) };
        let deliveries = store.receive(now, count as usize, visibility, &mut self.state.random.delivery);
        self.leave_copies(&queue, &deliveries);
        if !deliveries.is_empty() {
            self.touch(&queue, "ReceiveMessage");
        }
        Ok(deliveries.into_iter().map(|delivery| received(&queue, delivery, now)).collect())
    }

    /// Short polls ask a sample of the servers (developer guide, "Short and long polling").
    fn draws_empty_receive(&mut self) -> bool {
        let rate = self.settings.queues.empty_receive_per_mille;
        let is_empty = rate > 0 && self.state.random.delivery.random_range(0..1000) < rate;
        if is_empty {
            self.engine.count("empty receive");
        }
        is_empty
    }

    /// A server that was away when a message was deleted still has its copy (API reference, DeleteMessage).
    fn leave_copies(&mut self, queue: &Queue, deliveries: &[Delivery]) {
        let rate = self.settings.queues.duplicate_per_mille;
        if rate == 0 {
            return;
        }
        let (now, span) = (self.engine.now(), self.settings.queues.duplicate_by);
        for delivery in deliveries {
            let random = &mut self.state.random.delivery;
            if random.random_range(0..1000) < rate {
                let millis = span.draw(random);
                self.engine.count("duplicate of a message");
                if let Some(store) = self.state.stores.get_mut(&queue.number) {
                    store.leave_copy(now, &delivery.message, millis);
                }
            }
        }
    }

    /// Seconds for which a receive waits: those that it asks for, or the queue's own.
    pub fn wait_seconds(&self, queue: &str, request: &ReceiveMessage) -> u64 {
        let of_queue = || Some(self.state.stores.get(&self.queue(queue).ok()?.number)?.rules.wait_seconds);
        request.wait_seconds.map(u64::from).or_else(of_queue).unwrap_or(0)
    }

    /// The moment at which a hidden message of a queue can be received, if there is one.
    pub fn next_visible(&self, queue: &str) -> Option<Timestamp> {
        let queue = self.queue(queue).ok()?;
        self.state.stores.get(&queue.number)?.next_visible()
    }

    /// DeleteMessage. A handle that is not the latest one of its message, or whose message is gone, succeeds and deletes
    /// nothing (API reference, DeleteMessage).
    pub fn delete_message(&mut self, queue: &str, receipt_handle: &str) -> Outcome<()> {
        let queue = self.queue(queue)?;
        let receipt = Receipt::parse(receipt_handle, queue.number)?;
        let (now, store) = (self.engine.now(), self.store(&queue)?);
        store.settle(now);
        match store.message(receipt.message).map(|message| message.receives == receipt.receives) {
            Some(true) => {
                store.delete(now, receipt.message);
                self.touch(&queue, "DeleteMessage");
            }
            Some(false) => self.engine.count("old receipt handle"),
            None => (),
        }
        Ok(())
    }

    /// ChangeMessageVisibility: the time counts from now, and ends 12 hours after the receive at the latest. That an old handle
    /// is refused like one of a message that is gone is not documented.
    pub fn change_message_visibility(&mut self, queue: &str, change: &ChangeVisibility) -> Outcome<()> {
        let ChangeVisibility { receipt_handle, seconds } = change;
        let queue = self.queue(queue)?;
        check_visibility(Some(*seconds))?;
        let receipt = Receipt::parse(receipt_handle, queue.number)?;
        let (now, store) = (self.engine.now(), self.store(&queue)?);
        store.settle(now);
        let message = store.message(receipt.message).filter(|message| message.receives == receipt.receives);
        let message = message.ok_or_else(|| no_message(receipt_handle))?;
        if !message.is_in_flight() {
            return Err(not_in_flight());
        }
        let held = message.received_at.map_or(0, |at| now.duration_since(at).as_secs());
        if i64::from(*seconds) + held > i64::from(LONGEST_VISIBILITY) {
            let reason =
                format!("Total VisibilityTimeout for the message is beyond the limit [{LONGEST_VISIBILITY} seconds]");
            return Err(out_of_range("VisibilityTimeout", &reason));
        }
        store.hide(now, receipt.message, u64::from(*seconds));
        self.touch(&queue, "ChangeMessageVisibility");
        Ok(())
    }

    /// The messages of a queue that calls find: they are there until it is gone for all.
    pub(super) fn store(&mut self, queue: &Queue) -> Outcome<&mut Store> {
        self.state.stores.get_mut(&queue.number).ok_or_else(no_queue)
    }
}

/// Bodies: never empty, not too long, and of characters that XML has (API reference, SendMessage: MessageBody).
pub(super) fn check_body(body: &str, largest: usize) -> Outcome<()> {
    if body.is_empty() {
        return Err(SimError::new("MissingParameter", "The request must contain the parameter MessageBody."));
    }
    if body.len() > largest.min(LARGEST_BATCH) {
        let message =
            format!("One or more parameters are invalid. Reason: Message must be shorter than {largest} bytes.");
        return Err(invalid(message));
    }
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    if body.bytes().any(is_control) || body.contains(['\u{fffe}', '\u{ffff}']) {
        return Err(invalid_contents());
    }
    Ok(())
}

fn check_visibility(seconds: Option<u32>) -> Outcome<()> {
    let range = 0..=LONGEST_VISIBILITY;
    in_range(seconds, 0, range, "VisibilityTimeout", "must be between 0 and 43200").map(drop)
}

fn in_range(
    value: Option<u32>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
    parameter: &str,
    reason: &str,
) -> Outcome<u32> {
    match value {
        Some(value) if !range.contains(&value) => Err(out_of_range(parameter, reason)),
        value => Ok(value.unwrap_or(default)),
    }
}

fn out_of_range(parameter: &str, reason: &str) -> SimError {
    invalid(format!("Value for parameter {parameter} is invalid. Reason: {reason}."))
}

fn received(queue: &Queue, delivery: Delivery, now: Timestamp) -> Received {
    let Delivery { number, message } = delivery;
    let receipt = Receipt { queue: queue.number, message: number, receives: message.receives };
    Received {
        message_id: id(message.id),
        receipt_handle: receipt.handle(),
        body: message.body,
        sent_at: message.sent_at,
        first_received_at: message.first_received_at.unwrap_or(now),
        receives: message.receives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_hold_what_xml_can_say() {
        let code = |body: &str| check_body(body, 1_024).err().map_or_else(String::new, |error| error.code);
        for good in ["a", "\t\n\r {}", "ü \u{d7ff} \u{e000} \u{fffd} \u{10ffff}", &"x".repeat(1_024)] {
            assert_eq!(code(good), "", "{good}");
        }
        for odd in ["\0", "a\u{8}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert_eq!(code(odd), "InvalidMessageContents", "{odd:?}");
        }
        assert_eq!((code(""), code(&"ü".repeat(513))), ("MissingParameter".into(), "InvalidParameterValue".into()));
    }
}
