//! Latencies as an HDR histogram, and quantiles in which a failure is infinitely slow.

use data_encoding::BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use wire::Quantiles;

/// Two hours. Nothing waits longer: requests time out after 30 seconds unless told otherwise, and even a limit of an
/// hour leaves room. Larger values are recorded as this one instead of being dropped.
pub const HIGHEST_MICROS: u64 = 7_200_000_000;

/// Three significant digits: a value is off by at most 0.1 %, far below what rounds differ by.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Two: 1 %, still half of what the best rounds differ by.
const COARSE_DIGITS: u8 = 2;

/// Latencies of answered requests in microseconds, from 1 us to [`HIGHEST_MICROS`].
///
/// Histograms are merged by adding counts and in no other way: averages of quantiles are quantiles of nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Latencies(Histogram<u64>);

/// Why an encoded histogram is refused.
#[derive(Debug, thiserror::Error)]
pub enum NotAHistogram {
    #[error("the histogram is not base64: {0}")]
    Base64(#[from] data_encoding::DecodeError),
    #[error("the histogram is not in HDR V2 deflate format: {0}")]
    Format(String),
    #[error("the histogram holds values that ours cannot: {0}")]
    Bounds(#[from] hdrhistogram::AdditionError),
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    pub fn new() -> Self {
        Self(empty(SIGNIFICANT_DIGITS))
    }

    /// Counts one request. Zero becomes 1 us, the smallest value there is: no request takes no time.
    pub fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros.max(1));
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        // Same bounds on both sides (the constructor is the only source), so nothing can be out of range.
        let _same_bounds = self.0.add(&other.0);
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Values in order, each with how often it was recorded.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// V2 deflate format as base64, the text that other HDR tools read too.
    pub fn encode(&self) -> String {
        text(&self.0)
    }

    /// The same in about a third of the length, with values that are off by at most 1 %.
    pub fn encode_coarsely(&self) -> String {
        let mut coarse = empty(COARSE_DIGITS);
        for step in self.0.iter_recorded() {
            coarse.saturating_record_n(step.value_iterated_to(), step.count_at_value());
        }
        text(&coarse)
    }

    pub fn decode(text: &str) -> Result<Self, NotAHistogram> {
        let bytes = BASE64.decode(text.as_bytes())?;
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| NotAHistogram::Format(format!("{error:?}")))?;
        let mut latencies = Self::new();
        latencies.0.add(&read)?;
        Ok(latencies)
    }

    /// Quantiles over the recorded requests and `failures` more that took for ever.
    ///
    /// A quantile is the latency of the request at rank `ceil(q * all)`. When that request failed there is no such
    /// value; a single failure already leaves no maximum and no mean.
    pub fn quantiles(&self, failures: u64) -> Quantiles {
        self.quantiles_with_open(failures, &Self::new())
    }

    /// The same with requests that were still open at the end, which took at least as long as `open` says.
    ///
    /// Below the youngest of them every quantile is exact. From there on it is a lower bound: leaving them out, as if
    /// they had not been sent, would hide exactly the slowest requests.
    pub fn quantiles_with_open(&self, failures: u64, open: &Self) -> Quantiles {
        let mut known = self.clone();
        known.merge(open);
        let all = known.count() + failures;
        let ranks = [500, 900, 990, 999].map(|per_mille| rank(all, per_mille));
        let mut found = [None; 4];
        let mut seen = 0;
        for step in known.0.iter_recorded() {
            seen += step.count_since_last_iteration();
            for (value, rank) in found.iter_mut().zip(ranks) {
                if value.is_none() && seen >= rank {
                    *value = Some(step.value_iterated_to());
                }
            }
        }
        let complete = all > 0 && failures == 0;
        Quantiles {
            p50_micros: found[0],
            p90_micros: found[1],
            p99_micros: found[2],
            p999_micros: found[3],
            max_micros: complete.then(|| known.0.max()),
            mean_micros: (complete && open.count() == 0).then(|| known.0.mean().round() as u64),
            at_least_from_micros: (open.count() > 0).then(|| open.0.min()),
        }
    }

    /// Value at `per_mille` thousandths of the recorded ones; `None` of none.
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        (self.count() > 0).then(|| self.0.value_at_quantile(per_mille as f64 / 1000.0))
    }

    /// Mean of the recorded ones, 0 of none.
    pub fn mean_micros(&self) -> f64 {
        self.0.mean()
    }
}

fn empty(digits: u8) -> Histogram<u64> {
    #[allow(clippy::expect_used, reason = "constant bounds; the first test would fail")]
    Histogram::new_with_bounds(1, HIGHEST_MICROS, digits).expect("constant bounds are valid")
}

fn text(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and counts that were recorded fit the format.
    let _in_memory = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    BASE64.encode(&bytes)
}

