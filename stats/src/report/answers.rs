//! Answers that came from one place, an address or a zone, and the times of the good ones. Pure; merged by adding.

use crate::histogram::{Latencies, NotAHistogram};

/// Answers from one place.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    count: u64,
    /// Times of the good ones.
    good: Latencies,
}

impl Answers {
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Counts one answer, after so long if it is a good one whose time is kept.
    pub fn add(&mut self, took_micros: Option<u64>) {
        self.count += 1;
        if let Some(took) = took_micros {
            self.good.record(took);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.good.merge(&other.good);
    }

    /// Answers as a report has them.
    pub(crate) fn read(count: u64, histogram: &str) -> Result<Self, NotAHistogram> {
        let good = if histogram.is_empty() { Latencies::new() } else { Latencies::decode(histogram)? };
        Ok(Self { count, good })
    }

    pub(crate) fn p50_micros(&self) -> Option<u64> {
        self.good.quantile(500)
    }

    /// The histogram as a report has it: of no time it takes no room.
    pub(crate) fn histogram(&self) -> String {
        if self.good.count() == 0 { String::new() } else { self.good.encode() }
    }
}
