//! The capacity of a scene at its usual speed: by formula where there is one, else by one long step after the other.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::noise::Cloud;
use super::scene::Scene;
use super::server::{Server, Step};

/// Requests a second at which one in a hundred takes longer than the limit, on so many slots with exponential work.
///
/// The time in an M/M/c queue: D. Gross, C. M. Harris, Fundamentals of Queueing Theory, section 2.3.
pub(crate) fn by_formula(slots: usize, mean: f64, limit: f64) -> f64 {
    let (count, service) = (slots as f64, 1.0 / mean);
    let late = |rate: f64| {
        let load = rate / service;
        // Erlang B by its recursion, and C from it.
        let blocked = (1..=slots).fold(1.0, |blocked, number| load * blocked / (number as f64 + load * blocked));
        let waits = blocked / (1.0 - load / count * (1.0 - blocked));
        let alone = (-service * limit).exp();
        let others = count - 1.0 - load;
        let tail =
            if others.abs() < 1e-9 { service * limit } else { (1.0 - (-service * limit * others).exp()) / others };
        alone * (1.0 + waits * tail)
    };
    bisected(0.0, count * service, |rate| late(rate) <= 0.01)
}

pub(crate) fn of(scene: &Scene) -> f64 {
    if scene.is_exponential() {
        return by_formula(scene.slots, scene.mean(), scene.limit());
    }
    let most = 2.0 * scene.slots as f64 / scene.mean();
    bisected(0.0, most, |rate| {
        let (mut speeds, _) = Cloud::QUIET.speeds(1, &mut ChaCha8Rng::seed_from_u64(1));
        let mut server = Server::new(*scene, 1.0, speeds.remove(0), 1);
        let step = Step { rate, not_counted: 10.0, seconds: 600_000.0 / rate, enough: u64::MAX };
        let (seen, _) = server.step(0.0, step);
        scene.objective().excess(&seen) <= 0.0
    })
}

fn bisected(mut low: f64, mut high: f64, is_met: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..14 {
        let between = f64::midpoint(low, high);
        if is_met(between) { low = between } else { high = between }
    }
    f64::midpoint(low, high)
}
