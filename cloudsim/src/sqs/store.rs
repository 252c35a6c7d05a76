//! The messages of one queue: those that can be received, and those that are hidden until a moment.
//!
//! Nothing happens by itself: whoever asks says the time, and what was due is made up for first. A call costs the logarithm of the
//! number of messages; what is older than the retention period is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;

use super::counts::{Counts, History};
use super::queue::Rules;
use crate::engine::random::Stream;
use crate::engine::visibility::later;

/// The order is any, about the oldest first: each is drawn from so many of the oldest (developer guide, "Standard queues":
/// best-effort ordering).
const WINDOW: usize = 16;

#[derive(Debug)]
pub(super) struct Store {
    pub(super) rules: Rules,
    /// Messages by the number under which they are kept: the older ones first.
    messages: BTreeMap<u64, Message>,
    visible: BTreeSet<u64>,
    /// The others, by the moment at which they can be received.
    hidden: BTreeSet<(Timestamp, u64)>,
    next: u64,
    in_flight: usize,
    delayed: usize,
    history: History,
    pub(super) purged_at: Option<Timestamp>,
}

/// A message, or a copy of one.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: u128,
    pub(super) body: Arc<str>,
    pub(super) sent_at: Timestamp,
    pub(super) first_received_at: Option<Timestamp>,
    pub(super) received_at: Option<Timestamp>,
    /// How often it was received, which is the number of its latest receipt handle too.
    pub(super) receives: u32,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Visible,
    /// It was not received yet.
    Delayed(Timestamp),
    InFlight(Timestamp),
}

/// A message as it is delivered.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) number: u64,
    pub(super) message: Message,
}

impl Store {
    pub(super) fn new(rules: Rules, now: Timestamp) -> Self {
        Self {
            rules,
            messages: BTreeMap::new(),
            visible: BTreeSet::new(),
            hidden: BTreeSet::new(),
            next: 0,
            in_flight: 0,
            delayed: 0,
            history: History::new(now),
            purged_at: None,
        }
    }

    /// Makes up for what was due: hidden messages that can be received now, and those that are too old.
    pub(super) fn settle(&mut self, now: Timestamp) {
        while let Some((at, number)) = self.hidden.first().copied().filter(|(at, _)| *at <= now) {
            self.place(number, Place::Visible);
            self.note(at);
        }
        let retention = SignedDuration::from_secs(i64::try_from(self.rules.retention_seconds).unwrap_or(i64::MAX));
        let oldest = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
        self.remove_all(now, |message| message.sent_at <= oldest);
    }

    /// Removes messages from the oldest on, up to the first that is not meant.
    fn remove_all(&mut self, now: Timestamp, is_meant: impl Fn(&Message) -> bool) {
        let mut is_changed = false;
        while let Some((number, _)) = self.messages.first_key_value().filter(|(_, message)| is_meant(message)) {
            let number = *number;
            self.remove(number);
            is_changed = true;
        }
        if is_changed {
            self.note(now);
        }
    }

    /// Removes every message that was sent up to a moment.
    pub(super) fn purge(&mut self, now: Timestamp, sent_until: Timestamp) {
        self.settle(now);
        self.remove_all(now, |message| message.sent_at <= sent_until);
    }

    pub(super) fn send(&mut self, now: Timestamp, id: u128, body: Arc<str>, delay_seconds: u64) {
        self.settle(now);
        let place = if delay_seconds == 0 { Place::Visible } else { Place::Delayed(after(now, delay_seconds)) };
        let (first_received_at, received_at) = (None, None);
        self.add(Message { id, body, sent_at: now, first_received_at, received_at, receives: 0, place });
        self.note(now);
    }

    /// Leaves a copy of a message that was delivered, to be delivered once more after so many milliseconds.
    pub(super) fn leave_copy(&mut self, now: Timestamp, of: &Message, millis: u64) {
        self.add(Message { place: Place::InFlight(later(now, millis)), ..of.clone() });
        self.settle(now);
    }

