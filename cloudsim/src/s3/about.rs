//! Things that a call of S3 is about, as far as IAM can tell calls apart.

use std::sync::Arc;

use super::Action;
use super::bucket::CreateBucket;
use super::object::ObjectId;

/// The things that a call is about. ListBuckets is about none ([`crate::Call::new`]).
#[derive(Clone, Debug)]
pub enum About {
    NewBucket(Arc<CreateBucket>),
    Bucket(BucketCall),
    Object(ObjectCall),
    /// DeleteObjects: the bucket, and what is to be deleted in it.
    Objects(String, Arc<[ObjectId]>),
}

/// A call about a bucket that is there.
#[derive(Clone, Debug)]
pub struct BucketCall {
    pub action: Action,
    pub bucket: String,
    /// The prefix of a list.
    pub prefix: Option<String>,
}

/// A call about one object.
#[derive(Clone, Debug)]
pub struct ObjectCall {
    pub action: Action,
    pub bucket: String,
    pub key: String,
    /// It names a version.
    pub of_version: bool,
}

impl About {
    /// A call about a bucket that is there.
    pub fn bucket(action: Action, bucket: &str) -> Self {
        Self::Bucket(BucketCall { action, bucket: bucket.to_owned(), prefix: None })
    }

    /// A list of what is in a bucket.
    pub fn list(action: Action, bucket: &str, prefix: &str) -> Self {
        Self::Bucket(BucketCall { action, bucket: bucket.to_owned(), prefix: Some(prefix.to_owned()) })
    }

    /// A call about the current object of a key.
    pub fn object(action: Action, bucket: &str, key: &str) -> Self {
        Self::Object(ObjectCall { action, bucket: bucket.to_owned(), key: key.to_owned(), of_version: false })
    }

    pub fn action(&self) -> Action {
        match self {
            Self::NewBucket(_) => Action::CreateBucket,
            Self::Bucket(call) => call.action,
            Self::Object(call) => call.action,
            Self::Objects(..) => Action::DeleteObjects,
        }
    }
}
