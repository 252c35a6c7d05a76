//! Series of a run, recorded while it is measured: each cluster's seconds, minutes and spans.
//!
//! Threads count as they do without it; what they tell each second is added up here, away from them.

mod cluster;
mod queue;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wire::{QueueStatus, RoundOutcome, Series};

use self::cluster::ClusterSeries;
use crate::engine::load::Load;
use crate::engine::poller::now_nanos;
use crate::engine::segment::Second;
use crate::engine::wall_clock::WallClock;

/// Series of all clusters so far. Kept outside of what is aborted, so that the requests of a round that was cut are in them.
#[derive(Debug)]
pub(crate) struct Recorder {
    wall: WallClock,
    clusters: Mutex<BTreeMap<String, ClusterSeries>>,
}

impl Recorder {
    pub(crate) fn new(wall: WallClock) -> Self {
        Self { wall, clusters: Mutex::default() }
    }

    pub(crate) fn wall(&self) -> WallClock {
        self.wall
    }

    /// Load on a cluster begins: of this round, or the warm-up (0).
    pub(crate) fn begin(&self, cluster: &str, round: u32) {
        self.with(cluster, |series| series.begin(round));
    }

    /// Load on a cluster is over, and its pauses are.
    pub(crate) fn end(&self, cluster: &str) {
        self.with(cluster, ClusterSeries::end);
    }

    /// A pause that began at this moment of the monotonic clock is over.
    pub(crate) fn paused(&self, cluster: &str, began_nanos: u64) {
        let (from, to) = (self.wall.nanos(began_nanos), self.wall.nanos(now_nanos()));
        self.with(cluster, |series| series.paused(from, to));
    }

    /// The round that was on has this place among all rounds, and this outcome.
    pub(crate) fn settle(&self, attempt: usize, outcome: RoundOutcome) {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.values_mut().for_each(|series| series.settle(attempt, outcome));
    }

    /// How it is with the queue of a cluster now.
    pub(crate) fn look(&self, cluster: &str, queue: &QueueStatus) {
        let millis = self.wall.nanos(now_nanos()) / 1_000_000;
        self.with(cluster, |series| series.look(millis, queue));
    }

    /// One segment of load, on so many threads.
    pub(crate) fn segment(&self, load: &Load, threads: u32) -> SegmentSeries<'_> {
        SegmentSeries {
            recorder: self,
            cluster: load.target.cluster.clone(),
            starts: self.wall.nanos(load.starts_nanos),
            passed: vec![0; threads as usize],
        }
    }

    /// Series of these clusters, in this order. What is not settled stays unfinished.
    pub(crate) fn taken<'a>(&self, clusters: impl Iterator<Item = &'a str>) -> Vec<Series> {
        let mut recorded = std::mem::take(&mut *self.clusters.lock().unwrap_or_else(PoisonError::into_inner));
        let now = self.wall.second(now_nanos());
        let first = recorded.values().filter_map(ClusterSeries::first_second).min().unwrap_or(now);
        let series = |cluster: &str| recorded.remove(cluster).unwrap_or_default().into_series(cluster, first / 60 * 60);
        clusters.map(series).collect()
    }

    fn with(&self, cluster: &str, change: impl FnOnce(&mut ClusterSeries)) {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        match clusters.get_mut(cluster) {
            Some(series) => change(series),
            None => change(clusters.entry(cluster.to_owned()).or_default()),
        }
    }
}

/// One segment of load while it is driven.
#[derive(Debug)]
pub(crate) struct SegmentSeries<'a> {
    recorder: &'a Recorder,
    cluster: String,
    /// Nanoseconds since 1970.
    starts: u64,
    /// Second of each thread before which it will tell nothing more.
    passed: Vec<u64>,
}

impl SegmentSeries<'_> {
    /// Adds what one thread did in one second, or in a part of it.
    pub(crate) fn add(&mut self, second: &Second) {
        if let Some(passed) = self.passed.get_mut(second.thread as usize) {
            *passed = if second.is_last { u64::MAX } else { second.utc_second };
        }
        let passed = self.passed.iter().min().copied().unwrap_or(0);
        self.recorder.with(&self.cluster, |series| {
            series.add(second);
            series.close_before(passed);
        });
    }

    /// Load was on for so long.
    pub(crate) fn finish(self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(0);
        self.recorder.with(&self.cluster, |series| series.loaded(self.starts, took));
    }
}
