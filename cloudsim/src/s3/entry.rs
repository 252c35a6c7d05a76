//! The versions of one key, and what writing and deleting do to them (S3 user guide, "How S3 Versioning works").

use std::sync::Arc;

use jiff::Timestamp;

use super::bucket::Versioning;
use super::object::{Deleted, Object};

/// Id of the version that is written while versions are not kept.
pub(super) const NULL: &str = "null";

/// All that there is under one key, oldest first; never empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry(Vec<Version>);

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// `None`: a delete marker.
    pub(super) object: Option<Arc<Object>>,
}

impl Entry {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The newest version, be it a delete marker.
    pub(super) fn newest(&self) -> Option<&Version> {
        self.0.last()
    }

    /// The object that a call without a version finds.
    pub(super) fn current(&self) -> Option<&Arc<Object>> {
        self.newest()?.object.as_ref()
    }

    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.id == id)
    }

    /// All versions, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Version> {
        self.0.iter().rev()
    }

    /// Objects and delete markers.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Writes an object; `id` is a new one for where versions are kept.
    pub(super) fn write(&mut self, object: Arc<Object>, versioning: Versioning, id: &str) {
        let at = object.modified_at;
        self.push(Some(object), at, versioning, id);
    }

    /// Deletes without naming a version.
    pub(super) fn delete(&mut self, at: Timestamp, versioning: Versioning, id: &str) -> Deleted {
        if versioning == Versioning::Off {
            self.remove(NULL);
            return Deleted::default();
        }
        let version_id = Some(self.push(None, at, versioning, id));
        Deleted { version_id, is_marker: true }
    }

    /// Deletes one version for good. One that is not there is no error.
    pub(super) fn remove(&mut self, id: &str) -> Deleted {
        let is_marker = self.version(id).is_some_and(|version| version.object.is_none());
        self.0.retain(|version| version.id != id);
        Deleted { version_id: Some(id.to_owned()), is_marker }
    }

    fn push(&mut self, object: Option<Arc<Object>>, at: Timestamp, versioning: Versioning, id: &str) -> String {
        let id = match versioning {
            Versioning::Enabled => id,
            Versioning::Off | Versioning::Suspended => {
                self.remove(NULL);
                NULL
            }
        };
        self.0.push(Version { id: id.to_owned(), at, object });
        id.to_owned()
    }
}
