//! The loop that takes messages: only for free slots, only while the program is well and the front has not said otherwise, and
//! never longer than one long poll.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::desk::Desk;
use super::{Puller, Stage};
use crate::backoff;
use crate::ports::{Objects, Program, Queues, Receive};
use crate::puller_status::Duty;

/// Longest wait for a message. A poll is not broken off, because a message that it would have brought stays hidden: so this is
/// how long the end of the process may take.
const LONG_POLL: Duration = Duration::from_secs(5);
/// Most messages of one receive (SQS API reference, ReceiveMessage).
const MOST: usize = 10;
/// From one question for the program's health to the next, while it is not well.
const HEALTH_PAUSE: Duration = Duration::from_millis(250);

impl<C: Queues + Objects, P: Program> Puller<C, P> {
    /// Takes messages and works on them until [`Puller::drain`], then until all are answered or given back.
    ///
    /// # Cancellation
    /// Dropping the future is what the death of the process would be: messages become visible when their time is up.
    pub async fn run(self: &Arc<Self>) {
        let slots = Arc::new(Semaphore::new(self.settings.slots as usize));
        let mut stage = self.stage.subscribe();
        let (mut jobs, mut failures) = (JoinSet::new(), 0);
        while let Some(mut permits) = self.free_slots(&slots, &mut stage, &mut jobs).await {
            // The duty may have changed while a slot was waited for.
            if !self.begin_poll() {
                continue;
            }
            let receive = Receive { most: permits.len() as u32, visibility: self.settings.visibility, wait: LONG_POLL };
            let received = self.cloud.receive(&self.calls, &self.settings.request_queue, receive).await;
            self.desk.send_modify(|desk| desk.end_poll(received.as_ref().map_or(0, Vec::len) as u64));
            match received {
                Ok(messages) => {
                    failures = 0;
                    self.numbers.received.fetch_add(messages.len() as u64, Relaxed);
                    for received in messages {
                        let (puller, permit) = (Arc::clone(self), permits.pop());
                        jobs.spawn(async move {
                            let at_work = AtWork(&puller.desk);
                            puller.start(received).await;
                            drop((at_work, permit));
                        });
                    }
                }
                Err(failed) => {
                    self.numbers.call_failures.fetch_add(1, Relaxed);
                    tracing::warn!(%failed, "nothing received");
                    drop(permits);
                    let pause = sleep(backoff::drawn(failures));
                    failures += 1;
                    tokio::select! {
                        () = pause => {}
                        () = left(&mut stage) => {}
                    }
                }
            }
        }
        while let Some(ended) = jobs.join_next().await {
            report(ended);
        }
    }

    /// What came after the end has begun was not begun: somebody else gets it at once.
    async fn start(&self, received: crate::ports::Received) {
        if *self.stage.borrow() == Stage::Pulling {
            self.work(received).await;
        } else {
            self.numbers.given_back.fetch_add(1, Relaxed);
            self.release(&received.receipt, Duration::ZERO).await;
        }
    }

    /// Whether a poll may begin; if so, it has.
    fn begin_poll(&self) -> bool {
        let mut has_begun = false;
        self.desk.send_modify(|desk| has_begun = desk.begin_poll());
        has_begun
    }

    /// Waits for the duty to serve, at least one free slot and a program that is well; all free slots, up to what one receive may bring. `None`:
    /// nothing more is to be taken.
    async fn free_slots(
        &self,
        slots: &Arc<Semaphore>,
        stage: &mut watch::Receiver<Stage>,
        jobs: &mut JoinSet<()>,
    ) -> Option<Vec<OwnedSemaphorePermit>> {
        let mut desk = self.desk.subscribe();
        let ready = async {
            desk.wait_for(|desk| desk.duty == Duty::Serve).await.ok()?;
            let first = Arc::clone(slots).acquire_owned().await.ok()?;
            while !self.is_well().await {
                sleep(HEALTH_PAUSE).await;
            }
            Some(first)
        };
        let first = tokio::select! {
            // First: when a slot is free because the end has begun, nobody polls for it.
            biased;
            () = left(stage) => None,
            first = ready => first,
        }?;
        while let Some(ended) = jobs.try_join_next() {
            report(ended);
        }
        let others = std::iter::from_fn(|| Arc::clone(slots).try_acquire_owned().ok());
        Some(std::iter::once(first).chain(others.take(MOST - 1)).collect())
    }

    /// Asks the program only where there is doubt.
    async fn is_well(&self) -> bool {
        if self.health.is_well() {
            return true;
        }
        self.check().await.is_ok()
    }
}

/// A message at work until this is dropped, also by a panic.
struct AtWork<'a>(&'a watch::Sender<Desk>);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.send_modify(Desk::end_work);
    }
}

/// Resolves when no message is to be taken any more.
async fn left(stage: &mut watch::Receiver<Stage>) {
    // An error means that the puller is gone: that too is the end.
    let _ = stage.wait_for(|stage| *stage != Stage::Pulling).await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        // Its message becomes visible again by itself.
        tracing::error!(%error, "the work on a message ended");
    }
}
