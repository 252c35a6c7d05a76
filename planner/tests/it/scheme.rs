//! Load balancers that face the internet: what they need, who is let in, and a change of the scheme.

use planner::ports::{Egress, Rule, Scheme, Source};
use planner::world::Facet;
use planner::{Action, World, plan};

use crate::fixture::world;
use crate::spelling::planned;

const RUNNING: &str = "
    application
    line a/1 x2 closed ids i-1,i-2
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-g generator/1 running
    front active
    routes
    targets i-1=healthy i-2=healthy
    run none
";

fn created(world: &World) -> Option<(String, Scheme)> {
    plan(world).actions().find_map(|action| match action {
        Action::CreateLoadBalancer(request) => Some((request.name.clone(), request.scheme)),
        _ => None,
    })
}

fn with_public_addresses(world: &mut World) {
    let Facet::Known(instances) = &mut world.cloud.instances else { panic!("not listed") };
    for (number, instance) in (1..).zip(instances) {
        instance.public_address = Some(std::net::Ipv4Addr::new(198, 51, 100, number));
    }
}

#[test]
fn it_is_made_as_the_spec_asks() {
    assert_eq!(created(&world("application")).unwrap().1, Scheme::Internal);
    assert_eq!(created(&world("application\nfacing")).unwrap().1, Scheme::InternetFacing);
}

/// The load balancer sees a generator by the address that the gateway gives it, which no rule by group stands for.
#[test]
fn generators_are_let_in_by_their_public_addresses_before_anything_is_measured() {
    let starts = |world: &World| plan(world).actions().any(|action| matches!(action, Action::StartRun { .. }));
    let allowed = |world: &World| {
        let plan = plan(world);
        let rule = |action: &Action| match action {
            Action::AuthorizeIngress { group_id, rule, .. } => Some((group_id.clone(), rule.clone())),
            _ => None,
        };
        plan.actions().filter_map(rule).collect::<Vec<_>>()
    };
    let mut internal = world(RUNNING);
    with_public_addresses(&mut internal);
    assert!(starts(&internal) && allowed(&internal).is_empty());
    let mut facing = world(&format!("facing\n{RUNNING}"));
    with_public_addresses(&mut facing);
    let source = Source::Cidr("198.51.100.3/32".parse().unwrap());
    let rule = Rule { from_port: 8080, to_port: 8080, source };
    assert_eq!(allowed(&facing), [("sg-edge".to_owned(), rule.clone())]);
    assert!(!starts(&facing));
    let said = crate::spelling::spell(&facing, &plan(&facing));
    assert!(said.contains("Provisioned=False BalancerProvisioning: 3 of 3 instances run; the public addresses of the generators are being let in"), "{said}");
    let Facet::Known(groups) = &mut facing.cloud.groups else { panic!("not listed") };
    groups[1].ingress.push(rule);
    assert!(starts(&facing) && allowed(&facing).is_empty());
}

#[test]
fn a_change_of_the_scheme_is_another_load_balancer_with_the_next_number() {
    let mut world = world(&format!("zones b\n{RUNNING}"));
    with_public_addresses(&mut world);
    assert_eq!(plan(&world).placement, world.object.status.placement);
    let application = world.object.spec.balancer.application.as_mut().unwrap();
    application.scheme = api::Scheme::InternetFacing;
    let placed = plan(&world).placement.unwrap().balancer.unwrap();
    assert_eq!((placed.number, placed.scheme), (2, api::Scheme::InternetFacing));
    let former = serde_json::to_value(&world.object.status.placement).unwrap();
    assert!(former["balancer"].get("scheme").is_none(), "what was written before says nothing of it");
    world.object.status.placement.as_mut().unwrap().balancer = Some(placed);
    let names: Vec<&str> = plan(&world).actions().map(Action::name).collect();
    assert!(names.contains(&"DeleteLoadBalancer") && !names.contains(&"CreateLoadBalancer"), "{names:?}");
    assert!(!names.contains(&"Terminate"), "the workers stay");
}

#[test]
fn without_a_way_from_the_internet_it_is_refused_with_the_way_out() {
    let unplaced = "application\nfacing\nunplaced\ngroups none\nzones b";
    assert!(!planned(unplaced).contains("Accepted=False"), "{}", planned(unplaced));
    let refused = |change: &dyn Fn(&mut World)| {
        let mut world = world(unplaced);
        change(&mut world);
        crate::spelling::spell(&world, &plan(&world))
    };
    let egress = |zone: usize, egress: Egress| {
        move |world: &mut World| {
            let Some(Facet::Known(subnets)) = world.site.as_mut().map(|site| &mut site.subnets) else { panic!() };
            subnets[zone].egress = egress;
        }
    };
    // A subnet with a way is taken before one without.
    let own = refused(&|world| (0..2).for_each(|zone| egress(zone, Egress::Nat)(world)));
    assert!(
        own.contains("Accepted=False NoEgress: balancer.application.scheme: an InternetFacing load balancer needs"),
        "{own}"
    );
    assert!(own.contains("set scheme Internal, or delete the benchmark"), "{own}");
    let second = refused(&egress(1, Egress::Nat));
    assert!(
        second.contains("Accepted=False NeedsSecondZone") && second.contains("a route to an internet gateway"),
        "{second}"
    );
    let private = refused(&|world| {
        let network = api::Network { addressing: api::Addressing::Private, ..api::Network::default() };
        world.object.spec.network = Some(network);
    });
    assert!(private.contains("network.addressing Private gives them none: set scheme Internal"), "{private}");
}

#[test]
fn the_report_says_that_it_is_reached_over_public_addresses() {
    let settings = |text: &str| planner::desired::settings(&world(text).object.spec).join("\n");
    assert!(settings("application\nfacing").contains("internet-facing and reached over its public addresses"));
    assert!(!settings("application").contains("internet-facing"));
    assert!(settings("shared / measured").contains("shared path: / of all members, measured"));
}
