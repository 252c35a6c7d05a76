//! Receives that wait: asked again whenever something was sent, in real time.
//!
//! A wait goes on when its caller hangs up, and the message that it finds then is hidden and nobody has it: that is what
//! other servers of SQS were seen to do, and nothing that AWS says rules it out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloudsim::sqs::{ReceiveMessage, Received};
use cloudsim::{Outcome, SharedSim};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest pause between two looks: a message can be there without a call that sent it (late execution, a test).
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Wakes those that wait for messages, by queue.
#[derive(Debug, Default)]
pub(crate) struct Polls(Mutex<BTreeMap<String, Arc<Notify>>>);

impl Polls {
    /// Wakes as many of those that wait for this queue as there are messages that they may find.
    pub(super) fn wake(&self, queue: &str, messages: usize) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(queue).cloned();
        if let Some(waiting) = waiting {
            (0..messages).for_each(|_| waiting.notify_one());
        }
    }

    pub(super) fn of(&self, queue: &str) -> Arc<Notify> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(queue.to_owned()).or_default().clone()
    }
}

/// A receive that found nothing, and waits.
pub(super) struct Poll {
    pub(super) sim: SharedSim,
    pub(super) queue: String,
    pub(super) request: ReceiveMessage,
    pub(super) waiting: Arc<Notify>,
    pub(super) until: Instant,
}

impl Poll {
    /// Waits until it finds something or its time is over.
    pub(super) async fn wait(self) -> Outcome<Vec<Received>> {
        loop {
            let (found, pause) = self.look();
            let is_over = Instant::now() >= self.until;
            if is_over || found.as_ref().map_or(true, |messages| !messages.is_empty()) {
                return found;
            }
            tokio::select! {
                () = self.waiting.notified() => (),
                () = tokio::time::sleep_until(self.until.min(Instant::now() + pause)) => (),
            }
        }
    }

    fn look(&self) -> (Outcome<Vec<Received>>, Duration) {
        let now = self.sim.now();
        let mut sim = self.sim.lock();
        let mut sqs = sim.sqs(now);
        let found = sqs.receive_message(&self.queue, &self.request);
        let until_visible =
            sqs.next_visible(&self.queue).and_then(|at| Duration::try_from(at.duration_since(now)).ok());
        (found, until_visible.map_or(POLL_INTERVAL, |until| until.min(POLL_INTERVAL)))
    }
}
