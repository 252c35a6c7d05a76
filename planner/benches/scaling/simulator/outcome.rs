//! Figures of a rule under a load.

/// Figures of one play, or of several added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Time to the answer of each request.
    pub(crate) latencies: Vec<f64>,
    /// Seconds that instances were paid for.
    pub(crate) instance_seconds: f64,
    pub(crate) starts: u64,
    /// Instances that were ended while they worked.
    pub(crate) killed: u64,
    /// Requests that were never answered.
    pub(crate) lost: u64,
    /// Time that all the work takes.
    pub(crate) work: f64,
    /// Most instances that were alive or starting at one time.
    pub(crate) most: usize,
}

impl Outcome {
    pub(crate) fn p99(&self) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * 99).div_ceil(100).max(1) - 1;
        sorted.get(rank).copied().unwrap_or(f64::NAN)
    }
}

/// Means over the seeds: 99th percentile, instance-seconds, starts, killed, lost.
pub(crate) fn means(all: &[Outcome]) -> [f64; 5] {
    let mean = |value: &dyn Fn(&Outcome) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
    [
        mean(&Outcome::p99),
        mean(&|one| one.instance_seconds),
        mean(&|one| one.starts as f64),
        mean(&|one| one.killed as f64),
        mean(&|one| one.lost as f64),
    ]
}
