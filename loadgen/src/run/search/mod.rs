//! Search for the capacity of targets: what is found out before the first round, and rounds whose load follows from what was
//! seen. The rule is `crate::search`, pure; here its steps are measured.

mod alone;
mod pulse;
mod round;
mod sent;
mod step;
mod walk;

use wire::{Metric, RunSpec};

use crate::run::SoFar;
use crate::run::course::Course;
use crate::search::{Estimate, Objective};

/// The most that is asked of a target where the run does not say it: what a generator can be asked for at all.
const MOST: u32 = 10_000_000;
/// Tries of a rate that the generator does not send as planned, before that is its limit.
const TRIES: usize = 2;
/// The same of a rate which it has sent as planned before, or a higher one: that it does not now is more likely a disturbance.
const TRIES_OF_A_SENT_RATE: usize = 4;

/// What the rounds of a search know of each other.
#[derive(Debug)]
pub(crate) struct Search {
    objective: Objective,
    most: u32,
    /// The highest rate that was sent as planned, to whichever target.
    sent: u32,
    /// One for each target, by its number.
    targets: Vec<Searched>,
}

/// What is known of one target.
#[derive(Clone, Debug, Default)]
struct Searched {
    /// `None`: no rate keeps the objective.
    estimate: Option<Estimate>,
    /// Capacities that rounds found, in thousandths of a request a second.
    found: Vec<u64>,
    /// The same, of rounds that ended without having found a rate that is not kept: the highest one that was.
    kept: Vec<Option<u64>>,
    /// Its steps are too short for its rate.
    is_short: bool,
}

impl Search {
    /// `None`: the run does not ask for one.
    pub(crate) fn of(spec: &RunSpec) -> Option<Self> {
        let search = spec.search.as_ref()?;
        let objective = objective(&search.objective);
        let most = search.most_requests_per_second.unwrap_or(MOST);
        Some(Self { objective, most, sent: 0, targets: vec![Searched::default(); spec.targets.len()] })
    }

    /// Whether further rounds would find out nothing.
    pub(crate) fn is_over(&self) -> bool {
        self.targets.iter().all(|target| !target.goes_on())
    }

    /// How often a rate is tried that the generator does not send as planned.
    fn tries(&self, rate: u32) -> usize {
        if rate <= self.sent { TRIES_OF_A_SENT_RATE } else { TRIES }
    }

    /// What has to be known of what was found, in words.
    pub(crate) fn cautions(&self, spec: &RunSpec) -> Vec<String> {
        let short = spec.targets.iter().zip(&self.targets).filter(|(_, searched)| searched.is_short);
        let words = |(target, _): (&wire::Target, &Searched)| {
            format!(
                "steps of {} were as long as any and expected fewer than 30 slow requests at its rates: its capacity may be said \
                 up to 8 % too high",
                target.cluster
            )
        };
        short.map(words).collect()
    }
}

impl Course<'_> {
    /// Tells whoever asks for the run what its finished rounds found of each target.
    pub(crate) fn tell_capacities(&self, so_far: &SoFar) {
        for name in self.targets.iter().map(|target| target.cluster.as_str()) {
            let known = stats::capacity_so_far(&so_far.rounds, name, so_far.alone.get(name));
            self.progress.found(name, known);
        }
    }
}

impl Searched {
    fn goes_on(&self) -> bool {
        self.estimate.is_some() && !stats::is_bounded(&self.found, &self.kept)
    }
}

fn objective(asked: &wire::Objective) -> Objective {
    Objective {
        at_most: std::time::Duration::from_micros(asked.at_most_micros),
        slow: 1.0 - f64::from(per_mille(asked.metric)) / 1e3,
        failed: f64::from(asked.max_failed_per_mille) / 1e3,
    }
}

/// Thousandths of the requests that have to be in time.
fn per_mille(quantile: Metric) -> u32 {
    match quantile {
        Metric::P50 => 500,
        Metric::P90 => 900,
        Metric::P999 => 999,
        // Others are refused before.
        _ => 990,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_allows_its_share_to_be_slow() {
        let slow =
            |metric| objective(&wire::Objective { metric, at_most_micros: 50_000, max_failed_per_mille: 2 }).slow;
        let near = [(Metric::P50, 0.5), (Metric::P90, 0.1), (Metric::P99, 0.01), (Metric::P999, 0.001)];
        assert!(near.iter().all(|(metric, share)| (slow(*metric) - share).abs() < 1e-12));
    }

    #[test]
    fn a_rate_that_could_be_sent_before_has_more_tries_before_it_is_a_limit_of_the_generator() {
        let asked = wire::Objective { metric: Metric::P99, at_most_micros: 1, max_failed_per_mille: 1 };
        let search = wire::Search { objective: asked, most_requests_per_second: None, sizing: None };
        let mut search = Search::of(&RunSpec { search: Some(search), ..RunSpec::default() }).unwrap();
        assert_eq!(search.tries(1), TRIES, "it never sent anything");
        search.sent = 900;
        assert_eq!([search.tries(900), search.tries(901)], [TRIES_OF_A_SENT_RATE, TRIES]);
    }

    #[test]
    fn a_search_ends_when_no_target_has_anything_left_to_find() {
        let asked = wire::Objective { metric: Metric::P99, at_most_micros: 1, max_failed_per_mille: 1 };
        let spec = RunSpec {
            search: Some(wire::Search { objective: asked, most_requests_per_second: None, sizing: None }),
            targets: vec![wire::Target::default(), wire::Target::default()],
            ..RunSpec::default()
        };
        let mut search = Search::of(&spec).unwrap();
        assert!(search.is_over(), "both are unmet");
        search.targets[1].estimate = Some(Estimate::new(10.0));
        assert!(!search.is_over());
        search.targets[1].kept = vec![Some(9_000), None];
        assert!(search.is_over());
        search.targets[1].found = vec![9_500; 4];
        assert!(!search.is_over(), "both were disturbed below what was found");
    }
}
