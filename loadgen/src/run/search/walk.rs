//! Way of one target in one round, as it is told in the report. Pure.

use wire::{ClusterReport, Speed, Step, StepOutcome, Way, WayOutcome};

use super::step::Tried;
use crate::run::measurement::PhaseTally;
use crate::search::Found;

/// What was tried so far.
#[derive(Default)]
pub(super) struct Walk {
    steps: Vec<Step>,
    /// The step whose numbers are those of the round.
    shown: Option<Shown>,
    /// How busy the balancer was at the highest rate that was kept, and at the lowest that was not.
    busy: [Option<u32>; 2],
    /// The slowest of all steps: a rate that was kept on credits and one that was not kept without them are no capacity on
    /// credits.
    speed: Option<Speed>,
    end: Option<End>,
}

struct Shown {
    step: Step,
    report: ClusterReport,
    tally: PhaseTally,
}

struct End {
    outcome: WayOutcome,
    capacity_milli_rps: Option<u64>,
    reason: String,
}

impl Walk {
    /// Number of the next step.
    pub(super) fn next(&self) -> u64 {
        self.steps.len() as u64
    }

    /// The highest rate that was kept.
    pub(super) fn kept(&self) -> Option<u32> {
        self.rates(|outcome| outcome == StepOutcome::Met).max()
    }

    /// The lowest rate that was not.
    pub(super) fn missed(&self) -> Option<u32> {
        self.rates(|outcome| matches!(outcome, StepOutcome::Missed | StepOutcome::Cut)).min()
    }

    /// How often in a row the last rate was not sent as planned.
    pub(super) fn unsent(&self) -> usize {
        self.steps.iter().rev().take_while(|step| step.outcome == StepOutcome::NotSent).count()
    }

    fn rates(&self, is_meant: impl Fn(StepOutcome) -> bool) -> impl Iterator<Item = u32> {
        self.steps.iter().filter(move |step| is_meant(step.outcome)).map(|step| step.requests_per_second)
    }

    pub(super) fn add(&mut self, tried: Tried) {
        let Tried { step, report, tally, balancer_busy_per_mille, .. } = tried;
        self.steps.push(step);
        let rate = step.requests_per_second;
        // The slower one is the greater one.
        self.speed = self.speed.max(report.speed);
        if self.kept() == Some(rate) {
            self.busy[0] = balancer_busy_per_mille;
        }
        if self.missed() == Some(rate) {
            self.busy[1] = balancer_busy_per_mille;
        }
        if self.shown.as_ref().is_none_or(|shown| is_shown_before(&step, &shown.step)) {
            self.shown = Some(Shown { step, report, tally });
        }
    }

    /// It was walked to its end.
    pub(super) fn found(&mut self, found: Found) {
        let milli = |rate: f64| Some((rate * 1e3).round() as u64);
        let (outcome, capacity_milli_rps, reason) = match found {
            Found::Capacity(capacity) => (WayOutcome::Found, milli(capacity), String::new()),
            Found::AtLeast(rate) => {
                let reason = format!("no more than {rate} requests/s are asked for");
                (WayOutcome::AtLeast, milli(f64::from(rate)), reason)
            }
            Found::Nothing => (WayOutcome::Nothing, None, String::new()),
        };
        self.end = Some(End { outcome, capacity_milli_rps, reason });
    }

    /// It ended before its end.
    pub(super) fn ended(&mut self, reason: &str) {
        let capacity_milli_rps = self.kept().map(|rate| u64::from(rate) * 1000);
        self.end = Some(End { outcome: WayOutcome::AtLeast, capacity_milli_rps, reason: reason.to_owned() });
    }

    pub(super) fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What it found, as the report says it.
    pub(super) fn capacity(&self) -> Option<(WayOutcome, Option<u64>)> {
        self.end.as_ref().map(|end| (end.outcome, end.capacity_milli_rps))
    }

    /// Report of the target in this round; with it the tally of the step that is shown, unless the generator did not send that as
    /// it was planned. `None`: nothing was tried.
    pub(super) fn into_report(self) -> Option<(ClusterReport, Option<PhaseTally>)> {
        let Shown { step, report, tally } = self.shown?;
        let End { outcome, capacity_milli_rps, reason } = self.end?;
        let balancer_busy_per_mille = self.busy[0].max(self.busy[1]);
        let way = Way { outcome, capacity_milli_rps, reason, balancer_busy_per_mille, steps: self.steps };
        let tally = (step.outcome != StepOutcome::NotSent).then_some(tally);
        Some((ClusterReport { way: Some(way), speed: self.speed, ..report }, tally))
    }
}

