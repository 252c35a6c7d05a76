//! The product's search, on simulated targets.

use loadgen::Schedule;
use loadgen::search::{
    ALONE_SECONDS, Alone, BETWEEN_ALONE_SECONDS, Estimate, Found, MOST_SECONDS, NOT_COUNTED_SECONDS, Round,
    USERS_PER_SLOT, Verdict,
};
use stats::{hodges_lehmann, interval};

use super::campaign::Said;
use super::scene::Scene;
use super::server::{Server, Step};

/// The highest rate that is ever asked for.
const MOST: u32 = 1_000_000;
/// Rounds begin from the estimates of those before, so that they are not quite independent: equal targets are called different
/// in 7.3 % at a level of 5 %. Capacities are judged at half the level.
pub(crate) const LEVEL: f64 = 0.025;
/// The method itself finds 1 to 3 % too much.
const WIDENED: f64 = 0.03;

/// `step_seconds`: how long each step counts, in place of what the rule says.
pub(crate) fn search(
    scene: &Scene,
    mut servers: [Server; 2],
    seed: u64,
    rounds: u32,
    level: f64,
    step_seconds: Option<u32>,
) -> Said {
    let objective = scene.objective();
    let mut now = 0.0;
    let mut unmet = 0;
    for server in &mut servers {
        let mut alone = Alone::default();
        loop {
            let (seen, _) = server.users(now, 1, f64::from(ALONE_SECONDS));
            now += f64::from(ALONE_SECONDS);
            match alone.seen(&objective, &seen) {
                Verdict::Keeps => break,
                Verdict::Again => now += f64::from(BETWEEN_ALONE_SECONDS),
                Verdict::Unmet => {
                    unmet += 1;
                    break;
                }
            }
        }
    }
    if unmet > 0 {
        return Said { unmet, minutes: now / 60.0, ..Said::default() };
    }
    let mut estimates: Vec<Estimate> = servers
        .iter_mut()
        .map(|server| {
            let (_, answered) = server.users(now, USERS_PER_SLOT as usize * scene.slots, f64::from(MOST_SECONDS));
            now += f64::from(MOST_SECONDS);
            Estimate::new(answered)
        })
        .collect();
    let schedule = Schedule::new(seed, 2);
    let mut logs = [Vec::new(), Vec::new()];
    for number in 0..rounds {
        let attempt = schedule.attempt(number);
        let numbered = attempt.order.iter().map(|index| (*index, &estimates[*index], MOST));
        let mut round = Round::new(attempt.seed, numbered);
        while let Some((index, rate)) = round.next() {
            let seconds = step_seconds.unwrap_or_else(|| objective.seconds(rate));
            let enough = objective.enough(u64::from(rate) * u64::from(seconds));
            let step = Step {
                rate: f64::from(rate),
                not_counted: f64::from(NOT_COUNTED_SECONDS),
                seconds: f64::from(seconds),
                enough,
            };
            let (seen, ended) = servers[index].step(now, step);
            now = ended;
            round.tried(objective.excess(&seen));
        }
        for (index, found) in round.found() {
            if let Found::Capacity(capacity) = found {
                estimates[index].learn(capacity);
                logs[index].push(capacity.ln());
            }
        }
    }
    let gains: Vec<f64> = logs[1].iter().zip(&logs[0]).map(|(second, first)| second - first).collect();
    let own = |logs: &[f64]| {
        let (value, [low, high]) = judged(logs, level);
        (value, [low * (1.0 - WIDENED), high * (1.0 + WIDENED)])
    };
    Said { capacities: [own(&logs[0]), own(&logs[1])], ratio: judged(&gains, level), minutes: now / 60.0, unmet: 0 }
}

/// Estimate and interval of what logarithms say.
pub(crate) fn judged(logs: &[f64], level: f64) -> (f64, [f64; 2]) {
    let value = hodges_lehmann(logs).map_or(f64::NAN, f64::exp);
    let around = interval(logs, level).map_or([0.0, f64::INFINITY], |around| [around.low.exp(), around.high.exp()]);
    (value, around)
}
