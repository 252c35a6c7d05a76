//! A bucket, emptied.

use aws_sdk_s3::types::{Delete, Error, ObjectIdentifier};
use planner::failure::codes::failure_of;
use planner::ports::{Answer, EMPTIED_AT_ONCE};
use planner::{CloudError, Failure};

use super::calls::unsaid;
use crate::region::Region;
use crate::sdk::failure::{incomplete, need};
use crate::sdk::sent;

/// S3's limit on keys of one list and of one deletion (API reference, ListObjectsV2, DeleteObjects).
const PAGE: usize = 1000;

impl Region {
    pub(super) async fn emptied(&self, name: &str, account: &str) -> Answer<bool> {
        let mut may_delete = EMPTIED_AT_ONCE;
        loop {
            // From the beginning each time: what was deleted is in no list any more (S3 user guide, "Amazon S3 data
            // consistency model").
            let keys = match self.first_keys(name, account).await {
                Err(error) if error.failure == Failure::NotFound => return Ok(true),
                keys => keys?,
            };
            if keys.is_empty() || may_delete == 0 {
                return Ok(keys.is_empty());
            }
            may_delete = may_delete.saturating_sub(keys.len());
            self.delete_objects(name, account, &keys).await?;
        }
    }

    async fn first_keys(&self, name: &str, account: &str) -> Answer<Vec<String>> {
        let call = self.s3_reads.list_objects_v2().bucket(name).expected_bucket_owner(account);
        let page = sent(call.max_keys(PAGE as i32).send()).await?;
        let objects = page.contents.unwrap_or_default();
        if objects.is_empty() && page.is_truncated == Some(true) {
            return Err(incomplete("no objects, and says that there are more"));
        }
        objects.into_iter().map(|object| need(object.key, "key", "an object")).collect()
    }

    /// Objects that are not there are deleted as well (API reference, DeleteObjects).
    async fn delete_objects(&self, name: &str, account: &str, keys: &[String]) -> Answer<()> {
        let identifier = |key: &String| ObjectIdentifier::builder().key(key).build();
        let objects: Vec<_> = keys.iter().map(identifier).collect::<Result<_, _>>().map_err(unsaid)?;
        // Quiet: the answer names only what was refused.
        let all = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(unsaid)?;
        let call = self.s3_effects.delete_objects().bucket(name).expected_bucket_owner(account).delete(all);
        match sent(call.send()).await?.errors.unwrap_or_default().into_iter().next() {
            Some(refused) => Err(refusal(refused)),
            None => Ok(()),
        }
    }
}

fn refusal(of: Error) -> CloudError {
    match of.code {
        Some(code) => CloudError::new(failure_of(&code), code, of.message.unwrap_or_default()),
        None => incomplete("an object that was refused, without a code"),
    }
}
