//! A search for the capacity of clusters: what a generator is told of it, how long it takes, and what status says of it.

use insta::assert_snapshot;
use planner::effect::{Collected, Done, Outcome};
use planner::{Action, desired, measure, plan, runs, status};
use wire::{CapacityOutcome, CapacityReport, RunSpec, RunState, Sizing};

use crate::fixture::{COMPLETE, world};
use crate::results::{condition, report, with_load};

/// A search of ten rounds.
pub(crate) fn load() -> api::Load {
    let objective = serde_json::json!({ "metric": "P99Micros", "atMost": 50_000 });
    serde_json::from_value(serde_json::json!({ "rounds": 10, "search": { "objective": objective } })).unwrap()
}

/// The benchmark with this load in place of its own.
fn measuring(run: &str, load: &api::Load) -> planner::World {
    let mut fields = serde_json::to_value(load).unwrap();
    fields["phases"] = serde_json::json!([]);
    with_load(run, serde_json::json!({ "load": fields }))
}

fn told(load: &api::Load) -> RunSpec {
    let world = measuring("none", load);
    measure::run_request::run_spec(&world, &runs::wanted(&world)).unwrap()
}

#[test]
fn a_generator_is_told_the_search_in_place_of_phases() {
    let run = told(&load());
    assert!(run.phases.is_empty());
    assert_snapshot!(serde_json::to_string_pretty(&(run.search, run.judging.metric)).unwrap(), @r#"
    [
      {
        "objective": {
          "metric": "p99Micros",
          "atMostMicros": 50000,
          "maxFailedPerMille": 1
        }
      },
      "capacity"
    ]
    "#);
    let mut asked = load();
    let search = asked.search.as_mut().unwrap();
    search.most_requests_per_second = Some(20_000);
    search.objective.metric = api::Quantile::P999Micros;
    search.objective.max_failed_per_mille = 0;
    search.target = Some(api::AskedRate { requests_per_second: 5_000, spare: 1 });
    asked.comparison.metric = Some(api::Metric::RequestsPerUsd);
    let run = told(&asked);
    assert_snapshot!(serde_json::to_string_pretty(&(run.search, run.judging.metric)).unwrap(), @r#"
    [
      {
        "objective": {
          "metric": "p999Micros",
          "atMostMicros": 50000,
          "maxFailedPerMille": 0
        },
        "mostRequestsPerSecond": 20000,
        "sizing": {
          "requestsPerSecond": 5000,
          "spare": 1
        }
      },
      "requestsPerUsd"
    ]
    "#);
}

/// Given or not, the default is the same comparison; and of a load that has phases it is the median, as it was.
#[test]
fn another_objective_measures_again_and_a_default_that_is_written_out_does_not() {
    let of = |load: &api::Load| {
        let mut world = world(COMPLETE);
        world.object.spec.load = load.clone();
        desired::measured_sha256(&world.object.spec)
    };
    let first = of(&load());
    let mut other = load();
    other.search.as_mut().unwrap().objective.at_most = 50_001;
    assert_ne!(of(&other), first);
    let mut sized = load();
    sized.search.as_mut().unwrap().target = Some(api::AskedRate { requests_per_second: 5_000, spare: 0 });
    assert_ne!(of(&sized), first, "the report says something else");
    let given =
        |metric| api::Load { comparison: api::Comparison { metric: Some(metric), ..Default::default() }, ..load() };
    assert_eq!(of(&given(api::Metric::Capacity)), first);
    assert_ne!(of(&given(api::Metric::RequestsPerUsd)), first);
    let phases = world(COMPLETE).object.spec.load;
    let usual = of(&phases);
    let compared = |metric| api::Load {
        comparison: api::Comparison { metric, pairs: api::Pairs::All, gap_percent: 5 },
        ..phases.clone()
    };
    assert_eq!(of(&compared(None)), of(&compared(Some(api::Metric::P50Micros))));
    assert_ne!(of(&compared(None)), usual);
    let median = api::Comparison { metric: Some(api::Metric::P50Micros), ..Default::default() };
    assert_eq!(of(&api::Load { comparison: median, ..phases.clone() }), usual);
}

#[test]
fn a_limit_without_a_metric_is_one_on_the_capacity() {
    let mut asked = load();
    let limit = api::Threshold { cluster: "a".into(), at_least: Some(700), ..Default::default() };
    asked.thresholds = vec![limit];
    assert_eq!(told(&asked).judging.thresholds[0].metric, wire::Metric::Capacity);
}

#[test]
fn a_search_that_cannot_end_in_time_is_not_begun_and_the_way_out_fits_it() {
    let said = |rounds| {
        let world = measuring("none", &api::Load { rounds: Some(rounds), ..load() });
        condition(&status(&world, &plan(&world), &[]), "Measured")
    };
    assert_snapshot!(said(105), @"False Starting: the run is being started");
    assert_snapshot!(said(106), @"False TooLong: 106 rounds of this load take at least 7026 s, and lifecycle.maxLifetimeSeconds leaves 6980 s: lower load.rounds, measure fewer clusters, or delete the benchmark and create it again with more time");
}

#[test]
fn a_launch_is_told_what_the_one_before_it_found() {
    let mut world = measuring("none", &load());
    world.object.spec.load.launches = 3;
    let found = |capacities: &[(&str, i64)]| {
        let found = |(cluster, milli): &(&str, i64)| api::FoundCapacity {
            cluster: (*cluster).to_owned(),
            milli_requests_per_second: *milli,
        };
        let capacities = capacities.iter().map(found).collect();
        api::Part { report_sha256: "a".repeat(64), rounds: 6, relaunches: 0, generator: 1, start_at: None, capacities }
    };
    let begun = runs::wanted(&world).begun();
    let parts = vec![found(&[("a", 741_000), ("b", 800_000)]), found(&[("a", 760_500)])];
    world.object.status.runs.push(api::Run { launch: 3, parts, ..begun });
    let told = |world: &planner::World| {
        let run = measure::run_request::run_spec(world, &runs::wanted(world)).unwrap();
        run.targets.iter().map(|target| target.estimate_milli_rps).collect::<Vec<_>>()
    };
    assert_eq!(told(&world), [Some(760_500), None]);
    world.object.status.runs[0].launch = 2;
    assert_eq!(told(&world), [Some(741_000), Some(800_000)]);
    world.object.status.runs[0].launch = 1;
    assert_eq!(told(&world), [None, None]);
    // The second launch ends as it is collected: one of the clusters has a bound there, and keeps what was found before.
    let run = &mut world.object.status.runs[0];
    (run.launch, _) = (2, run.parts.pop());
    let of_cluster = |name: &str, outcome, milli| {
        let capacity = Some(CapacityReport { outcome, milli_rps: Some(milli), ..CapacityReport::default() });
        wire::ClusterReport { cluster: name.into(), capacity, ..wire::ClusterReport::default() }
    };
    let mut report = report(RunSpec::default(), &[], Vec::new());
    report.clusters =
        vec![of_cluster("a", CapacityOutcome::Found, 755_000), of_cluster("b", CapacityOutcome::AtLeast, 900_000)];
    let (sha256, run) = ("f".repeat(64), runs::wanted(&world));
    let action = Action::CollectReport { control: "control".into(), run, sha256: sha256.clone() };
    let (name, state) = ("bench-1-ffff".into(), RunState::Finished);
    let done = Done::Collected(Box::new(Collected { report, state, name, sha256 }));
    world.object.status.runs = status(&world, &plan(&world), &[Outcome::new(action, Ok(done))]).runs;
    assert_eq!(world.object.status.runs[0].launch, 3);
    assert!(world.object.status.runs[0].parts[0].capacities.is_empty(), "they are in the last part");
    assert_eq!(told(&world), [Some(755_000), Some(800_000)]);
    // Its generator would refuse what it does not know.
    world.object.status.runs[0].launch = 3;
    world.object.status.placement.as_mut().unwrap().known_fields.retain(|known| !known.starts_with("estimates"));
    assert_eq!(told(&world), [None, None]);
}

#[test]
fn capacities_are_in_status_with_what_is_known_of_them() {
    let recorded = |capacity: CapacityReport| {
        let mut world = measuring("finished", &load());
        let plan_now = plan(&world);
        let action = plan_now.actions().find(|action| matches!(action, Action::CollectReport { .. })).unwrap();
        let mut report = report(RunSpec::default(), &[], Vec::new());
        let capacity = Some(capacity);
        report.clusters = vec![wire::ClusterReport { cluster: "a".into(), capacity, ..wire::ClusterReport::default() }];
        let (name, sha256, state) = ("bench-1-ffff".into(), "f".repeat(64), RunState::Finished);
        let done = Done::Collected(Box::new(Collected { report, state, name, sha256 }));
        world.object.status = status(&world, &plan_now, &[Outcome::new(action.clone(), Ok(done))]);
        serde_json::to_string(&world.object.status.runs[0].clusters[0]).unwrap()
    };
    let found = CapacityReport {
        milli_rps: Some(741_499),
        interval: Some([712_500, 768_400]),
        lowest_milli_rps: Some(612_000),
        sizing: Some(Sizing { instances: 8, spare: 1, is_extrapolated: true, measured: 4, ..Sizing::default() }),
        ..CapacityReport::default()
    };
    assert_snapshot!(recorded(found), @r#"{"name":"a","requests":0,"failed":0,"requestsPerSecond":0,"capacity":741,"capacityLow":713,"capacityHigh":768,"lowestCapacity":612,"capacityOutcome":"Found","instancesForTarget":8}"#);
    let (outcome, reason) = (CapacityOutcome::AtLeast, "late".to_owned());
    assert_snapshot!(recorded(CapacityReport { outcome, reason, milli_rps: Some(9_400_000), ..Default::default() }), @r#"{"name":"a","requests":0,"failed":0,"requestsPerSecond":0,"capacity":9400,"capacityOutcome":"AtLeast"}"#);
    let sizing = Some(Sizing { instances: 2, is_at_most: true, measured: 4, ..Sizing::default() });
    let bound = CapacityReport { outcome, milli_rps: Some(9_400_000), sizing, ..Default::default() };
    assert!(!recorded(bound).contains("instancesForTarget"), "a number in status is no bound");
    assert_snapshot!(recorded(CapacityReport { outcome: CapacityOutcome::Unmet, ..Default::default() }), @r#"{"name":"a","requests":0,"failed":0,"requestsPerSecond":0,"capacityOutcome":"Unmet"}"#);
}
