//! Queues and objects in memory, under tokio's clock: for tests, which may let time pass at once, and for benches.
//!
//! A message behaves as one of a standard queue: visible again when its time is up, sometimes delivered twice, sometimes later
//! or sooner than was asked for. Objects are seen at once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::ports::{Counts, Failed, Object, Objects, Put, Queues, Receive, Received};

/// Unkindness, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unkind {
    /// Deliveries after which the message stays visible.
    pub duplicates: u32,
    /// Changes of a message's visibility that hold for a random part of the time only.
    pub early: u32,
    /// Deletions after which the message comes once more.
    pub undeleted: u32,
}

/// All queues and objects.
#[derive(Debug)]
pub struct Memory {
    unkind: Unkind,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    receipts: u64,
    queues: HashMap<String, Queue>,
    objects: BTreeMap<String, Object>,
    /// Every text that was ever sent, by queue.
    sent: HashMap<String, Vec<String>>,
    begun: Instant,
}

#[derive(Debug, Default)]
struct Queue {
    /// One of those who wait is woken for each message that becomes visible.
    arrived: Arc<Notify>,
    visible: VecDeque<Message>,
    hidden: HashMap<u64, (Instant, Message)>,
}

#[derive(Clone, Debug)]
struct Message {
    body: String,
    count: u32,
    sent_millis: u64,
}

impl Memory {
    /// Kind queues: each message once, unless its time is up.
    pub fn new() -> Self {
        Self::unkind(0, Unkind::default())
    }

    /// Queues that are as unkind as they may be, decided by a seed.
    pub fn unkind(seed: u64, unkind: Unkind) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed),
            receipts: 0,
            queues: HashMap::new(),
            objects: BTreeMap::new(),
            sent: HashMap::new(),
            begun: Instant::now(),
        };
        Self { unkind, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every text that was put into a queue, in order.
    pub fn sent(&self, queue: &str) -> Vec<String> {
        self.state().sent.get(queue).cloned().unwrap_or_default()
    }

    /// All objects, by key.
    pub fn objects(&self) -> BTreeMap<String, Object> {
        self.state().objects.clone()
    }

    /// Messages of a queue, visible and hidden.
    pub fn messages(&self, queue: &str) -> usize {
        let state = self.state();
        state.queues.get(queue).map_or(0, |queue| queue.visible.len() + queue.hidden.len())
    }

    /// Takes what is visible, or says until when nothing will be.
    fn take(&self, queue: &str, receive: Receive) -> Result<Vec<Received>, Option<Instant>> {
        let (mut state, now) = (self.state(), Instant::now());
        let State { random, receipts, queues, .. } = &mut *state;
        let queue = queues.entry(queue.to_owned()).or_default();
        queue.reappear(now);
        let mut taken = Vec::new();
        for _ in 0..receive.most.min(10) {
            let Some(mut message) = queue.visible.pop_front() else { break };
            message.count += 1;
            *receipts += 1;
            let is_twice = random.random_ratio(self.unkind.duplicates, 1_000);
            if is_twice {
                queue.visible.push_back(message.clone());
                queue.arrived.notify_one();
            }
            taken.push(Received {
                body: message.body.clone(),
                receipt: receipts.to_string(),
                count: message.count,
                sent_millis: message.sent_millis,
            });
            let visibility = shortened(random, self.unkind, receive.visibility);
            if !is_twice {
                queue.hidden.insert(*receipts, (now + visibility, message));
            }
        }
        if taken.is_empty() { Err(queue.hidden.values().map(|(until, _)| *until).min()) } else { Ok(taken) }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Queue {
    fn reappear(&mut self, now: Instant) {
        let mut due: Vec<u64> =
            self.hidden.iter().filter(|(_, (until, _))| *until <= now).map(|(receipt, _)| *receipt).collect();
        due.sort_unstable();
        self.visible.extend(due.iter().filter_map(|receipt| self.hidden.remove(receipt)).map(|(_, message)| message));
    }
}

fn shortened(random: &mut StdRng, unkind: Unkind, visibility: Duration) -> Duration {
    let is_early = random.random_ratio(unkind.early, 1_000);
    if is_early { visibility.mul_f64(random.random()) } else { visibility }
}

impl Queues for Memory {
    async fn send(&self, queue: &str, body: String) -> Result<(), Failed> {
        let mut state = self.state();
        let sent_millis = u64::try_from(state.begun.elapsed().as_millis()).unwrap_or(u64::MAX) + 1;
        state.sent.entry(queue.to_owned()).or_default().push(body.clone());
        let queue = state.queues.entry(queue.to_owned()).or_default();
        queue.visible.push_back(Message { body, count: 0, sent_millis });
        queue.arrived.notify_one();
        Ok(())
    }

    async fn receive(&self, queue: &str, receive: Receive) -> Result<Vec<Received>, Failed> {
        let until = Instant::now() + receive.wait;
        let arrived = Arc::clone(&self.state().queues.entry(queue.to_owned()).or_default().arrived);
        loop {
            match self.take(queue, receive) {
                Ok(taken) => return Ok(taken),
                Err(_) if Instant::now() >= until => return Ok(Vec::new()),
                Err(next) => drop(timeout_at(next.map_or(until, |next| next.min(until)), arrived.notified()).await),
            }
        }
    }

    async fn delete(&self, queue: &str, receipts: &[String]) -> Result<(), Failed> {
        let mut state = self.state();
        let State { random, queues, .. } = &mut *state;
        let Some(Queue { hidden, .. }) = queues.get_mut(queue) else { return Ok(()) };
        for receipt in receipts.iter().filter_map(|receipt| receipt.parse().ok()) {
            let is_back = random.random_ratio(self.unkind.undeleted, 1_000);
            if let Some((until, _)) = hidden.get_mut(&receipt).filter(|_| is_back) {
                *until = Instant::now();
            } else {
                hidden.remove(&receipt);
            }
        }
        Ok(())
    }

    async fn change_visibility(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), Failed> {
        let mut state = self.state();
        let State { random, queues, .. } = &mut *state;
        let visibility = shortened(random, self.unkind, visibility);
        let gone = || {
            let why = "MessageNotInflight: it is visible, or deleted".to_owned();
            Failed { call: "ChangeMessageVisibility", why }
        };
        let (queue, receipt) = queues.get_mut(queue).zip(receipt.parse::<u64>().ok()).ok_or_else(gone)?;
        queue.hidden.get_mut(&receipt).ok_or_else(gone)?.0 = Instant::now() + visibility;
        // Whoever waits has to look until when.
        queue.arrived.notify_one();
        Ok(())
    }

    async fn counts(&self, queue: &str) -> Result<Counts, Failed> {
        let mut state = self.state();
        let queue = state.queues.entry(queue.to_owned()).or_default();
        queue.reappear(Instant::now());
        Ok(Counts { visible: queue.visible.len() as u64, in_flight: queue.hidden.len() as u64 })
    }
}

impl Objects for Memory {
    async fn put(&self, key: &str, object: Object) -> Result<(), Failed> {
        self.state().objects.insert(key.to_owned(), object);
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, object: Object) -> Result<Put, Failed> {
        let mut state = self.state();
        if state.objects.contains_key(key) {
            return Ok(Put::Exists);
        }
        state.objects.insert(key.to_owned(), object);
        Ok(Put::Done)
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, Failed> {
        Ok(self.state().objects.get(key).cloned())
    }
}
