//! Latency histograms, quantiles that count failures, the comparison of clusters over rounds, and the report. Pure.
//!
//! The unit of comparison is the *round* (or the *launch*), never the request: requests of one round share its noise,
//! and tests on single requests call two identical clusters different more often than not. What is compared is, per
//! round, how much faster a cluster was than another (see [`percent_faster`] for the one definition of "faster").
//!
//! `compare` holds the comparison, `report` the way from measured rounds to the document ([`report`]); both stand on
//! histograms, metrics, and numbers as people read them. How a report is printed is the crate `report`'s.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)] // pure: clippy.toml says what that forbids

mod compare;
mod handshakes;
mod histogram;
mod launches;
mod metric;
mod numbers;
mod price;
mod queue_cost;
mod report;
mod rounds;
mod speed;
mod ways;

pub use crate::compare::holm::holm_levels;
pub use crate::compare::looks::{CONFIDENCE_ALPHA, Next, next_look};
pub use crate::compare::round_gains::{RoundGain, round_gains};
pub use crate::compare::rules::{Arrivals, Demands, EQUIVALENCE_PERCENT, Rules};
pub use crate::compare::sample_size::rounds_needed;
pub use crate::compare::sentence::line as comparison_line;
pub use crate::compare::series::launches_for_types;
pub use crate::compare::wilcoxon::{Differences, Interval, SignedRank, hodges_lehmann, interval, p_value};
pub use crate::compare::{compare, requests_needed};
pub use crate::handshakes::Handshakes;
pub use crate::histogram::{HIGHEST_MICROS, Latencies, NotAHistogram};
pub use crate::metric::{answered, less_time, per_thousand, percent_faster, words};
pub use crate::numbers::{
    PerSecond, Usd, bounded, milliseconds, objective, quantile, rounds, signed_percent, tenths, time, whole,
};
pub use crate::price::{price, settle, silence, surplus_per_mille};
pub use crate::report::{
    AddressTally, Answers, Conclusion, Evidence, Findings, Headline, Material, NOT_QUOTED, NOT_VALID, NotOneRun, Parts,
    PhaseEvidence, Results, TOO_LONG, Tally, address_shares, capacity_interval, capacity_rates, conclude,
    cost_of_a_million, count_checks, document, document_within, gate_values, gate_words, is_least, join_generators,
    join_launches, judge, lacking, parts, reasons, report, self_test, shares, sum, thresholds, twins, used_up,
    zone_shares,
};
pub use crate::rounds::{counted, counted_of};
pub use crate::speed::CpuTime;
pub use crate::ways::{capacity_so_far, is_bounded};
pub use wire::Metric;
