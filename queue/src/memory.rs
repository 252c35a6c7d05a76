//! Queues and objects in memory, under tokio's clock: for tests, which may let time pass at once, and for benches.
//!
//! A message behaves as one of a standard queue: visible again when its time is up, sometimes delivered twice, sometimes later
//! or sooner than was asked for. Objects are seen at once.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use wire::QueueCalls;

use crate::ports::{Counts, Failed, Object, Objects, Put, Queues, Receive, Received};
use crate::tally::{Tally, sqs_requests};

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

/// How calls about objects go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outage {
    /// They work as they should.
    #[default]
    None,
    /// They fail.
    Fails,
    /// They are never answered.
    Hangs,
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
    /// Queues that are not there any more.
    away: HashSet<String>,
    counts_are_hidden: bool,
    absence_is_hidden: bool,
    outage: Outage,
    objects: BTreeMap<String, Object>,
    /// Every text that was ever sent, by queue.
    sent: HashMap<String, Vec<String>>,
    /// Every call that was ever made, by whom ever.
    calls: QueueCalls,
    begun: Instant,
}

#[derive(Debug, Default)]
struct Queue {
    /// One of those who wait is woken for each message that becomes visible.
    arrived: Arc<Notify>,
    visible: VecDeque<Message>,
    /// Until then a purge takes what is sent.
    purged_until: Option<Instant>,
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
            away: HashSet::new(),
            counts_are_hidden: false,
            absence_is_hidden: false,
            outage: Outage::None,
            objects: BTreeMap::new(),
            sent: HashMap::new(),
            calls: QueueCalls::default(),
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

    /// Every call that came, whoever made it, counted here and not by who made it.
    pub fn calls(&self) -> QueueCalls {
        self.state().calls
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

    /// From now on nobody is told how many messages there are, or everybody is again.
    pub fn hide_counts(&self, are_hidden: bool) {
        self.state().counts_are_hidden = are_hidden;
    }

    /// From now on who asks for an object that is not there is refused, as S3 refuses those who may not list the bucket, or is told
    /// again that there is none.
    pub fn hide_absence(&self, is_hidden: bool) {
        self.state().absence_is_hidden = is_hidden;
    }

    /// From now on a queue is not there for who receives from it or counts its messages, or is there again.
    pub fn take_away(&self, queue: &str, is_away: bool) {
        let mut state = self.state();
        if is_away {
            state.away.insert(queue.to_owned());
        } else {
            state.away.remove(queue);
        }
    }

    fn find(&self, call: &'static str, queue: &str) -> Result<(), Failed> {
        let is_away = self.state().away.contains(queue);
        if is_away { Err(Failed { call, why: "QueueDoesNotExist: it was taken away".to_owned() }) } else { Ok(()) }
    }

    /// From now on calls about objects go like this.
    pub fn break_down(&self, outage: Outage) {
        self.state().outage = outage;
    }

    async fn outage(&self, call: &'static str) -> Result<(), Failed> {
        let outage = self.state().outage;
        match outage {
            Outage::None => Ok(()),
            Outage::Fails => Err(Failed { call, why: "SlowDown".to_owned() }),
            Outage::Hangs => std::future::pending().await,
        }
    }

    /// Purges a queue: what is there goes, and half of what is sent within so long. "Messages sent to the queue after you call PurgeQueue might
    /// be deleted while the queue is being purged", which takes up to 60 seconds (SQS API reference, PurgeQueue).
    pub fn purge(&self, queue: &str, lasts: Duration) {
        let mut state = self.state();
        let queue = state.queues.entry(queue.to_owned()).or_default();
        queue.visible.clear();
        queue.hidden.clear();
        queue.purged_until = Some(Instant::now() + lasts);
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
    async fn send(&self, tally: &Tally, queue: &str, body: String) -> Result<(), Failed> {
        tally.sqs(sqs_requests(body.len()));
        let mut state = self.state();
        state.calls.sqs += sqs_requests(body.len());
        let sent_millis = u64::try_from(state.begun.elapsed().as_millis()).unwrap_or(u64::MAX) + 1;
        state.sent.entry(queue.to_owned()).or_default().push(body.clone());
        let State { random, queues, .. } = &mut *state;
        let queue = queues.entry(queue.to_owned()).or_default();
        if queue.purged_until.is_some_and(|until| Instant::now() < until) && random.random_ratio(1, 2) {
            return Ok(());
        }
        queue.visible.push_back(Message { body, count: 0, sent_millis });
        queue.arrived.notify_one();
        Ok(())
    }

    async fn receive(&self, tally: &Tally, queue: &str, receive: Receive) -> Result<Vec<Received>, Failed> {
        tally.sqs(1);
        self.state().calls.sqs += 1;
        self.find("ReceiveMessage", queue)?;
        let until = Instant::now() + receive.wait;
        let arrived = Arc::clone(&self.state().queues.entry(queue.to_owned()).or_default().arrived);
        loop {
            match self.take(queue, receive) {
                Ok(taken) => {
                    let more = sqs_requests(taken.iter().map(|message| message.body.len()).sum()) - 1;
                    tally.sqs(more);
                    self.state().calls.sqs += more;
                    return Ok(taken);
                }
                Err(_) if Instant::now() >= until => return Ok(Vec::new()),
                Err(next) => drop(timeout_at(next.map_or(until, |next| next.min(until)), arrived.notified()).await),
            }
        }
    }

    async fn delete(&self, tally: &Tally, queue: &str, receipts: &[String]) -> Result<(), Failed> {
        tally.sqs(1);
        let mut state = self.state();
        state.calls.sqs += 1;
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

    async fn change_visibility(
        &self,
        tally: &Tally,
        queue: &str,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), Failed> {
        tally.sqs(1);
        let mut state = self.state();
        state.calls.sqs += 1;
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

    async fn counts(&self, tally: &Tally, queue: &str) -> Result<Counts, Failed> {
        tally.sqs(1);
        self.state().calls.sqs += 1;
        self.find("GetQueueAttributes", queue)?;
        let mut state = self.state();
        if state.counts_are_hidden {
            return Err(Failed { call: "GetQueueAttributes", why: "AccessDenied".to_owned() });
        }
        let queue = state.queues.entry(queue.to_owned()).or_default();
        queue.reappear(Instant::now());
        Ok(Counts { visible: queue.visible.len() as u64, in_flight: queue.hidden.len() as u64 })
    }
}

impl Objects for Memory {
    async fn put(&self, tally: &Tally, key: &str, object: Object) -> Result<(), Failed> {
        tally.s3_put();
        self.state().calls.s3_puts += 1;
        self.outage("PutObject").await?;
        self.state().objects.insert(key.to_owned(), object);
        Ok(())
    }

    async fn put_if_absent(&self, tally: &Tally, key: &str, object: Object) -> Result<Put, Failed> {
        tally.s3_put();
        self.state().calls.s3_puts += 1;
        self.outage("PutObject").await?;
        let mut state = self.state();
        if state.objects.contains_key(key) {
            return Ok(Put::Exists);
        }
        state.objects.insert(key.to_owned(), object);
        Ok(Put::Done)
    }

    async fn get(&self, tally: &Tally, key: &str) -> Result<Option<Object>, Failed> {
        tally.s3_get();
        self.state().calls.s3_gets += 1;
        self.outage("GetObject").await?;
        let state = self.state();
        match state.objects.get(key) {
            None if state.absence_is_hidden => {
                Err(Failed { call: "GetObject", why: "AccessDenied: Access Denied".to_owned() })
            }
            object => Ok(object.cloned()),
        }
    }
}
