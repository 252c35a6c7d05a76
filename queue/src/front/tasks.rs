//! Everything that a front does by itself: a loop for each cluster and each member that ever was.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Front;
use super::checks::check_until_left;
use super::member::Member;
use crate::ports::{Objects, Queues};

/// Receives answers, checks members and counts messages.
///
/// # Cancellation
/// Dropping the future ends all of it; requests that wait then get no answer.
pub(super) async fn run<C: Queues + Objects>(front: Arc<Front<C>>) -> Infallible {
    let mut changes = front.routing.subscribe();
    changes.mark_changed();
    let (mut tasks, mut known) = (JoinSet::new(), HashSet::new());
    let mut checked: Vec<Arc<Member>> = Vec::new();
    loop {
        tokio::select! {
            // The front is held here, so the sender lives.
            _ = changes.changed() => {
                let routing = Arc::clone(&changes.borrow_and_update());
                for cluster in &routing.clusters {
                    // For good: answers to a cluster that is served no more are still deleted.
                    if known.insert(cluster.state.name.clone()) {
                        tasks.spawn(Arc::clone(&front).receive_answers(Arc::clone(&cluster.state)));
                        tasks.spawn(Arc::clone(&front).count_messages(Arc::clone(&cluster.state)));
                    }
                    for member in &cluster.members {
                        if !checked.iter().any(|known| Arc::ptr_eq(known, member)) {
                            checked.push(Arc::clone(member));
                            tasks.spawn(check_until_left(Arc::clone(member)));
                        }
                    }
                }
                checked.retain(|member| !member.is_out());
            }
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a task of the front ended");
                }
            }
        }
    }
}

impl<C: Queues + Objects> Front<C> {
    /// Receives answers, checks members and counts messages, for as long as the future lives.
    pub async fn run(self: &Arc<Self>) -> Infallible {
        run(Arc::clone(self)).await
    }
}
