//! The configuration of a bucket: its place, its tags, its versioning.

use planner::owner::Tags;

use super::S3;
use super::bucket::{Bucket, Versioning};
use super::names::{NO_CONSTRAINT, check_tags};
use super::refusal::no_such_bucket;
use crate::engine::error::{Outcome, SimError};

impl S3<'_> {
    /// HeadBucket: the region that it is in.
    pub fn head_bucket(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<String> {
        self.shown_bucket(name, expected_owner)?;
        Ok(self.settings.region.clone())
    }

    /// GetBucketLocation: its LocationConstraint, of us-east-1 none.
    pub fn get_bucket_location(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<Option<String>> {
        self.shown_bucket(name, expected_owner)?;
        let region = &self.settings.region;
        Ok((region != NO_CONSTRAINT).then(|| region.clone()))
    }

    /// GetBucketTagging. A bucket without tags has no set of them at all (API reference: NoSuchTagSet).
    pub fn get_bucket_tagging(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<Tags> {
        let tags = self.shown_bucket(name, expected_owner)?.tags.clone();
        if tags.is_empty() {
            return Err(SimError::new("NoSuchTagSet", "The TagSet does not exist").with_status(404));
        }
        Ok(tags)
    }

    /// PutBucketTagging: all tags anew.
    pub fn put_bucket_tagging(&mut self, name: &str, tags: &Tags, expected_owner: Option<&str>) -> Outcome<()> {
        check_tags(tags)?;
        let bucket = self.shown_bucket(name, expected_owner)?;
        self.touch(&bucket, "PutBucketTagging");
        self.change_bucket(name, |bucket| bucket.tags = tags.clone())
    }

    /// GetBucketVersioning.
    pub fn get_bucket_versioning(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<Versioning> {
        Ok(self.shown_bucket(name, expected_owner)?.versioning)
    }

    /// PutBucketVersioning. It works at once here; S3 asks for 15 minutes of patience (S3 user guide, "Enabling versioning on
    /// buckets").
    pub fn put_bucket_versioning(
        &mut self,
        name: &str,
        versioning: Versioning,
        expected_owner: Option<&str>,
    ) -> Outcome<()> {
        let bucket = self.shown_bucket(name, expected_owner)?;
        self.touch(&bucket, "PutBucketVersioning");
        self.change_bucket(name, |bucket| bucket.versioning = versioning)
    }

    /// Changes a bucket that is there.
    pub(super) fn change_bucket(&mut self, name: &str, change: impl FnOnce(&mut Bucket)) -> Outcome<()> {
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let record = self.record(name)?;
        let mut bucket = record.seen.truth().map(|bucket| Bucket::clone(bucket)).ok_or_else(no_such_bucket)?;
        change(&mut bucket);
        record.seen.push(Some(bucket), now, lag);
        Ok(())
    }
}
