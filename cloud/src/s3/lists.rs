//! Buckets by the beginning of their names, and the tags of one.

use std::collections::BTreeSet;

use planner::Failure;
use planner::owner::Tags;
use planner::ports::{Answer, QUEUE_PREFIX};

use crate::region::Region;
use crate::sdk::failure::need;
use crate::sdk::{pages, sent};

/// Items of one page. Without a size an account with very many buckets gets no list (API reference, ListBuckets).
const PAGE: i32 = 1000;

/// The code for a bucket without tags, a status of 404 (API reference, GetBucketTagging).
const NO_TAGS: &str = "NoSuchTagSet";

impl Region {
    /// Names of the account's buckets in the region that begin with [`QUEUE_PREFIX`].
    pub(super) async fn bucket_names(&self) -> Answer<BTreeSet<String>> {
        let found = pages::all(|token| {
            let call = self.s3_reads.list_buckets().prefix(QUEUE_PREFIX).bucket_region(&self.name);
            let call = call.max_buckets(PAGE).set_continuation_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.buckets.unwrap_or_default(), page.continuation_token))
            }
        });
        let here = found
            .await?
            .into_iter()
            .filter(|bucket| bucket.bucket_region.as_ref().is_none_or(|region| *region == self.name));
        let names: Answer<BTreeSet<String>> = here.map(|bucket| need(bucket.name, "name", "a bucket")).collect();
        let mut names = names?;
        names.retain(|name| name.starts_with(QUEUE_PREFIX));
        Ok(names)
    }

    /// `None`: it went meanwhile. The list says already that it is the account's own.
    pub(super) async fn tags_of_bucket(&self, name: &str) -> Answer<Option<Tags>> {
        match sent(self.s3_reads.get_bucket_tagging().bucket(name).send()).await {
            Err(error) if error.code == NO_TAGS => Ok(Some(Tags::new())),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            answer => Ok(Some(answer?.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())),
        }
    }
}
