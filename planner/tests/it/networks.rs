//! The VPC of a benchmark that names no subnets, and the way of the operator's own requests to its instances.

use std::net::IpAddr;

use api::Control;
use insta::assert_snapshot;
use planner::cost::hourly;
use planner::ports::*;
use planner::provision::own_vpc::{find, question, subnets};
use planner::provision::placement::choose;
use planner::world::*;
use planner::{Action, Failure, desired, plan};

use crate::fixture::{COMPLETE, world};
use crate::placing::{Case, case, subnet};
use crate::spelling::spell;

const POD: &str = "10.1.2.3";
const NODE: &str = "10.1.0.9";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn own(pod: &str, node: &str) -> OwnAddresses {
    let read = |text: &str| (!text.is_empty()).then(|| ip(text));
    OwnAddresses { pod: read(pod), node: read(node) }
}

fn unanswered() -> Unknown {
    Unknown { failure: Failure::Throttled, message: "RequestLimitExceeded".into() }
}

/// The operator knows itself to be in vpc-7, and was told no control sources.
fn at_home() -> Case {
    let mut case = case("a=t2.large*2");
    case.world.settings.control_sources = Vec::new();
    case.world.settings.own_addresses = own(POD, NODE);
    let cidrs = ["10.1.0.0/16", "100.64.0.0/16"].map(|cidr| cidr.parse().unwrap()).to_vec();
    case.site.own_vpc = Some(Facet::Known(OwnVpc::Found { id: "vpc-7".into(), address: ip(NODE), cidrs }));
    let of_vpc = |one: Subnet| Subnet { vpc_id: "vpc-7".into(), ..one };
    case.site.subnets = Facet::Known(vec![of_vpc(subnet("subnet-a", "zone-a", 100, Egress::Nat))]);
    case
}

fn nowhere(case: &mut Case) {
    let why = format!("no network interface in eu-west-1 has the operator's address {NODE}");
    case.site.own_vpc = Some(Facet::Known(OwnVpc::NotFound(why)));
}

fn publicly(mut case: Case, sources: &[&str]) -> Case {
    let network = case.world.object.spec.network.get_or_insert_default();
    network.control = Control::Public;
    case.world.settings.control_sources = sources.iter().map(|source| source.parse().unwrap()).collect();
    case
}

/// Name, addresses of the operator, addresses with the VPCs that their interfaces are in, and the VPC or the complaint.
type Row = (&'static str, OwnAddresses, &'static [(&'static str, &'static str)], Result<&'static str, &'static str>);

#[test]
fn the_vpc_is_that_of_the_node_and_of_its_pod() {
    let rows: [Row; 9] = [
        ("EKS", own(POD, NODE), &[(POD, "vpc-1"), (NODE, "vpc-1")], Ok("vpc-1")),
        ("an overlay, or prefixes", own(POD, NODE), &[(NODE, "vpc-1")], Ok("vpc-1")),
        ("the node's network", own(NODE, NODE), &[(NODE, "vpc-1")], Ok("vpc-1")),
        ("an overlay's address that a stranger has", own(POD, NODE), &[(POD, "vpc-2"), (NODE, "vpc-1")], Ok("vpc-1")),
        ("a laptop, and a stranger", own(POD, NODE), &[(POD, "vpc-2")], Err("no network interface in eu-west-1 has")),
        (
            "blocks overlap, and the pod tells",
            own(POD, NODE),
            &[(NODE, "vpc-1"), (NODE, "vpc-2"), (POD, "vpc-2")],
            Ok("vpc-2"),
        ),
        (
            "blocks overlap",
            own(POD, NODE),
            &[(NODE, "vpc-1"), (NODE, "vpc-2"), (POD, "vpc-1"), (POD, "vpc-2")],
            Err("network interfaces of several VPCs in eu-west-1 have the operator's address 10.1.0.9: vpc-1, vpc-2"),
        ),
        ("no node is known", own(POD, ""), &[(POD, "vpc-1")], Ok("vpc-1")),
        ("nobody", own(POD, NODE), &[], Err("has the operator's address 10.1.0.9")),
    ];
    for (row, own, found, expected) in rows {
        let found: Vec<_> = found.iter().map(|(address, vpc)| (ip(address), (*vpc).to_owned())).collect();
        match (find(&own, "eu-west-1", &found), expected) {
            (Ok((vpc, _)), Ok(expected)) => assert_eq!(vpc, expected, "{row}"),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{row}: {why}"),
            (found, _) => panic!("{row}: {found:?}"),
        }
    }
}

