//! The calls of the port: one request each for what changes something, a whole list for what is read.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{BucketLocationConstraint, BucketNamespace, CreateBucketConfiguration, Tag};
use jiff::Timestamp;
use planner::owner::Tags;
use planner::ports::{Answer, Bucket, BucketRequest, Objects};
use planner::{CloudError, Failure};

use crate::region::Region;
use crate::sdk::{gone, sent};

/// The region whose buckets have no location (API reference, CreateBucket).
const WITHOUT_LOCATION: &str = "us-east-1";

impl Objects for Region {
    /// *Guarantees*: every page was read to its end, each bucket with all its tags; in the order of their names, each once.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn buckets(&self) -> Answer<Vec<Bucket>> {
        let mut buckets = Vec::new();
        for name in self.bucket_names().await? {
            if let Some(tags) = self.tags_of_bucket(&name).await? {
                buckets.push(Bucket { name, tags });
            }
        }
        Ok(buckets)
    }

    /// *Guarantees*: exactly one request is sent; tags are written with it, or nothing is.
    /// *Errors*: `Unreachable` = it may exist now. A success does not say who made it: in us-east-1 a second create of a
    /// bucket of ours succeeds (API reference, CreateBucket, `BucketAlreadyOwnedByYou`).
    /// *Cancellation*: like `Unreachable`.
    async fn create_bucket(&self, request: &BucketRequest) -> Answer<()> {
        let location = (self.name != WITHOUT_LOCATION).then(|| BucketLocationConstraint::from(self.name.as_str()));
        let configuration =
            CreateBucketConfiguration::builder().set_location_constraint(location).set_tags(on(&request.tags)?).build();
        let call = self
            .s3_effects
            .create_bucket()
            .bucket(&request.name)
            .bucket_namespace(BucketNamespace::AccountRegional)
            .create_bucket_configuration(configuration);
        CloudError::too_late(request.not_after, Timestamp::now())?;
        sent(call.send()).await.map(drop)
    }

    /// *Guarantees*: each thousand of objects is listed and then deleted by exactly one request. `true`: a list made after
    /// all that showed none. A bucket that is gone holds none.
    /// *Errors*: that of the first object that was refused; those before it and others of its thousand may be gone.
    /// *Cancellation*: some may be gone; the call can be repeated.
    async fn empty_bucket(&self, name: &str, account: &str) -> Answer<bool> {
        self.emptied(name, account).await
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Errors*: `Unauthorized` also where it belongs to another account.
    /// *Cancellation*: it may be gone or not; the call can be repeated.
    async fn delete_bucket(&self, name: &str, account: &str) -> Answer<()> {
        gone(sent(self.s3_effects.delete_bucket().bucket(name).expected_bucket_owner(account).send()).await)
    }
}

/// Tags that a create call writes on what it creates, in the order of their keys.
fn on(tags: &Tags) -> Answer<Option<Vec<Tag>>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Vec<Tag> = tags.iter().map(tag).collect::<Result<_, _>>().map_err(unsaid)?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// A call that says less than it must is never sent.
pub(super) fn unsaid(error: BuildError) -> CloudError {
    CloudError::new(Failure::Rejected, "Construction", error.to_string())
}
