//! Questions that S3 asks IAM about a call.
//!
//! Source of actions, resources and keys: Service Authorization Reference, "Actions, resources, and condition keys for Amazon
//! S3". The names in policies are not always those of the API. `aws:ResourceTag` of a bucket is a key only once ABAC is
//! enabled for it (botocore's model, CreateBucketConfiguration.Tags), so no question has it.

use super::about::{About, BucketCall, ObjectCall};
use super::bucket::{CreateBucket, Namespace};
use super::{Action, S3};
use crate::iam::Ask;

/// ARN of a bucket.
fn of_bucket(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// ARN of an object.
fn of_object(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

/// The action's name in policies.
fn permission(action: Action, of_version: bool) -> &'static str {
    match (action, of_version) {
        (Action::ListBuckets, _) => "ListAllMyBuckets",
        (Action::HeadBucket | Action::ListObjectsV2, _) => "ListBucket",
        (Action::ListObjectVersions, _) => "ListBucketVersions",
        (Action::GetObject | Action::HeadObject, false) => "GetObject",
        (Action::GetObject | Action::HeadObject, true) => "GetObjectVersion",
        (Action::DeleteObject | Action::DeleteObjects, false) => "DeleteObject",
        (Action::DeleteObject | Action::DeleteObjects, true) => "DeleteObjectVersion",
        (other, _) => other.name(),
    }
}

impl S3<'_> {
    /// The question about an action without resources.
    pub(crate) fn ask_about_region(&self, action: Action) -> Ask {
        self.ask(permission(action, false), "*".to_owned())
    }

    /// The questions about a call.
    pub(crate) fn asks(&self, about: &About) -> Vec<Ask> {
        match about {
            About::NewBucket(request) => self.asks_of_new_bucket(request),
            About::Bucket(call) => vec![self.ask_about_bucket(call)],
            About::Object(ObjectCall { action, bucket, key, of_version }) => {
                vec![self.ask(permission(*action, *of_version), of_object(bucket, key))]
            }
            About::Objects(bucket, objects) => objects
                .iter()
                .map(|id| {
                    let name = permission(Action::DeleteObjects, id.version_id.is_some());
                    self.ask(name, of_object(bucket, &id.key))
                })
                .collect(),
        }
    }

    /// The question whether a caller may know which objects there are.
    pub(crate) fn ask_to_list(&self, bucket: &str) -> Ask {
        self.ask(permission(Action::ListObjectsV2, false), of_bucket(bucket))
    }

    /// Tags in the call need `s3:TagResource` (API reference, CreateBucket). The key of the namespace: S3 user guide,
    /// "Requiring the creation of buckets in your account regional namespace".
    fn asks_of_new_bucket(&self, request: &CreateBucket) -> Vec<Ask> {
        let arn = of_bucket(&request.name);
        let namespace = (request.namespace == Namespace::AccountRegional).then_some(Namespace::ACCOUNT_REGIONAL);
        let ask = self
            .ask(permission(Action::CreateBucket, false), arn.clone())
            .with_new_tags(&request.tags)
            .with_some("s3:locationconstraint", request.location.clone())
            .with_some("s3:x-amz-bucket-namespace", namespace);
        let tagging = self.ask("TagResource", arn).with_new_tags(&request.tags);
        std::iter::once(ask).chain((!request.tags.is_empty()).then_some(tagging)).collect()
    }

    fn ask_about_bucket(&self, call: &BucketCall) -> Ask {
        let ask = self.ask(permission(call.action, false), of_bucket(&call.bucket));
        ask.with_some("s3:prefix", call.prefix.clone())
    }

    fn ask(&self, permission: &str, resource: String) -> Ask {
        let region = &self.settings.region;
        Ask::new(format!("{}:{permission}", Action::SERVICE), resource).with("aws:RequestedRegion", region)
    }
}
