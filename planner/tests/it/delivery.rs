//! Programs that the operator brings to instances that wait for them.

use insta::assert_snapshot;
use planner::balance::delivery::question;
use planner::world::{Delivery, Facet, World};
use planner::{Action, plan};
use wire::Loading;

use crate::fixture::{seconds, world};
use crate::spelling::spell;
use crate::updating::deployed;

const TWO: &str = "
    line a/1 x2 closed ids i-1,i-2
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-b balancer/1 running
    have i-g generator/1 running
";

/// The hash that the fixture's operator has for everything.
fn held() -> String {
    "a".repeat(64)
}

fn pushed(more: &str, loading: &[(&str, Loading)]) -> World {
    let mut world = world(&format!("{TWO}{more}"));
    world.settings.artifacts.delivery = Delivery::Push;
    world.loaders = loading.iter().map(|(id, loading)| ((*id).to_owned(), loading.clone())).collect();
    world
}

fn waits(hash: &str) -> Loading {
    Loading { missing: vec![hash.to_owned()], ..Loading::default() }
}

#[test]
fn those_that_the_operator_dials_get_theirs_at_once() {
    let both = [("i-b", waits(&held())), ("i-g", waits(&held()))];
    assert_snapshot!(deployed(&pushed("balancer unknown\nrun unknown", &both)), @r"
    deliver aaaa to i-b
    deliver aaaa to i-g
    Deployed=False Waiting: balancer waits for its program, which is being brought to i-b
    ");
}

#[test]
fn workers_get_theirs_through_the_balancer_each_program_once() {
    let both = [("i-1", waits(&held())), ("i-2", waits(&held()))];
    assert_snapshot!(deployed(&pushed("balancer told\nrun none", &both)), @r"
    deliver aaaa to i-b i-1 i-2
    Deployed=False Waiting: 0 of 2 members are healthy; i-1 of a does not answer GET /health on 10.0.0.205:8080; 2 workers wait for programs
    ");
    let coming = Loading { coming: vec![held()], ..waits(&held()) };
    assert_snapshot!(deployed(&pushed("balancer told\nrun none", &[("i-1", coming)])), @"Deployed=False Waiting: 0 of 2 members are healthy; i-1 of a does not answer GET /health on 10.0.0.205:8080; 1 worker waits for programs");
    let failed = Loading { failure: Some("10.0.0.1:8081: 422".into()), ..waits(&held()) };
    assert_snapshot!(deployed(&pushed("balancer told\nrun none", &[("i-1", failed)])), @r"
    deliver aaaa to i-b i-1
    Deployed=False Waiting: 0 of 2 members are healthy; i-1 of a does not answer GET /health on 10.0.0.205:8080; 1 worker waits for programs; the last one could not be brought: 10.0.0.1:8081: 422
    ");
}

#[test]
fn workers_are_asked_while_they_are_not_ready_and_somebody_can_ask_them() {
    let members = |more: &str| question(&pushed(more, &[])).map(|asked| asked.members.len());
    assert_eq!(members("balancer told\nrun none"), Some(2));
    assert_eq!(members("balancer healthy\nrun none"), None);
    assert_eq!(members("balancer unknown\nrun none"), None);
    let mut pulled = pushed("balancer told\nrun none", &[]);
    pulled.settings.artifacts.delivery = Delivery::Pull { base_url: "https://x".into() };
    assert_eq!(question(&pulled), None);
}

/// `network.control: Public`: balancer and generator are dialled at their public addresses, also for this; the relay dials workers at
/// their private ones.
#[test]
fn the_way_to_whom_the_operator_dials_is_the_one_of_the_placement() {
    let all = [("i-b", waits(&held())), ("i-1", waits(&held()))];
    let mut world = pushed("balancer told\nrun none", &all);
    world.object.status.placement.as_mut().unwrap().control = "Public".into();
    let public = std::net::Ipv4Addr::new(198, 51, 100, 7);
    let Facet::Known(instances) = &mut world.cloud.instances else { panic!("not known") };
    instances.iter_mut().find(|one| one.id == "i-b").unwrap().public_address = Some(public);
    assert_eq!(question(&world).unwrap().control, "198.51.100.7:8081");
    let planned = plan(&world);
    let mut ways = Vec::new();
    for action in planned.actions() {
        if let Action::Deliver { control, members, .. } = action {
            assert_eq!(control, "198.51.100.7:8081");
            ways.extend(members.iter().map(|(id, address)| (id.as_str(), address.starts_with("10."))));
        }
    }
    assert_eq!(ways, [("i-1", true)]);
}

#[test]
fn what_the_operator_does_not_have_is_said_with_the_way_out() {
    let world = pushed("balancer unknown", &[("i-b", waits(&"b".repeat(64)))]);
    let text = deployed(&world);
    assert!(
        !text.contains("deliver ") && text.contains("this operator does not have the program with sha256 bbbb"),
        "{text}"
    );
    assert!(text.contains("run an operator of that version, or delete the benchmark"), "{text}");
    // Nobody is launched who would wait for it.
    let mut world = pushed("", &[]);
    world.settings.artifacts.sha256.values_mut().for_each(|hash| *hash = "b".repeat(64));
    world.object.status.launches.clear();
    world.cloud.instances = Facet::Known(Vec::new());
    let plan = plan(&world);
    assert!(!plan.actions().any(|action| matches!(action, Action::Launch(_) | Action::Rehearse(_))));
    let text = spell(&world, &plan);
    assert!(text.contains("pool generator: this operator does not have loadgen with sha256 aaaa"), "{text}");
}

/// Nobody may have been there to bring it.
#[test]
fn an_instance_that_waits_for_its_program_has_not_failed_to_boot() {
    let late = |balancer: &str| {
        format!(
            "now 2000s\nconsole i-1 clusterbench: step 3/6 await worker at 10.0.0.1:8081\nbalancer {balancer}\nrun none"
        )
    };
    let ends = |world: &World| plan(world).actions().any(|action| matches!(action, Action::Terminate(_)));
    let old_behind = |balancer: &str, loading: &[_]| {
        let mut world = pushed(&late(balancer), loading);
        let Facet::Known(instances) = &mut world.cloud.instances else { panic!("known") };
        instances.iter_mut().for_each(|one| one.launched_at = world.now - seconds(1000));
        world
    };
    let old = |loading: &[_]| old_behind("told", loading);
    assert!(ends(&old(&[])));
    let waiting = old(&[("i-1", waits(&held()))]);
    assert!(!ends(&waiting));
    // Now it has its program, and as long as every other one.
    let mut begun = old(&[]);
    begun.memory = plan(&waiting).memory;
    assert!(!ends(&begun));
    begun.now += seconds(901);
    assert!(ends(&begun));
    // While nobody can ask, it may wait: replacing it mends no network.
    let unheard = old_behind("unknown", &[]);
    assert!(!ends(&unheard));
    let mut heard_again = old(&[]);
    heard_again.memory = plan(&unheard).memory;
    assert!(!ends(&heard_again));
    // Who fetches for himself is not waited for.
    let mut pulled = old(&[("i-1", waits(&held()))]);
    pulled.settings.artifacts.delivery = Delivery::Pull { base_url: "https://x".into() };
    assert!(ends(&pulled));
}
