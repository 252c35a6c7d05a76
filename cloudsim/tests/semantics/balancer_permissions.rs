//! The policy of benchmarks with an Application Load Balancer, beside the other one: for each action of ELBv2 and
//! CloudWatch what it lets pass, and what it refuses that is near it.

use std::sync::Arc;

use cloudsim::elb::{
    About, Action, CreateListener, CreateLoadBalancer, CreateRule, CreateTargetGroup, LoadBalancerKind,
};
use cloudsim::{Call, LoadBalancing, Outcome, Policy, Principal, Reply, Settings, Sim};
use planner::owner::{INSTALLATION, KUBERNETES_CLUSTER, MANAGED_BY, Owner, Tags};
use planner::ports::Scheme;

use crate::balancing::{balancer, listener, rule, steady, target_group};
use crate::permissions::{ACCOUNT, owner, tags};
use crate::world::{at, launch, sim};

fn governed(settings: Settings) -> Sim {
    let mut sim = sim(settings);
    sim.attach_all(Policy::all_shipped(ACCOUNT, "k-1", "main").unwrap().map(Arc::new));
    sim
}

fn call<T>(
    sim: &mut Sim,
    call: Call,
    second: i64,
    operation: impl FnOnce(&mut Sim, jiff::Timestamp) -> Outcome<T> + Send + 'static,
) -> Result<T, String> {
    match sim.call(call.by(Principal::Operator), at(second), operation) {
        Reply::Whole(outcome) => outcome.map_err(|error| error.code),
        _ => panic!("no whole answer"),
    }
}

fn create_balancer(sim: &mut Sim, request: CreateLoadBalancer) -> Result<String, String> {
    let request = Arc::new(request);
    let about = Call::about(About::NewLoadBalancer(request.clone()));
    call(sim, about, 0, move |sim, now| sim.elb(now).create_load_balancer(&request)).map(|made| made.arn.clone())
}

fn create_group(sim: &mut Sim, request: CreateTargetGroup) -> Result<String, String> {
    let request = Arc::new(request);
    let about = Call::about(About::NewTargetGroup(request.clone()));
    call(sim, about, 0, move |sim, now| sim.elb(now).create_target_group(&request)).map(|made| made.arn)
}

fn create_listener(sim: &mut Sim, request: CreateListener) -> Result<String, String> {
    let request = Arc::new(request);
    let about = Call::about(About::NewListener(request.clone()));
    call(sim, about, 1, move |sim, now| sim.elb(now).create_listener(&request)).map(|made| made.arn.clone())
}

fn create_rule(sim: &mut Sim, request: CreateRule) -> Result<String, String> {
    let request = Arc::new(request);
    let about = Call::about(About::NewRule(request.clone()));
    call(sim, about, 1, move |sim, now| sim.elb(now).create_rule(&request)).map(|made| made.arn.clone())
}

/// A call that changes or deletes the thing with this ARN.
fn change(sim: &mut Sim, action: Action, arn: &str, ids: &[String], second: i64) -> Result<(), String> {
    let (about, arn, ids) = (About::Thing(action, arn.to_owned()), arn.to_owned(), ids.to_vec());
    call(sim, Call::about(about), second, move |sim, now| {
        let mut elb = sim.elb(now);
        match action {
            Action::DeleteLoadBalancer => elb.delete_load_balancer(&arn),
            Action::DeleteTargetGroup => elb.delete_target_group(&arn),
            Action::DeleteRule => elb.delete_rule(&arn),
            Action::RegisterTargets => elb.register_targets(&arn, &ids),
            Action::DeregisterTargets => elb.deregister_targets(&arn, &ids),
            _ => elb.modify_target_group_attributes(&arn, &Default::default()).map(drop),
        }
    })
}

fn ours(name: &str) -> CreateLoadBalancer {
    CreateLoadBalancer { tags: tags(), ..balancer(name) }
}

fn our_group(name: &str) -> CreateTargetGroup {
    CreateTargetGroup { tags: tags(), ..target_group(name) }
}

const DENIED: &str = "AccessDenied";

