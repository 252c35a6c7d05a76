//! CloudWatch's account of a run: it comes after the result, and delays nothing.

use api::{ConditionType, RunCloudWatch, RunTargetGroup};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::measure::cloud_watch::question;
use planner::ports::Datapoint;
use planner::world::{Deletion, Facet, Unknown};
use planner::{Action, Failure, World, plan, status};
use wire::CloudWatchState;

use crate::fixture::{behind, epoch, seconds, world};

/// A run of two minutes was just recorded, and CloudWatch was not asked yet.
fn recorded() -> World {
    let mut world = world(&behind("run none\nrecorded"));
    let run = &mut world.object.status.runs[0];
    (run.started_at, run.finished_at) = (Some(Time(epoch())), Some(Time(epoch() + seconds(90))));
    let target_group = RunTargetGroup { cluster: "a".into(), target_group: "targetgroup/cb/1".into() };
    run.cloud_watch = Some(RunCloudWatch {
        state: "Pending".into(),
        load_balancer: "app/cb/1".into(),
        target_groups: vec![target_group],
    });
    world
}

/// So many requests in the first minute for each thing that is asked.
fn answer(world: &World, requests: f64) -> Option<(String, Facet<Vec<Vec<Datapoint>>>)> {
    let asked = question(world)?;
    let points = asked.queries.iter().map(|_| vec![Datapoint { at: asked.minutes.from, value: requests }]);
    Some((asked.report, Facet::Known(points.collect())))
}

fn account(world: &World) -> Option<CloudWatchState> {
    plan(world).actions().find_map(|action| match action {
        Action::RecordMetrics { account, .. } => Some(account.state),
        _ => None,
    })
}

#[test]
fn the_result_is_there_whatever_cloudwatch_says() {
    let silent = || Facet::Unknown(Unknown { failure: Failure::Unreachable, message: "no answer".into() });
    for metrics in [None, Some(("bench-1-ffff".to_owned(), silent()))] {
        let mut world = recorded();
        world.metrics = metrics;
        let plan = plan(&world);
        for condition in [ConditionType::Provisioned, ConditionType::Deployed, ConditionType::Measured] {
            assert!(plan.conditions.is_true(condition), "{} {:?}", condition.name(), plan.conditions.get(condition));
        }
        let ready = status(&world, &plan, &[]).conditions.into_iter().find(|condition| condition.type_ == "Ready");
        assert_eq!(ready.map(|ready| (ready.status, ready.reason)), Some(("True".into(), "Recorded".into())));
    }
}

#[test]
fn a_deletion_waits_for_no_account() {
    let mut world = recorded();
    world.object.deletion = Deletion::Asked;
    world.now += SignedDuration::from_mins(5);
    assert!(question(&world).is_none());
    let plan = plan(&world);
    let mut names: Vec<&str> = plan.actions().map(Action::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["DeleteLoadBalancer", "Terminate"]);
}

/// CloudWatch's newest minute is late, and changes: counts are believed when two answers a minute apart are the same.
#[test]
fn an_account_is_complete_within_five_minutes_of_the_run() {
    let mut world = recorded();
    let end = epoch() + seconds(90);
    // What it says at each whole minute after the run: nothing, a part, all of it.
    let counts = [0.0, 400.0, 1_000.0, 1_000.0, 1_000.0];
    let mut said = Vec::new();
    while world.now < end + SignedDuration::from_mins(5) {
        let minute = world.now.duration_since(end).as_mins().max(0);
        let requests = counts[usize::try_from(minute).unwrap()];
        world.metrics = if requests > 0.0 { answer(&world, requests) } else { None };
        said.extend(account(&world).map(|state| (state, world.now.duration_since(end).as_secs())));
        world.memory = plan(&world).memory;
        world.now += seconds(10);
    }
    let first = said.first().copied();
    assert!(
        first.is_some_and(|(state, after)| state == CloudWatchState::Complete && after <= 240),
        "complete after the second equal answer: {said:?}"
    );
}
