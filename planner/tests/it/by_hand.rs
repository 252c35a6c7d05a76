//! Changes that people make at a load balancer with a console of their own, and what the cloud refuses about it.

use planner::ports::{LoadBalancer, Scheme, TargetGroup};
use planner::world::Facet;
use planner::{Action, CloudError, Done, Failure, Outcome, World, plan, status};

use crate::fixture::{behind, seconds, world};
use crate::spelling::spell;

fn front(world: &mut World) -> (&mut LoadBalancer, &mut TargetGroup) {
    let (Facet::Known(balancers), Facet::Known(groups)) =
        (&mut world.cloud.load_balancers, &mut world.cloud.target_groups)
    else {
        panic!("not listed")
    };
    (&mut balancers[0], &mut groups[0])
}

/// The run that was due is not begun, and the message says what is and what should be.
fn said(change: impl FnOnce(&mut LoadBalancer, &mut TargetGroup)) -> String {
    let mut world = world(&behind("run none"));
    let (balancer, group) = front(&mut world);
    change(balancer, group);
    let plan = plan(&world);
    assert!(!plan.actions().any(|action| matches!(action, Action::StartRun { .. })));
    let text = spell(&world, &plan);
    assert!(text.contains("stalled by Provisioned"), "{text}");
    let provisioned =
        text.lines().find_map(|line| line.strip_prefix("Provisioned=False ChangedByHand: 3 of 3 instances run; "));
    provisioned.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn what_cannot_be_set_back_is_said_with_the_way_out_and_nothing_is_measured() {
    let checked = said(|_, group| {
        (group.health_check.path, group.health_check.interval_seconds) = ("/".into(), 30);
    });
    assert_eq!(
        checked,
        "the health check of target group cb-ifrtq65mhkrlm4nkk6k4-xs4aodp4 of a is GET / every 30 s within 2 s for 200-499, 2 times to be healthy and 2 to be unhealthy and not GET /health every 5 s within 2 s for 200-499, 2 times to be healthy and 2 to be unhealthy, which is not the operator's doing: set it back, or change balancer.application.healthCheck, which makes another target group"
    );
    let name = "load balancer cb-hoio4xdtaerct4pcccs7-1";
    let way_out = "which is not the operator's doing: set it back, or delete the load balancer, and it is made again";
    assert_eq!(
        said(|balancer, _| balancer.scheme = Scheme::InternetFacing),
        format!("{name} is internet-facing and not internal, {way_out}")
    );
    assert_eq!(
        said(|balancer, _| balancer.subnet_ids.push("subnet-c".into())),
        format!("{name} has the subnets subnet-a and subnet-b and subnet-c and not subnet-a and subnet-b, {way_out}")
    );
    assert_eq!(
        said(|balancer, _| balancer.group_ids = vec!["sg-open".into()]),
        format!("{name} has the security groups sg-open and not sg-edge and sg-members, {way_out}")
    );
}

#[test]
fn what_is_as_it_was_made_is_measured_through_in_whatever_order_it_is_listed() {
    let mut world = world(&behind("run none"));
    let (balancer, _) = front(&mut world);
    balancer.subnet_ids.reverse();
    balancer.group_ids.reverse();
    assert!(plan(&world).actions().any(|action| matches!(action, Action::StartRun { .. })));
}

/// Listener and rules are parts of one load balancer; what is refused for the one says nothing of the others.
#[test]
fn a_refusal_is_of_one_part_and_one_deed() {
    let mut world = world(&behind("run none"));
    let Some(Facet::Known(seen)) = &mut world.application else { panic!("not looked at") };
    seen.listeners[0].rules[0].paths = vec!["/old".into()];
    let delete = plan(&world).actions().find(|action| matches!(action, Action::DeleteRule { .. })).unwrap().clone();
    seen_rules(&mut world).clear();
    let create = plan(&world).actions().find(|action| matches!(action, Action::CreateRule { .. })).unwrap().clone();
    let register = {
        let mut world = world.clone();
        let Some(Facet::Known(seen)) = &mut world.application else { panic!("not looked at") };
        seen.targets.values_mut().for_each(Vec::clear);
        plan(&world).actions().find(|action| matches!(action, Action::RegisterTargets { .. })).unwrap().clone()
    };
    let denied = || Err::<Done, _>(CloudError::new(Failure::Unauthorized, "AccessDenied", "no"));
    let failure = |world: &World, action: &Action, result| {
        Outcome::of(world, action.clone(), result).result.map_err(|error| error.failure).err()
    };
    let pass = |world: &mut World, results: [(&Action, Result<Done, CloudError>); 3]| {
        let outcomes = results.map(|(action, result)| Outcome::of(world, action.clone(), result));
        world.memory.acted(&world.clone(), &outcomes);
        world.now += seconds(31);
    };
    // The deletion of a rule is refused in each pass; another rule is made meanwhile, and refused only at the end.
    for _ in 0..2 {
        pass(&mut world, [(&delete, denied()), (&create, Ok(Done::Ok)), (&register, Ok(Done::Ok))]);
    }
    assert_eq!(failure(&world, &delete, denied()), Some(Failure::Unauthorized), "lists go on showing it");
    assert_eq!(failure(&world, &create, denied()), Some(Failure::NotFound), "a list may be late");
    assert_eq!(failure(&world, &register, denied()), Some(Failure::NotFound));
    // Both are refused: neither makes the other one begin anew.
    for _ in 0..2 {
        pass(&mut world, [(&delete, denied()), (&create, denied()), (&register, Ok(Done::Ok))]);
    }
    assert_eq!(failure(&world, &create, denied()), Some(Failure::Unauthorized));
    let outcome = Outcome::of(&world, create.clone(), denied());
    let status = status(&world, &plan(&world), &[outcome]);
    let deployed = status.conditions.iter().find(|condition| condition.type_ == "Deployed").unwrap();
    assert_eq!(deployed.reason, "Unauthorized");
    assert!(deployed.message.starts_with("route /a in cb-"), "{}", deployed.message);
}

fn seen_rules(world: &mut World) -> &mut Vec<planner::ports::ListenerRule> {
    let Some(Facet::Known(seen)) = &mut world.application else { panic!("not looked at") };
    &mut seen.listeners[0].rules
}
