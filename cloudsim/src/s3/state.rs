//! State of S3 in one region: all buckets that calls made or that were there before, and what is in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::bucket::Bucket;
use super::entry::Entry;
use super::throttle;
use crate::engine::audit::Origin;
use crate::engine::random::{Stream, stream};
use crate::engine::throttle::Buckets;
use crate::engine::visibility::Versions;

/// S3 of one region. What it answers for itself is the truth, whatever readers are shown.
pub struct State {
    /// Conflicts, calls that are told to slow down, deletions that fail.
    pub(super) accidents: Stream,
    /// Ids of versions, and how long a name lingers.
    pub(super) ids: Stream,
    pub(crate) buckets: Buckets<throttle::Bucket>,
    /// Buckets by name.
    pub(super) records: BTreeMap<String, BucketRecord>,
    /// Buckets that calls ever made, by name.
    pub(super) made: BTreeMap<String, usize>,
}

pub(super) struct BucketRecord {
    pub(super) seen: Versions<Bucket>,
    /// Whatever is in it, by key.
    pub(super) objects: BTreeMap<String, Entry>,
    /// Until then a bucket of this name is still being deleted.
    pub(super) going_until: Timestamp,
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            accidents: stream(seed, 41),
            ids: stream(seed, 42),
            buckets: Buckets::default(),
            records: BTreeMap::new(),
            made: BTreeMap::new(),
        }
    }

    /// Draws everything to come from another seed; ids go on, because none may come twice.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.accidents = stream(seed, 41);
    }

    /// Buckets that exist, those of others left out.
    pub fn live_buckets(&self) -> Vec<Arc<Bucket>> {
        let all = self.records.values().filter_map(|record| record.seen.truth());
        all.filter(|bucket| bucket.origin == Origin::Called).cloned().collect()
    }

    /// Objects in buckets that calls made, former versions and delete markers included.
    pub fn live_objects(&self) -> usize {
        let is_ours = |record: &&BucketRecord| record.seen.truth().is_some_and(|one| one.origin == Origin::Called);
        self.records.values().filter(is_ours).flat_map(|record| record.objects.values()).map(Entry::count).sum()
    }

    /// Current objects of a bucket whose keys begin with this.
    pub fn count_objects(&self, bucket: &str, prefix: &str) -> usize {
        let objects = self.records.get(bucket).map(|record| &record.objects);
        let below = objects.into_iter().flat_map(|objects| objects.range(prefix.to_owned()..));
        let of_prefix = below.take_while(|(key, _)| key.starts_with(prefix));
        of_prefix.filter(|(_, entry)| entry.current().is_some()).count()
    }

    /// Buckets that calls ever made, by name.
    pub fn made(&self) -> &BTreeMap<String, usize> {
        &self.made
    }
}
