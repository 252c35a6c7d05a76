//! Buckets of S3. The operator makes and removes them; the objects in them are for front and workers.

use std::future::Future;

use jiff::Timestamp;

use super::Answer;
use crate::owner::Tags;

/// Most objects that one call of [`Objects::empty_bucket`] deletes.
pub const EMPTIED_AT_ONCE: usize = 10_000;

/// Buckets and what is in them (S3).
pub trait Objects {
    /// All buckets of the account in the region whose name begins with [`QUEUE_PREFIX`](super::QUEUE_PREFIX), with their tags.
    /// One that went while it was asked for its tags is left out.
    fn buckets(&self) -> impl Future<Output = Answer<Vec<Bucket>>> + Send;

    /// Creates a bucket with all its tags in the call, in the account's own namespace of the region: a name that no other
    /// account can take (S3 user guide, "Namespaces for general purpose buckets").
    ///
    /// *Errors*: `AlreadyExists` = there is one of that name, ours or not; `TooLate` = it was not sent.
    fn create_bucket(&self, bucket: &BucketRequest) -> impl Future<Output = Answer<()>> + Send;

    /// Deletes objects of a bucket that belongs to `account`, at most [`EMPTIED_AT_ONCE`] of them. Answers whether none is
    /// left.
    ///
    /// *Errors*: what S3 refused for one of them.
    fn empty_bucket(&self, name: &str, account: &str) -> impl Future<Output = Answer<bool>> + Send;

    /// Deletes an empty bucket that belongs to `account`. One that is gone is no error.
    ///
    /// *Errors*: `DependencyViolation` = it is not empty (`BucketNotEmpty`), which counts former versions of objects too.
    fn delete_bucket(&self, name: &str, account: &str) -> impl Future<Output = Answer<()>> + Send;
}

/// A bucket, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Name.
    pub name: String,
    /// All its tags.
    pub tags: Tags,
}

/// Everything that a CreateBucket call says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketRequest {
    /// Name, at most 63 characters, which ends with `-ACCOUNT-REGION-an`.
    pub name: String,
    /// Tags.
    pub tags: Tags,
    /// The adapter does not send it later than this. Not part of the call.
    pub not_after: Timestamp,
}
