//! The exact signed-rank distribution, the Hodges-Lehmann estimate and the interval that belong together.
//!
//! All three read the same *Walsh averages* `(d_i + d_j) / 2, i <= j`: their median is the estimate, the number of
//! them above zero is the signed-rank statistic, and the k-th from either end bound the interval.
//!
//! Ties and zeros need no correction this way, and are counted *against* a difference: a Walsh average of exactly
//! zero (a zero, or two opposite values of equal size) counts for both signs. So the level is the stated one when all
//! values differ, and never higher than stated otherwise.

use std::borrow::Cow;
use std::sync::OnceLock;

use wire::Direction;

/// Distributions up to this many pairs are computed once: more than the rounds of any sane run.
const KEPT: usize = 64;

/// The distribution of the signed-rank statistic over `pairs` pairs when there is no difference.
#[derive(Clone, Debug)]
pub struct SignedRank {
    /// `cumulative[w]`: probability of a statistic of at most `w`.
    cumulative: Vec<f64>,
}

impl SignedRank {
    /// Exact, by dynamic programming: each rank is added or not with probability one half.
    pub fn new(pairs: usize) -> Self {
        let highest = pairs * (pairs + 1) / 2;
        let mut probability = vec![0.0; highest + 1];
        probability[0] = 1.0;
        for rank in 1..=pairs {
            for sum in (0..=highest).rev() {
                let with = if sum >= rank { probability[sum - rank] } else { 0.0 };
                probability[sum] = (probability[sum] + with) / 2.0;
            }
        }
        let mut sum = 0.0;
        let cumulative = probability
            .into_iter()
            .map(|p| {
                sum += p;
                sum
            })
            .collect();
        Self { cumulative }
    }

    /// The same as [`Self::new`], computed once for the usual numbers of pairs.
    fn of(pairs: usize) -> Cow<'static, Self> {
        static COMPUTED: [OnceLock<SignedRank>; KEPT] = [const { OnceLock::new() }; KEPT];
        match COMPUTED.get(pairs) {
            Some(kept) => Cow::Borrowed(kept.get_or_init(|| Self::new(pairs))),
            None => Cow::Owned(Self::new(pairs)),
        }
    }

    /// Two-sided level of a statistic of `smaller`, the smaller of the two rank sums.
    pub fn two_sided(&self, smaller: usize) -> f64 {
        self.cumulative.get(smaller).map_or(1.0, |p| (2.0 * p).min(1.0))
    }

    /// The largest statistic that is significant at `alpha`, two-sided; `None` when not even zero is.
    pub fn critical(&self, alpha: f64) -> Option<usize> {
        (0..self.cumulative.len()).take_while(|w| self.two_sided(*w) <= alpha).last()
    }
}

/// An interval around the Hodges-Lehmann estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// Achieved confidence, at least what was asked for: the distribution has steps.
    pub confidence: f64,
}

impl Interval {
    /// Side of zero that it lies on; an interval that contains zero shows no difference.
    pub(crate) fn direction(self) -> Direction {
        if self.low > 0.0 {
            Direction::Faster
        } else if self.high < 0.0 {
            Direction::Slower
        } else {
            Direction::NoDifferenceShown
        }
    }
}

/// Differences of one comparison, ready for every question that is asked about them.
#[derive(Clone, Debug)]
pub struct Differences {
    /// Walsh averages in ascending order.
    walsh: Vec<f64>,
    distribution: Cow<'static, SignedRank>,
}

impl Differences {
    pub fn of(differences: &[f64]) -> Self {
        let mut walsh: Vec<f64> = differences
            .iter()
            .enumerate()
            .flat_map(|(i, first)| differences[i..].iter().map(move |second| (first + second) / 2.0))
            .collect();
        walsh.sort_unstable_by(f64::total_cmp);
        Self { walsh, distribution: SignedRank::of(differences.len()) }
    }

    /// Hodges-Lehmann: the median of the Walsh averages; `None` for no values.
    pub fn estimate(&self) -> Option<f64> {
        let count = self.walsh.len();
        let (lower, upper) = (self.walsh.get(count.checked_sub(1)? / 2)?, self.walsh.get(count / 2)?);
        Some((lower + upper) / 2.0)
    }

    /// Exact Wilcoxon signed-rank interval at level `1 - alpha` or a little above.
    /// `None` when so few values have none: at 95 % below 6.
    pub fn interval(&self, alpha: f64) -> Option<Interval> {
        let critical = self.distribution.critical(alpha)?;
        let low = *self.walsh.get(critical)?;
        let high = *self.walsh.get(self.walsh.len().checked_sub(critical + 1)?)?;
        Some(Interval { low, high, confidence: 1.0 - self.distribution.two_sided(critical) })
    }

    /// Two-sided p-value of "no difference". At most `alpha` exactly when the interval at `alpha` excludes zero.
    pub fn p_value(&self) -> f64 {
        let not_above = self.walsh.partition_point(|average| *average <= 0.0);
        let not_below = self.walsh.len() - self.walsh.partition_point(|average| *average < 0.0);
        self.distribution.two_sided(not_above.min(not_below))
    }
}

/// [`Differences::estimate`] of values that nothing else is asked about.
pub fn hodges_lehmann(differences: &[f64]) -> Option<f64> {
    Differences::of(differences).estimate()
}

/// [`Differences::interval`] of values that nothing else is asked about.
pub fn interval(differences: &[f64], alpha: f64) -> Option<Interval> {
    Differences::of(differences).interval(alpha)
}

