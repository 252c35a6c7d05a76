//! SQS's own numbers of messages, asked for while they are of interest.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::sleep;

use super::Front;
use super::cluster::{ClusterState, Messages};
use crate::ports::{Objects, Queues};

/// From one question to the next.
const PAUSE: Duration = Duration::from_secs(2);
/// Whoever asks for the status is expected to ask again within this, in milliseconds; after the last answer the numbers may
/// still change.
const INTEREST_MILLIS: u64 = 10_000;

impl<C: Queues + Objects> Front<C> {
    /// Asks for the numbers of one cluster while somebody asks for the status, or a request is open.
    pub(super) async fn count_messages(self: Arc<Self>, state: Arc<ClusterState>) {
        let mut is_told = false;
        loop {
            if self.is_of_interest() {
                let requests = self.cloud.counts(&state.account.calls, &state.request_queue).await;
                let answers = self.cloud.counts(&state.account.calls, &state.answer_queue).await;
                match requests.and_then(|requests| Ok((requests, answers?))) {
                    Ok((requests, answers)) => {
                        is_told = false;
                        let (now, own) = (self.now(), state.book().most_own(self.now()));
                        state.set_messages(Messages::new(requests, answers, own, now));
                    }
                    // Said once: the front's own counts are exact, and what it inherited it learns later.
                    Err(failed) if !is_told => {
                        is_told = true;
                        tracing::warn!(%failed, "the numbers of messages are not known");
                    }
                    Err(_) => {}
                }
            }
            sleep(PAUSE).await;
        }
    }

    fn is_of_interest(&self) -> bool {
        if self.open() > 0 {
            self.asked.store(self.now() + 1, Relaxed);
        }
        let asked = self.asked.load(Relaxed);
        asked > 0 && self.now().saturating_sub(asked) < INTEREST_MILLIS
    }
}
