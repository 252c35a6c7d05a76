//! Samples by metric and UTC minute.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Action;
use super::metric::Metric;
use crate::engine::random::{Stream, stream};
use crate::engine::throttle::Buckets;

/// Seconds of the shortest period.
pub(super) const MINUTE: i64 = 60;

/// State of CloudWatch in one region.
pub struct State {
    /// Its number must be no other stream's: see [`crate::engine::random`].
    pub(super) lags: Stream,
    pub(crate) buckets: Buckets<Action>,
    /// Minutes by their first second.
    pub(super) series: BTreeMap<Metric, BTreeMap<i64, Minute>>,
}

/// Samples of one minute: how many there are of each value, by the second from which they show.
#[derive(Clone, Debug, Default)]
pub(super) struct Minute(BTreeMap<(i64, Value), u64>);

/// A value that is not negative; such bits have the order of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Value(u64);

impl Minute {
    pub(super) fn add(&mut self, shown_from: i64, value: f64, count: u64) {
        *self.0.entry((shown_from, Value(value.max(0.0).to_bits()))).or_default() += count;
    }

    /// Values with their counts that show at a moment.
    pub(super) fn shown(&self, now: Timestamp) -> impl Iterator<Item = (f64, u64)> {
        let now = now.as_second();
        self.0
            .iter()
            .filter(move |((from, _), _)| *from <= now)
            .map(|((_, value), count)| (f64::from_bits(value.0), *count))
    }
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self { lags: stream(seed, 15), buckets: Buckets::default(), series: BTreeMap::new() }
    }

    pub(crate) fn reseed(&mut self, seed: u64) {
        self.lags = stream(seed, 15);
    }

    /// Truth: the sum of a metric over all time, whatever shows yet.
    pub fn total(&self, metric: &Metric) -> f64 {
        let minutes = self.series.get(metric).into_iter().flat_map(BTreeMap::values);
        minutes.flat_map(|minute| minute.shown(Timestamp::MAX)).map(|(value, count)| value * count as f64).sum()
    }
}
