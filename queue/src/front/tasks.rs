//! Everything that a front does by itself: a loop for each cluster and each member that is there.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Front;
use super::checks::check_until_gone;
use super::cluster::ClusterState;
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
                    if known.insert(cluster.state.name.clone()) {
                        tasks.spawn(attend(Arc::clone(&front), Arc::clone(&cluster.state)));
                    }
                }
                // Some may have come and left since the last change that was seen here: they have to be told as well.
                for member in front.all_members(&routing) {
                    if !checked.iter().any(|known| Arc::ptr_eq(known, &member)) {
                        let pullers = Arc::clone(&front.pullers);
                        let (of_it, begun) = (Arc::clone(&member), front.begun);
                        tasks.spawn(async move {
                            check_until_gone(pullers, of_it, begun).await;
                            None
                        });
                        checked.push(member);
                    }
                }
                checked.retain(|member| !member.is_gone());
            }
            Some(ended) = tasks.join_next() => match ended {
                Ok(Some(cluster)) => {
                    known.remove(&cluster);
                    // It may have come back meanwhile.
                    changes.mark_changed();
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a task of the front ended"),
            },
        }
    }
}

/// Receives answers of a cluster and counts its messages, until its queue is gone and it is served no more: what still comes to one
/// that is not served is deleted for as long. Returns its name.
async fn attend<C: Queues + Objects>(front: Arc<Front<C>>, state: Arc<ClusterState>) -> Option<String> {
    tokio::select! {
        () = Arc::clone(&front).receive_answers(Arc::clone(&state)) => {}
        () = front.count_messages(Arc::clone(&state)) => {}
    }
    Some(state.name.clone())
}

impl<C: Queues + Objects> Front<C> {
    /// Receives answers, checks members and counts messages, for as long as the future lives.
    pub async fn run(self: &Arc<Self>) -> Infallible {
        run(Arc::clone(self)).await
    }
}
