//! Ratios of what was measured side by side.

use std::fmt;

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Median of the ratios of rounds, with the interval of the sign test.
pub(crate) struct Ratio {
    median: f64,
    low: f64,
    high: f64,
}

impl Ratio {
    /// Ours to theirs, round by round.
    pub(crate) fn of(ours: &[f64], theirs: &[f64]) -> Self {
        let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        ratios.sort_by(f64::total_cmp);
        // Order statistics that hold the median with 95 %: the k-th from both ends, by the binomial distribution.
        let outside = match ratios.len() {
            0..=8 => 0,
            9..=11 => 1,
            12..=14 => 2,
            15..=16 => 3,
            rounds => rounds / 5,
        };
        Self { median: median(&ratios), low: ratios[outside], high: ratios[ratios.len() - 1 - outside] }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "**{:.2}** [{:.2}, {:.2}]", self.median, self.low, self.high)
    }
}
