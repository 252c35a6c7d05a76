//! Many searches of one kind, and how far they are from the truth.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::noise::{Cloud, Speed};
use super::scene::Scene;
use super::server::Server;
use super::truth;

/// What one search says of two targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Requests a second, and the interval around it.
    pub(crate) capacities: [(f64, [f64; 2]); 2],
    /// The second one's capacity for one of the first, and the interval around it.
    pub(crate) ratio: (f64, [f64; 2]),
    /// Whether they are called different.
    pub(crate) is_different: bool,
    /// Whether anything is said of which is which.
    pub(crate) is_compared: bool,
    pub(crate) minutes: f64,
    pub(crate) unmet: usize,
}

/// A way to search.
pub(crate) type Search<'a> = &'a dyn Fn(&Scene, [Server; 2], u64) -> Said;

/// Two targets of a scene on a noisy cloud, the second one `faster` times as fast, and the speed that they share.
fn targets(scene: &Scene, cloud: &Cloud, faster: f64, seed: u64) -> ([Server; 2], Speed) {
    let (speeds, shared) = cloud.speeds(2, &mut ChaCha8Rng::seed_from_u64(seed));
    let mut speeds = speeds.into_iter();
    let mut server = |factor, salt| {
        let speed = speeds.next().expect("two speeds");
        Server::new(*scene, factor, speed, seed.wrapping_mul(2).wrapping_add(salt))
    };
    ([server(1.0, 0), server(faster, 1)], shared)
}

/// What many searches are worth. Shares are of all searches, errors in percent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worth {
    pub(crate) bias: f64,
    pub(crate) p90: f64,
    pub(crate) cover: f64,
    pub(crate) ratio_bias: f64,
    pub(crate) ratio_p90: f64,
    pub(crate) ratio_cover: f64,
    /// Half of the interval around the ratio, the median.
    pub(crate) half_width: f64,
    /// Searches that call the targets different.
    pub(crate) different: f64,
    /// Searches that compare them at all.
    pub(crate) compared: f64,
    pub(crate) minutes: f64,
    pub(crate) unmet: f64,
}

pub(crate) fn worth(
    scene: &Scene,
    cloud: &Cloud,
    truth: f64,
    faster: f64,
    seeds: std::ops::Range<u64>,
    search: Search<'_>,
) -> Worth {
    let count = (seeds.end - seeds.start) as f64;
    // A target that is 10 % faster carries a little more than 10 % more.
    let steepness = (truth::of(&scene.faster(1.1)) / truth).ln() / 1.1_f64.ln();
    let one = |seed| {
        let (targets, shared) = targets(scene, cloud, faster, seed);
        let said = search(scene, targets, seed);
        // The cloud was faster or slower all the while: nobody can know it from inside.
        let usual = truth * shared.mean(60.0 * said.minutes).powf(steepness);
        (said, usual)
    };
    let (said, usual): (Vec<Said>, Vec<f64>) = seeds.map(one).unzip();
    let of = |of: &dyn Fn(&Said) -> f64| said.iter().map(of).collect::<Vec<f64>>();
    let error: Vec<f64> =
        said.iter().zip(&usual).map(|(one, usual)| 100.0 * (one.capacities[0].0 / usual - 1.0)).collect();
    let covered = said.iter().zip(&usual).filter(|(one, usual)| within(one.capacities[0].1, **usual)).count();
    let ratio_truth = truth::of(&scene.faster(faster)) / truth;
    let ratio_error = of(&|one| 100.0 * (one.ratio.0 / ratio_truth - 1.0));
    let share = |holds: &dyn Fn(&Said) -> bool| said.iter().filter(|one| holds(one)).count() as f64 / count;
    Worth {
        bias: quantile(&error, 0.5),
        p90: quantile(&absolute(&error), 0.9),
        cover: covered as f64 / count,
        ratio_bias: quantile(&ratio_error, 0.5),
        ratio_p90: quantile(&absolute(&ratio_error), 0.9),
        ratio_cover: share(&|one| within(one.ratio.1, ratio_truth)),
        half_width: quantile(&of(&|one| 50.0 * (one.ratio.1[1] / one.ratio.1[0]).ln()), 0.5),
        different: share(&|one| one.is_different),
        compared: share(&|one| one.is_compared),
        minutes: mean(&of(&|one| one.minutes)),
        unmet: of(&|one| one.unmet as f64).iter().sum::<f64>() / (2.0 * count),
    }
}

/// An interval without an end holds nothing: it says nothing.
pub(super) fn within([low, high]: [f64; 2], value: f64) -> bool {
    high.is_finite() && (low..=high).contains(&value)
}

fn absolute(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.abs()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
