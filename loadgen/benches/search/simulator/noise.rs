//! The speed of instances at each second: what they share, what is their own, and stretches in which a neighbour is loud.

use rand::{Rng, RngExt as _};

/// Seconds that are drawn: more than any campaign lasts; a longer one meets the same seconds again.
const SECONDS: usize = 4_000;
const STRETCH_SECONDS: usize = 10;

/// The noise of a cloud. Standard deviations are of the logarithm of the speed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cloud {
    common: f64,
    common_memory_seconds: f64,
    own: f64,
    own_memory_seconds: f64,
    /// Share of the stretches of ten seconds that are slower, by 10 to 60 %.
    slow_stretches: f64,
}

impl Cloud {
    pub(crate) const USUAL: Self =
        Self { common: 0.064, common_memory_seconds: 300.0, own: 0.04, own_memory_seconds: 20.0, slow_stretches: 0.05 };

    /// A machine that is always as fast as usual.
    pub(crate) const QUIET: Self = Self { common: 0.0, own: 0.0, slow_stretches: 0.0, ..Self::USUAL };

    /// The speeds of so many targets that are measured beside each other, and the one that they share.
    pub(crate) fn speeds(&self, targets: usize, random: &mut impl Rng) -> (Vec<Speed>, Speed) {
        let common = wandering(self.common, self.common_memory_seconds, random);
        let mut speed = || {
            let own = wandering(self.own, self.own_memory_seconds, random);
            let stretch = |_| {
                let is_slow = random.random_bool(self.slow_stretches);
                if is_slow { 1.0 + random.random_range(0.1..0.6) } else { 1.0 }
            };
            let stretches: Vec<f64> = (0..SECONDS / STRETCH_SECONDS).map(stretch).collect();
            let at = |second: usize| (common[second] + own[second]).exp() / stretches[second / STRETCH_SECONDS];
            Speed((0..SECONDS).map(at).collect())
        };
        let speeds = (0..targets).map(|_| speed()).collect();
        (speeds, Speed(common.into_iter().map(f64::exp).collect()))
    }
}

/// Relative speed at each second; usual is 1.
#[derive(Clone, Debug)]
pub(crate) struct Speed(Vec<f64>);

impl Speed {
    pub(crate) fn at(&self, seconds: f64) -> f64 {
        self.0[seconds as usize % self.0.len()]
    }

    /// On the mean, from the beginning on.
    pub(crate) fn mean(&self, seconds: f64) -> f64 {
        let seconds = seconds.max(1.0) as usize;
        (0..seconds).map(|second| self.at(second as f64)).sum::<f64>() / seconds as f64
    }
}

/// An Ornstein-Uhlenbeck process at whole seconds, begun in its stationary distribution.
fn wandering(deviation: f64, memory_seconds: f64, random: &mut impl Rng) -> Vec<f64> {
    let keeps = (-1.0 / memory_seconds).exp();
    let step = deviation * (1.0 - keeps * keeps).sqrt();
    let mut value = deviation * normal(random);
    let mut next = |_| {
        value = value * keeps + step * normal(random);
        value
    };
    (0..SECONDS).map(&mut next).collect()
}

/// A standard normal number (G. E. P. Box, M. E. Muller, Annals of Mathematical Statistics 29, 1958).
pub(crate) fn normal(random: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}
