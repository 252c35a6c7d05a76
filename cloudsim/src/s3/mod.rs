//! S3: its state and its actions.
//!
//! [`State`] is the truth of one region. [`S3`] is S3 at one moment, with the actions as methods: they answer as S3 would on
//! a good day, with its error codes. Objects are consistent at once; buckets and their tags are seen late and go back
//! (S3 user guide, "Amazon S3 data consistency model"). The bytes of objects are kept by whoever serves the calls: see [`Body`].

mod about;
mod ask;
mod body;
mod bucket;
mod buckets;
mod configuration;
mod deletions;
mod entry;
mod listing;
mod manual_changes;
mod moment;
mod names;
mod near_misses;
mod object;
mod objects;
mod refusal;
mod shown;
mod state;
mod throttle;
mod versions;

pub use crate::actions::s3::Action;
pub use about::{About, BucketCall, ObjectCall};
pub use body::{Algorithm, Body, Checksum};
pub use bucket::{Bucket, CreateBucket, ListBuckets, Namespace, Versioning};
pub use listing::{ListObjects, Listed, ObjectPage};
pub use object::{Deleted, Found, GetObject, Object, ObjectId, PutObject, Stored};
pub use state::State;
pub use versions::{ListVersions, ListedVersion, VersionPage};

pub use refusal::unknown_key;
pub(crate) use refusal::{denied, hidden, in_rest, slow_down};
pub(crate) use throttle::costs;

use crate::engine::Engine;
use crate::settings::Settings;

/// S3 at one moment.
pub struct S3<'a> {
    engine: &'a mut Engine,
    settings: &'a Settings,
    state: &'a mut State,
}

impl<'a> S3<'a> {
    pub(crate) fn new(engine: &'a mut Engine, settings: &'a Settings, state: &'a mut State) -> Self {
        Self { engine, settings, state }
    }

    /// Whether something happens that happens to so many calls in a thousand.
    fn happens(&mut self, per_mille: u32) -> bool {
        use rand::RngExt;
        self.state.accidents.random_range(0..1000) < per_mille
    }
}
