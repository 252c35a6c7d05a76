//! Queues of SQS. The operator makes and removes them; what is in them is for front and workers.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;

use super::Answer;
use crate::owner::Tags;

/// Names of all queues and buckets that an operator makes begin with this: policies by name rest on it, because S3
/// knows no condition on the tags of a bucket before these are enabled for it.
pub const QUEUE_PREFIX: &str = "clusterbench-";

/// Queues (SQS).
///
/// The name is the token. A create call of a name that exists with the same attributes answers the existing queue, whoever's
/// it is (API reference, CreateQueue), so a success proves no ownership; lists and tags do.
pub trait Queues {
    /// All queues of the region whose name begins with [`QUEUE_PREFIX`], with their tags. A queue that went while it was asked
    /// for its tags is left out.
    fn queues(&self) -> impl Future<Output = Answer<Vec<Queue>>> + Send;

    /// Creates a standard queue with all its tags in the call. It may be unusable for a second.
    ///
    /// *Errors*: `AlreadyExists` = the name is taken by a queue with other attributes; `DependencyViolation` = one of
    /// this name was deleted within the last 60 seconds (`QueueDeletedRecently`): again later; `TooLate` = it was not sent.
    fn create_queue(&self, queue: &QueueRequest) -> impl Future<Output = Answer<()>> + Send;

    /// Deletes a queue with all that is in it. It takes up to 60 seconds, in which lists may still show it. One that is gone is
    /// no error.
    fn delete_queue(&self, url: &str) -> impl Future<Output = Answer<()>> + Send;
}

/// A queue, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// URL: what all calls name it by.
    pub url: String,
    /// The last part of the URL.
    pub name: String,
    /// All its tags.
    pub tags: Tags,
}

/// Everything that a CreateQueue call says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRequest {
    /// Name, at most 80 characters.
    pub name: String,
    /// Attributes by SQS's own names, such as `VisibilityTimeout`.
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: Tags,
    /// The adapter does not send it later than this. Not part of the call.
    pub not_after: Timestamp,
}