#[test]
fn what_the_operator_does_passes_from_the_first_load_balancer_of_an_account_to_the_last_group() {
    let first = LoadBalancing { is_first: true, ..steady().load_balancing };
    let mut sim = governed(Settings { load_balancing: first, ..steady() });
    let arn = create_balancer(&mut sim, ours("cb-one")).unwrap();
    let group = create_group(&mut sim, our_group("cb-group")).unwrap();
    let ids = launch(&mut sim, 1, "token", 0);
    let its_listener = create_listener(&mut sim, CreateListener { tags: tags(), ..listener(&arn, 8080) }).unwrap();
    let new = CreateRule { tags: tags(), ..rule(&its_listener, 1, "/cluster1", &group) };
    let its_rule = create_rule(&mut sim, new).unwrap();
    for (action, thing) in [
        (Action::ModifyTargetGroupAttributes, &group),
        (Action::RegisterTargets, &group),
        (Action::DeregisterTargets, &group),
        (Action::DeleteRule, &its_rule),
        (Action::DeleteTargetGroup, &group),
        (Action::DeleteLoadBalancer, &arn),
    ] {
        change(&mut sim, action, thing, &ids, 20).unwrap_or_else(|code| panic!("{action:?}: {code}"));
    }
    let lists = cloudsim::elb::Action::ALL.iter().filter(|action| action.name().starts_with("Describe"));
    for action in lists {
        call(&mut sim, Call::new(*action), 21, |_, _| Ok(())).unwrap_or_else(|code| panic!("{action:?}: {code}"));
    }
    let metrics = cloudsim::cloudwatch::Action::GetMetricData;
    assert_eq!(call(&mut sim, Call::new(metrics), 21, |_, _| Ok(())), Ok(()));
    // Nobody needs a list of metrics.
    let listed = call(&mut sim, Call::new(cloudsim::cloudwatch::Action::ListMetrics), 21, |_, _| Ok(()));
    assert_eq!(listed, Err(DENIED.to_owned()));
    assert_eq!((sim.audit().load_balancers, sim.audit().target_groups), (0, 0));
}

#[test]
fn one_policy_alone_does_not_do() {
    let mut sim = sim(steady());
    let ec2_only = Arc::new(Policy::shipped(ACCOUNT, "k-1", "main").unwrap());
    sim.attach(ec2_only);
    assert_eq!(create_balancer(&mut sim, ours("cb-one")), Err(DENIED.to_owned()));
    sim.attach(Arc::new(Policy::shipped_application(ACCOUNT, "k-1", "main").unwrap()));
    let lists = Call::new(cloudsim::ec2::Action::DescribeInstances);
    assert_eq!(call(&mut sim, lists, 0, |_, _| Ok(())), Err("UnauthorizedOperation".to_owned()));
    assert!(create_balancer(&mut sim, ours("cb-one")).is_ok());
}

#[test]
fn every_near_miss_of_a_create_is_refused() {
    let without = |key: &str| {
        let mut tags = tags();
        tags.remove(key);
        tags
    };
    let other = Owner { installation: "mai".into(), ..owner() }.tags(&Tags::new());
    let wrong_tags = [without(MANAGED_BY), without(INSTALLATION), without(KUBERNETES_CLUSTER), other, Tags::new()];
    for tags in wrong_tags {
        let mut sim = governed(steady());
        let balancer = CreateLoadBalancer { tags: tags.clone(), ..ours("cb-one") };
        assert_eq!(create_balancer(&mut sim, balancer), Err(DENIED.to_owned()), "{tags:?}");
        let group = CreateTargetGroup { tags: tags.clone(), ..our_group("cb-a") };
        assert_eq!(create_group(&mut sim, group), Err(DENIED.to_owned()), "{tags:?}");
        assert_eq!((sim.audit().load_balancers, sim.audit().target_groups), (0, 0));
    }
    let mut sim = governed(steady());
    let facing = |name: &str| CreateLoadBalancer { scheme: Scheme::InternetFacing, ..ours(name) };
    assert_eq!(create_balancer(&mut sim, facing("web")), Err(DENIED.to_owned()));
    let untagged = CreateLoadBalancer { tags: without(MANAGED_BY), ..facing("cb-facing") };
    assert_eq!(create_balancer(&mut sim, untagged), Err(DENIED.to_owned()));
    assert!(create_balancer(&mut sim, facing("cb-facing")).is_ok());
    // Names that are not ours.
    assert_eq!(create_balancer(&mut sim, ours("web")), Err(DENIED.to_owned()));
    assert_eq!(create_group(&mut sim, our_group("web")), Err(DENIED.to_owned()));
}

