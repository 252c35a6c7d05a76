//! The binomial distribution, as far as one test needs it.

/// Probability of `count` or more of `trials`, each with probability `share`, above 0 and below 1.
pub(super) fn at_least(count: u64, trials: u64, share: f64) -> f64 {
    let odds = (share / (1.0 - share)).ln();
    let mut logarithm = trials as f64 * (-share).ln_1p();
    let mut below = 0.0;
    for number in 0..count.min(trials + 1) {
        below += logarithm.exp();
        logarithm += ((trials - number) as f64 / (number + 1) as f64).ln() + odds;
    }
    if count > trials { 0.0 } else { (1.0 - below).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn it_is_that_of_the_tables() {
        // 10 trials at one half: 1, 11, 56 of 1024 for 10, 9 and 8 or more.
        for (count, of) in [(10, 1.0), (9, 11.0), (8, 56.0), (0, 1024.0)] {
            assert!((at_least(count, 10, 0.5) - of / 1024.0).abs() < 1e-12, "{count}");
        }
        assert_eq!(at_least(11, 10, 0.5), 0.0);
        // 1,000 trials at 1 %: 1 - pbinom(15, 1000, .01) = .0479 (R).
        assert!((at_least(16, 1_000, 0.01) - 0.0479).abs() < 0.0005, "{}", at_least(16, 1_000, 0.01));
        // No underflow: the mean of a million at a half.
        assert!((at_least(500_000, 1_000_000, 0.5) - 0.5).abs() < 0.01);
    }
}