#[test]
fn without_subnets_it_is_placed_where_the_operator_is() {
    let case = at_home();
    let placement = choose(&case.world, &case.site).unwrap();
    assert_eq!((placement.vpc_id.as_str(), placement.vpc_chosen_by.as_str()), ("vpc-7", "OperatorAddress"));
    assert_eq!(placement.control_sources, ["10.1.0.0/16", "100.64.0.0/16"], "all blocks");
    assert_eq!(placement.control, "");
    let mut world = case.world.clone();
    (world.site, world.cloud.groups) = (Some(case.site), Facet::Known(Vec::new()));
    assert_snapshot!(spell(&world, &plan(&world)), @"
    place in subnet-a Private
    Accepted=True Placed: the spec can be placed in vpc-7, which the operator is in
    wake 0s
    ");
    // It is frozen: a look later the message is the same, and nobody is asked again.
    world.object.status.placement = Some(placement);
    assert_eq!(question(&world), None);
    assert_eq!(subnets(&world, None), Ok(SubnetsOf::Vpc("vpc-7".into())));
    assert!(spell(&world, &plan(&world)).contains("Accepted=True Placed: the spec can be placed in vpc-7, which"));
}

#[test]
fn what_is_not_known_is_waited_for_and_is_no_default_vpc() {
    let mut case = at_home();
    let unknown = Facet::Unknown(unanswered());
    assert_eq!(subnets(&case.world, Some(&unknown)), Err(unanswered()));
    (case.site.own_vpc, case.site.subnets) = (Some(unknown), Facet::Unknown(unanswered()));
    assert_eq!(case.said(), "unknown: RequestLimitExceeded");
    // Told or not where requests come from: the VPC is not known.
    case.world.settings.control_sources = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(case.said(), "unknown: RequestLimitExceeded");
    let mut world = case.world;
    (world.site, world.cloud.groups) = (Some(case.site), Facet::Known(Vec::new()));
    let plan = plan(&world);
    assert_eq!(plan.actions().count(), 0);
    assert!(plan.placement.is_none() && spell(&world, &plan).contains("Accepted=Unknown Throttled"));
}

#[test]
fn it_is_asked_where_something_depends_on_it() {
    let asked = |change: &dyn Fn(&mut World)| {
        let mut world = at_home().world;
        change(&mut world);
        question(&world).is_some()
    };
    let named = |world: &mut World| {
        world.object.spec.network.get_or_insert_default().subnet_ids = vec!["subnet-a".into()];
    };
    let told = |world: &mut World| world.settings.control_sources = vec!["10.0.0.0/8".parse().unwrap()];
    assert!(asked(&|_| ()) && asked(&named) && asked(&told));
    assert!(!asked(&|world| (named(world), told(world)).0), "subnets and sources are both said");
    assert!(!asked(&|world| world.object.spec.region = Some("us-east-1".into())), "it is not in another region");
    assert!(!asked(&|world| world.settings.own_addresses = OwnAddresses::default()));
}

#[test]
fn who_is_nowhere_uses_the_default_vpc_if_it_was_told_its_networks() {
    let mut case = at_home();
    nowhere(&mut case);
    assert_eq!(subnets(&case.world, case.site.own_vpc.as_ref()), Ok(SubnetsOf::Default));
    assert_snapshot!(case.said(), @"NoControlSources: the operator does not know which networks its requests to instances come from: no network interface in eu-west-1 has the operator's address 10.1.0.9. Set controlSources (--control-sources) to these, if it reaches private addresses of the VPC; if not, to its public ones, such as 203.0.113.7/32, and create the benchmark again with network.control Public");
    case.world.settings.control_sources = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(case.said(), "subnet-a zone-a Private");
    let placement = choose(&case.world, &case.site).unwrap();
    assert_eq!((placement.vpc_chosen_by.as_str(), placement.control_sources), ("", vec!["10.0.0.0/8".to_owned()]));
    case.site.subnets = Facet::Known(Vec::new());
    assert_snapshot!(case.said(), @"NoDefaultVpc: eu-west-1 has no default VPC with subnets, and no network interface in eu-west-1 has the operator's address 10.1.0.9: delete the benchmark and create it with network.subnetIds");
}

/// A laptop: what it is seen by is no address that instances could be dialled from inside.
#[test]
fn from_public_addresses_alone_no_private_address_is_reached() {
    let told = |sources: &[&str]| {
        let mut case = at_home();
        nowhere(&mut case);
        case.world.settings.control_sources = sources.iter().map(|source| source.parse().unwrap()).collect();
        case.said()
    };
    assert_snapshot!(told(&["203.0.113.7/32"]), @"NoControlSources: of controlSources (--control-sources) all are single public addresses (203.0.113.7/32), and from such no private address of a VPC is reached: delete the benchmark and create it with network.control Public, or set controlSources to the networks that the operator's requests arrive from in the VPC");
    for inside in ["10.0.0.7/32", "100.64.0.1/32", "203.0.113.0/24"] {
        assert_eq!(told(&["203.0.113.7/32", inside]), "subnet-a zone-a Private", "{inside}");
    }
}

#[test]
fn in_another_region_the_networks_have_to_be_told() {
    let mut case = at_home();
    case.world.object.spec.region = Some("us-east-1".into());
    case.site.own_vpc = None;
    assert_snapshot!(case.said(), @"NoControlSources: the operator does not know which networks its requests to instances come from: region us-east-1 is not the operator's own, eu-west-1. Set controlSources (--control-sources) to these, if it reaches private addresses of the VPC; if not, to its public ones, such as 203.0.113.7/32, and create the benchmark again with network.control Public");
}

#[test]
fn a_public_control_port_is_for_single_addresses() {
    let said = |sources: &[&str]| publicly(case("a=t2.large*2"), sources).said();
    assert_snapshot!(said(&[]), @"NoControlSources: network.control: Public opens the control port of instances to the public addresses that the operator's requests come from, and it knows none: set controlSources (--control-sources) to these, such as 203.0.113.7/32");
    assert_snapshot!(said(&["203.0.113.7/32", "10.0.0.0/8"]), @"ControlTooWide: network.control: Public opens the control port of instances on public addresses, and 10.0.0.0/8 of controlSources (--control-sources) is more than one address: name each address that the operator's requests come from as a /32, or delete the benchmark and create it with network.control Private");
    assert_eq!(said(&["203.0.113.7/32"]), "subnet-a zone-a Public");
    // The blocks of the own VPC are nobody's public addresses.
    assert!(publicly(at_home(), &[]).said().starts_with("NoControlSources: network.control"));
}

#[test]
fn public_control_needs_a_way_in() {
    let said = |egress, addressing| {
        let mut case = publicly(case("a=t2.large*2"), &["203.0.113.7/32"]);
        case.world.object.spec.network.as_mut().unwrap().addressing = addressing;
        case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, egress)]);
        case.said()
    };
    use api::Addressing::{Auto, Private, Public};
    assert_snapshot!(said(Egress::Nat, Auto), @"NoEgress: network.control: the operator reaches public addresses through an internet gateway, and subnet-a has no open route to one: delete the benchmark and create it with network.control Private, or with subnets that have such a route in network.subnetIds");
    for egress in [Egress::None, Egress::Blocked, Egress::Unseen] {
        assert!(said(egress, Private).starts_with("NoEgress: network.control: "), "{egress:?}");
    }
    assert_eq!(said(Egress::Unseen, Public), "subnet-a zone-a Public");
    assert_eq!(said(Egress::InternetGateway, Private), "subnet-a zone-a Private");
}