/// [`Differences::p_value`] of values that nothing else is asked about.
pub fn p_value(differences: &[f64]) -> f64 {
    Differences::of(differences).p_value()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Critical values for n = 6..=30, two-sided. Sources: OEIS A226330 (2.5 % one-tailed), A226329 (5 %) and, for
    /// 0.5 %, A226332; the same numbers stand in R. L. McCornack, JASA 60 (1965), p. 864-871. -1: none.
    const AT_5_PERCENT: [i32; 25] =
        [0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52, 58, 65, 73, 81, 89, 98, 107, 116, 126, 137];
    const AT_10_PERCENT: [i32; 25] =
        [2, 3, 5, 8, 10, 13, 17, 21, 25, 30, 35, 41, 47, 53, 60, 67, 75, 83, 91, 100, 110, 119, 130, 140, 151];
    const AT_1_PERCENT: [i32; 25] =
        [-1, -1, 0, 1, 3, 5, 7, 9, 12, 15, 19, 23, 27, 32, 37, 42, 48, 54, 61, 68, 75, 83, 91, 100, 109];

    #[test]
    fn critical_values_match_the_published_tables() {
        for (alpha, table) in [(0.05, AT_5_PERCENT), (0.10, AT_10_PERCENT), (0.01, AT_1_PERCENT)] {
            for (pairs, published) in (6..=30).zip(table) {
                let ours = SignedRank::new(pairs).critical(alpha).map_or(-1, |w| w as i32);
                assert_eq!(ours, published, "n = {pairs}, alpha = {alpha}");
            }
        }
    }

    #[test]
    fn distribution_matches_every_sign_pattern() {
        for pairs in 1..=12usize {
            let distribution = SignedRank::new(pairs);
            let sums: Vec<usize> = (0u32..1 << pairs)
                .map(|signs| (1..=pairs).filter(|rank| signs & (1 << (rank - 1)) != 0).sum())
                .collect();
            for statistic in 0..=pairs * (pairs + 1) / 2 {
                let share = sums.iter().filter(|sum| **sum <= statistic).count() as f64 / sums.len() as f64;
                assert!((distribution.two_sided(statistic) - (2.0 * share).min(1.0)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn five_values_have_no_interval_and_six_have() {
        assert_eq!(interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.05), None);
        let six = interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.05).unwrap();
        assert_eq!((six.low, six.high), (1.0, 6.0));
        assert_eq!(six.confidence, 1.0 - 2.0 / 64.0);
        assert_eq!(interval(&[], 0.05), None);
        assert_eq!(hodges_lehmann(&[]), None);
        assert!(interval(&[1.0; 7], 0.01).is_none() && interval(&[1.0; 8], 0.01).is_some());
    }

    #[test]
    fn zeros_and_ties_count_against_a_difference() {
        // Without the zeros this would be six of six: p = 2/64. Two zeros among eight leave three averages at zero.
        let with_zeros = [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(p_value(&with_zeros), SignedRank::new(8).two_sided(3));
        assert_eq!(p_value(&[0.0; 20]), 1.0, "no difference at all");
        let flat = interval(&[0.0; 20], 0.05).unwrap();
        assert_eq!((flat.low, flat.high), (0.0, 0.0));
        assert!(
            p_value(&[-1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) > p_value(&[-0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
        );
    }

    fn brute_force_estimate(values: &[f64]) -> f64 {
        let mut averages = Vec::new();
        for i in 0..values.len() {
            for j in 0..=i {
                averages.push(0.5 * values[i] + 0.5 * values[j]);
            }
        }
        averages.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let half = averages.len() / 2;
        if averages.len() % 2 == 1 { averages[half] } else { (averages[half - 1] + averages[half]) / 2.0 }
    }

    /// The classic statistic: ranks of absolute values, summed by sign. Valid where no ties and zeros are.
    fn brute_force_p_value(values: &[f64]) -> f64 {
        let mut by_size: Vec<f64> = values.to_vec();
        by_size.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let rank_sum = |positive: bool| -> usize {
            by_size.iter().enumerate().filter(|(_, v)| (**v > 0.0) == positive).map(|(index, _)| index + 1).sum()
        };
        SignedRank::new(values.len()).two_sided(rank_sum(true).min(rank_sum(false)))
    }

    proptest! {
        #[test]
        fn estimate_matches_brute_force(values in prop::collection::vec(-1.0f64..1.0, 1..25)) {
            prop_assert!((hodges_lehmann(&values).unwrap() - brute_force_estimate(&values)).abs() < 1e-12);
        }

        #[test]
        fn p_value_matches_ranks_of_absolute_values(values in prop::collection::vec(-1.0f64..1.0, 1..25)) {
            // Values drawn from a continuum: ties and zeros do not happen.
            prop_assert_eq!(p_value(&values), brute_force_p_value(&values));
        }

        #[test]
        fn interval_excludes_zero_exactly_when_the_test_rejects(
            values in prop::collection::vec(-3i32..9, 1..25),
            alpha in prop::sample::select(vec![0.01, 0.05 / 3.0, 0.05, 0.1]),
        ) {
            // Whole numbers: full of ties and zeros.
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let excludes = interval(&values, alpha).is_some_and(|i| i.low > 0.0 || i.high < 0.0);
            prop_assert_eq!(excludes, p_value(&values) <= alpha);
        }

        #[test]
        fn swapping_sides_negates(values in prop::collection::vec(-1.0f64..1.0, 6..25)) {
            let mirrored: Vec<f64> = values.iter().map(|v| -v).collect();
            prop_assert_eq!(hodges_lehmann(&mirrored).unwrap(), -hodges_lehmann(&values).unwrap());
            prop_assert_eq!(p_value(&mirrored), p_value(&values));
            let (there, back) = (interval(&values, 0.05).unwrap(), interval(&mirrored, 0.05).unwrap());
            prop_assert_eq!((back.low, back.high), (-there.high, -there.low));
            prop_assert!(there.confidence >= 0.95);
        }
    }
}
