//! Lists of all versions of the objects of a bucket: what somebody needs who cleans up a bucket that was versioned by hand
//! (API reference, ListObjectVersions).

use std::sync::Arc;

use jiff::Timestamp;

use super::S3;
use super::listing::KEYS;
use super::object::{Object, ObjectId};
use crate::engine::error::Outcome;

/// A ListObjectVersions call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListVersions {
    pub bucket: String,
    pub prefix: String,
    /// KeyMarker: the list begins behind this key.
    pub key_marker: Option<String>,
    /// VersionIdMarker: the list begins behind this version of that key.
    pub version_marker: Option<String>,
    pub max_keys: Option<usize>,
    pub expected_owner: Option<String>,
}

/// A version, or a delete marker.
#[derive(Clone, Debug)]
pub struct ListedVersion {
    pub key: String,
    pub version_id: String,
    pub at: Timestamp,
    pub is_latest: bool,
    /// `None`: a delete marker.
    pub object: Option<Arc<Object>>,
}

/// One page of a list: by key, and of one key the newest first. Complete when there is no `next`.
#[derive(Clone, Debug, Default)]
pub struct VersionPage {
    pub versions: Vec<ListedVersion>,
    /// The markers of the next page.
    pub next: Option<ObjectId>,
}

impl S3<'_> {
    /// ListObjectVersions.
    pub fn list_object_versions(&mut self, request: &ListVersions) -> Outcome<VersionPage> {
        self.slow_down()?;
        self.bucket_with_objects(&request.bucket, request.expected_owner.as_deref())?;
        let most = self.page_size(request.max_keys, KEYS);
        let objects = &self.record(&request.bucket)?.objects;
        let mut page = VersionPage::default();
        for (key, entry) in objects.range(request.prefix.clone()..) {
            if !key.starts_with(&request.prefix) {
                break;
            }
            let mut is_behind = request
                .key_marker
                .as_ref()
                .is_some_and(|marker| key < marker || key == marker && request.version_marker.is_none());
            if is_behind {
                continue;
            }
            is_behind = request.key_marker.as_ref() == Some(key);
            for (index, version) in entry.newest_first().enumerate() {
                if is_behind {
                    is_behind = request.version_marker.as_ref() != Some(&version.id);
                    continue;
                }
                if page.versions.len() == most {
                    page.next = page
                        .versions
                        .last()
                        .map(|last| ObjectId { key: last.key.clone(), version_id: Some(last.version_id.clone()) });
                    return Ok(page);
                }
                page.versions.push(ListedVersion {
                    key: key.clone(),
                    version_id: version.id.clone(),
                    at: version.at,
                    is_latest: index == 0,
                    object: version.object.clone(),
                });
            }
        }
        Ok(page)
    }
}