#[test]
fn private_subnets_come_first_and_large_ones_unless_public_addresses_are_asked_for() {
    let subnets = vec![
        subnet("subnet-1", "zone-a", 200, Egress::InternetGateway),
        subnet("subnet-2", "zone-a", 20, Egress::Nat),
        subnet("subnet-3", "zone-b", 300, Egress::Nat),
        subnet("subnet-4", "zone-a", 90, Egress::Nat),
        subnet("subnet-5", "zone-a", 3, Egress::Nat),
    ];
    let with = |mut case: Case| {
        case.site.subnets = Facet::Known(subnets.clone());
        case.said()
    };
    assert_eq!(with(case("a=t2.large*2")), "subnet-4 zone-a Private");
    assert_eq!(with(publicly(case("a=t2.large*2"), &["203.0.113.7/32"])), "subnet-1 zone-a Public");
    let mut public = case("a=t2.large*2");
    public.world.object.spec.network.get_or_insert_default().addressing = api::Addressing::Public;
    assert_eq!(with(public), "subnet-1 zone-a Public");
}

/// A complete benchmark whose operator dials public addresses.
fn dialled_outside() -> World {
    let mut world = world(&format!("{COMPLETE}\nbalancer healthy\nrun none"));
    world.settings.control_sources = vec!["203.0.113.7/32".parse().unwrap()];
    world.object.status.placement.as_mut().unwrap().control = "Public".into();
    let Facet::Known(instances) = &mut world.cloud.instances else { panic!("not listed") };
    for (number, instance) in (1..).zip(instances) {
        instance.public_address = Some(std::net::Ipv4Addr::new(198, 51, 100, number));
    }
    world
}

