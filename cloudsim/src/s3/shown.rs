//! The bucket that a call finds under a name.

use std::sync::Arc;

use super::S3;
use super::bucket::Bucket;
use super::refusal::{access_denied, no_such_bucket};
use super::state::BucketRecord;
use crate::engine::error::Outcome;
use crate::engine::visibility::{Path, ReadView};

impl S3<'_> {
    /// The bucket as a call about its configuration sees it.
    pub(super) fn shown_bucket(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<Arc<Bucket>> {
        let view = self.engine.read_view(Path::Id, self.settings.stale_reads);
        self.bucket_in(name, expected_owner, view)
    }

    /// The bucket that a call about its objects finds: once it is seen, it is seen by all.
    pub(super) fn bucket_with_objects(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<Arc<Bucket>> {
        let view = ReadView { path: Path::Id, at: self.engine.now() };
        self.bucket_in(name, expected_owner, view)?;
        let now = self.state.records.get(name).and_then(|record| record.seen.truth()).cloned();
        now.ok_or_else(no_such_bucket)
    }

    /// `x-amz-expected-bucket-owner` and buckets of strangers: 403 (S3 user guide, "Verifying bucket ownership with bucket owner
    /// condition").
    fn bucket_in(&self, name: &str, expected_owner: Option<&str>, view: ReadView) -> Outcome<Arc<Bucket>> {
        let seen = self.state.records.get(name).and_then(|record| record.seen.seen(view)).cloned();
        let bucket = seen.ok_or_else(no_such_bucket)?;
        let is_expected = expected_owner.is_none_or(|owner| owner == bucket.owner);
        if bucket.owner == self.settings.account && is_expected { Ok(bucket) } else { Err(access_denied()) }
    }

    /// The record of a bucket that [`S3::bucket_with_objects`] found.
    pub(super) fn record(&mut self, name: &str) -> Outcome<&mut BucketRecord> {
        self.state.records.get_mut(name).ok_or_else(no_such_bucket)
    }

    /// Notes a change that a call makes to a bucket or to what is in it.
    pub(super) fn touch(&mut self, bucket: &Bucket, what: &str) {
        self.engine.touch(bucket.origin, || format!("{what} in {}", bucket.name));
    }
}
