//! Token buckets of S3: 3,500 writes and 5,500 reads a second for each prefix of a bucket (S3 user guide, "Best practices
//! design patterns: optimizing Amazon S3 performance"). Here the account has one prefix. What S3 allows of calls about buckets
//! is not published; it is assumed to be far less.

use super::Action;
use crate::actions::Effect;
use crate::engine::throttle::{Cost, Limit};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    Reads,
    Writes,
    Configuration,
}

/// The cost of a call.
pub(crate) fn costs(action: Action) -> Vec<Cost<Bucket>> {
    let is_of_objects = matches!(
        action,
        Action::ListObjectsV2
            | Action::ListObjectVersions
            | Action::PutObject
            | Action::GetObject
            | Action::HeadObject
            | Action::DeleteObject
            | Action::DeleteObjects
    );
    let (bucket, limit) = match action.effect() {
        _ if !is_of_objects => (Bucket::Configuration, Limit { size: 100, per_second: 50 }),
        Effect::Reads => (Bucket::Reads, Limit { size: 5_500, per_second: 5_500 }),
        Effect::Changes => (Bucket::Writes, Limit { size: 3_500, per_second: 3_500 }),
    };
    vec![Cost { bucket, limit, tokens: 1 }]
}