#[test]
fn workers_get_no_public_address_by_it_and_what_is_dialled_has_one_that_is_paid_for() {
    let world = dialled_outside();
    let placed = world.object.status.placement.clone().unwrap();
    let placement = api::Placement { addressing: "Private".into(), ..placed };
    let subnets = placement.subnets();
    for pool in desired::pools(&world.object.spec) {
        let recipe = desired::recipe(&world, &placement, &pool, &subnets[0]).unwrap();
        let request = recipe.request(Vec::new(), 1, 1, String::new()).unwrap();
        let is_worker = pool.role == desired::role::Role::Worker;
        let expected = if is_worker { Addressing::Private } else { Addressing::Public };
        assert_eq!(request.public_address, expected, "{}", pool.name);
        let hour =
            |addressing| hourly::of_type(&placement, &pool.instance_type, Some(addressing)).map(|one| one.certain);
        let priced = hour(Addressing::Public).zip(hour(Addressing::Private));
        assert!(priced.is_none_or(|(public, private)| public == private + 5_000), "{priced:?}");
    }
}

#[test]
fn the_operator_dials_public_addresses_and_generators_private_ones() {
    let world = dialled_outside();
    let Facet::Known(instances) = &world.cloud.instances else { panic!("not listed") };
    let by_pool = |pool: &str| instances.iter().find(|one| one.tags[planner::owner::POOL] == pool).unwrap();
    let (balancer, generator) = (by_pool("balancer"), by_pool("generator"));
    for (pool, instance) in [("balancer", balancer), ("generator", generator)] {
        let dialled = format!("{}:8081", instance.public_address.unwrap());
        assert_eq!(planner::instances::control_of(&world, pool), Some(dialled));
    }
    let plan = plan(&world);
    let (control, run) = plan
        .actions()
        .find_map(|action| match action {
            Action::StartRun { control, run, .. } => Some((control.clone(), run.clone())),
            _ => None,
        })
        .expect("a run is started");
    assert_eq!(control, format!("{}:8081", generator.public_address.unwrap()));
    let inside = format!("http://{}:8081", balancer.private_address.unwrap());
    assert_eq!(run.balancer_control, Some(inside), "what the generator dials");
}

#[test]
fn the_control_port_is_opened_to_the_networks_of_the_placement() {
    let opened = |change: &dyn Fn(&mut World)| {
        let mut world = world("");
        let Facet::Known(groups) = &mut world.cloud.groups else { panic!("not listed") };
        groups.iter_mut().for_each(|group| group.ingress.retain(|rule| rule.from_port != 8081));
        change(&mut world);
        // What is opened was written down before.
        world.object.status.placement = plan(&world).placement;
        let plan = plan(&world);
        let rule = |action: &Action| match action {
            Action::AuthorizeIngress { rule, .. } => Some(rule.source.clone()),
            _ => None,
        };
        plan.actions().filter_map(rule).collect::<Vec<_>>()
    };
    let cidr = |text: &str| Source::Cidr(text.parse().unwrap());
    let placed = |world: &mut World| {
        let placement = world.object.status.placement.as_mut().unwrap();
        placement.control_sources = vec!["10.1.0.0/16".into(), "100.64.0.0/16".into()];
    };
    assert_eq!(opened(&placed), [cidr("10.0.0.0/8")], "what the operator is told goes before");
    let untold = |world: &mut World| world.settings.control_sources = Vec::new();
    assert_eq!(opened(&|world| (placed(world), untold(world)).0), [cidr("10.1.0.0/16"), cidr("100.64.0.0/16")]);
    assert_eq!(opened(&untold), [cidr("10.0.0.0/8")], "what an operator was told last");
}

