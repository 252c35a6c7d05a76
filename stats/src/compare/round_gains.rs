//! The difference of two clusters in each round, as a picture shows it.

use wire::{Metric, RoundOutcome, RoundReport};

use crate::metric::{log_gain, percent_faster};

/// The difference in one round that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundGain {
    /// Place of the round in the report's `rounds`, from 0.
    pub place: usize,
    /// How much faster the cluster was, in percent.
    pub percent: f64,
    /// Whether the cluster was measured before the baseline.
    pub was_first: bool,
}

/// How much faster `cluster` was than `baseline` in each round that counts; a round in which that is not known is left out.
pub fn round_gains(metric: Metric, rounds: &[RoundReport], cluster: &str, baseline: &str) -> Vec<RoundGain> {
    let gain = |(place, round): (usize, &RoundReport)| {
        let at = |name: &str| round.clusters.iter().position(|one| one.cluster == name);
        let (one, other) = (at(cluster)?, at(baseline)?);
        let log = log_gain(metric, &round.clusters[one], &round.clusters[other])?;
        Some(RoundGain { place, percent: percent_faster(log), was_first: one < other })
    };
    let counted = rounds.iter().enumerate().filter(|(_, round)| round.outcome == RoundOutcome::Counted);
    counted.filter_map(gain).collect()
}
