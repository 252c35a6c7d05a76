//! Behaviour of S3.

use serde::{Deserialize, Serialize};

use crate::engine::span::Span;
use crate::engine::visibility::Lag;

/// Knobs of buckets and their objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct BucketSettings {
    /// Lag of buckets and their tags; [`super::Settings::lag`] when absent. Objects have none.
    pub lag: Option<Lag>,
    /// The time after a bucket's deletion in which its name cannot be used (`OperationAborted`).
    pub name_linger: Span,
    /// Buckets of the account (`TooManyBuckets`).
    pub quota: Option<u32>,
    /// Calls about objects that are answered `SlowDown`, HTTP 503, without effect, per thousand.
    pub slow_down_per_mille: u32,
    /// Conditional writes of objects that are not there, answered `ConditionalRequestConflict`, per thousand.
    pub conflict_per_mille: u32,
    /// Keys of DeleteObjects that are not deleted, which the answer says inside its 200, per thousand.
    pub failed_deletion_per_mille: u32,
}

impl Default for BucketSettings {
    fn default() -> Self {
        Self {
            lag: None,
            name_linger: Span::NONE,
            // S3 user guide, "General purpose bucket quotas".
            quota: Some(10_000),
            slow_down_per_mille: 0,
            conflict_per_mille: 0,
            failed_deletion_per_mille: 0,
        }
    }
}
