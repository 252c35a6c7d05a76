//! Latency histograms, quantiles that count failures, and the comparison of clusters over rounds. Pure.
//!
//! The unit of comparison is the *round*, never the request: requests of one round share its noise, and tests on
//! single requests call two identical clusters different more often than not. What is compared is, per round, how
//! much faster a cluster was than the first one (see [`percent_faster`] for the one definition of "faster").

mod compare;
mod conclude;
mod histogram;
mod holm;
mod metric;
mod wilcoxon;

pub use compare::{CONFIDENCE_ALPHA, EQUIVALENCE_PERCENT, compare, compare_by, rounds_needed};
pub use conclude::{Conclusion, conclude};
pub use histogram::{HIGHEST_MICROS, Latencies, NotAHistogram};
pub use holm::holm_levels;
pub use metric::{Metric, percent_faster};
pub use wilcoxon::{Interval, SignedRank, hodges_lehmann, interval, p_value};