#[test]
fn what_was_told_otherwise_since_launches_nothing_and_opens_nothing() {
    let mut wide = world("");
    wide.object.status.placement.as_mut().unwrap().control = "Public".into();
    let Facet::Known(groups) = &mut wide.cloud.groups else { panic!("not listed") };
    groups.iter_mut().for_each(|group| group.ingress.clear());
    assert_snapshot!(spell(&wide, &plan(&wide)), @"
    Accepted=False ControlTooWide: network.control: Public opens the control port of instances on public addresses, and 10.0.0.0/8 of controlSources (--control-sources) is more than one address: name each address that the operator's requests come from as a /32, or delete the benchmark and create it with network.control Private
    Provisioned=False Waiting: see Accepted: network.control: Public opens the control port of instances on public addresses, and 10.0.0.0/8 of controlSources (--control-sources) is more than one address: name each address that the operator's requests come from as a /32, or delete the benchmark and create it with network.control Private
    Deployed=False Waiting: see Accepted: network.control: Public opens the control port of instances on public addresses, and 10.0.0.0/8 of controlSources (--control-sources) is more than one address: name each address that the operator's requests come from as a /32, or delete the benchmark and create it with network.control Private
    Measured=False Waiting: waits for the instances
    stalled by Accepted
    wake 1s
    ");
    let mut untold = world("");
    untold.settings.control_sources = Vec::new();
    untold.object.status.placement.as_mut().unwrap().control_sources = Vec::new();
    assert_snapshot!(spell(&untold, &plan(&untold)), @"
    Accepted=False NoControlSources: the operator is told no networks that its requests come from, and this benchmark was placed by one that was: set controlSources (--control-sources) again
    Provisioned=False Waiting: see Accepted: the operator is told no networks that its requests come from, and this benchmark was placed by one that was: set controlSources (--control-sources) again
    Deployed=False Waiting: see Accepted: the operator is told no networks that its requests come from, and this benchmark was placed by one that was: set controlSources (--control-sources) again
    Measured=False Waiting: waits for the instances
    stalled by Accepted
    wake 1s
    ");
}

/// What was opened for an address that the operator has no more is closed; what is not known to be ours stays.
#[test]
fn the_rule_of_a_network_that_the_operator_is_told_no_more_is_revoked() {
    let control = |source: &str| Rule { from_port: 8081, to_port: 8081, source: Source::Cidr(source.parse().unwrap()) };
    let (first, second, strange) = (control("203.0.113.7/32"), control("203.0.113.8/32"), control("198.51.100.0/24"));
    let mut world = world(&format!("{COMPLETE}balancer healthy\nrun recorded\ncontrol 203.0.113.8/32"));
    let placement = |world: &mut World| world.object.status.placement.clone().unwrap();
    world.object.status.placement.as_mut().unwrap().control_sources = vec!["203.0.113.7/32".into()];
    let rules = |world: &mut World, rules: &[&Rule]| {
        let Facet::Known(groups) = &mut world.cloud.groups else { panic!("not listed") };
        groups[1].ingress = rules.iter().map(|rule| (*rule).clone()).collect();
    };
    let acts = |world: &World| {
        let plan = plan(world);
        let change = |action: &Action| match action {
            Action::AuthorizeIngress { rule, .. } => Some((true, rule.clone())),
            Action::RevokeIngress { rule, .. } => Some((false, rule.clone())),
            _ => None,
        };
        plan.actions().filter_map(change).collect::<Vec<_>>()
    };
    rules(&mut world, &[&first, &strange]);
    let planned = plan(&world);
    assert_eq!(acts(&world), [], "it is written down first");
    let renewed = planned.placement.unwrap();
    assert_eq!(
        (renewed.control_sources.clone(), renewed.former_control_sources.clone()),
        (vec!["203.0.113.8/32".into()], vec!["203.0.113.7/32".to_owned()])
    );
    world.object.status.placement = Some(renewed.clone());
    assert_eq!(acts(&world), [(true, second.clone())], "the way in comes first");
    rules(&mut world, &[&first, &second, &strange]);
    assert_eq!(acts(&world), [(false, first.clone())]);
    rules(&mut world, &[&second, &strange]);
    assert_eq!((acts(&world), plan(&world).placement), (Vec::new(), Some(renewed)));
    // Told again, it is let in again, and nothing else is forgotten.
    world.settings.control_sources = vec!["203.0.113.7/32".parse().unwrap()];
    let again = plan(&world).placement.unwrap();
    assert_eq!(again.former_control_sources, ["203.0.113.8/32"]);
    // An operator that is told nothing goes on with what it was told last.
    world.settings.control_sources = Vec::new();
    let untold = placement(&mut world);
    assert_eq!((acts(&world), plan(&world).placement), (Vec::new(), Some(untold)));
}
