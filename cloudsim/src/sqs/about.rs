//! Things that a call of SQS is about, as far as IAM can tell calls apart.

use std::sync::Arc;

use planner::owner::Tags;

use super::Action;
use super::queue::CreateQueue;

/// The things that a call is about. A list of queues is about none ([`crate::Call::new`]).
#[derive(Clone, Debug)]
pub enum About {
    NewQueue(Arc<CreateQueue>),
    /// TagQueue of the queue with this name.
    NewTags(String, Tags),
    /// UntagQueue of the queue with this name, and the keys.
    LostTags(String, Vec<String>),
    /// Any other call about the queue with this name.
    Queue(Action, String),
}

impl About {
    pub fn action(&self) -> Action {
        match self {
            Self::NewQueue(_) => Action::CreateQueue,
            Self::NewTags(..) => Action::TagQueue,
            Self::LostTags(..) => Action::UntagQueue,
            Self::Queue(action, _) => *action,
        }
    }
}