#[test]
fn what_is_of_others_or_lost_its_tags_is_left_alone() {
    let mut sim = governed(steady());
    let mut other = tags();
    other.insert(INSTALLATION.into(), "another".into());
    let theirs = sim.elb(at(0)).plant_load_balancer("cb-theirs", LoadBalancerKind::Application, other.clone()).unwrap();
    let their_group = sim.elb(at(0)).plant_target_group("cb-theirs", other).unwrap();
    let ids = launch(&mut sim, 1, "token", 0);
    let denied = Err(DENIED.to_owned());
    assert_eq!(change(&mut sim, Action::DeleteLoadBalancer, &theirs, &[], 20), denied);
    for action in [
        Action::DeleteTargetGroup,
        Action::ModifyTargetGroupAttributes,
        Action::RegisterTargets,
        Action::DeregisterTargets,
    ] {
        assert_eq!(change(&mut sim, action, &their_group, &ids, 20), denied, "{action:?}");
    }
    let on_theirs = CreateListener { tags: tags(), ..listener(&theirs, 8080) };
    assert_eq!(create_listener(&mut sim, on_theirs), Err(DENIED.to_owned()));
    // Ours, until somebody takes a tag away; and what is not there has none.
    let arn = create_balancer(&mut sim, ours("cb-one")).unwrap();
    let its_listener = create_listener(&mut sim, CreateListener { tags: tags(), ..listener(&arn, 8080) }).unwrap();
    let group = create_group(&mut sim, our_group("cb-group")).unwrap();
    let untagged = create_rule(&mut sim, rule(&its_listener, 1, "/cluster1", &group)).unwrap();
    assert_eq!(change(&mut sim, Action::DeleteRule, &untagged, &[], 21), denied, "a rule without tags");
    sim.elb(at(21)).retag_balancer_by_hand(&arn, |tags| drop(tags.remove(INSTALLATION)));
    assert_eq!(change(&mut sim, Action::DeleteLoadBalancer, &arn, &[], 22), denied);
    assert_eq!(change(&mut sim, Action::DeleteLoadBalancer, &format!("{arn}0"), &[], 22), denied);
    assert_eq!(sim.foreign_touched(), [""; 0]);
}

#[test]
fn the_first_load_balancer_of_an_account_needs_the_role() {
    let first = Settings { load_balancing: LoadBalancing { is_first: true, ..steady().load_balancing }, ..steady() };
    let text = Policy::shipped_application_text(ACCOUNT, "k-1", "main");
    let without = text.replace("iam:CreateServiceLinkedRole", "iam:GetRole");
    let mut sim = sim(first);
    sim.attach(Arc::new(Policy::parse(&without).unwrap()));
    assert_eq!(create_balancer(&mut sim, ours("cb-one")), Err(DENIED.to_owned()));
    let other_service = text.replace("\"elasticloadbalancing.amazonaws.com\"", "\"spot.amazonaws.com\"");
    sim.attach(Arc::new(Policy::parse(&other_service).unwrap()));
    assert_eq!(create_balancer(&mut sim, ours("cb-one")), Err(DENIED.to_owned()));
    sim.attach(Arc::new(Policy::parse(&text).unwrap()));
    create_balancer(&mut sim, ours("cb-one")).unwrap();
    sim.attach(Arc::new(Policy::parse(&without).unwrap()));
    create_balancer(&mut sim, ours("cb-two")).unwrap();
}

#[test]
fn a_denial_says_who_may_not_do_what_with_what() {
    let mut sim = governed(steady());
    let request = Arc::new(balancer("cb-one"));
    let about = Call::about(About::NewLoadBalancer(request.clone())).by(Principal::Operator);
    let Reply::Whole(Err(error)) = sim.call(about, at(0), move |sim, now| sim.elb(now).create_load_balancer(&request))
    else {
        panic!("it passed")
    };
    assert_eq!(
        error.to_string(),
        "AccessDenied: User: arn:aws:iam::000000000000:user/operator is not authorized to perform: \
         elasticloadbalancing:CreateLoadBalancer on resource: \
         arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/cb-one/* because no identity-based policy \
         allows the elasticloadbalancing:CreateLoadBalancer action"
    );
    assert_eq!(error.status, 403);
}
