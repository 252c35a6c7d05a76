//! Runs of several launches: all workers are replaced between them, and one report is made of all.

use api::Run;
use insta::assert_snapshot;
use planner::{Facet, RunKey, World, measure, plan, runs, status};
use wire::{RunState, RunStatus};

use crate::fixture::{COMPLETE, epoch, world};
use crate::spelling::spell;

fn complete(more: &str) -> World {
    world(&format!("{COMPLETE}\nlaunches 3\nbalancer healthy\nrun none\n{more}"))
}

fn planned(world: &World) -> String {
    spell(world, &plan(world))
}

/// What the generator says of the launch before the wanted one.
fn of_the_launch_before(world: &mut World, state: RunState, sha256: Option<String>) {
    let wanted = runs::wanted(world);
    let name = RunKey { launch: wanted.launch - 1, ..wanted }.name();
    let status = RunStatus {
        id: name.clone(),
        state,
        rounds_done: 2,
        rounds_total: 2,
        rounds_voided: 0,
        started_at: epoch(),
        message: String::new(),
        warning: String::new(),
        hold: None,
        balancer: None,
        live: Vec::new(),
        report_sha256: sha256,
    };
    let Some(Facet::Known(runs)) = &mut world.runs else { panic!("no runs") };
    runs.insert(name, Some(status));
}

#[test]
fn the_first_launch_is_measured_on_what_is_there() {
    assert_snapshot!(planned(&complete("")), @"
    start run 1, launch 1 of 2 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
}

#[test]
fn a_launch_that_is_recorded_is_followed_by_a_relaunch() {
    assert_snapshot!(planned(&complete("measured 0")), @"
    relaunch 1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Relaunching: 1 of 3 launches are measured: all workers are replaced
    Deployed=False Relaunching: 1 of 3 launches are measured: all workers are replaced
    Measured=False Relaunching: 1 of 3 launches are measured: all workers are replaced
    wake 0s
    ");
}

#[test]
fn a_relaunch_replaces_workers_and_nothing_else() {
    assert_snapshot!(planned(&complete("measured 0\nrelaunches 1")), @"
    terminate i-1 i-2
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 2 of 4 instances run; 2 being terminated
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Waiting: launch 2 of 3 waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn the_next_launch_waits_until_the_generator_forgot_the_last_one() {
    let mut world = complete("measured 0,1");
    // New workers, as far as the plan can see.
    world.object.status.runs[0].parts[1].relaunches = -1;
    of_the_launch_before(&mut world, RunState::Finished, Some("2".repeat(64)));
    assert_snapshot!(planned(&world), @"
    forget run 1, launch 2
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Waiting: launch 3 of 3 waits until every instance is ready
    wake 1s
    ");
    of_the_launch_before(&mut world, RunState::Finished, Some("9".repeat(64)));
    assert_snapshot!(planned(&world), @"
    start run 1, launch 3 of 2 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
}

/// A call to begin it came late, and found nothing of that name.
#[test]
fn a_recorded_launch_that_runs_once_more_is_stopped() {
    let mut world = complete("measured 0,1");
    world.object.status.runs[0].parts[1].relaunches = -1;
    of_the_launch_before(&mut world, RunState::Running, None);
    assert_snapshot!(planned(&world), @"
    stop run 1, launch 2
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Waiting: launch 3 of 3 waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn one_report_is_made_when_every_launch_is_recorded_even_without_instances() {
    assert_snapshot!(planned(&complete("measured 0,1,2\nrelaunches 2")), @"
    terminate i-1 i-2
    join 3 reports of run 1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 2 of 4 instances run; 2 being terminated
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Waiting: everything is measured; one report is being made of all parts
    wake 1s
    ");
    let mut expired = complete("measured 0,1,2\nrelaunches 2");
    expired.now += jiff::SignedDuration::from_hours(3);
    assert_snapshot!(planned(&expired), @"
    join 3 reports of run 1
    terminate i-1 i-2 i-b i-g
    Accepted=True Expired: lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again
    Provisioned=False TearingDown: still there: i-1 (running), i-2 (running), i-b (running), i-g (running), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Expired: lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again
    Measured=False Expired: lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again
    wake 1s
    ");
    let status = status(&expired, &plan(&expired), &[]);
    assert_eq!(status.runs[0].outcome, "Running", "its parts are all there");
}

#[test]
fn an_expiry_before_the_last_launch_ends_the_run() {
    let mut expired = complete("measured 0,1\nrelaunches 2");
    expired.now += jiff::SignedDuration::from_hours(3);
    let status = status(&expired, &plan(&expired), &[]);
    let [run] = &status.runs[..] else { panic!("{:?}", status.runs) };
    assert_eq!((run.outcome.as_str(), run.parts.len()), ("Aborted", 2));
}

#[test]
fn each_launch_has_its_own_name_seed_and_number() {
    let told = |more: &str| {
        let world = complete(more);
        let run = measure::run_request::run_spec(&world, &runs::wanted(&world)).unwrap();
        let last = run.id.rsplit('.').next().unwrap().to_owned();
        (last, run.seed, run.facts.launch, run.rounds.count, run.judging.looks)
    };
    let [first, second] = [told(""), told("measured 0")];
    assert_eq!((first.0.as_str(), first.1, first.2, first.3, first.4), ("1", 0, 1, 2, wire::Looks::AtTheEnd));
    assert_eq!((second.0.as_str(), second.2), ("2", 2));
    assert!(second.1 != 0 && second.1 < 1 << 53, "{}", second.1);
}

fn lost(aborted: usize) -> Vec<(String, usize)> {
    let mut world = complete("measured 0,1\nrelaunches 2");
    let on = &mut world.object.status.runs[0];
    on.started_at = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(epoch()));
    let before = Run { outcome: "Aborted".into(), parts: Vec::new(), ..on.clone() };
    world.object.status.runs.splice(0..0, std::iter::repeat_n(before, aborted));
    let status = status(&world, &plan(&world), &[]);
    status.runs.into_iter().map(|run| (run.outcome, run.parts.len())).collect()
}

#[test]
fn a_launch_that_is_lost_is_measured_again_and_what_is_recorded_stays() {
    let told = |runs: &[(&str, usize)]| runs.iter().map(|(outcome, parts)| ((*outcome).into(), *parts)).collect();
    let expected: Vec<(String, usize)> = told(&[("Aborted", 0), ("Running", 2)]);
    assert_eq!(lost(0), expected);
    let given_up: Vec<(String, usize)> = told(&[("Aborted", 0), ("Aborted", 0), ("Aborted", 2)]);
    assert_eq!(lost(2), given_up, "not for ever");
}

#[test]
fn launches_that_do_not_fit_into_the_lifetime_are_not_begun() {
    let mut world = complete("");
    let phases = serde_json::json!([{ "arrivals": "Constant", "requestsPerSecond": 1, "durationSeconds": 1300 }]);
    world.object.spec.load.phases = serde_json::from_value(phases).unwrap();
    assert_snapshot!(planned(&world), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False TooLong: 3 more launches with 2 rounds of this load each take at least 7800 s, and lifecycle.maxLifetimeSeconds leaves 6980 s: lower load.launches or load.rounds, shorten its phases, or delete the benchmark and create it again with more time
    stalled by Measured
    wake 30s
    ");
}