/// Shown is the highest rate that was kept, or else the lowest that was tried.
fn is_shown_before(step: &Step, other: &Step) -> bool {
    let rank = |step: &Step| match step.outcome {
        StepOutcome::Met => (2, i64::from(step.requests_per_second)),
        StepOutcome::Missed | StepOutcome::Cut => (1, -i64::from(step.requests_per_second)),
        StepOutcome::NotSent => (0, -i64::from(step.requests_per_second)),
    };
    rank(step) > rank(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::environment::Effort;

    fn tried(rate: u32, outcome: StepOutcome, busy: u32) -> Tried {
        Tried {
            step: Step { requests_per_second: rate, outcome, ..Step::default() },
            excess: 0.0,
            report: ClusterReport { requests_per_second: u64::from(rate), ..ClusterReport::default() },
            tally: PhaseTally::default(),
            balancer_busy_per_mille: Some(busy),
            unsent: None,
            effort: Effort::default(),
            after: Ok(None),
            useless: None,
        }
    }

    fn walked(steps: &[(u32, StepOutcome)], end: impl FnOnce(&mut Walk)) -> (ClusterReport, bool) {
        let mut walk = Walk::default();
        steps.iter().for_each(|(rate, outcome)| walk.add(tried(*rate, *outcome, *rate)));
        end(&mut walk);
        let (report, tally) = walk.into_report().unwrap();
        (report, tally.is_some())
    }

    #[test]
    fn the_numbers_of_a_round_are_those_of_the_highest_rate_that_was_kept() {
        use StepOutcome::{Cut, Met, Missed};
        let steps = [(700, Met), (742, Met), (834, Cut), (787, Missed)];
        let (report, is_judged) = walked(&steps, |walk| walk.found(Found::Capacity(760.1234)));
        assert_eq!((report.requests_per_second, is_judged), (742, true));
        let way = report.way.unwrap();
        assert_eq!((way.outcome, way.capacity_milli_rps, way.steps.len()), (WayOutcome::Found, Some(760_123), 4));
        assert_eq!(way.balancer_busy_per_mille, Some(787), "at the crossing, and not far beyond it");
        let (report, _) = walked(&[(20, Missed), (8, Missed), (1, Missed)], |walk| walk.found(Found::Nothing));
        assert_eq!((report.requests_per_second, report.way.unwrap().capacity_milli_rps), (1, None));
    }

    #[test]
    fn a_way_that_ended_early_is_at_least_what_was_kept_and_says_why() {
        use StepOutcome::{Met, NotSent};
        let (report, is_judged) = walked(&[(700, Met), (742, NotSent)], |walk| walk.ended("it was late"));
        let way = report.way.unwrap();
        assert_eq!(
            (way.outcome, way.capacity_milli_rps, way.reason.as_str()),
            (WayOutcome::AtLeast, Some(700_000), "it was late")
        );
        assert!(is_judged);
        let (report, is_judged) = walked(&[(700, NotSent)], |walk| walk.ended("it was late"));
        assert_eq!((report.way.unwrap().capacity_milli_rps, is_judged), (None, false));
        let (report, _) = walked(&[(1_000, Met)], |walk| walk.found(Found::AtLeast(1_000)));
        assert_eq!(report.way.unwrap().reason, "no more than 1000 requests/s are asked for");
    }

    #[test]
    fn tries_in_a_row_that_were_not_sent_are_counted() {
        use StepOutcome::{Met, NotSent};
        let unsent = |outcomes: &[StepOutcome]| {
            let mut walk = Walk::default();
            outcomes.iter().for_each(|outcome| walk.add(tried(700, *outcome, 0)));
            walk.unsent()
        };
        assert_eq!([unsent(&[]), unsent(&[NotSent]), unsent(&[NotSent, Met, NotSent])], [0, 1, 1]);
        assert_eq!([unsent(&[Met, NotSent, NotSent]), unsent(&[NotSent, Met])], [2, 0]);
    }

    #[test]
    fn credits_that_end_in_the_middle_of_a_way_are_seen() {
        let (burst, baseline) = (Some(Speed::Burst), Some(Speed::Baseline));
        let steps = [(700, StepOutcome::Met, burst), (742, StepOutcome::Missed, baseline)];
        let mut walk = Walk::default();
        for (rate, outcome, speed) in steps {
            let mut tried = tried(rate, outcome, 0);
            tried.report.speed = speed;
            walk.add(tried);
        }
        walk.found(Found::Capacity(720.0));
        assert_eq!(walk.into_report().unwrap().0.speed, baseline);
    }
}
