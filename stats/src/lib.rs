//! Latency histograms, quantiles that count failures, the comparison of clusters over rounds, and the report. Pure.
//!
//! The unit of comparison is the *round* (or the *launch*), never the request: requests of one round share its noise,
//! and tests on single requests call two identical clusters different more often than not. What is compared is, per
//! round, how much faster a cluster was than another (see [`percent_faster`] for the one definition of "faster").
//!
//! [`report`] is the way from measured rounds to the document; everything else is a part of it.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)] // pure: clippy.toml says what that forbids

mod assemble;
mod busy;
mod cautions;
mod compare;
mod conclude;
mod csv;
mod document;
mod facts;
mod gates;
mod handshakes;
mod histogram;
mod holm;
mod join;
mod looks;
mod metric;
mod needed;
mod obstacles;
mod outliers;
mod own_limits;
mod percents;
mod ranking;
mod render;
mod self_test;
mod series;
mod speed;
mod thresholds;
mod wilcoxon;

pub use assemble::{Material, Tally, address_shares, report, shares, sum, twins};
pub use compare::{Arrivals, Demands, EQUIVALENCE_PERCENT, Pairs, Rules, compare};
pub use conclude::{Conclusion, Findings, conclude};
pub use csv::csv;
pub use document::document;
pub use gates::{Evidence, PhaseEvidence, judge, reasons};
pub use handshakes::Handshakes;
pub use histogram::{HIGHEST_MICROS, Latencies, NotAHistogram};
pub use holm::holm_levels;
pub use join::{NotOneRun, join_generators, join_launches};
pub use looks::{AUTO_LOOKS, CONFIDENCE_ALPHA, Looks, Next};
pub use metric::{percent_faster, words};
pub use needed::rounds_needed;
pub use obstacles::requests_needed;
pub use render::{text, time};
pub use self_test::self_test;
pub use series::LAUNCHES_FOR_TYPES;
pub use speed::CpuTime;
pub use thresholds::{Results, thresholds};
pub use wilcoxon::{Differences, Interval, SignedRank, hodges_lehmann, interval, p_value};
pub use wire::Metric;
