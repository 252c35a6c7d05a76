//! The calls of the port: one request each for what changes something, a whole list for what is read.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use planner::CloudError;
use planner::ports::{Answer, Queue, QueueRequest, Queues};

use crate::region::Region;
use crate::sdk::failure::need;
use crate::sdk::{gone, sent};

impl Queues for Region {
    /// *Guarantees*: every page was read to its end, each queue with all its tags; in the order of their URLs, each once.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn queues(&self) -> Answer<Vec<Queue>> {
        let mut queues = Vec::new();
        for (url, name) in self.named_queues().await? {
            if let Some(tags) = self.tags_of_queue(&url).await? {
                queues.push(Queue { url, name, tags });
            }
        }
        Ok(queues)
    }

    /// *Guarantees*: exactly one request is sent; tags are written with it, or nothing is.
    /// *Errors*: `Unreachable` = it may exist now. A success does not say who made it.
    /// *Cancellation*: like `Unreachable`.
    async fn create_queue(&self, request: &QueueRequest) -> Answer<()> {
        let attribute = |(name, value): (&String, &String)| (QueueAttributeName::from(name.as_str()), value.clone());
        let attributes: HashMap<_, _> = request.attributes.iter().map(attribute).collect();
        let tags: HashMap<_, _> = request.tags.clone().into_iter().collect();
        let call = self
            .sqs_effects
            .create_queue()
            .queue_name(&request.name)
            .set_attributes((!attributes.is_empty()).then_some(attributes))
            .set_tags((!tags.is_empty()).then_some(tags));
        CloudError::too_late(request.not_after, Timestamp::now())?;
        // Without its URL it is not the answer of this call, whatever its status says.
        need(sent(call.send()).await?.queue_url, "URL", "the new queue").map(drop)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Cancellation*: it may be gone or not; the call can be repeated.
    async fn delete_queue(&self, url: &str) -> Answer<()> {
        gone(sent(self.sqs_effects.delete_queue().queue_url(url).send()).await)
    }
}
