//! Runs that cannot end in time.

use insta::assert_snapshot;
use planner::{Action, plan, status};

use crate::fixture::world;
use crate::results::{condition, with_load};

#[test]
fn a_run_that_cannot_end_in_time_is_not_begun() {
    let load = |rounds: i32| {
        serde_json::json!({ "load": { "rounds": rounds, "phases":
        [{ "arrivals": "ClosedLoop", "concurrency": 1, "durationSeconds": 30 }, { "pauseSeconds": 60 }] } })
    };
    let said = |rounds| {
        let world = with_load("none", load(rounds));
        condition(&status(&world, &plan(&world), &[]), "Measured")
    };
    assert_snapshot!(said(38), @"False Starting: the run is being started");
    assert_snapshot!(said(39), @"False TooLong: 39 rounds of this load take at least 7020 s, and lifecycle.maxLifetimeSeconds leaves 6980 s: lower load.rounds, shorten its phases, or delete the benchmark and create it again with more time");
}

/// Nothing is launched for it, either.
#[test]
fn nothing_is_paid_for_a_run_that_cannot_end_in_time() {
    let planned = |rounds: i32| {
        let mut world = world("now 0s\nunrehearsed");
        let phase = &mut world.object.spec.load.phases[0];
        (phase.requests, phase.duration_seconds) = (None, Some(90));
        world.object.spec.load.rounds = Some(rounds);
        let plan = plan(&world);
        let asks = plan.actions().any(|action| matches!(action, Action::Rehearse(_)));
        (asks, condition(&status(&world, &plan, &[]), "Accepted"))
    };
    let (asks, said) = planned(1);
    assert!(asks, "{said}");
    let (asks, said) = planned(100);
    assert!(!asks && said.starts_with("False TooLong: 100 rounds of this load take at least "), "{said}");
}
