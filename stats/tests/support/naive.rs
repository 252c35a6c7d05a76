//! Decisions of others whether two systems differ. Each says whether it would call that a difference at 5 %.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::noise::normal;

/// Gains of the second cluster over the first, by round.
pub(crate) fn gains(logs: &[Vec<f64>]) -> Vec<f64> {
    logs.iter().map(|round| round[0] - round[1]).collect()
}

/// Student's t on the per-round gains.
pub(crate) fn paired_t(gains: &[f64]) -> bool {
    let count = gains.len() as f64;
    let (mean, sd) = mean_and_sd(gains);
    (mean / (sd / count.sqrt())).abs() > t_975(gains.len() - 1)
}

/// Welch's t on rounds as if they were not paired.
pub(crate) fn welch(first: &[f64], second: &[f64]) -> bool {
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_and_sd(first), mean_and_sd(second));
    let error = (sd_a * sd_a / first.len() as f64 + sd_b * sd_b / second.len() as f64).sqrt();
    // Degrees of freedom hardly matter from 20 rounds on, and not at all for thousands of requests.
    ((mean_a - mean_b) / error).abs() > t_975(first.len() + second.len() - 2)
}

/// Welch's t on the latencies of single requests, one run of `requests` each: what a load tool's output invites to.
/// The clusters are equal; each run meets a moment of its own, `run_noise` apart.
pub(crate) fn welch_on_requests(requests: usize, run_noise: f64, random: &mut ChaCha8Rng) -> bool {
    let mut run = || {
        let scale = (run_noise * normal(random)).exp();
        let latencies = (0..requests).map(|_| -scale * (1.0 - random.random::<f64>()).ln());
        let (mut sum, mut squares) = (0.0, 0.0);
        latencies.for_each(|latency| {
            sum += latency;
            squares += latency * latency;
        });
        let mean = sum / requests as f64;
        (mean, (squares / requests as f64 - mean * mean) / requests as f64)
    };
    let ((mean_a, variance_a), (mean_b, variance_b)) = (run(), run());
    ((mean_a - mean_b) / (variance_a + variance_b).sqrt()).abs() > 1.96
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt())
}

/// Two-sided 5 % point of Student's t: the Cornish-Fisher expansion, good to 0.01 from 5 degrees on.
fn t_975(degrees: usize) -> f64 {
    let (z, n) = (1.959_964f64, degrees as f64);
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * n)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * n.powi(3))
}

#[test]
fn t_matches_the_table() {
    for (degrees, table) in [(5, 2.571), (9, 2.262), (19, 2.093), (39, 2.023), (1998, 1.961)] {
        assert!((t_975(degrees) - table).abs() < 0.01, "{degrees}: {}", t_975(degrees));
    }
}
