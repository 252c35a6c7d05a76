//! Worlds with an Application Load Balancer in front.

use insta::assert_snapshot;
use planner::ports::{TargetGroup, TargetState};
use planner::world::{Facet, Unknown};
use planner::{Action, CloudError, Done, Failure, Memory, Outcome, plan, status};

use crate::fixture::{BEHIND, behind, epoch, seconds, world};
use crate::spelling::{planned, spell};

fn with(more: &str) -> String {
    format!("{BEHIND}{more}")
}

#[test]
fn load_balancer_and_target_groups_are_made_beside_the_instances() {
    assert_snapshot!(planned("application"), @"
    create target group cb-ifrtq65mhkrlm4nkk6k4-xs4aodp4 for 8080
    create load balancer cb-hoio4xdtaerct4pcccs7-1 in subnet-a subnet-b
    write down a/1 x2
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 3 instances run
    Deployed=False Waiting: the load balancer is not there yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn a_kind_is_announced_before_the_first_of_it_is_made() {
    let mut world = world("application");
    world.object.status.placement.as_mut().unwrap().kinds = vec!["SecurityGroup".into()];
    let plan = plan(&world);
    let creates = |action: &&Action| matches!(action, Action::CreateLoadBalancer(_) | Action::CreateTargetGroup(_));
    assert_eq!(plan.actions().filter(creates).count(), 0);
    assert_eq!(plan.placement.unwrap().kinds, ["SecurityGroup", "TargetGroup", "LoadBalancer"]);
}

#[test]
fn nothing_is_routed_before_the_load_balancer_is_seen() {
    assert_snapshot!(planned(&with("")), @"
    create target group cb-ifrtq65mhkrlm4nkk6k4-xs4aodp4 for 8080
    create load balancer cb-hoio4xdtaerct4pcccs7-1 in subnet-a subnet-b
    Accepted=True Placed: the spec can be placed
    Provisioned=False BalancerProvisioning: 3 of 3 instances run; the load balancer is being created
    Deployed=False Waiting: the load balancer is not there yet
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
    assert_snapshot!(planned(&with("front provisioning\ntargets\nrun none")), @"
    create listener 8080 of cb-hoio4xdtaerct4pcccs7-1
    register i-1 i-2
    Accepted=True Placed: the spec can be placed
    Provisioned=False BalancerProvisioning: 3 of 3 instances run; load balancer cb-hoio4xdtaerct4pcccs7-1 is provisioning since 08:00:00 UTC, which takes minutes
    Deployed=False Waiting: routes are being made; 0 of 2 targets are healthy
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn what_runs_is_registered_and_what_does_not_is_taken_out() {
    assert_snapshot!(planned(&with("front active\nroutes\ntargets i-9=healthy\nrun none")), @"
    register i-1 i-2
    deregister i-9
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run
    Deployed=False Waiting: targets are being registered; 1 of 2 are healthy
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn a_rule_for_another_path_is_deleted_before_its_number_is_used_again() {
    assert_snapshot!(planned(&with("front active\nroutes stale\ntargets i-1=healthy i-2=healthy\nrun none")), @"
    delete rule 1
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run
    Deployed=False Waiting: routes are being made; 2 of 2 targets are healthy
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn a_run_begins_when_all_targets_are_healthy() {
    assert_snapshot!(planned(&with("front active\nroutes\ntargets i-1=healthy i-2=unhealthy\nrun none")), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run
    Deployed=False Waiting: 1 of 2 targets are healthy; i-2 of a is unhealthy (Target.Timeout)
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
    assert_snapshot!(planned(&behind("run none")), @"
    start run 1 of 40 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run
    Deployed=True Healthy: 2 of 2 targets are healthy, load balancer and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
}

/// A list from the past may show what serves as pending, or not at all.
#[test]
fn a_target_that_serves_is_not_taken_out_for_a_list_from_the_past() {
    let text = behind("run running");
    let text = text.replace("have i-1 a/1 running", "have i-1 a/1 pending");
    let plan = plan(&world(&text));
    assert!(!plan.actions().any(|action| matches!(action, Action::DeregisterTargets { .. })));
}

#[test]
fn members_and_endpoint_of_the_run_are_told_to_the_generator() {
    let plan = plan(&world(&behind("run none")));
    let run = plan.actions().find_map(|action| match action {
        Action::StartRun { run, .. } => Some(run.clone()),
        _ => None,
    });
    let run = run.unwrap();
    assert_eq!(run.balancer_control, None);
    let members: Vec<_> = run.members.iter().map(|member| (member.cluster.as_str(), member.id.as_str())).collect();
    assert_eq!(members, [("a", "i-1"), ("a", "i-2")]);
    assert!(run.members.iter().all(|member| member.address.ends_with(":8080")));
    let url = &run.targets[0].url;
    assert!(url.starts_with("http://internal-cb-") && url.ends_with(".eu-west-1.elb.amazonaws.com:8080/a"), "{url}");
}

/// One that somebody deleted is made again under its old name, with another DNS name.
#[test]
fn a_run_is_of_one_load_balancer() {
    let through = |dns_name: Option<&str>| {
        let mut world = world(&behind("run running"));
        let own = world.cloud.load_balancers.known().unwrap()[0].dns_name.clone();
        let Some(Facet::Known(runs)) = &mut world.runs else { panic!("a run is on") };
        for status in runs.values_mut().flatten() {
            let control = format!("http://{own}:8080");
            status.balancer = Some(wire::RunBalancer { control, instance_id: String::new() });
        }
        match (&mut world.cloud.load_balancers, dns_name) {
            (Facet::Known(balancers), Some(name)) => balancers[0].dns_name = name.to_owned(),
            (Facet::Known(balancers), None) => balancers.clear(),
            _ => {}
        }
        let text = spell(&world, &plan(&world)).replace(&own, "OWN");
        let measured = text.lines().find(|line| line.starts_with("Measured=")).unwrap_or_default().to_owned();
        (text.contains("stop run 1"), measured)
    };
    let own = "internal-cb-hoio4xdtaerct4pcccs7-1-1.eu-west-1.elb.amazonaws.com";
    assert!(through(Some(own)).1.starts_with("Measured=False Running"), "{:?}", through(Some(own)));
    let (is_stopped, measured) = through(Some("internal-other.elb.amazonaws.com"));
    assert!(is_stopped, "{measured}");
    assert_eq!(
        measured,
        "Measured=False BalancerGone: the load balancer at http://OWN:8080 was replaced by the one at http://internal-other.elb.amazonaws.com:8080: the run is stopped, its rounds are void, and it begins anew through the next balancer"
    );
    let (is_stopped, measured) = through(None);
    assert!(!is_stopped && measured.contains("begins anew through the next one"), "{measured}");
}

/// The workers stay, whichever stands in front.
#[test]
fn another_kind_takes_our_balancer_away_and_no_worker() {
    let mut text = with("have i-b balancer/1 running\nline balancer/1 x1 closed ids i-b");
    let plan = plan(&world(&text));
    let doomed = plan.actions().find_map(|action| match action {
        Action::Terminate(ids) => Some(ids.iter().cloned().collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(doomed, Some(vec!["i-b".to_owned()]));
    // And back: the load balancer goes, then its target groups.
    text = crate::fixture::COMPLETE.to_owned()
        + "kinds SecurityGroup LoadBalancer TargetGroup\nbalancer healthy\nrun none";
    let mut back = world(&text);
    let front = world(&with("front active"));
    back.cloud.load_balancers = front.cloud.load_balancers.clone();
    back.cloud.target_groups = front.cloud.target_groups.clone();
    let names = |world: &planner::World| -> Vec<&str> {
        plan_of(world).into_iter().filter(|name| name.starts_with("Delete") || name.starts_with("Terminate")).collect()
    };
    assert_eq!(names(&back), ["DeleteLoadBalancer"]);
    back.cloud.load_balancers = Facet::Known(Vec::new());
    assert_eq!(names(&back), ["DeleteTargetGroup"]);
}

fn plan_of(world: &planner::World) -> Vec<&'static str> {
    plan(world).actions().map(Action::name).collect()
}

#[test]
fn the_former_load_balancer_goes_before_the_next_is_made() {
    assert_snapshot!(planned(&with("front former active")), @"
    delete load balancer cb-hoio4xdtaerct4pcccs7-7
    Accepted=True Placed: the spec can be placed
    Provisioned=False BalancerProvisioning: 3 of 3 instances run; the former load balancer is being deleted
    Deployed=False Waiting: the load balancer is not there yet
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn a_failed_load_balancer_stalls_and_an_impaired_one_is_not_measured_through() {
    let said =
        |state: &str| planned(&with(&format!("front {state}\nroutes\ntargets i-1=healthy i-2=healthy\nrun none")));
    let failed = said("failed");
    assert!(failed.contains("BalancerFailed") && failed.contains("stalled by Provisioned"), "{failed}");
    let impaired = said("active_impaired");
    assert!(impaired.contains("BalancerImpaired") && !impaired.contains("start run"), "{impaired}");
}

/// Nothing of it is asked, and nothing is written, as long as the same instances run.
#[test]
fn a_recorded_result_needs_no_look_at_the_targets() {
    let text = behind("run none\nrecorded");
    let mut world = world(&text);
    world.object.status = status(&world, &plan(&world), &[]);
    world.application = None;
    assert_eq!(planner::balance::application::looks(&world), None);
    let after = plan(&world);
    assert_eq!(after.actions().count(), 0);
    assert!(after.conditions.is_true(api::ConditionType::Deployed));
    let written = status(&world, &after, &[]);
    assert_eq!(written.instances_ready, world.object.status.instances_ready);
    // Another instance took the place of one: it has to be registered.
    if let Facet::Known(instances) = &mut world.cloud.instances {
        instances[0].id = "i-3".into();
    }
    assert!(planner::balance::application::looks(&world).is_some());
}

#[test]
fn teardown_ends_what_costs_at_once_and_the_rest_in_order() {
    let deleting = |more: &str| planned(&format!("{}deleting\n{more}", BEHIND));
    assert_snapshot!(deleting("front active"), @"
    delete load balancer cb-hoio4xdtaerct4pcccs7-1
    terminate i-1 i-2 i-g
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: app/cb-hoio4xdtaerct4pcccs7-1/0 (cb-hoio4xdtaerct4pcccs7-1), i-1 (running), i-2 (running), i-g (running), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
    let mut gone = world("application\ndeleting\nfront active\nnow 1000s");
    gone.cloud.load_balancers = Facet::Known(Vec::new());
    assert_snapshot!(spell(&gone, &plan(&gone)), @"
    delete group sg-members
    delete group sg-edge
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

/// One list without it proves nothing: a create call that was never answered may take effect late.
#[test]
fn the_finalizer_goes_after_two_lists_without_any_name_of_the_kind() {
    let mut world = world("application\ndeleting\ngroups none\nnow 1000s");
    let mut memory = Memory::default();
    for (pass, lets_go) in [(0, false), (30, false), (61, true)] {
        world.now = epoch() + seconds(1000 + pass);
        world.cloud.listed_at = world.now;
        world.memory = memory;
        let plan = plan(&world);
        assert_eq!(plan.actions().any(|action| *action == Action::RemoveFinalizer), lets_go, "after {pass} s");
        memory = plan.memory;
    }
}

/// It was announced, so that no list of it is no proof.
#[test]
fn load_balancers_that_cannot_be_listed_keep_the_finalizer_and_no_instance() {
    let why = Unknown { failure: Failure::Unauthorized, message: "AccessDenied: no".into() };
    let mut world = world(&format!("{BEHIND}deleting"));
    (world.cloud.load_balancers, world.cloud.target_groups) = (Facet::Unknown(why.clone()), Facet::Unknown(why));
    let plan = plan(&world);
    assert!(plan.actions().any(|action| matches!(action, Action::Terminate(_))));
    assert!(!plan.actions().any(|action| *action == Action::RemoveFinalizer));
}

/// What has our name and not our tags is in no list of ours, and is left alone.
#[test]
fn a_name_that_is_taken_is_said() {
    let mut world = world("application");
    let plan = plan(&world);
    let create = plan.actions().find(|action| matches!(action, Action::CreateLoadBalancer(_))).unwrap().clone();
    let taken = || Err::<Done, _>(CloudError::new(Failure::AlreadyExists, "DuplicateLoadBalancerName", "it exists"));
    world.memory.acted(&world.clone(), &[Outcome::of(&world, create.clone(), taken())]);
    world.now += world.settings.settle;
    let outcome = Outcome::of(&world, create, taken());
    assert_eq!(outcome.result.as_ref().unwrap_err().failure, Failure::NameTaken);
    let status = status(&world, &plan, &[outcome]);
    let provisioned = status.conditions.iter().find(|condition| condition.type_ == "Provisioned").unwrap();
    assert_eq!(provisioned.reason, "NameTaken");
}

#[test]
fn another_port_is_another_target_group_and_the_former_goes_when_nothing_routes_to_it() {
    let text = behind("run none");
    let mut world = world(&text);
    let former: Vec<TargetGroup> = world.cloud.target_groups.known().cloned().unwrap();
    world.object.spec.worker.port = 9090;
    let names = plan_of(&world);
    assert!(names.contains(&"CreateTargetGroup") && !names.contains(&"DeleteTargetGroup"), "{names:?}");
    let unused = former.into_iter().map(|group| TargetGroup { load_balancer_arns: Vec::new(), ..group }).collect();
    world.cloud.target_groups = Facet::Known(unused);
    assert!(plan_of(&world).contains(&"DeleteTargetGroup"));
}

#[test]
fn one_zone_is_refused_with_the_way_out() {
    let refused = planned("application\nunplaced\ngroups none\nzones");
    assert!(refused.contains("Accepted=False NeedsSecondZone") && refused.contains("network.subnetIds"), "{refused}");
}

#[test]
fn draining_targets_count_neither_as_registered_nor_as_healthy() {
    let mut world = world(&with("front active\nroutes\ntargets i-1=healthy i-2=draining\nrun none"));
    let registered = plan(&world).actions().any(|action| match action {
        Action::RegisterTargets { ids, .. } => ids.contains("i-2") && ids.len() == 1,
        _ => false,
    });
    assert!(registered);
    if let Some(Facet::Known(seen)) = &mut world.application {
        seen.targets.values_mut().flatten().for_each(|target| target.state = TargetState::Healthy);
    }
    assert!(!plan(&world).actions().any(|action| matches!(action, Action::RegisterTargets { .. })));
}
