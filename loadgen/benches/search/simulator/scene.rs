//! Scenes: a queue in front of slots, their work, and the objective.

use std::time::Duration;

use loadgen::search::Objective;
use rand::{Rng, RngExt as _};

use super::noise::normal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Work {
    Exponential,
    /// With a sigma of 1.
    Lognormal,
    Fixed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) slots: usize,
    work: Work,
    mean_millis: f64,
    pub(crate) limit_millis: u64,
    /// Requests that would wait longer are refused at once.
    pub(crate) longest_wait_millis: Option<f64>,
}

const fn scene(name: &'static str, work: Work, limit_millis: u64) -> Scene {
    Scene { name, slots: 8, work, mean_millis: 10.0, limit_millis, longest_wait_millis: None }
}

pub(crate) const BASE: Scene = scene("base", Work::Exponential, 100);

pub(crate) const SCENES: [Scene; 7] = [
    BASE,
    scene("tight", Work::Exponential, 55),
    scene("loose", Work::Exponential, 500),
    scene("lognormal", Work::Lognormal, 150),
    Scene { slots: 2, mean_millis: 20.0, ..scene("small", Work::Exponential, 200) },
    scene("fixed", Work::Fixed, 30),
    Scene { longest_wait_millis: Some(60.0), ..scene("failing", Work::Exponential, 200) },
];

/// The work alone has a 99th percentile of 46 ms.
pub(crate) const UNREACHABLE: Scene = scene("unreachable", Work::Exponential, 30);

impl Scene {
    pub(crate) fn objective(&self) -> Objective {
        Objective { at_most: Duration::from_millis(self.limit_millis), slow: 0.01, failed: 0.001 }
    }

    pub(crate) fn limit(&self) -> f64 {
        self.limit_millis as f64 / 1000.0
    }

    /// Seconds of work of one slot per request, on the mean.
    pub(crate) fn mean(&self) -> f64 {
        self.mean_millis / 1000.0
    }

    /// The same on slots that are so many times as fast.
    pub(crate) fn faster(&self, times: f64) -> Self {
        Self { mean_millis: self.mean_millis / times, ..*self }
    }

    pub(crate) fn is_exponential(&self) -> bool {
        self.work == Work::Exponential && self.longest_wait_millis.is_none()
    }

    /// Seconds of work of one request.
    pub(crate) fn work(&self, random: &mut impl Rng) -> f64 {
        match self.work {
            Work::Exponential => -self.mean() * (1.0 - random.random::<f64>()).ln(),
            // The mean of a lognormal is exp(mu + sigma^2 / 2).
            Work::Lognormal => self.mean() * (normal(random) - 0.5).exp(),
            Work::Fixed => self.mean(),
        }
    }
}
