//! Objects: written, read, deleted. Whoever writes or deletes is seen to have done so at once.

use std::sync::Arc;

use rand::RngExt;

use super::S3;
use super::body::Algorithm;
use super::entry::{Entry, NULL};
use super::names::check_key;
use super::object::{Deleted, Found, GetObject, Object, ObjectId, PutObject, Stored, range_of};
use super::refusal::{bad_digest, conditional_conflict, no_such_key, precondition_failed, slow_down};
use crate::engine::error::{Outcome, SimError};

impl S3<'_> {
    /// PutObject.
    pub fn put_object(&mut self, request: PutObject) -> Outcome<Stored> {
        self.slow_down()?;
        check_key(&request.key)?;
        let PutObject { bucket: name, key, body, claims, only_new, expected_owner, headers } = request;
        let bucket = self.bucket_with_objects(&name, expected_owner.as_deref())?;
        if !claims.iter().all(|claim| body.is(claim)) {
            return Err(bad_digest());
        }
        if only_new {
            let entry = self.record(&name)?.objects.get(&key);
            if entry.is_some_and(|entry| entry.current().is_some()) {
                return Err(precondition_failed());
            }
            if self.happens(self.settings.buckets.conflict_per_mille) {
                self.engine.count("conditional conflict");
                return Err(conditional_conflict());
            }
        }
        self.touch(&bucket, "PutObject");
        let (now, id) = (self.engine.now(), self.new_version_id());
        let checksum = claims.into_iter().find(|claim| claim.algorithm != Algorithm::Md5);
        let etag = body.etag();
        let object = Object { body, checksum: checksum.clone(), modified_at: now, headers };
        let entry = self.record(&name)?.objects.entry(key).or_default();
        entry.write(Arc::new(object), bucket.versioning, &id);
        let version_id = entry.newest().map(|version| version.id.clone()).filter(|id| id != NULL);
        Ok(Stored { etag, version_id, checksum })
    }

    /// GetObject and HeadObject.
    pub fn get_object(&mut self, request: &GetObject) -> Outcome<Found> {
        self.slow_down()?;
        let GetObject { bucket, key, version_id, range, if_match, expected_owner } = request;
        self.bucket_with_objects(bucket, expected_owner.as_deref())?;
        let entry = self.record(bucket)?.objects.get(key);
        let version = match version_id {
            Some(id) => entry.and_then(|entry| entry.version(id)).ok_or_else(no_such_version)?,
            None => entry.and_then(Entry::newest).ok_or_else(no_such_key)?,
        };
        let Some(object) = version.object.clone() else {
            return Err(if version_id.is_some() { marker_is_no_object() } else { no_such_key() });
        };
        let version_id = Some(version.id.clone()).filter(|id| id != NULL);
        if if_match.as_ref().is_some_and(|etag| etag.trim_matches('"') != object.body.etag()) {
            return Err(precondition_failed());
        }
        let range = range.as_deref().map_or(Ok(None), |range| range_of(range, object.body.size()));
        let range = range
            .map_err(|()| SimError::new("InvalidRange", "The requested range is not satisfiable").with_status(416))?;
        Ok(Found { object, version_id, range })
    }

    /// DeleteObject. A key that is not there is a success.
    pub fn delete_object(&mut self, bucket: &str, id: &ObjectId, expected_owner: Option<&str>) -> Outcome<Deleted> {
        self.slow_down()?;
        let (now, new_id) = (self.engine.now(), self.new_version_id());
        let found = self.bucket_with_objects(bucket, expected_owner)?;
        self.touch(&found, "DeleteObject");
        let objects = &mut self.record(bucket)?.objects;
        let entry = objects.entry(id.key.clone()).or_default();
        let deleted = match &id.version_id {
            Some(version) => entry.remove(version),
            None => entry.delete(now, found.versioning, &new_id),
        };
        if entry.is_empty() {
            objects.remove(&id.key);
        }
        Ok(deleted)
    }

    /// Now and then S3 has too much to do (S3 user guide, "Best practices design patterns": HTTP 503 while it scales).
    pub(super) fn slow_down(&mut self) -> Outcome<()> {
        if self.happens(self.settings.buckets.slow_down_per_mille) {
            self.engine.count("slow down");
            return Err(slow_down());
        }
        Ok(())
    }

    fn new_version_id(&mut self) -> String {
        format!("{:032x}", self.state.ids.random::<u128>())
    }
}

fn no_such_version() -> SimError {
    SimError::new("NoSuchVersion", "The specified version does not exist.").with_status(404)
}

/// API reference, GetObject, "Versioning".
fn marker_is_no_object() -> SimError {
    let message = "The specified method is not allowed against this resource.";
    SimError::new("MethodNotAllowed", message).with_status(405)
}
