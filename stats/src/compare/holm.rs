//! Holm's step-down correction for several comparisons.

/// The level at which each comparison is judged so that all of them together are wrong at most `alpha` of the time.
///
/// The smallest p-value faces `alpha / m`, the next `alpha / (m - 1)`, and so on; after the first that fails, all
/// others face the level it failed. A comparison is significant exactly when its p-value is at most its level, so an
/// interval at that level and the decision can never contradict each other. The intervals are read one by one: their
/// simultaneous coverage is that of the step, not `1 - alpha` for all at once.
pub fn holm_levels(p_values: &[f64], alpha: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut levels = vec![alpha; p_values.len()];
    let mut failed = None;
    for (step, index) in order.iter().enumerate() {
        let level = failed.unwrap_or(alpha / (p_values.len() - step) as f64);
        levels[*index] = level;
        if p_values[*index] > level {
            failed = Some(level);
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comparison_is_not_corrected() {
        assert_eq!(holm_levels(&[0.2], 0.05), [0.05]);
        assert_eq!(holm_levels(&[], 0.05), [] as [f64; 0]);
    }

    #[test]
    fn steps_down_and_stops() {
        // The example of the method: four hypotheses, two fall.
        let p_values = [0.01, 0.04, 0.03, 0.005];
        let levels = holm_levels(&p_values, 0.05);
        assert_eq!(levels, [0.05 / 3.0, 0.05 / 2.0, 0.05 / 2.0, 0.05 / 4.0]);
        let rejected: Vec<bool> = p_values.iter().zip(levels).map(|(p, level)| *p <= level).collect();
        assert_eq!(rejected, [true, false, false, true]);
    }

    #[test]
    fn nothing_passes_after_a_failure() {
        // 0.049 would pass alone, but the smallest has failed at 0.025 already.
        let levels = holm_levels(&[0.049, 0.03], 0.05);
        assert_eq!(levels, [0.025, 0.025]);
    }
}
