//! Changes that people make with a console of their own, and things of others.

use std::sync::Arc;

use planner::owner::Tags;

use super::S3;
use super::body::Body;
use super::bucket::Versioning;
use super::object::Object;
use crate::engine::audit::Origin;

impl S3<'_> {
    /// Gives a bucket other tags. `false`: it is not there.
    pub fn retag_bucket_by_hand(&mut self, name: &str, change: impl FnOnce(&mut Tags)) -> bool {
        let is_done = self.change_bucket(name, |bucket| change(&mut bucket.tags)).is_ok();
        if is_done {
            self.engine.tell(format!("BY HAND tags of bucket {name}"));
        }
        is_done
    }

    /// Has a bucket keep former versions. `false`: it is not there.
    pub fn version_bucket_by_hand(&mut self, name: &str) -> bool {
        let is_done = self.change_bucket(name, |bucket| bucket.versioning = Versioning::Enabled).is_ok();
        if is_done {
            self.engine.tell(format!("BY HAND versioning of bucket {name}"));
        }
        is_done
    }

    /// Plants a bucket of somebody of this account, with one object in it.
    pub fn plant_bucket(&mut self, name: &str, tags: Tags) {
        let account = self.settings.account.clone();
        self.plant_bucket_of(&account, name, tags);
    }

    /// Plants a bucket of another account, with one object in it.
    pub fn plant_bucket_of(&mut self, owner: &str, name: &str, tags: Tags) {
        self.add_bucket(name, owner, tags, Origin::Planted);
        let object = Object {
            body: Body::in_memory(b"not yours".to_vec(), &[]),
            checksum: None,
            modified_at: self.engine.now(),
            headers: Default::default(),
        };
        if let Ok(record) = self.record(name) {
            record.objects.entry("kept".to_owned()).or_default().write(Arc::new(object), Versioning::Off, "");
        }
    }
}
