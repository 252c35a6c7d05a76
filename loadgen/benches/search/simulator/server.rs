//! One target: slots behind one queue, first come, first served.

use loadgen::search::Seen;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::noise::Speed;
use super::scene::Scene;

/// How long a refusal takes.
const REFUSAL: f64 = 0.001;

#[derive(Debug)]
pub(crate) struct Server {
    scene: Scene,
    /// Times as fast as the scene says.
    factor: f64,
    speed: Speed,
    /// When each slot is free again.
    free: Vec<f64>,
    random: ChaCha8Rng,
}

/// A step, as it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) rate: f64,
    /// Before that nothing is counted.
    pub(crate) not_counted: f64,
    pub(crate) seconds: f64,
    /// It is cut when so many are slow or have failed.
    pub(crate) enough: u64,
}

/// How one request ended.
enum Ended {
    Answered(f64),
    Refused,
}

impl Server {
    pub(crate) fn new(scene: Scene, factor: f64, speed: Speed, seed: u64) -> Self {
        let free = vec![0.0; scene.slots];
        Self { scene, factor, speed, free, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn request(&mut self, at: f64) -> Ended {
        let slot =
            (1..self.free.len()).fold(0, |first, slot| if self.free[slot] < self.free[first] { slot } else { first });
        let begins = self.free[slot].max(at);
        if self.scene.longest_wait_millis.is_some_and(|longest| begins - at > longest / 1000.0) {
            return Ended::Refused;
        }
        let ends = begins + self.scene.work(&mut self.random) / (self.factor * self.speed.at(begins));
        self.free[slot] = ends;
        Ended::Answered(ends)
    }

    fn idle_at(&self) -> f64 {
        self.free.iter().copied().fold(0.0, f64::max)
    }

    /// A Poisson loop from `at` on, or from when the last request is answered. What was seen, and when the loop ended.
    pub(crate) fn step(&mut self, at: f64, step: Step) -> (Seen, f64) {
        let begins = at.max(self.idle_at());
        let (counts_from, mut ends) = (begins + step.not_counted, begins + step.not_counted + step.seconds);
        let (mut seen, mut now, limit) = (Seen::default(), begins, self.scene.limit());
        loop {
            now -= (1.0 - self.random.random::<f64>()).ln() / step.rate;
            if now >= ends {
                return (seen, ends);
            }
            let ended = self.request(now);
            if now < counts_from {
                continue;
            }
            seen.requests += 1;
            // A slow one is known to be slow when its time is up.
            let known = match ended {
                Ended::Answered(at) if at - now <= limit => continue,
                Ended::Answered(_) => {
                    seen.slow += 1;
                    now + limit
                }
                Ended::Refused => {
                    seen.failed += 1;
                    now + REFUSAL
                }
            };
            if seen.slow + seen.failed == step.enough && known < ends {
                (seen.was_cut, ends) = (true, known);
            }
        }
    }

    /// Users that wait for their answers: what was seen, and how many were answered a second.
    pub(crate) fn users(&mut self, at: f64, users: usize, seconds: f64) -> (Seen, f64) {
        let begins = at.max(self.idle_at());
        let mut next = vec![begins; users];
        let mut seen = Seen::default();
        let (mut answered, ends) = (0_u64, begins + seconds);
        loop {
            let user = (1..users).fold(0, |first, user| if next[user] < next[first] { user } else { first });
            let now = next[user];
            if now >= ends {
                return (seen, answered as f64 / seconds);
            }
            seen.requests += 1;
            next[user] = match self.request(now) {
                Ended::Answered(at) => {
                    seen.slow += u64::from(at - now > self.scene.limit());
                    answered += u64::from(at < ends);
                    at
                }
                Ended::Refused => {
                    seen.failed += 1;
                    now + REFUSAL
                }
            };
        }
    }
}
