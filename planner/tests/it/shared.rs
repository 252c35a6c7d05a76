//! A path at which the members of all clusters serve together, and the public status of our balancer.

use std::collections::BTreeMap;

use planner::ports::RuleRequest;
use planner::world::Facet;
use planner::{Action, World, plan};
use wire::{Membership, RunSpec, SharedPath, Target};

use crate::fixture::{COMPLETE, world};

/// Two clusters, one of two members and one of one, behind an Application Load Balancer.
const APPLICATION: &str = "
    application
    clusters a=t2.micro*2 b=t2.large*1
    line a/1 x2 closed ids i-1,i-2
    line b/1 x1 closed ids i-3
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-3 b/1 running
    have i-g generator/1 running
    front active
    routes
    targets i-1=healthy i-2=healthy
    run none
";

fn membership(world: &World) -> Option<Membership> {
    plan(world).actions().find_map(|action| match action {
        Action::SetMembership { to, .. } => Some(to.clone()),
        _ => None,
    })
}

fn started(world: &World) -> Option<RunSpec> {
    plan(world).actions().find_map(|action| match action {
        Action::StartRun { run, .. } => Some((**run).clone()),
        _ => None,
    })
}

fn rules(world: &World) -> Vec<RuleRequest> {
    let plan = plan(world);
    let rule = |action: &Action| match action {
        Action::CreateRule { request, .. } => Some(request.clone()),
        _ => None,
    };
    plan.actions().filter_map(rule).collect()
}

#[test]
fn our_balancer_is_told_the_path_and_whether_its_status_is_public() {
    let told = membership(&world(&format!("{COMPLETE}balancer untold"))).unwrap();
    assert_eq!((told.shared, told.public_status), (None, false));
    let mut world = world(&format!("shared /\n{COMPLETE}balancer untold"));
    world.object.spec.balancer.policy = api::Policy::LeastRequests;
    world.object.spec.balancer.public_status = true;
    let told = membership(&world).unwrap();
    let shared = SharedPath { path: "/".into(), policy: wire::Policy::LeastRequests };
    assert_eq!((&told.shared, told.public_status), (&Some(shared), true));
    assert_eq!(told.clusters[0].policy, wire::Policy::LeastRequests);
}

#[test]
fn it_is_one_more_target_only_where_it_is_to_be_measured() {
    let targets =
        |more: &str| started(&world(&format!("{more}\n{COMPLETE}balancer healthy\nrun none"))).unwrap().targets;
    assert_eq!(targets("shared /").iter().map(|target| target.cluster.as_str()).collect::<Vec<_>>(), ["a"]);
    let measured = targets("shared / measured");
    let [a, shared] = &measured[..] else { panic!("{measured:?}") };
    assert!(!a.shared && a.url.ends_with(":8080/a"));
    let base = a.url.strip_suffix("/a").unwrap();
    assert_eq!(
        *shared,
        Target { cluster: "shared".into(), url: format!("{base}/"), shared: true, ..Target::default() }
    );
}

/// Who may read about the members is not measured; the path is.
#[test]
fn a_public_status_makes_no_other_run_due() {
    let mut spec = world(COMPLETE).object.spec;
    let before = planner::desired::measured_sha256(&spec);
    spec.balancer.public_status = true;
    assert_eq!(planner::desired::measured_sha256(&spec), before);
    spec.balancer.shared = Some(api::Shared { path: "/".into(), measured: true });
    assert_ne!(planner::desired::measured_sha256(&spec), before);
}

/// A benchmark keeps the programs that it was placed with, and the first ones refuse a document with this field.
#[test]
fn programs_of_an_earlier_version_are_told_no_field_that_they_do_not_know() {
    let placed_before = |text: &str| {
        let mut world = world(text);
        world.object.status.placement.as_mut().unwrap().known_fields.clear();
        world
    };
    let complete = format!("{COMPLETE}balancer healthy\nrun none");
    assert!(started(&placed_before(&complete)).is_some(), "without these fields all goes on");
    let mut public = placed_before(&complete);
    public.object.spec.balancer.public_status = true;
    let shared = placed_before(&format!("shared /\n{complete}"));
    let application = placed_before(&format!("shared /\n{APPLICATION}"));
    let mut searching = placed_before(&complete);
    searching.object.spec.load = crate::searching::load();
    let (field, metric) = ("take the field out", "choose another metric");
    let (usd, thousand) = (api::Metric::RequestsPerUsd, api::Metric::UsdMicrosPerThousand);
    for (world, name, way_out) in [
        (public, "balancer.publicStatus", field),
        (shared, "balancer.shared", field),
        (application, "balancer.shared", field),
        (searching, "load.search", "set load.phases in its place"),
        (asking(usd, placed_before(&complete), false), "load: metric RequestsPerUsd", metric),
        (asking(usd, placed_before(&complete), true), "load: metric RequestsPerUsd", metric),
        (asking(thousand, placed_before(&complete), true), "load: metric UsdMicrosPerThousand", metric),
    ] {
        let plan = plan(&world);
        assert_eq!(plan.actions().map(Action::name).collect::<Vec<_>>(), [""; 0], "{name}");
        let accepted = plan.conditions.get(api::ConditionType::Accepted);
        assert_eq!(accepted.reason.name(), "ProgramsTooOld");
        assert_eq!(
            accepted.message,
            format!(
                "{name}: this benchmark keeps the programs that it was placed with, and those of version 1 do not know it: delete the benchmark and create it again, or {way_out}"
            )
        );
        assert_eq!(plan.conditions.stalled_by, Some(api::ConditionType::Accepted));
        let deployed = &plan.conditions.get(api::ConditionType::Deployed).message;
        assert_eq!(*deployed, format!("see Accepted: {}", accepted.message));
    }
    assert!(started(&asking(usd, world(&complete), false)).is_some(), "the programs of a new placement know it");
}

