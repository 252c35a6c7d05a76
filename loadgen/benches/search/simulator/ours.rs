//! The product's search, on simulated targets.

use loadgen::Schedule;
use loadgen::search::{
    ALONE_SECONDS, Alone, BETWEEN_ALONE_SECONDS, Estimate, Found, MOST_SECONDS, NOT_COUNTED_SECONDS, Round,
    USERS_PER_SLOT, Verdict,
};
use stats::{Next, Rules, capacity_interval, compare, next_look};
use wire::{AUTO_LOOKS, ClusterReport, Comparison, Direction, Looks, Metric, RoundReport, Way, WayOutcome};

use super::campaign::Said;
use super::scene::Scene;
use super::server::{Server, Step};

/// The highest rate that is ever asked for.
const MOST: u32 = 1_000_000;
const NAMES: [&str; 2] = ["first", "second"];

/// How it is searched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// `None`: until a look decides, as where nobody says how often.
    pub(crate) rounds: Option<u32>,
    /// Judged at the level of everything else, and not at half of it.
    pub(crate) at_usual_level: bool,
    /// How long each step counts, in place of what the rule says.
    pub(crate) step_seconds: Option<u32>,
}

impl How {
    pub(crate) fn rounds(rounds: u32) -> Self {
        Self { rounds: Some(rounds), ..Self::default() }
    }

    fn rules(self, scene: &Scene) -> Rules {
        let objective = wire::Objective {
            metric: Metric::P99,
            at_most_micros: scene.limit_millis * 1_000,
            max_failed_per_mille: 1,
        };
        Rules {
            metric: Metric::Capacity,
            looks: if self.rounds.is_some() { Looks::AtTheEnd } else { Looks::Auto },
            objective: (!self.at_usual_level).then_some(objective),
            ..Rules::default()
        }
    }
}

pub(crate) fn search(scene: &Scene, mut servers: [Server; 2], seed: u64, how: How) -> Said {
    let rules = how.rules(scene);
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
    let mut rounds: Vec<RoundReport> = Vec::new();
    let mut until = how.rounds.unwrap_or(AUTO_LOOKS[0]);
    loop {
        while counted(&rounds) < until {
            let number = counted(&rounds);
            let attempt = schedule.attempt(number);
            let numbered = attempt.order.iter().map(|index| (*index, &estimates[*index], MOST));
            let mut round = Round::new(attempt.seed, numbered);
            while let Some((index, rate)) = round.next() {
                let seconds = how.step_seconds.unwrap_or_else(|| objective.seconds(rate));
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
            let mut clusters = Vec::new();
            for (index, found) in round.found() {
                let capacity = match found {
                    Found::Capacity(capacity) => Some(capacity),
                    Found::Nothing => None,
                    Found::AtLeast(_) => continue,
                };
                if let Some(capacity) = capacity {
                    estimates[index].learn(capacity);
                }
                clusters.push(report(NAMES[index], capacity));
            }
            rounds.push(RoundReport::counted(number + 1, attempt.seed, clusters));
        }
        let comparisons = compare(&rules, &rounds, &NAMES);
        match next_look(counted(&rounds), &comparisons) {
            Next::Until(more) if how.rounds.is_none() => until = more,
            _ => return said(&rules, &rounds, &comparisons[0], now / 60.0),
        }
    }
}

fn counted(rounds: &[RoundReport]) -> u32 {
    rounds.len() as u32
}

/// A way that found this capacity. `None`: no rate was kept in it.
fn report(name: &str, capacity: Option<f64>) -> ClusterReport {
    let way = Way {
        outcome: if capacity.is_some() { WayOutcome::Found } else { WayOutcome::Nothing },
        capacity_milli_rps: capacity.map(|capacity| (capacity * 1e3).round() as u64),
        ..Way::default()
    };
    ClusterReport { cluster: name.to_owned(), requests: 1, way: Some(way), ..ClusterReport::default() }
}

/// What the product says of these rounds.
fn said(rules: &Rules, rounds: &[RoundReport], comparison: &Comparison, minutes: f64) -> Said {
    let nothing = [0.0, f64::INFINITY];
    let own = |name| {
        let (value, interval) = capacity_interval(rules, rounds, name).unwrap_or_default();
        (value as f64 / 1e3, interval.map_or(nothing, |ends| ends.map(|end| end as f64 / 1e3)))
    };
    let ratio = |percent: f64| 1.0 + percent / 100.0;
    let around = comparison.interval_percent.map_or(nothing, |ends| ends.map(ratio));
    Said {
        capacities: NAMES.map(own),
        ratio: (comparison.faster_percent.map_or(f64::NAN, ratio), around),
        is_different: matches!(comparison.direction, Direction::Faster | Direction::Slower),
        is_compared: comparison.direction != Direction::NotComparable,
        minutes,
        unmet: 0,
    }
}