/// Rank from 1 of the quantile `per_mille / 1000` among `all` requests, in whole numbers: no rounding surprises.
fn rank(all: u64, per_mille: u64) -> u64 {
    ((u128::from(all) * u128::from(per_mille)).div_ceil(1000) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Latencies {
        let mut latencies = Latencies::new();
        values.iter().for_each(|value| latencies.record(*value));
        latencies
    }

    #[test]
    fn quantiles_are_the_ranked_requests() {
        let quantiles = of(&(1..=1000).collect::<Vec<_>>()).quantiles(0);
        assert_eq!(quantiles.p50_micros, Some(500));
        assert_eq!(quantiles.p90_micros, Some(900));
        assert_eq!(quantiles.p99_micros, Some(990));
        assert_eq!(quantiles.p999_micros, Some(999));
        assert_eq!(quantiles.max_micros, Some(1000));
        assert_eq!(quantiles.mean_micros, Some(501));
    }

    #[test]
    fn a_failure_is_slower_than_everything() {
        let nine = of(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let one_failed = nine.quantiles(1);
        assert_eq!(one_failed.p50_micros, Some(5));
        assert_eq!(one_failed.p90_micros, Some(9));
        assert_eq!((one_failed.p99_micros, one_failed.max_micros, one_failed.mean_micros), (None, None, None));
        assert_eq!(nine.quantiles(9).p50_micros, Some(9), "half of them failed: the median is the slowest answer");
        assert_eq!(nine.quantiles(10).p50_micros, None, "more than half failed: there is no median");
        assert_eq!(Latencies::new().quantiles(0), Quantiles::default());
        assert_eq!(Latencies::new().quantiles(7), Quantiles::default());
    }

    #[test]
    fn requests_still_open_are_at_least_as_slow_as_they_are_old() {
        // 990 answers of 1 to 990 us; ten requests had been open for 500 us when the run ended.
        let answered = of(&(1..=990).collect::<Vec<_>>());
        let open = of(&[500; 10]);
        let quantiles = answered.quantiles_with_open(0, &open);
        assert_eq!(quantiles.at_least_from_micros, Some(500));
        assert_eq!(quantiles.exact(quantiles.p50_micros), None, "rank 500 is 500 us, and may be one of the open ones");
        assert_eq!((quantiles.p90_micros, quantiles.exact(quantiles.p90_micros)), (Some(890), None));
        assert_eq!((quantiles.mean_micros, quantiles.max_micros), (None, Some(990)));
        let older = answered.quantiles_with_open(0, &of(&[5_000_000; 10]));
        assert_eq!(older.exact(older.p90_micros), Some(900), "below the youngest open request values are exact");
        let bound = older.p999_micros.unwrap();
        assert!(bound.abs_diff(5_000_000) <= 5_000 && older.exact(older.p999_micros).is_none(), "{bound}");
        let with_failures = answered.quantiles_with_open(10, &of(&[5_000_000; 10]));
        assert_eq!((with_failures.p999_micros, with_failures.max_micros), (None, None), "a failure is slower still");
    }

    #[test]
    fn covers_one_microsecond_to_two_hours() {
        let latencies = of(&[0, 1, 3_600_000_000, 7_200_000_000, 9_000_000_000]);
        assert_eq!(latencies.count(), 5, "nothing is dropped");
        let quantiles = latencies.quantiles(0);
        let hour = quantiles.p50_micros.unwrap();
        assert!(hour.abs_diff(3_600_000_000) <= 3_600_000, "{hour} is an hour within 0.1 %");
    }

    #[test]
    fn what_is_not_a_histogram_is_refused() {
        assert!(matches!(Latencies::decode("§"), Err(NotAHistogram::Base64(_))));
        assert!(matches!(Latencies::decode("AAAA"), Err(NotAHistogram::Format(_))));
    }

    proptest! {
        #[test]
        fn merging_adds_counts_in_any_order(
            a in prop::collection::vec(1u64..10_000_000, 0..60),
            b in prop::collection::vec(1u64..10_000_000, 0..60),
            c in prop::collection::vec(1u64..10_000_000, 0..60),
        ) {
            let whole = of(&[a.clone(), b.clone(), c.clone()].concat());
            let (a, b, c) = (of(&a), of(&b), of(&c));
            let mut left = a.clone();
            left.merge(&b);
            left.merge(&c);
            let mut tail = c.clone();
            tail.merge(&b);
            let mut right = tail;
            right.merge(&a);
            prop_assert_eq!(&left, &whole);
            prop_assert_eq!(&right, &whole);
            prop_assert_eq!(Latencies::decode(&whole.encode()).unwrap(), whole);
        }

        #[test]
        fn quantiles_never_fall(values in prop::collection::vec(1u64..100_000_000, 1..200), failures in 0u64..50) {
            let q = of(&values).quantiles(failures);
            let ladder = [q.p50_micros, q.p90_micros, q.p99_micros, q.p999_micros];
            let as_numbers: Vec<u64> = ladder.iter().map(|value| value.unwrap_or(u64::MAX)).collect();
            prop_assert!(as_numbers.is_sorted(), "{:?}", ladder);
            if let (Some(p999), Some(max)) = (q.p999_micros, q.max_micros) {
                prop_assert!(p999 <= max);
            }
        }

        #[test]
        fn more_failures_never_make_it_faster(values in prop::collection::vec(1u64..100_000_000, 1..100), failures in 0u64..50) {
            let latencies = of(&values);
            let median = |failures| latencies.quantiles(failures).p50_micros.unwrap_or(u64::MAX);
            prop_assert!(median(failures) <= median(failures + 1));
        }
    }
}
