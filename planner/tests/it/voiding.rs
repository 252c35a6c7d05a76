//! Runs whose balancer ends, or may have ended.

use planner::{Action, plan};

use crate::fixture::{COMPLETE, seconds, world};
use crate::spelling::{planned, spell};

const NEXT: &str = "
    line a/1 x2 closed ids i-1,i-2
    line balancer/2 x1 closed ids i-c
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-c balancer/2 running
    have i-g generator/1 running
";

/// What is done with the run, and what is said of it.
fn of_the_run(text: &str) -> (Vec<String>, String) {
    let text = planned(text);
    let lines = || text.lines().map(str::trim);
    let actions = lines().filter(|line| ["stop run", "collect", "start run"].iter().any(|word| line.starts_with(word)));
    let measured = lines().find(|line| line.starts_with("Measured=")).unwrap_or_default();
    (actions.map(str::to_owned).collect(), measured.to_owned())
}

#[test]
fn a_run_goes_on_through_the_balancer_that_it_is_of() {
    let (actions, measured) = of_the_run(&format!("{COMPLETE}\nbalancer healthy\nrun running\nthrough i-b"));
    assert_eq!(actions, [""; 0]);
    assert!(measured.starts_with("Measured=False Running: 7 rounds are measured"), "{measured}");
}

#[test]
fn it_is_stopped_when_a_list_shows_that_its_balancer_has_ended() {
    for state in ["shutting-down", "terminated", "stopped"] {
        let ended = COMPLETE.replace("i-b balancer/1 running", &format!("i-b balancer/1 {state}"));
        let (actions, measured) = of_the_run(&format!("{ended}\nrun running\nthrough i-b"));
        assert_eq!(actions, ["stop run 1"], "{state}");
        assert_eq!(
            measured,
            format!(
                "Measured=False BalancerGone: balancer i-b is {state}: the run is stopped, its rounds are void, and it begins anew through the next balancer"
            )
        );
    }
}

#[test]
fn it_is_stopped_when_another_balancer_is_there_in_its_place() {
    let (actions, measured) = of_the_run(&format!("{NEXT}\nrun running\nthrough i-b"));
    assert_eq!(actions, ["stop run 1"]);
    assert!(measured.contains("balancer i-b was replaced by i-c"), "{measured}");
    // Not one that answers at the same address (the fixture's answers as i-b).
    let mut world = world(&format!("{NEXT}\nbalancer healthy\nrun running\nthrough i-c"));
    assert!(spell(&world, &plan(&world)).contains("balancer i-c was replaced by i-b"));
    if let Some(planner::Facet::Known(balancer)) = &mut world.balancer {
        balancer.instance_id = "i-c".into();
    }
    assert!(spell(&world, &plan(&world)).contains("Measured=False Running"));
}

/// A list from before the replacement shows the former balancer, and not the one that the run is of.
#[test]
fn a_list_from_the_past_stops_nothing() {
    let past = COMPLETE.replace("line balancer/1 x1 closed ids i-b", "line balancer/2 x1 closed ids i-c");
    let (actions, measured) = of_the_run(&format!("{past}\nbalancer unknown\nrun running\nthrough i-c"));
    assert_eq!(actions, [""; 0]);
    assert!(
        measured.ends_with("the balancer does not answer: if it has ended, the run begins anew through the next one")
    );
}

#[test]
fn what_was_measured_to_the_end_counts() {
    let (actions, _) = of_the_run(&format!("{NEXT}\nrun finished\nthrough i-b"));
    assert_eq!(actions, ["collect report of 1"]);
}

/// Why it failed is not clear while its balancer is silent and no list shows the end; lists are late by minutes at most.
#[test]
fn a_failure_is_believed_when_the_balancer_is_seen_to_live() {
    let failed = |more: &str| format!("{COMPLETE}\n{more}\nrun failed\nthrough i-b");
    assert_eq!(of_the_run(&failed("balancer healthy")).0, ["collect report of 1"]);
    let mut world = world(&failed("balancer unknown"));
    let collects =
        |world: &planner::World| plan(world).actions().any(|action| matches!(action, Action::CollectReport { .. }));
    for _ in 0..3 {
        assert!(!collects(&world));
        world.memory = plan(&world).memory;
        world.now += seconds(99);
        world.cloud.listed_at = world.now;
    }
    world.now += seconds(4);
    assert!(!collects(&world), "the lists were begun before");
    world.cloud.listed_at = world.now;
    assert!(collects(&world));
}

#[test]
fn a_pause_does_not_keep_a_run_alive_that_is_worth_nothing() {
    let (actions, measured) = of_the_run(&format!("{NEXT}\npaused\nrun running\nthrough i-b"));
    assert_eq!(actions, ["stop run 1"]);
    assert!(measured.contains("BalancerGone"), "{measured}");
}

/// Before the expiry everything is brought home as it is.
#[test]
fn the_last_call_comes_first() {
    let (actions, measured) = of_the_run(&format!("{NEXT}\nrun running\nthrough i-b\nnow 7100s"));
    assert_eq!(actions, ["stop run 1"]);
    assert!(measured.contains("Expiring"), "{measured}");
}
