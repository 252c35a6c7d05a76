//! Load balancers that face the internet: what they need, who is let in, and a change of the scheme.

use planner::ports::{Egress, Rule, Scheme, Source};
use planner::world::Facet;
use planner::{Action, World, plan};

use crate::fixture::{behind, world};
use crate::spelling::planned;

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
    let mut internal = world(&behind("run none"));
    with_public_addresses(&mut internal);
    assert!(starts(&internal) && allowed(&internal).is_empty());
    let mut facing = world(&behind("facing\nrun none"));
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

/// Its public address is somebody else's sooner or later.
#[test]
fn the_rule_of_a_generator_that_is_gone_is_revoked() {
    let rule = |from: &str| Rule { from_port: 8080, to_port: 8080, source: Source::Cidr(from.parse().unwrap()) };
    let [own, gone, network] = ["198.51.100.3/32", "198.51.100.9/32", "203.0.113.0/24"].map(rule);
    let with_rules = |text: &str| {
        let mut world = world(&behind(text));
        with_public_addresses(&mut world);
        let Facet::Known(groups) = &mut world.cloud.groups else { panic!("not listed") };
        groups[1].ingress.extend([&own, &gone, &network].map(Clone::clone));
        world
    };
    let revoked = |world: &World| {
        let plan = plan(world);
        let rule = |action: &Action| match action {
            Action::RevokeIngress { group_id, rule, .. } => Some((group_id.clone(), rule.clone())),
            _ => None,
        };
        plan.actions().filter_map(rule).collect::<Vec<_>>()
    };
    let of_edge = |rule: &Rule| ("sg-edge".to_owned(), rule.clone());
    // Networks are people's, and so are other ports.
    assert_eq!(revoked(&with_rules("facing\nrun none")), [of_edge(&gone)]);
    assert_eq!(
        revoked(&with_rules("run none")),
        [],
        "no generator ever came by a public address: they are somebody's own"
    );
    let back = |kind: api::BalancerKind| {
        let mut world = with_rules("run none");
        world.object.spec.balancer.kind = kind;
        world.object.status.placement.as_mut().unwrap().balancer.as_mut().unwrap().was_internet_facing = true;
        world
    };
    for kind in [api::BalancerKind::Application, api::BalancerKind::Custom] {
        assert_eq!(revoked(&back(kind)), [of_edge(&own), of_edge(&gone)], "nobody comes by public addresses any more");
    }
    let mut asked = with_rules("facing\nrun none");
    asked.object.spec.network.get_or_insert_default().ingress_cidrs = vec!["198.51.100.9/32".into()];
    assert_eq!(revoked(&asked), []);
    // A list from the past shows a former generator, or the wanted one without its address.
    let mut late = with_rules("facing\nrun none");
    let Facet::Known(instances) = &mut late.cloud.instances else { panic!("not listed") };
    instances[2].public_address = None;
    assert_eq!(revoked(&late), []);
    assert_eq!(revoked(&with_rules("facing\nrun running")), [], "a run is on");
    let mut custom = world(&format!("{}run none", crate::fixture::COMPLETE));
    let Facet::Known(groups) = &mut custom.cloud.groups else { panic!("not listed") };
    groups[1].ingress.push(gone.clone());
    assert_eq!(revoked(&custom), [], "there was never a load balancer");
}

/// The former one serves as it is, and what keeps the next one away is said where people look.
#[test]
fn a_scheme_that_is_refused_later_is_said_in_all_conditions() {
    let mut world = world(&behind("zones b\nrun none"));
    with_public_addresses(&mut world);
    world.object.spec.balancer.application.as_mut().unwrap().scheme = api::Scheme::InternetFacing;
    let Some(Facet::Known(subnets)) = world.site.as_mut().map(|site| &mut site.subnets) else { panic!() };
    subnets[0].egress = Egress::Nat;
    let text = crate::spelling::spell(&world, &plan(&world));
    assert!(text.starts_with("Accepted=False NoEgress"), "nothing is done: {text}");
    let see = "=False Waiting: see Accepted: balancer.application.scheme: an InternetFacing load balancer needs";
    for condition in ["Provisioned", "Deployed"] {
        assert!(text.contains(&format!("{condition}{see}")), "{text}");
    }
    assert!(!text.contains("not looked at"), "{text}");
    world.site = None;
    let text = crate::spelling::spell(&world, &plan(&world));
    assert!(text.contains("Deployed=False Waiting: the subnets that the load balancer could have"), "{text}");
}

#[test]
fn a_change_of_the_scheme_is_another_load_balancer_with_the_next_number() {
    let mut world = world(&behind("zones b\nrun none"));
    with_public_addresses(&mut world);
    assert_eq!(plan(&world).placement, world.object.status.placement);
    let application = world.object.spec.balancer.application.as_mut().unwrap();
    application.scheme = api::Scheme::InternetFacing;
    let placed = plan(&world).placement.unwrap().balancer.unwrap();
    assert_eq!((placed.number, placed.scheme), (2, api::Scheme::InternetFacing));
    assert!(!placed.was_internet_facing);
    let former = serde_json::to_value(&world.object.status.placement).unwrap();
    assert!(former["balancer"].get("scheme").is_none(), "what was written before says nothing of it");
    world.object.status.placement.as_mut().unwrap().balancer = Some(placed);
    let names: Vec<&str> = plan(&world).actions().map(Action::name).collect();
    assert!(names.contains(&"DeleteLoadBalancer") && !names.contains(&"CreateLoadBalancer"), "{names:?}");
    assert!(!names.contains(&"Terminate"), "the workers stay");
    // That generators were let in is remembered for good.
    for (scheme, number) in [(api::Scheme::Internal, 3), (api::Scheme::InternetFacing, 4)] {
        world.object.spec.balancer.application.as_mut().unwrap().scheme = scheme;
        let placed = plan(&world).placement.unwrap().balancer.unwrap();
        assert_eq!((placed.number, placed.scheme, placed.was_internet_facing), (number, scheme, true));
        world.object.status.placement.as_mut().unwrap().balancer = Some(placed);
    }
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
