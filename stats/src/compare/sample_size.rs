//! Sample size: the number of rounds that a question takes.

use super::looks::CONFIDENCE_ALPHA;
use super::wilcoxon::Differences;

/// Power that `roundsNeeded` is for: a true gap is found in four campaigns of five.
const NORMAL_AT_POWER: f64 = 0.8416;

/// More than anybody measures: the answer is then "not by rounds".
const MOST: f64 = 10_000.0;

/// Smallest number of values in which `comparisons` comparisons can have an interval: 6 for one, 7 for three.
pub fn rounds_needed(comparisons: usize) -> u32 {
    smallest_count(CONFIDENCE_ALPHA, comparisons)
}

pub(crate) fn smallest_count(alpha: f64, comparisons: usize) -> u32 {
    (1.0 + (comparisons.max(1) as f64 / alpha).log2()).ceil() as u32
}

/// Measurements (rounds, or launches) that find a gap of `gap_percent` in four of five campaigns, if they spread as
/// these did. `None` for fewer than three, or when they do not differ at all.
///
/// The spread is read from the interval, which is as wide as the test is weak: outliers widen it less than they widen
/// a standard deviation. Below the first interval the standard deviation is all there is.
pub(crate) fn measurements_needed(
    gains: &[f64],
    differences: &Differences,
    gap_percent: f64,
    level: f64,
    comparisons: usize,
) -> Option<u32> {
    let gap = (gap_percent / 100.0).ln_1p();
    let spread = spread(gains, differences)?;
    let standard = (normal_quantile(1.0 - level / 2.0) + NORMAL_AT_POWER) * spread / gap;
    let needed = (standard * standard).ceil();
    (needed.is_finite() && spread > 0.0)
        .then(|| (needed.min(MOST) as u32).max(smallest_count(level, comparisons.min(1))))
}

/// Standard deviation of one measurement, as the signed-rank test feels it.
fn spread(gains: &[f64], differences: &Differences) -> Option<f64> {
    let count = gains.len() as f64;
    if let Some(interval) = differences.interval(CONFIDENCE_ALPHA) {
        let half_width = (interval.high - interval.low) / 2.0;
        return Some(half_width * count.sqrt() / normal_quantile((1.0 + interval.confidence) / 2.0));
    }
    if count < 3.0 {
        return None;
    }
    let mean = gains.iter().sum::<f64>() / count;
    Some((gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt())
}

/// Quantile of the standard normal distribution, good to 0.0005 (Abramowitz and Stegun, 26.2.23), `p` above one half.
fn normal_quantile(p: f64) -> f64 {
    let t = (-2.0 * (1.0 - p).max(1e-12).ln()).sqrt();
    t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_match_the_table() {
        for (p, table) in [(0.975, 1.95996), (0.995, 2.57583), (0.98895, 2.2894), (0.8, 0.84162)] {
            assert!((normal_quantile(p) - table).abs() < 0.0006, "{p}");
        }
    }

    #[test]
    fn the_first_interval_needs_more_rounds_for_more_comparisons() {
        let counts = [1, 3, 6, 10, 120].map(rounds_needed);
        assert_eq!(counts, [6, 7, 8, 9, 13]);
        assert_eq!(smallest_count(0.0221, 1), 7);
    }

    #[test]
    fn half_the_gap_needs_four_times_the_rounds() {
        // Evenly spread gains with a standard deviation of about 6 %.
        let gains: Vec<f64> = (0..20).map(|i| (f64::from(i) - 9.5) * 0.01).collect();
        let needed = |gap| measurements_needed(&gains, &Differences::of(&gains), gap, 0.05, 1).unwrap();
        let (ten, five) = (needed(10.0), needed(5.0));
        assert!((3..=8).contains(&ten) && (12..=24).contains(&five), "{ten} and {five}");
        assert!(needed(0.01) == 10_000);
        let few = &gains[..2];
        assert_eq!(measurements_needed(few, &Differences::of(few), 5.0, 0.05, 1), None);
        assert_eq!(measurements_needed(&[0.1; 20], &Differences::of(&[0.1; 20]), 5.0, 0.05, 1), None);
    }
}
