//! Each cluster against the first one, over the rounds that count.

use wire::{ClusterReport, Comparison, Direction, RoundOutcome, RoundReport};

use crate::conclude::{Finding, Undecided, sentence};
use crate::{Interval, Metric, hodges_lehmann, holm_levels, interval, p_value, percent_faster};

/// One wrong "faster" or "slower" in twenty runs of equal clusters, over all comparisons of a run together.
pub const CONFIDENCE_ALPHA: f64 = 0.05;

/// Clusters are called equivalent when the 90 % interval lies within this many percent on both sides: two one-sided
/// tests at 5 %. Five percent is about what an instance differs from the next of its type.
pub const EQUIVALENCE_PERCENT: f64 = 5.0;

/// Compares every cluster with the first of `clusters` by [`Metric::P50`]. Voided rounds are left out.
pub fn compare(rounds: &[RoundReport], clusters: &[&str]) -> Vec<Comparison> {
    compare_by(Metric::default(), rounds, clusters)
}

/// Compares every cluster with the first of `clusters` by `metric`, Holm-corrected over these comparisons.
///
/// The estimate is the Hodges-Lehmann median of the per-round log gain and the interval the exact Wilcoxon signed-rank
/// one. It is undecided when there are too few rounds for an interval at the corrected level, or when a round lacks the
/// metric because failures reached it: one infinite round breaks every average it is part of.
pub fn compare_by(metric: Metric, rounds: &[RoundReport], clusters: &[&str]) -> Vec<Comparison> {
    let counted: Vec<&RoundReport> = rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted).collect();
    let Some((baseline, others)) = clusters.split_first() else { return Vec::new() };
    let series: Vec<Series<'_>> = others.iter().map(|other| Series::of(metric, &counted, other, baseline)).collect();
    let p_values: Vec<f64> = series.iter().map(Series::p_value).collect();
    let levels = holm_levels(&p_values, CONFIDENCE_ALPHA);
    series.iter().zip(levels).map(|(series, level)| series.judge(level, others.len())).collect()
}

/// Smallest number of rounds in which `comparisons` comparisons can have an interval: 6 for one, 7 for three.
pub fn rounds_needed(comparisons: usize) -> u32 {
    (1.0 + (comparisons.max(1) as f64 / CONFIDENCE_ALPHA).log2()).ceil() as u32
}

/// What the rounds say of one cluster against the baseline.
struct Series<'a> {
    metric: Metric,
    cluster: &'a str,
    baseline: &'a str,
    rounds: u32,
    /// One log gain per round that has one.
    gains: Vec<f64>,
    /// Answered requests in thousandths, cluster and baseline.
    answered_per_mille: [u64; 2],
}

impl<'a> Series<'a> {
    fn of(metric: Metric, rounds: &[&RoundReport], cluster: &'a str, baseline: &'a str) -> Self {
        let pairs: Vec<_> = rounds.iter().map(|round| (find(round, cluster), find(round, baseline))).collect();
        let gains = pairs.iter().filter_map(|(mine, first)| metric.log_gain((*mine)?, (*first)?)).collect();
        let answered_per_mille = [
            answered(pairs.iter().filter_map(|(mine, _)| *mine)),
            answered(pairs.iter().filter_map(|(_, first)| *first)),
        ];
        Self { metric, cluster, baseline, rounds: rounds.len() as u32, gains, answered_per_mille }
    }

    fn is_complete(&self) -> bool {
        self.rounds > 0 && self.gains.len() == self.rounds as usize
    }

    fn p_value(&self) -> f64 {
        if self.is_complete() { p_value(&self.gains) } else { 1.0 }
    }

    fn judge(&self, level: f64, comparisons: usize) -> Comparison {
        let finding = self.find(level, comparisons);
        let mut comparison = Comparison {
            cluster: self.cluster.to_owned(),
            baseline: self.baseline.to_owned(),
            metric: self.metric.field().to_owned(),
            rounds: self.rounds,
            direction: finding.direction(),
            faster_percent: self.is_complete().then(|| hodges_lehmann(&self.gains).map(percent_faster)).flatten(),
            interval_percent: None,
            confidence_percent: None,
            sentence: String::new(),
        };
        if let Finding::Decided { interval, .. } = &finding {
            comparison.interval_percent = Some([percent_faster(interval.low), percent_faster(interval.high)]);
            comparison.confidence_percent = Some(interval.confidence * 100.0);
        }
        comparison.sentence = sentence(&comparison, self.metric, &finding);
        comparison
    }

    fn find(&self, level: f64, comparisons: usize) -> Finding {
        if self.rounds == 0 {
            return Finding::Undecided(Undecided::NoRounds);
        }
        if !self.is_complete() {
            let lacking = self.rounds - self.gains.len() as u32;
            return Finding::Undecided(Undecided::Failures { lacking, answered_per_mille: self.answered_per_mille });
        }
        match interval(&self.gains, level) {
            None => Finding::Undecided(Undecided::TooFewRounds { needed: rounds_needed(comparisons) }),
            Some(interval) => Finding::Decided { interval, equivalent: self.is_equivalent(comparisons), comparisons },
        }
    }

    /// Both one-sided tests at 5 %, shared out evenly over the comparisons.
    fn is_equivalent(&self, comparisons: usize) -> bool {
        let inside = |interval: Interval| {
            percent_faster(interval.low) > -EQUIVALENCE_PERCENT && percent_faster(interval.high) < EQUIVALENCE_PERCENT
        };
        interval(&self.gains, 2.0 * CONFIDENCE_ALPHA / comparisons.max(1) as f64).is_some_and(inside)
    }
}

impl Finding {
    fn direction(&self) -> Direction {
        match self {
            Self::Undecided(_) => Direction::Undecided,
            Self::Decided { interval, .. } if interval.low > 0.0 => Direction::Faster,
            Self::Decided { interval, .. } if interval.high < 0.0 => Direction::Slower,
            Self::Decided { .. } => Direction::NoDifferenceShown,
        }
    }
}

fn find<'a>(round: &&'a RoundReport, cluster: &str) -> Option<&'a ClusterReport> {
    round.clusters.iter().find(|report| report.cluster == cluster)
}

fn answered<'a>(reports: impl Iterator<Item = &'a ClusterReport>) -> u64 {
    let (all, failed) =
        reports.fold((0, 0), |(all, failed), report| (all + report.requests, failed + report.failures.total()));
    (all - failed) * 1000 / u64::max(all, 1)
}