    fn add(&mut self, message: Message) {
        let (number, place) = (self.next, message.place);
        self.next += 1;
        self.messages.insert(number, message);
        self.enter(number, place);
    }

    /// Delivers up to `count` messages, and hides them for so long.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        count: usize,
        visibility_seconds: u64,
        order: &mut Stream,
    ) -> Vec<Delivery> {
        self.settle(now);
        let mut numbers = Vec::new();
        while numbers.len() < count && !self.visible.is_empty() {
            let index = order.random_range(0..self.visible.len().min(WINDOW));
            let Some(number) = self.visible.iter().nth(index).copied() else { break };
            // Hidden for good while the others are chosen: none is delivered twice by one call.
            self.place(number, Place::InFlight(Timestamp::MAX));
            numbers.push(number);
        }
        let until = after(now, visibility_seconds);
        let deliveries = numbers.into_iter().filter_map(|number| self.deliver(number, now, until)).collect();
        self.settle(now);
        self.note(now);
        deliveries
    }

    fn deliver(&mut self, number: u64, now: Timestamp, until: Timestamp) -> Option<Delivery> {
        self.place(number, Place::InFlight(until));
        let message = self.messages.get_mut(&number)?;
        message.receives += 1;
        message.first_received_at.get_or_insert(now);
        message.received_at = Some(now);
        Some(Delivery { number, message: message.clone() })
    }

    /// A message that is there.
    pub(super) fn message(&self, number: u64) -> Option<&Message> {
        self.messages.get(&number)
    }

    pub(super) fn delete(&mut self, now: Timestamp, number: u64) {
        self.remove(number);
        self.note(now);
    }

    /// Hides a message in flight until another moment.
    pub(super) fn hide(&mut self, now: Timestamp, number: u64, seconds: u64) {
        self.place(number, Place::InFlight(after(now, seconds)));
        self.settle(now);
        self.note(now);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The moment at which the next hidden message can be received.
    pub(super) fn next_visible(&self) -> Option<Timestamp> {
        self.hidden.first().map(|(at, _)| *at)
    }

    /// Truth: the counts as they were when it was asked last.
    pub(super) fn counts(&self) -> Counts {
        Counts { visible: self.visible.len(), in_flight: self.in_flight, delayed: self.delayed }
    }

    /// The counts as they were at a moment.
    pub(super) fn counts_at(&self, at: Timestamp) -> Counts {
        self.history.at(at)
    }

    fn note(&mut self, at: Timestamp) {
        let counts = self.counts();
        self.history.note(at, counts);
    }

    fn remove(&mut self, number: u64) {
        self.leave(number);
        self.messages.remove(&number);
    }

    fn place(&mut self, number: u64, place: Place) {
        self.leave(number);
        if let Some(message) = self.messages.get_mut(&number) {
            message.place = place;
            self.enter(number, place);
        }
    }

    fn enter(&mut self, number: u64, place: Place) {
        match place {
            Place::Visible => {
                self.visible.insert(number);
            }
            Place::Delayed(at) => {
                self.delayed += 1;
                self.hidden.insert((at, number));
            }
            Place::InFlight(at) => {
                self.in_flight += 1;
                self.hidden.insert((at, number));
            }
        }
    }

    fn leave(&mut self, number: u64) {
        match self.messages.get(&number).map(|message| message.place) {
            None => (),
            Some(Place::Visible) => {
                self.visible.remove(&number);
            }
            Some(Place::Delayed(at)) => {
                self.delayed -= 1;
                self.hidden.remove(&(at, number));
            }
            Some(Place::InFlight(at)) => {
                self.in_flight -= 1;
                self.hidden.remove(&(at, number));
            }
        }
    }
}

impl Message {
    /// It is hidden because somebody received it.
    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.place, Place::InFlight(_))
    }
}

fn after(now: Timestamp, seconds: u64) -> Timestamp {
    later(now, seconds.saturating_mul(1_000))
}
