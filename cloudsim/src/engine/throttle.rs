//! Token buckets: size and refill are the service's, the arithmetic is the same for all.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Throttling {
    #[default]
    Off,
    /// The published token buckets of each action.
    Published,
}

/// A bucket's size, and the tokens that come back per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) size: u64,
    pub(crate) per_second: u64,
}

/// Tokens that a call takes from one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost<K> {
    pub(crate) bucket: K,
    pub(crate) limit: Limit,
    pub(crate) tokens: u64,
}

/// The buckets of one service, each under what the service tells them apart by.
#[derive(Clone, Debug)]
pub(crate) struct Buckets<K>(BTreeMap<K, Bucket>);

/// Counted in thousandths of a token, so that a refill of 2/s is exact to the millisecond.
#[derive(Clone, Debug)]
struct Bucket {
    thousandths: u64,
    filled_at: Timestamp,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Copy + Ord> Buckets<K> {
    /// Takes all costs of a call, or nothing, of what others leave (`others_percent` is theirs). `false`: the call is
    /// throttled.
    pub(crate) fn admit(&mut self, costs: &[Cost<K>], others_percent: u32, now: Timestamp) -> bool {
        let ours = 100 - u64::from(others_percent.min(100));
        let enough = costs.iter().all(|cost| self.bucket(cost, ours, now).thousandths >= cost.tokens * 1000);
        if enough {
            for cost in costs {
                self.bucket(cost, ours, now).thousandths -= cost.tokens * 1000;
            }
        }
        enough
    }

    /// The bucket as it is now, of which `ours` per cent are ours.
    fn bucket(&mut self, cost: &Cost<K>, ours: u64, now: Timestamp) -> &mut Bucket {
        let Limit { size, per_second } = cost.limit;
        let most = size * 10 * ours;
        let bucket = self.0.entry(cost.bucket).or_insert(Bucket { thousandths: most, filled_at: now });
        let passed = u64::try_from(now.as_millisecond() - bucket.filled_at.as_millisecond()).unwrap_or(0);
        bucket.thousandths = (bucket.thousandths + passed * per_second * ours / 100).min(most);
        bucket.filled_at = bucket.filled_at.max(now);
        bucket
    }
}
