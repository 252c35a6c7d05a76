//! The run that is on, as status shows it to whoever watches.

use api::Live;
use planner::{Facet, World, plan, runs, status};
use wire::{CapacityOutcome, LiveCapacity, LiveTarget};

use crate::fixture::seconds;
use crate::results::with_load;

fn target(cluster: &str, round: u32, rate: u64) -> LiveTarget {
    LiveTarget {
        cluster: cluster.to_owned(),
        round,
        requests_per_second: rate,
        p50_micros: Some(1_000),
        ..LiveTarget::default()
    }
}

fn say(world: &mut World, live: Vec<LiveTarget>) {
    let key = runs::wanted(world).name();
    let Some(Facet::Known(runs)) = &mut world.runs else { panic!("no runs") };
    runs.get_mut(&key).unwrap().as_mut().unwrap().live = live;
}

/// One pass, with what it leaves behind.
fn pass(world: &mut World) -> Option<Live> {
    let plan = plan(world);
    let status = status::status(world, &plan, &[]);
    world.memory = plan.memory;
    world.object.status = status;
    world.object.status.live.clone()
}

fn shown(live: Option<Live>) -> Vec<(String, i64, i64)> {
    let clusters = live.map(|live| live.clusters).unwrap_or_default();
    clusters.into_iter().map(|one| (one.name, one.round, one.requests_per_second)).collect()
}

fn row(cluster: &str, round: i64, rate: i64) -> (String, i64, i64) {
    (cluster.to_owned(), round, rate)
}

#[test]
fn it_is_written_every_five_seconds_at_most_and_ends_with_the_run() {
    let mut world = with_load("running", serde_json::json!({}));
    assert_eq!(pass(&mut world), None, "nothing was measured yet");
    world.now += seconds(5);
    say(&mut world, vec![target("b", 1, 20), target("a", 2, 10)]);
    let live = pass(&mut world);
    assert_eq!(live.as_ref().map(|live| live.round), Some(2));
    assert_eq!(shown(live), [row("a", 2, 10), row("b", 1, 20)], "in the order of the spec");
    say(&mut world, vec![target("b", 2, 21), target("a", 2, 10)]);
    world.now += seconds(4);
    assert_eq!(shown(pass(&mut world)), [row("a", 2, 10), row("b", 1, 20)], "a second too early");
    world.now += seconds(1);
    assert_eq!(shown(pass(&mut world)), [row("a", 2, 10), row("b", 2, 21)]);
    let over = with_load("finished", serde_json::json!({}));
    world.runs = over.runs;
    world.now += seconds(5);
    assert_eq!(pass(&mut world), None);
}

#[test]
fn a_search_shows_what_its_finished_rounds_found_beside_the_step_that_is_on() {
    let mut world = with_load("running", serde_json::json!({}));
    world.now += seconds(5);
    let (outcome, milli_rps) = (CapacityOutcome::Found, Some(741_300));
    let told = LiveTarget {
        capacity: Some(LiveCapacity { outcome, milli_rps, rounds: 2 }),
        step_requests_per_second: Some(812),
        ..target("a", 3, 786)
    };
    let unmeasured =
        LiveTarget { cluster: "b".to_owned(), capacity: Some(LiveCapacity::default()), ..LiveTarget::default() };
    say(&mut world, vec![told, unmeasured]);
    let live = serde_json::to_value(pass(&mut world).expect("it is on")).unwrap();
    let expected = serde_json::json!({ "round": 3, "clusters": [
        {
            "name": "a", "round": 3, "requestsPerSecond": 786, "p50Micros": 1000, "stepRequestsPerSecond": 812,
            "capacity": { "outcome": "Found", "milliRps": 741_300, "rounds": 2 },
        },
        { "name": "b", "round": 0, "requestsPerSecond": 0, "capacity": { "outcome": "Found", "rounds": 0 } },
    ] });
    assert_eq!(live, expected);
}

#[test]
fn of_several_generators_nobody_knows_the_whole() {
    let mut world = with_load(
        "running",
        serde_json::json!({ "load": { "generator": { "instanceType": "c6i.large", "count": 2 } } }),
    );
    let key = runs::wanted(&world);
    assert_eq!(key.generators, 2);
    let Some(Facet::Known(known)) = &mut world.runs else { panic!("no runs") };
    for status in known.values_mut().flatten() {
        status.live = vec![target("a", 1, 10)];
    }
    assert_eq!(pass(&mut world), None);
}
