//! Simulated campaigns: noise as cloud measurements show it, and the truth known.
//!
//! Every round shifts all clusters together, a slow drift (AR(1)) runs through the measurements in the order they are
//! made, each measurement has noise of its own, and some are outliers.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::{ClusterReport, Failures, Quantiles, RoundReport};

/// Standard deviations and shares, all of logarithms of latency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    pub(crate) name: &'static str,
    /// Shift of a whole round.
    pub(crate) round: f64,
    /// Stationary spread of the drift, and how much of it stays from one measurement to the next.
    pub(crate) drift: f64,
    pub(crate) phi: f64,
    /// Rise over the whole campaign.
    pub(crate) trend: f64,
    /// Noise of each measurement.
    pub(crate) own: f64,
    /// Share of measurements that are 10 to 60 % slower, and of rounds that are so as a whole.
    pub(crate) outliers: f64,
    pub(crate) outlier_rounds: f64,
    /// Share of the rounds in which the last cluster alone is 10 to 60 % slower.
    pub(crate) one_sided: f64,
    /// How much instances of a type differ, each cluster being four of them.
    pub(crate) instances: f64,
}

const QUIET: Noise = Noise {
    name: "independent 4 %",
    round: 0.05,
    drift: 0.0,
    phi: 0.0,
    trend: 0.0,
    own: 0.04,
    outliers: 0.0,
    outlier_rounds: 0.0,
    one_sided: 0.0,
    instances: 0.0,
};
const DRIFT: Noise = Noise { name: "realistic: drift 4 %, phi .8", drift: 0.04, phi: 0.8, ..QUIET };
const SLOW_DRIFT: Noise = Noise { name: "slow drift 8 %, phi .98", drift: 0.08, phi: 0.98, ..QUIET };
const TREND: Noise = Noise { name: "realistic + 20 % trend", trend: 0.2, ..DRIFT };
const OUTLIERS: Noise = Noise { name: "realistic + outliers", outliers: 0.05, outlier_rounds: 0.03, ..DRIFT };
const ONE_SIDED: Noise = Noise { name: "realistic + spikes of one cluster", one_sided: 0.2, ..DRIFT };
const INSTANCES: Noise = Noise { name: "realistic + instances differ by 5 %", instances: 0.05, ..DRIFT };

impl Noise {
    pub(crate) const QUIET: Self = QUIET;
    pub(crate) const DRIFT: Self = DRIFT;
    pub(crate) const SLOW_DRIFT: Self = SLOW_DRIFT;
    pub(crate) const TREND: Self = TREND;
    pub(crate) const OUTLIERS: Self = OUTLIERS;
    pub(crate) const ONE_SIDED: Self = ONE_SIDED;
    pub(crate) const INSTANCES: Self = INSTANCES;
}

/// Order in which clusters are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Every round in a new one.
    Shuffled,
    /// Every round the same.
    Fixed,
    /// All rounds of the first cluster, then all of the next: what scripts do.
    Blocks,
}

pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(crate) fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn happens(random: &mut ChaCha8Rng, share: f64) -> bool {
    share > 0.0 && random.random::<f64>() < share
}

/// 10 to 60 % more, as a logarithm.
fn spike(random: &mut ChaCha8Rng) -> f64 {
    (0.1 + 0.5 * random.random::<f64>()).ln_1p()
}

/// The shape of a campaign: which clusters, how fast, how many rounds on how many launches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'a> {
    /// How much faster each cluster is than nothing in particular, as a logarithm; of equal ones all are equal.
    pub(crate) speeds: &'a [f64],
    pub(crate) rounds: usize,
    pub(crate) launches: usize,
    pub(crate) order: Order,
}

impl Shape<'_> {
    /// Logarithms of latency, by round and cluster.
    pub(crate) fn logs(&self, noise: &Noise, random: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let clusters = self.speeds.len();
        let mut logs = vec![vec![0.0; clusters]; self.rounds];
        let shared: Vec<f64> = (0..self.rounds)
            .map(|_| {
                let outlier = if happens(random, noise.outlier_rounds) { spike(random) } else { 0.0 };
                noise.round * normal(random) + outlier
            })
            .collect();
        let mut drift = noise.drift * normal(random);
        let measurements = self.order.of(self.rounds, clusters, random);
        let last = measurements.len() as f64;
        for (time, (round, cluster)) in measurements.into_iter().enumerate() {
            drift = noise.phi * drift + noise.drift * (1.0 - noise.phi * noise.phi).sqrt() * normal(random);
            let mut log = drift + noise.own * normal(random) + noise.trend * time as f64 / last - self.speeds[cluster];
            if happens(random, noise.outliers) {
                log += spike(random);
            }
            if cluster + 1 == clusters && happens(random, noise.one_sided) {
                log += spike(random);
            }
            // Blocks of one cluster share no round: each measurement meets a time of its own.
            let met = if self.order == Order::Blocks { noise.round * normal(random) } else { shared[round] };
            logs[round][cluster] = log + met;
        }
        if noise.instances > 0.0 {
            self.relaunch(noise, random, &mut logs);
        }
        logs
    }

    /// Four instances for each cluster and launch, whose mean is what the cluster gives.
    fn relaunch(&self, noise: &Noise, random: &mut ChaCha8Rng, logs: &mut [Vec<f64>]) {
        for block in logs.chunks_mut(self.rounds.div_ceil(self.launches)) {
            for cluster in 0..self.speeds.len() {
                let shift = (0..4).map(|_| noise.instances * normal(random)).sum::<f64>() / 4.0;
                block.iter_mut().for_each(|round| round[cluster] += shift);
            }
        }
    }

    /// The same as rounds of a report.
    pub(crate) fn campaign(&self, noise: &Noise, random: &mut ChaCha8Rng) -> Vec<RoundReport> {
        let logs = self.logs(noise, random);
        let per_launch = self.rounds.div_ceil(self.launches);
        let round = |(index, logs): (usize, &Vec<f64>)| {
            let clusters = logs.iter().zip(NAMES).map(|(log, name)| measured(name, *log));
            let launch = (index / per_launch) as u32 + 1;
            RoundReport { launch, ..RoundReport::counted(index as u32 + 1, 0, clusters.collect()) }
        };
        logs.iter().enumerate().map(round).collect()
    }
}

pub(crate) const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

impl Order {
    /// Round and cluster of every measurement, in the order they are made.
    fn of(self, rounds: usize, clusters: usize, random: &mut ChaCha8Rng) -> Vec<(usize, usize)> {
        match self {
            Self::Blocks => (0..clusters).flat_map(|cluster| (0..rounds).map(move |round| (round, cluster))).collect(),
            Self::Fixed => (0..rounds).flat_map(|round| (0..clusters).map(move |cluster| (round, cluster))).collect(),
            Self::Shuffled => (0..rounds)
                .flat_map(|round| {
                    let mut order: Vec<usize> = (0..clusters).collect();
                    order.shuffle(random);
                    order.into_iter().map(move |cluster| (round, cluster))
                })
                .collect(),
        }
    }
}

fn measured(name: &str, log: f64) -> ClusterReport {
    let p50_micros = Some((1_000_000.0 * log.exp()) as u64);
    ClusterReport {
        cluster: name.to_owned(),
        requests: 1000,
        failures: Failures::default(),
        latency: Quantiles { p50_micros, ..Quantiles::default() },
        ..ClusterReport::default()
    }
}
