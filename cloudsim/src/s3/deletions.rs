//! Many objects deleted by one call.

use super::S3;
use super::object::{Deleted, ObjectId};
use super::refusal::malformed;
use crate::engine::error::{Outcome, SimError};

/// Keys of one call (API reference, DeleteObjects).
const KEYS: usize = 1000;

impl S3<'_> {
    /// DeleteObjects: what came of each, in the order of the request. The call succeeds whatever came of them; a key that is
    /// not there counts as deleted.
    pub fn delete_objects(
        &mut self,
        bucket: &str,
        ids: &[ObjectId],
        expected_owner: Option<&str>,
    ) -> Outcome<Vec<(ObjectId, Outcome<Deleted>)>> {
        if ids.is_empty() || ids.len() > KEYS {
            return Err(malformed());
        }
        self.slow_down()?;
        self.bucket_with_objects(bucket, expected_owner)?;
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            let result = if self.happens(self.settings.buckets.failed_deletion_per_mille) {
                self.engine.count("failed deletion");
                Err(SimError::new("InternalError", "We encountered an internal error. Please try again."))
            } else {
                self.delete_object(bucket, id, expected_owner)
            };
            results.push((id.clone(), result));
        }
        Ok(results)
    }
}
