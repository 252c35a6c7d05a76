//! Token buckets of SQS. Messages of standard queues have none ("a very high, nearly unlimited number of API calls per
//! second, per action": developer guide, "Amazon SQS message quotas"). The figures of calls about queues are not published;
//! they are assumed to be those of other control planes.

use super::Action;
use crate::engine::throttle::{Cost, Limit};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    Reads,
    Effects,
}

/// The cost of a call.
pub(crate) fn costs(action: Action) -> Vec<Cost<Bucket>> {
    let (bucket, limit) = match action {
        Action::ListQueues | Action::GetQueueUrl | Action::GetQueueAttributes | Action::ListQueueTags => {
            (Bucket::Reads, Limit { size: 100, per_second: 50 })
        }
        Action::CreateQueue
        | Action::DeleteQueue
        | Action::SetQueueAttributes
        | Action::TagQueue
        | Action::UntagQueue
        | Action::PurgeQueue => (Bucket::Effects, Limit { size: 20, per_second: 5 }),
        Action::SendMessage
        | Action::SendMessageBatch
        | Action::ReceiveMessage
        | Action::DeleteMessage
        | Action::DeleteMessageBatch
        | Action::ChangeMessageVisibility
        | Action::ChangeMessageVisibilityBatch => return Vec::new(),
    };
    vec![Cost { bucket, limit, tokens: 1 }]
}
