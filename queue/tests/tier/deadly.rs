//! Ports on which processes die: before a call, after it, or with its answer lost.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::memory::Memory;
use queue::{Counts, Failed, Object, Objects, Put, Queues, Receive, Received, Tally};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

/// Chances of each call, in thousandths.
#[derive(Clone, Copy)]
pub(crate) struct Chances {
    /// The process ends, half of the time before and half of the time after the effect.
    pub(crate) death: u32,
    /// Nothing is done, and an error is answered.
    pub(crate) failure: u32,
    /// Everything is done, and an error is answered.
    pub(crate) lost_answer: u32,
}

/// One process's view of the queues. It has ended when something comes out of the channel.
pub(crate) struct Deadly {
    memory: Arc<Memory>,
    chances: Chances,
    random: Mutex<StdRng>,
    death: UnboundedSender<()>,
}

impl Deadly {
    pub(crate) fn new(memory: &Arc<Memory>, seed: u64, chances: Chances, death: UnboundedSender<()>) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        Self { memory: Arc::clone(memory), chances, random, death }
    }

    pub(crate) fn roll(&self, per_mille: u32) -> bool {
        self.random.lock().unwrap().random_ratio(per_mille, 1_000)
    }

    pub(crate) async fn die(&self) {
        let _ = self.death.send(());
        pending().await
    }

    async fn step<T>(
        &self,
        call: &'static str,
        effect: impl Future<Output = Result<T, Failed>> + Send,
    ) -> Result<T, Failed> {
        let latency = self.random.lock().unwrap().random_range(1..40);
        sleep(Duration::from_millis(latency)).await;
        let failed = || Failed { call, why: "SlowDown: reduce your request rate".into() };
        if self.roll(self.chances.death / 2) {
            self.die().await;
        }
        if self.roll(self.chances.failure) {
            return Err(failed());
        }
        let done = effect.await;
        if self.roll(self.chances.death / 2) {
            self.die().await;
        }
        if self.roll(self.chances.lost_answer) { Err(failed()) } else { done }
    }
}

impl Queues for Deadly {
    async fn send(&self, tally: &Tally, queue: &str, body: String) -> Result<(), Failed> {
        self.step("SendMessage", self.memory.send(tally, queue, body)).await
    }

    async fn receive(&self, tally: &Tally, queue: &str, receive: Receive) -> Result<Vec<Received>, Failed> {
        self.step("ReceiveMessage", self.memory.receive(tally, queue, receive)).await
    }

    async fn delete(&self, tally: &Tally, queue: &str, receipts: &[String]) -> Result<(), Failed> {
        self.step("DeleteMessage", self.memory.delete(tally, queue, receipts)).await
    }

    async fn change_visibility(
        &self,
        tally: &Tally,
        queue: &str,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), Failed> {
        self.step("ChangeMessageVisibility", self.memory.change_visibility(tally, queue, receipt, visibility)).await
    }

    async fn counts(&self, tally: &Tally, queue: &str) -> Result<Counts, Failed> {
        self.memory.counts(tally, queue).await
    }
}

impl Objects for Deadly {
    async fn put(&self, tally: &Tally, key: &str, object: Object) -> Result<(), Failed> {
        self.step("PutObject", self.memory.put(tally, key, object)).await
    }

    async fn put_if_absent(&self, tally: &Tally, key: &str, object: Object) -> Result<Put, Failed> {
        self.step("PutObject", self.memory.put_if_absent(tally, key, object)).await
    }

    async fn get(&self, tally: &Tally, key: &str) -> Result<Option<Object>, Failed> {
        self.step("GetObject", self.memory.get(tally, key)).await
    }
}
