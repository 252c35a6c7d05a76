//! A policy's figures in a cell of the matrix, as ratios to the cell's standard on the same requests.

use super::ideal::Ideal;
use super::matrix::{Cell, Standard};
use super::{Measured, simulate};
use crate::policy::Policy;

/// A ratio over seeds: geometric mean, and half of its 95 % interval in parts of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub point: f64,
    pub half_width: f64,
}

/// A policy in a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    pub mean: Ratio,
    pub p99: Ratio,
    /// The queue grew to the end: the ratios say only how long the run was.
    pub is_unstable: bool,
}

/// Mean and p99 of each seed, in nanoseconds.
pub type PerSeed = Vec<(f64, f64)>;

/// Runs a policy in a cell on each seed; true when it was unstable.
pub fn run(cell: &Cell, policy: &dyn Fn() -> Box<dyn Policy>, seeds: u64) -> (PerSeed, bool) {
    let runs: Vec<Measured> = (1..=seeds).map(|seed| simulate(&cell.scenario, policy().as_mut(), seed)).collect();
    let growing = runs.iter().filter(|run| is_growing(&run.responses)).count();
    (runs.iter().map(|run| (run.mean(), run.quantile(0.99))).collect(), growing * 2 > runs.len())
}

/// The standard that the cell's figures are divided by, for each seed.
pub fn standard(cell: &Cell, seeds: u64) -> PerSeed {
    match cell.standard {
        Standard::Ideal => run(cell, &|| Box::new(Ideal::of(&cell.scenario)), seeds).0,
        Standard::ClosedForm(bound) => {
            let service = cell.scenario.service.0 as f64;
            vec![(bound.mean * service, bound.p99 * service); seeds as usize]
        }
    }
}

/// One against the other, seed by seed.
pub fn compare(measured: &PerSeed, standard: &PerSeed, is_unstable: bool) -> Compared {
    let ratio = |figure: fn(&(f64, f64)) -> f64| {
        let logs: Vec<f64> = measured.iter().zip(standard).map(|(a, b)| (figure(a) / figure(b)).ln()).collect();
        ratio(&logs)
    };
    Compared { mean: ratio(|one| one.0), p99: ratio(|one| one.1), is_unstable }
}

fn ratio(logs: &[f64]) -> Ratio {
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    Ratio { point: mean.exp(), half_width: student(logs.len()) * (variance / count).sqrt() }
}

/// Two-sided 95 % quantile of Student's t for so many values; above the table, that of the normal.
fn student(values: usize) -> f64 {
    const TABLE: [f64; 12] = [0.0, 0.0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    TABLE.get(values).copied().unwrap_or(1.96)
}

/// The last quarter waited half as long again as the second, and long at that: a queue without end.
fn is_growing(responses: &[u64]) -> bool {
    let quarter = responses.len() / 4;
    let sum = |part: usize| responses[part * quarter..(part + 1) * quarter].iter().sum::<u64>() as f64;
    quarter > 0 && sum(3) > 1.5 * sum(1) && sum(3) / quarter as f64 > 30.0 * super::SERVICE.0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_carry_the_interval_of_their_seeds() {
        let compared = compare(&vec![(2.0, 3.0), (2.0, 3.3), (2.0, 2.7)], &vec![(1.0, 3.0); 3], false);
        assert!((compared.mean.point - 2.0).abs() < 1e-9 && compared.mean.half_width < 1e-9, "{compared:?}");
        assert!((compared.p99.half_width - 0.249).abs() < 0.005, "{compared:?}");
        assert!(is_growing(&(0..4_000).map(|n| n * 1_000_000).collect::<Vec<_>>()));
        assert!(!is_growing(&[1_000_000_000; 4_000]));
    }
}