/// The same, and clusters are compared by this metric, or have a limit on it.
fn asking(metric: api::Metric, mut world: World, is_limit: bool) -> World {
    let load = &mut world.object.spec.load;
    if is_limit {
        let cluster = "a".to_owned();
        load.thresholds =
            vec![api::Threshold { cluster, metric: Some(metric), at_least: Some(1), ..Default::default() }];
    } else {
        load.comparison.metric = Some(metric);
    }
    world
}

/// The launch before is recorded: new workers would be paid for, and the generator refuses to measure them.
#[test]
fn no_workers_are_replaced_for_a_run_that_the_programs_refuse() {
    let between = || {
        let mut world = world(&format!("{COMPLETE}\nlaunches 3\nbalancer healthy\nrun none\nmeasured 0"));
        world.object.spec.balancer.public_status = true;
        world
    };
    let relaunches = |world: &World| plan(world).placement.unwrap().relaunches;
    assert_eq!(relaunches(&between()), 1, "the programs know it");
    let mut placed_before = between();
    placed_before.object.status.placement.as_mut().unwrap().known_fields.clear();
    let refused = plan(&placed_before);
    assert_eq!(refused.conditions.get(api::ConditionType::Accepted).reason.name(), "ProgramsTooOld");
    assert_eq!((relaunches(&placed_before), refused.actions().count()), (0, 0));
}

/// Workers are told it when they start: others take their place.
#[test]
fn another_shared_path_replaces_the_workers_alone() {
    let mut world = world(&format!("shared /\n{COMPLETE}balancer healthy\nrun none"));
    world.object.spec.balancer.shared = Some(api::Shared { path: "/all".into(), measured: false });
    let doomed = plan(&world).actions().find_map(|action| match action {
        Action::Terminate(ids) => Some(ids.iter().cloned().collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(doomed, Some(vec!["i-1".to_owned(), "i-2".to_owned()]));
}

#[test]
fn a_load_balancer_forwards_it_to_all_groups_by_their_members_after_all_other_paths() {
    assert_eq!(rules(&world(APPLICATION)), []);
    let world = world(&format!("shared /\n{APPLICATION}"));
    let [rule] = &rules(&world)[..] else { panic!("one rule") };
    assert_eq!((rule.priority, rule.paths.join(" ")), (3, "/ /*".to_owned()));
    let groups = world.cloud.target_groups.known().unwrap();
    assert_eq!(rule.forward, BTreeMap::from([(groups[0].arn.clone(), 2), (groups[1].arn.clone(), 1)]));
}

#[test]
fn weights_follow_the_counts() {
    let mut world = world(&format!("shared /\n{APPLICATION}"));
    let rule = rules(&world).remove(0);
    let Some(Facet::Known(seen)) = &mut world.application else { panic!("not looked at") };
    let made = planner::ports::ListenerRule {
        arn: "rule-3".into(),
        priority: rule.priority,
        paths: rule.paths.clone(),
        forward: rule.forward.clone(),
    };
    seen.listeners[0].rules.push(made);
    let changed = |world: &World| {
        let plan = plan(world);
        let is_of_rules = |name: &&str| ["CreateRule", "DeleteRule"].contains(name);
        plan.actions().map(Action::name).filter(is_of_rules).collect::<Vec<_>>()
    };
    assert_eq!(changed(&world), [""; 0]);
    world.object.spec.clusters[1].count = 3;
    assert_eq!(changed(&world), ["DeleteRule"]);
    let Some(Facet::Known(seen)) = &mut world.application else { panic!("not looked at") };
    seen.listeners[0].rules.pop();
    assert_eq!(rules(&world)[0].forward.values().copied().collect::<std::collections::BTreeSet<_>>(), [2, 3].into());
}
