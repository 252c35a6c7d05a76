//! Searches of others: doubling and bisection, the rule of nighthawk, a Bayesian search, and a formula from the saturated rate.

use loadgen::search::{MOST_SECONDS, USERS_PER_SLOT};
use stats::{hodges_lehmann, interval};

use super::campaign::{Said, within};
use super::scene::Scene;
use super::server::{Server, Step};
use super::truth::by_formula;

const FIRST_RATE: f64 = 50.0;
const STEP_SECONDS: f64 = 10.0;
/// Doublings and halvings after which anybody gives up.
const MOST_STEPS: u32 = 40;

/// A step of ten seconds: whether it kept the objective, and when it ended.
fn is_kept(scene: &Scene, server: &mut Server, now: &mut f64, rate: f64) -> bool {
    let step = Step { rate, not_counted: 0.0, seconds: STEP_SECONDS, enough: u64::MAX };
    let (seen, ended) = server.step(*now, step);
    *now = ended;
    scene.objective().excess(&seen) <= 0.0
}

/// Doubles while the objective is kept, then bisects until both sides are so near: one target after the other, as by hand. The
/// interval is what it ends with.
pub(crate) fn bisection(scene: &Scene, mut servers: [Server; 2], within: f64) -> Said {
    let mut now = 0.0;
    let capacities = servers.each_mut().map(|server| {
        let (mut low, mut high) = (0.0, FIRST_RATE);
        for _ in 0..MOST_STEPS {
            if !is_kept(scene, server, &mut now, high) {
                break;
            }
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..MOST_STEPS {
            if high - low <= within * high {
                break;
            }
            let between = f64::midpoint(low, high);
            if is_kept(scene, server, &mut now, between) { low = between } else { high = between }
        }
        (f64::midpoint(low, high), [low, high])
    });
    said(capacities, now)
}

/// Saturates each target in turn, six times, and takes the capacity of an M/M/c queue of its slots at that speed.
pub(crate) fn formula(scene: &Scene, mut servers: [Server; 2]) -> Said {
    const ROUNDS: u32 = 6;
    const SECONDS: f64 = 25.0;
    let mut now = 0.0;
    let mut logs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (server, logs) in servers.iter_mut().zip(&mut logs) {
            let (_, answered) = server.users(now, USERS_PER_SLOT as usize * scene.slots, SECONDS);
            now += SECONDS + f64::from(MOST_SECONDS);
            logs.push(by_formula(scene.slots, scene.slots as f64 / answered, scene.limit()).ln());
        }
    }
    let gains: Vec<f64> = logs[1].iter().zip(&logs[0]).map(|(second, first)| second - first).collect();
    of([judged(&logs[0]), judged(&logs[1])], judged(&gains), now)
}

/// Estimate and interval of what logarithms say.
fn judged(logs: &[f64]) -> (f64, [f64; 2]) {
    let value = hodges_lehmann(logs).map_or(f64::NAN, f64::exp);
    let around = interval(logs, 0.05).map_or([0.0, f64::INFINITY], |around| [around.low.exp(), around.high.exp()]);
    (value, around)
}

/// Believes in a middle and a width of a probit line, and tries the middle that it believes in most: 24 steps a target, in turn.
pub(crate) fn bayes(scene: &Scene, mut servers: [Server; 2]) -> Said {
    const STEPS: u32 = 24;
    let mut now = 0.0;
    let mut beliefs = servers.each_mut().map(|server| {
        let (_, answered) = server.users(now, USERS_PER_SLOT as usize * scene.slots, f64::from(MOST_SECONDS));
        now += f64::from(MOST_SECONDS);
        Belief::new(answered)
    });
    for _ in 0..STEPS {
        for (server, belief) in servers.iter_mut().zip(&mut beliefs) {
            let rate = belief.quantile(0.5).exp();
            let kept = is_kept(scene, server, &mut now, rate);
            belief.learn(rate.ln(), kept);
        }
    }
    let capacities = beliefs.map(|belief| {
        let [low, middle, high] = [0.025, 0.5, 0.975].map(|share| belief.quantile(share).exp());
        (middle, [low, high])
    });
    said(capacities, now)
}

/// A grid of middles (logarithms of rates) and widths, with weights.
struct Belief {
    middles: Vec<f64>,
    weights: Vec<[f64; 4]>,
}

const WIDTHS: [f64; 4] = [0.02, 0.05, 0.1, 0.2];

impl Belief {
    fn new(answered: f64) -> Self {
        let middles: Vec<f64> = (0..600).map(|step| (0.2 * answered).ln() + f64::from(step) * 0.003).collect();
        let weights = vec![[1.0; 4]; middles.len()];
        Self { middles, weights }
    }

    fn learn(&mut self, rate: f64, kept: bool) {
        for (middle, weights) in self.middles.iter().zip(&mut self.weights) {
            for (width, weight) in WIDTHS.iter().zip(weights) {
                let keeps = standard_normal((middle - rate) / width).clamp(0.01, 0.99);
                *weight *= if kept { keeps } else { 1.0 - keeps };
            }
        }
    }

    fn quantile(&self, share: f64) -> f64 {
        let sums = self.weights.iter().map(|weights| weights.iter().sum::<f64>());
        let all: f64 = sums.clone().sum();
        let mut left = share * all;
        for (middle, weight) in self.middles.iter().zip(sums) {
            left -= weight;
            if left <= 0.0 {
                return *middle;
            }
        }
        self.middles.last().copied().unwrap_or_default()
    }
}

/// The distribution function (M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.2.17).
fn standard_normal(value: f64) -> f64 {
    let scaled = 1.0 / (1.0 + 0.231_641_9 * value.abs());
    let polynomial = scaled
        * (0.319_381_530
            + scaled
                * (-0.356_563_782 + scaled * (1.781_477_937 + scaled * (-1.821_255_978 + scaled * 1.330_274_429))));
    let upper = (-0.5 * value * value).exp() / std::f64::consts::TAU.sqrt() * polynomial;
    if value >= 0.0 { 1.0 - upper } else { upper }
}

/// The ratio of two intervals that nobody paired: from the lowest to the highest that both allow.
fn said(capacities: [(f64, [f64; 2]); 2], now: f64) -> Said {
    let [(first, [first_low, first_high]), (second, [second_low, second_high])] = capacities;
    let ratio = (second / first, [second_low / first_high, second_high / first_low.max(f64::MIN_POSITIVE)]);
    of(capacities, ratio, now)
}

/// Who says an interval calls the targets different where it does not hold 1.
fn of(capacities: [(f64, [f64; 2]); 2], ratio: (f64, [f64; 2]), now: f64) -> Said {
    let is_different = !within(ratio.1, 1.0);
    Said { capacities, ratio, is_different, is_compared: true, minutes: now / 60.0, unmet: 0 }
}
