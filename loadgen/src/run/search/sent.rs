//! Judgement of a step: whether the generator sent it as it was planned, and what it then showed. Pure.

use stats::{Evidence, PhaseEvidence, judge};
use wire::{Environment, Gate, GateKind, GateOutcome, RunSpec, StepOutcome};

/// Why the generator did not send a step as it was planned: the reason of the first of these gates that it does not pass. `None`: it
/// passes them all.
pub(super) fn unsent(
    gates: &[GateKind],
    run: &RunSpec,
    environment: &Environment,
    phase: PhaseEvidence,
) -> Option<String> {
    let judged = judge(&Evidence {
        planned_rounds: 0,
        run,
        is_step: true,
        rounds: &[],
        clusters: &[],
        environment,
        phases: &[phase],
        arrivals: stats::Arrivals::Open,
        elapsed_millis: 0,
        aborted: None,
    });
    let is_failed = |gate: &Gate| gates.contains(&gate.kind) && gate.outcome == GateOutcome::Failed;
    judged.into_iter().find(is_failed).map(|gate| gate.reason)
}

/// What a step shows. `excess`: by how much more was missed than may be.
pub(super) fn outcome(unsent: Option<&str>, was_cut: bool, excess: f64) -> StepOutcome {
    match () {
        () if unsent.is_some() => StepOutcome::NotSent,
        () if was_cut => StepOutcome::Cut,
        () if excess <= 0.0 => StepOutcome::Met,
        () => StepOutcome::Missed,
    }
}

#[cfg(test)]
mod tests {
    use wire::{Metric, Objective, Place, PlaceKind, Search};

    use super::*;
    use crate::engine::recording::Tally;
    use crate::run::measurement::PhaseTally;
    use crate::run::settings::SearchSettings;

    /// A step in AWS that keeps its objective and is sent in time, but for `change`.
    fn judged(change: impl FnOnce(&mut Tally)) -> (StepOutcome, String) {
        let mut tally = Tally { planned: 1_000, sent: 1_000, ..Tally::default() };
        change(&mut tally);
        let objective = Objective { metric: Metric::P99, at_most_micros: 50_000, max_failed_per_mille: 1 };
        let search = Some(Search { objective, most_requests_per_second: None, sizing: None });
        let run = RunSpec { search, ..RunSpec::default() };
        let place = Place { kind: PlaceKind::Aws, ..Place::default() };
        let environment = Environment { place, ..Environment::default() };
        let phase = PhaseTally::new(&tally, 1).evidence("c".into(), true);
        let unsent = unsent(SearchSettings::default().gates, &run, &environment, phase);
        (outcome(unsent.as_deref(), false, -0.5), unsent.unwrap_or_default())
    }

    #[test]
    fn a_step_that_was_sent_late_shows_nothing_and_one_below_the_limit_is_judged() {
        let late = |micros: u64| judged(|tally| tally.send_lag.record(micros));
        assert_eq!(late(200), (StepOutcome::Met, String::new()));
        let (outcome, reason) = late(201);
        assert_eq!(outcome, StepOutcome::NotSent);
        assert!(
            reason.starts_with("c: one request in a hundred was sent more than 201 us late, at most 200 us"),
            "{reason}"
        );
        // A twentieth of what the target itself takes.
        let beside_20_ms = |micros: u64| {
            let both = judged(|tally| {
                tally.send_lag.record(micros);
                tally.service.record(20_000);
            });
            both.0
        };
        assert_eq!([beside_20_ms(1_000), beside_20_ms(1_001)], [StepOutcome::Met, StepOutcome::NotSent]);
    }

    #[test]
    fn a_step_of_which_too_little_was_sent_shows_nothing() {
        let short = |unsent: u64| judged(|tally| tally.sent -= unsent);
        assert_eq!(short(5).0, StepOutcome::Met);
        let (outcome, reason) = short(6);
        assert_eq!(outcome, StepOutcome::NotSent);
        assert!(reason.starts_with("c: 994 of 1000 planned requests were sent"), "{reason}");
        // Requests that found nobody to send them to are the target's failures.
        let refused = judged(|tally| {
            tally.sent -= 100;
            tally.failures.connect = 100;
        });
        assert_eq!(refused.0, StepOutcome::Met);
    }

    #[test]
    fn what_was_sent_as_planned_is_kept_missed_or_cut() {
        assert_eq!(outcome(None, false, 0.0), StepOutcome::Met);
        assert_eq!(outcome(None, false, 0.1), StepOutcome::Missed);
        assert_eq!(outcome(None, true, 0.1), StepOutcome::Cut);
        assert_eq!(outcome(Some("it was late"), true, 0.1), StepOutcome::NotSent);
    }
}
