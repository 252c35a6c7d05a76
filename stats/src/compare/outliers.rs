//! Rounds in which one cluster was far slower than it usually is.

/// How many times the usual spread makes an outlier: of normal noise 1 round in 370 is one.
const SPREADS: f64 = 3.0;

/// Scales the median absolute deviation to the standard deviation of normal noise.
const MAD_TO_SD: f64 = 1.4826;

/// No outlier is smaller than 5 %: where rounds hardly differ, three spreads are nothing to speak of.
const SMALLEST: f64 = 0.05;

/// Outlier rounds of one side beyond those of the other from which they are called unequal: a tenth of all rounds, and
/// at least three. With 5 % outliers on both sides that is chance in one campaign of twenty, and it costs a note.
const UNEQUAL_PER_CENT: u32 = 10;
const FEWEST_UNEQUAL: u32 = 3;

/// Outlier rounds by the cluster that was slow in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outliers {
    pub(crate) of_cluster: u32,
    pub(crate) of_baseline: u32,
    pub(crate) rounds: u32,
}

impl Outliers {
    pub(crate) fn are_unequal(self) -> bool {
        let difference = self.of_cluster.abs_diff(self.of_baseline);
        difference >= FEWEST_UNEQUAL && difference * 100 >= self.rounds * UNEQUAL_PER_CENT
    }
}

/// Outliers of `gains`, and the gains without them.
pub(crate) fn split(gains: &[f64]) -> (Outliers, Vec<f64>) {
    let centre = median(gains);
    let deviations: Vec<f64> = gains.iter().map(|gain| (gain - centre).abs()).collect();
    let limit = (SPREADS * MAD_TO_SD * median(&deviations)).max(SMALLEST);
    let outliers = Outliers {
        of_cluster: gains.iter().filter(|gain| centre - **gain > limit).count() as u32,
        of_baseline: gains.iter().filter(|gain| **gain - centre > limit).count() as u32,
        rounds: gains.len() as u32,
    };
    (outliers, gains.iter().copied().filter(|gain| (gain - centre).abs() <= limit).collect())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len();
    if count == 0 { 0.0 } else { (sorted[(count - 1) / 2] + sorted[count / 2]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_are_counted_by_the_side_that_was_slow() {
        let mut gains: Vec<f64> = (0..20).map(|i| 0.01 * f64::from(i % 5)).collect();
        assert_eq!(split(&gains), (Outliers { rounds: 20, ..Outliers::default() }, gains.clone()));
        gains.extend([-0.4, -0.3, -0.5, 0.5]);
        let (outliers, rest) = split(&gains);
        assert_eq!(outliers, Outliers { of_cluster: 3, of_baseline: 1, rounds: 24 });
        assert_eq!(rest.len(), 20);
        assert!(!outliers.are_unequal());
        gains.push(-0.6);
        assert!(split(&gains).0.are_unequal());
        assert_eq!(split(&[]).0, Outliers::default());
    }
}
