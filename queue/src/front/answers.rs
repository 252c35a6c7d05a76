//! The loop over the answers of a cluster: each goes to who waits for it, and is deleted.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Front;
use super::book::Arrived;
use super::cluster::{Cluster, ClusterState, Told};
use crate::backoff::{self, persist};
use crate::message::AnswerMessage;
use crate::ports::{Failed, Objects, Queues, Receive, Received};

/// Longest wait for an answer (SQS API reference, ReceiveMessage: at most 20 s).
const LONG_POLL: Duration = Duration::from_secs(20);
/// Most messages of one receive.
const MOST: u32 = 10;
/// Time in which an answer is deleted, or comes again and is counted as a duplicate.
const VISIBILITY: Duration = Duration::from_secs(30);
/// Polls at the same time, of one cluster. Each brings ten answers in a few milliseconds.
const POLLS: usize = 16;

impl<C: Queues + Objects> Front<C> {
    /// Receives answers of one cluster for as long as it is served, or its queue is there.
    pub(super) async fn receive_answers(self: Arc<Self>, state: Arc<ClusterState>) {
        let more = Arc::new(Semaphore::new(POLLS - 1));
        let (mut others, mut failures) = (JoinSet::new(), 0);
        loop {
            match self.poll(&state).await {
                Ok(received) => {
                    failures = 0;
                    let is_full = received.len() == MOST as usize;
                    self.take(&state, received, &mut others);
                    // There is more than one poll brings: another one helps for as long as that is so.
                    if let Some(permit) = is_full.then(|| Arc::clone(&more).try_acquire_owned().ok()).flatten() {
                        let (front, state) = (Arc::clone(&self), Arc::clone(&state));
                        others.spawn(async move {
                            front.help(&state).await;
                            drop(permit);
                        });
                    }
                }
                Err(failed) if failed.is_gone() && !self.serves(&state) => return,
                Err(_) => {
                    sleep(backoff::drawn(failures)).await;
                    failures += 1;
                }
            }
            while others.try_join_next().is_some() {}
        }
    }

    /// Polls while there is more than one poll brings.
    async fn help(self: &Arc<Self>, state: &Arc<ClusterState>) {
        let mut deletions = JoinSet::new();
        while let Ok(received) = self.poll(state).await {
            let is_full = received.len() == MOST as usize;
            self.take(state, received, &mut deletions);
            if !is_full {
                break;
            }
        }
        while deletions.join_next().await.is_some() {}
    }

    async fn poll(&self, state: &ClusterState) -> Result<Vec<Received>, Failed> {
        let receive = Receive { most: MOST, visibility: VISIBILITY, wait: LONG_POLL };
        self.cloud.receive(&state.account.calls, &state.answer_queue, receive).await.inspect_err(|failed| {
            self.call_failures.fetch_add(1, Relaxed);
            tracing::warn!(%failed, "no answers received");
        })
    }

    fn serves(&self, state: &ClusterState) -> bool {
        self.current().clusters.iter().any(|cluster| cluster.state.name == state.name)
    }

    /// Tells those who wait at once; the messages are deleted meanwhile.
    fn take(self: &Arc<Self>, state: &Arc<ClusterState>, received: Vec<Received>, deletions: &mut JoinSet<()>) {
        if received.is_empty() {
            return;
        }
        let mut receipts = Vec::with_capacity(received.len());
        for Received { body, receipt, sent_millis, .. } in received {
            match AnswerMessage::read(&body) {
                Ok(message) => self.tell(state, Told { message, sent_millis }),
                // Nobody else reads this queue: it would come again and again.
                Err(unreadable) => tracing::warn!(%unreadable, "an answer was dropped"),
            }
            receipts.push(receipt);
        }
        let (front, state) = (Arc::clone(self), Arc::clone(state));
        deletions.spawn(async move {
            let until = Instant::now() + VISIBILITY / 2;
            let deleted =
                persist(until, || front.cloud.delete(&state.account.calls, &state.answer_queue, &receipts)).await;
            if let Err(failed) = deleted {
                front.call_failures.fetch_add(1, Relaxed);
                tracing::warn!(%failed, "answers were not deleted: they come again, and are duplicates then");
            }
        });
    }

    fn tell(&self, state: &ClusterState, told: Told) {
        let now = self.now();
        // Whoever still answers is there, also where it is not reached.
        let routing = self.current();
        let of_state = |cluster: &&Arc<Cluster>| std::ptr::eq(Arc::as_ptr(&cluster.state), state);
        let member = routing.clusters.iter().find(of_state).and_then(|one| one.member(&told.message.backend));
        member.into_iter().for_each(|member| member.record.sign(now));
        let arrived = state.book().answer(told.message.id, now, told.message.busy());
        match arrived {
            // Who waits may have gone this very moment, after the book was asked.
            Arrived::First(waiter) => drop(waiter.send(told)),
            Arrived::Duplicate | Arrived::Unknown => {
                tracing::debug!(id = %told.message.id, ?arrived, "an answer was dropped");
            }
        }
    }
}
