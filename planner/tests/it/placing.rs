//! Choosing a placement, and refusing with the field's name.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use planner::ports::*;
use planner::provision::placement::{NoPlacement, choose};
use planner::world::*;
use planner::{Action, Failure};

use crate::fixture::{instance_type, world};

pub(crate) fn subnet(id: &str, zone: &str, free: u32, egress: Egress) -> Subnet {
    Subnet {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        zone: zone.into(),
        zone_id: format!("id-{zone}"),
        cidr: "10.0.0.0/20".parse().ok(),
        free_addresses: free,
        egress,
    }
}

pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) site: Site,
}

pub(crate) fn case(clusters: &str) -> Case {
    let world = world(&format!("unplaced\nclusters {clusters}"));
    let image = Image {
        id: "ami-1".into(),
        name: "al2023".into(),
        architecture: Architecture::X86_64,
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        volumes: Vec::new(),
    };
    let types = ["t2.micro", "t2.large", "c6i.large", "c7g.large"];
    let offered = types.iter().flat_map(|t| ["zone-a", "zone-b"].map(|zone| ((*t).to_owned(), zone.to_owned())));
    let site = Site {
        own_vpc: None,
        subnets: Facet::Known(vec![
            subnet("subnet-b", "zone-b", 100, Egress::InternetGateway),
            subnet("subnet-a", "zone-a", 100, Egress::InternetGateway),
        ]),
        offerings: Facet::Known(offered.filter(|(t, zone)| !(t == "t2.micro" && zone == "zone-a")).collect()),
        images: Facet::Known(BTreeMap::from([(Architecture::X86_64, Some(image))])),
    };
    Case { world, site }
}

impl Case {
    pub(crate) fn said(&self) -> String {
        match choose(&self.world, &self.site) {
            Ok(placement) => format!("{} {} {}", placement.subnet_id, placement.zone, placement.addressing),
            Err(NoPlacement::Refused { reason, message }) => format!("{reason}: {message}"),
            Err(NoPlacement::Unknown(why)) => format!("unknown: {}", why.message),
        }
    }
}

#[test]
fn the_first_zone_that_offers_every_type() {
    assert_snapshot!(case("a=t2.large*2").said(), @"subnet-a zone-a Public");
    assert_snapshot!(case("a=t2.large*2 b=t2.micro*2").said(), @"subnet-b zone-b Public");
}

#[test]
fn a_type_that_does_not_exist() {
    let mut case = case("a=t9.huge*1");
    case.world.types = Facet::Known(vec![instance_type("c6i.large")]);
    assert_snapshot!(case.said(), @"UnknownInstanceType: clusters[0].instanceType: eu-west-1 has no instance type t9.huge; choose one that `aws ec2 describe-instance-types` lists");
}

#[test]
fn a_type_that_no_zone_offers() {
    let mut case = case("a=t2.micro*1");
    case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, Egress::Nat)]);
    assert_snapshot!(case.said(), @"NotOffered: clusters[0].instanceType t2.micro is offered in none of the zones at hand (zone-a): choose other instance types, or delete the benchmark and create it with subnets in other zones (network.subnetIds)");
}

#[test]
fn subnets_that_do_not_exist_are_full_or_lead_nowhere() {
    let mut case = case("a=t2.large*2");
    case.site.subnets =
        Facet::Unknown(Unknown { failure: Failure::NotFound, message: "InvalidSubnetID.NotFound: subnet-9".into() });
    assert_snapshot!(case.said(), @"UnknownSubnet: network.subnetIds: InvalidSubnetID.NotFound: subnet-9; delete the benchmark and create it with subnets that exist in eu-west-1");
    case.site.subnets = Facet::Known(Vec::new());
    assert_snapshot!(case.said(), @"NoDefaultVpc: eu-west-1 has no default VPC with subnets: delete the benchmark and create it with network.subnetIds");
    case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 3, Egress::Nat)]);
    assert_snapshot!(case.said(), @"SubnetFull: no subnet has 4 free addresses: delete the benchmark and create it with a larger one in network.subnetIds");
    case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, Egress::None)]);
    assert_snapshot!(case.said(), @"NoEgress: network.subnetIds: subnet-a has no route out, so instances could not fetch their program: delete the benchmark and create it with a subnet that has a NAT or internet gateway, or with network.addressing Private if the artifacts are reachable without one");
    case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, Egress::Nat)]);
    assert_snapshot!(case.said(), @"subnet-a zone-a Private");
}

#[test]
fn the_way_out_decides_whether_addresses_are_public() {
    use api::Addressing::{Auto, Private, Public};
    let said = |egress, addressing| {
        let mut case = case("a=t2.large*2");
        case.world.object.spec.network = Some(api::Network { addressing, ..api::Network::default() });
        case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, egress)]);
        case.said()
    };
    assert_snapshot!(said(Egress::InternetGateway, Auto), @"subnet-a zone-a Public");
    assert_snapshot!(said(Egress::Endpoint, Auto), @"subnet-a zone-a Public");
    assert_snapshot!(said(Egress::Nat, Auto), @"subnet-a zone-a Private");
    assert_snapshot!(said(Egress::Blocked, Auto), @"NoEgress: network.subnetIds: subnet-a has a route to an internet gateway that VPC Block Public Access closes, so instances could not fetch their program: delete the benchmark and create it with a subnet that is excluded from it or has a NAT gateway, or with network.addressing Private if the artifacts are reachable without one");
    assert_snapshot!(said(Egress::Blocked, Public), @"NoEgress: network.subnetIds: subnet-a has a route to an internet gateway that VPC Block Public Access closes, so instances could not fetch their program: delete the benchmark and create it with a subnet that is excluded from it or has a NAT gateway, or with network.addressing Private if the artifacts are reachable without one");
    assert_snapshot!(said(Egress::Unseen, Auto), @"NoEgress: network.subnetIds: subnet-a has no route table that this account can see, as may be in a shared VPC, so whether instances need a public address is not known: delete the benchmark and create it with network.addressing Public (its way out is an internet gateway) or Private (a NAT, or none is needed)");
    for egress in [Egress::Blocked, Egress::Unseen, Egress::Endpoint, Egress::None] {
        assert_eq!(said(egress, Private), "subnet-a zone-a Private", "{egress:?}");
    }
    for egress in [Egress::Unseen, Egress::Endpoint, Egress::None, Egress::Nat] {
        assert_eq!(said(egress, Public), "subnet-a zone-a Public", "{egress:?}");
    }
}

/// Nothing is fetched through it, so it need not be there; what a worker fetches itself does.
#[test]
fn programs_that_are_brought_need_no_way_out() {
    let said = |egress, worker: serde_json::Value| {
        let mut case = case("a=t2.large*2");
        case.world.settings.artifacts.delivery = planner::world::Delivery::Push;
        case.world.object.spec.worker = serde_json::from_value(worker).unwrap();
        case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, egress)]);
        case.said()
    };
    for egress in [Egress::None, Egress::Blocked, Egress::Unseen, Egress::Nat] {
        assert_eq!(said(egress, serde_json::json!({})), "subnet-a zone-a Private", "{egress:?}");
    }
    assert_eq!(said(Egress::InternetGateway, serde_json::json!({})), "subnet-a zone-a Public");
    let own = serde_json::json!({ "artifactUrl": "https://example.test/x", "artifactSha256": "a".repeat(64) });
    assert!(said(Egress::None, own).starts_with("NoEgress: "));
}

/// What was placed where nothing can be fetched stays as it is when something should be: it would hang there.
#[test]
fn a_change_that_needs_a_way_out_is_refused_where_there_is_none() {
    let placed = |egress, addressing| {
        let mut case = case("a=t2.large*2");
        case.world.settings.artifacts.delivery = planner::world::Delivery::Push;
        case.world.object.spec.network = Some(api::Network { addressing, ..api::Network::default() });
        case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, egress)]);
        choose(&case.world, &case.site).unwrap().egress
    };
    for egress in [Egress::None, Egress::Blocked, Egress::Unseen] {
        assert_eq!(placed(egress, api::Addressing::Auto), "None", "{egress:?}");
        assert_eq!(placed(egress, api::Addressing::Private), "", "{egress:?}: its user says that it is right so");
    }
    assert_eq!(placed(Egress::Nat, api::Addressing::Auto), "");

    let changed = |egress: &str, change: &dyn Fn(&mut api::ClusterBenchmarkSpec)| {
        let mut world = world(&format!("{}balancer healthy\nrun none", crate::fixture::COMPLETE));
        world.settings.artifacts.delivery = planner::world::Delivery::Push;
        world.object.status.placement.as_mut().unwrap().egress = egress.into();
        change(&mut world.object.spec);
        let plan = planner::plan(&world);
        let touches = plan.actions().any(|action| !matches!(action, Action::StartRun { .. }));
        (crate::spelling::spell(&world, &plan), touches)
    };
    let archive = |spec: &mut api::ClusterBenchmarkSpec| {
        let archive = serde_json::json!({ "url": "https://example.test/x.tar.gz", "sha256": "a".repeat(64) });
        spec.worker = serde_json::from_value(serde_json::json!({ "archive": archive, "command": ["./x"] })).unwrap();
    };
    let (said, touches) = changed("None", &archive);
    assert_snapshot!(said, @"
    Accepted=False NoEgress: worker.archive: instances would have to reach it, and this benchmark was placed in subnet-a without a way out that is known, because nothing had to be fetched then: take the change back, or delete the benchmark and create it again with the field, in subnets that have a NAT or internet gateway (network.subnetIds)
    Provisioned=False Waiting: see Accepted: worker.archive: instances would have to reach it, and this benchmark was placed in subnet-a without a way out that is known, because nothing had to be fetched then: take the change back, or delete the benchmark and create it again with the field, in subnets that have a NAT or internet gateway (network.subnetIds)
    Deployed=False Waiting: see Accepted: worker.archive: instances would have to reach it, and this benchmark was placed in subnet-a without a way out that is known, because nothing had to be fetched then: take the change back, or delete the benchmark and create it again with the field, in subnets that have a NAT or internet gateway (network.subnetIds)
    Measured=False Waiting: waits until every instance is ready
    stalled by Accepted
    wake 1s
    ");
    assert!(!touches, "what runs stays: {said}");
    let container = serde_json::json!({ "container": { "image": "public.ecr.aws/x/app@sha256:9b" } });
    let of_one = |spec: &mut api::ClusterBenchmarkSpec| {
        spec.clusters[0].worker = serde_json::from_value(container.clone()).unwrap();
    };
    assert!(changed("None", &of_one).0.contains("NoEgress: clusters[0].worker.container: instances would have to"));
    let packages = serde_json::json!({ "preinstalled": { "unit": "x.service" }, "packages": ["nginx"] });
    let with_packages =
        |spec: &mut api::ClusterBenchmarkSpec| spec.worker = serde_json::from_value(packages.clone()).unwrap();
    assert!(changed("None", &with_packages).0.contains("NoEgress: worker.packages: "));
    assert!(!changed("None", &|_| ()).0.contains("NoEgress"));
    let (said, touches) = changed("", &archive);
    assert!(touches && !said.contains("NoEgress"), "{said}");
}

/// An operator that brings nothing any more launches nobody where nothing can be fetched, and leaves who runs.
#[test]
fn an_operator_that_brings_nothing_launches_nobody_without_a_way_out() {
    let said = |text: &str| {
        let mut world = world(text);
        world.object.status.placement.as_mut().unwrap().egress = "None".into();
        crate::spelling::spell(&world, &planner::plan(&world))
    };
    let launching = said("");
    assert!(!launching.contains("rehearse") && launching.contains("NoRecipe"), "{launching}");
    assert!(launching.contains("this operator brings no programs (--programs-delivery Pull)"), "{launching}");
    assert!(!said(&format!("{}balancer healthy\nrun none", crate::fixture::COMPLETE)).contains("NoRecipe"));
}

#[test]
fn a_firewall_endpoint_is_said_when_it_is_taken() {
    let mut case = case("a=t2.large*2");
    case.site.subnets = Facet::Known(vec![subnet("subnet-a", "zone-a", 100, Egress::Endpoint)]);
    case.world.site = Some(case.site.clone());
    case.world.cloud.groups = Facet::Known(Vec::new());
    let plan = planner::plan(&case.world);
    assert_snapshot!(crate::spelling::spell(&case.world, &plan), @"
    place in subnet-a Public
    Accepted=True Placed: the spec can be placed; 0.0.0.0/0 of subnet-a goes to a VPC endpoint, behind which may be an internet gateway, so instances have public addresses: network.addressing Private is for a NAT behind it
    wake 0s
    ");
}

#[test]
fn a_subnet_without_a_way_out_does_not_stand_before_one_that_has_one() {
    let mut case = case("a=t2.large*2");
    let with = |a, b| vec![subnet("subnet-a", "zone-a", 100, a), subnet("subnet-b", "zone-b", 100, b)];
    case.site.subnets = Facet::Known(with(Egress::Blocked, Egress::Nat));
    assert_eq!(case.said(), "subnet-b zone-b Private");
    case.site.subnets = Facet::Known(with(Egress::Unseen, Egress::None));
    assert!(case.said().starts_with("NoEgress: network.subnetIds: subnet-a"), "{}", case.said());
}

#[test]
fn an_ipv6_only_subnet_is_left_out_and_refused_by_name() {
    let ipv6_only = || Subnet { cidr: None, ..subnet("subnet-6", "zone-a", 0, Egress::InternetGateway) };
    let ipv4 = || subnet("subnet-b", "zone-b", 100, Egress::InternetGateway);
    let mut case = case("a=t2.large*2");
    case.site.subnets = Facet::Known(vec![ipv6_only(), ipv4()]);
    assert_snapshot!(case.said(), @"subnet-b zone-b Public");
    case.site.subnets = Facet::Known(vec![ipv6_only()]);
    assert_snapshot!(case.said(), @"Ipv6Only: network.subnetIds: subnet-6 is IPv6-only, and instances need IPv4 addresses: delete the benchmark and create it with subnets that have an IPv4 CIDR block");
    case.site.subnets = Facet::Known(vec![ipv6_only(), ipv4()]);
    let subnet_ids = vec!["subnet-6".into(), "subnet-b".into()];
    case.world.object.spec.network = Some(api::Network { subnet_ids, ..api::Network::default() });
    assert_snapshot!(case.said(), @"Ipv6Only: network.subnetIds: subnet-6 is IPv6-only, and instances need IPv4 addresses: delete the benchmark and create it with subnets that have an IPv4 CIDR block");
}

#[test]
fn an_image_that_does_not_exist_or_does_not_fit() {
    let mut case = case("a=t2.large*2");
    case.world.object.spec.image = Some(api::Image { alias: None, id: Some("ami-9".into()) });
    case.site.images = Facet::Known(BTreeMap::from([(Architecture::X86_64, None)]));
    assert_snapshot!(case.said(), @"UnknownImage: image.id: there is no image ami-9 for x86_64: delete the benchmark and create it with one that exists");
    let arm = Image {
        id: "ami-9".into(),
        name: "arm".into(),
        architecture: Architecture::Arm64,
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        volumes: Vec::new(),
    };
    case.site.images = Facet::Known(BTreeMap::from([(Architecture::X86_64, Some(arm))]));
    assert_snapshot!(case.said(), @"WrongArchitecture: image.id: ami-9 is for arm64, and an instance type of this benchmark needs x86_64: delete the benchmark and create it with image.alias, which is resolved for each architecture");
}

/// What an operator lacks for every architecture, another instance type does not mend.
#[test]
fn an_operator_without_the_starter_says_where_it_is_added() {
    let mut case = case("a=t2.large*2");
    case.world.object.spec.worker.update = api::Update::InPlace;
    case.world.settings.artifacts.sha256.retain(|(name, _), _| name != "starter");
    assert_snapshot!(case.said(), @"NoArtifact: instanceType t2.large of a is x86_64, and this operator has no starter for any architecture, which worker.update InPlace needs: add it to its --programs or --artifacts and restart the operator, or delete the benchmark and create it without worker.update");
}

/// The kind may be changed later: what there is, is placed.
#[test]
fn an_operator_without_the_programs_for_queues_serves_the_other_kinds() {
    let mut case = case("a=t2.large*2");
    let is_for_queues = |name: &str| matches!(name, "front" | "puller");
    let placed = |case: &Case| {
        let artifacts = choose(&case.world, &case.site).unwrap().artifacts;
        artifacts.into_iter().filter(|one| is_for_queues(&one.name)).count()
    };
    assert_eq!(placed(&case), 2);
    case.world.settings.artifacts.sha256.retain(|(name, _), _| !is_for_queues(name));
    assert_eq!(placed(&case), 0);
    case.world.object.spec = world("queue\nclusters a=t2.large*2").object.spec;
    assert_snapshot!(case.said(), @"NoArtifact: instanceType t2.large of a is x86_64, and this operator has no puller for any architecture, which balancer.kind Queue needs: add it to its --programs or --artifacts and restart the operator, or set another balancer.kind");
}

#[test]
fn an_architecture_that_we_have_no_program_for() {
    assert_snapshot!(case("a=c7g.large*2").said(), @"NoArtifact: instanceType c7g.large of a is arm64, and this operator has no worker for it: choose a type of another architecture");
}

#[test]
fn a_region_that_is_none_is_said_before_anything_is_asked_of_it() {
    let said = |name: &str| {
        let mut world = world("unplaced");
        world.object.spec.region = Some(name.into());
        let known = |name: &str, opt_in| KnownRegion { name: name.into(), opt_in };
        world.regions = Some(Facet::Known(vec![
            known("eu-west-1", OptIn::Done),
            known("us-west-2", OptIn::Done),
            known("ap-east-1", OptIn::Missing),
        ]));
        (world.cloud.instances, world.cloud.groups) = (Facet::Unknown(unanswered()), Facet::Unknown(unanswered()));
        planner::region::refusal(&world)
            .map_or_else(|| "may be".to_owned(), |(reason, text)| format!("{reason}: {text}"))
    };
    assert_snapshot!(said("eu-west-1a"), @"UnknownRegion: region: eu-west-1a is a zone of eu-west-1: delete the benchmark and create it with region eu-west-1; network.subnetIds chooses the zone");
    assert_snapshot!(said("us-west-2-lax-1a"), @"UnknownRegion: region: us-west-2-lax-1a is a zone of us-west-2: delete the benchmark and create it with region us-west-2; network.subnetIds chooses the zone");
    assert_snapshot!(said("eu-west-11"), @"UnknownRegion: region: there is no region eu-west-11: delete the benchmark and create it with one that `aws ec2 describe-regions --all-regions` lists");
    assert_snapshot!(said("ap-east-1"), @"RegionNotEnabled: region: ap-east-1 is not enabled for this account: enable it (aws account enable-region --region-name ap-east-1), or delete the benchmark and create it with another region");
    assert_eq!((said("us-west-2"), said("eu-west-1")), ("may be".to_owned(), "may be".to_owned()));
}

#[test]
fn a_region_of_which_nothing_is_known_is_named() {
    let mut world = world("unplaced");
    world.object.spec.region = Some("eu-west-9".into());
    world.regions = Some(Facet::Unknown(unanswered()));
    world.site = Some(case("a=t2.large*2").site);
    world.cloud.groups = Facet::Known(Vec::new());
    world.cloud.instances = Facet::Unknown(unanswered());
    assert_snapshot!(crate::spelling::spell(&world, &planner::plan(&world)), @"
    Accepted=Unknown Unreachable: no answer (spec.region is eu-west-9; whether there is such a region is not known either: no answer)
    wake 5s
    ");
}

fn unanswered() -> Unknown {
    Unknown { failure: Failure::Unreachable, message: "no answer".into() }
}

#[test]
fn what_could_not_be_looked_up_is_not_refused() {
    let mut case = case("a=t2.large*2");
    case.site.offerings =
        Facet::Unknown(Unknown { failure: Failure::Throttled, message: "RequestLimitExceeded".into() });
    assert_snapshot!(case.said(), @"unknown: RequestLimitExceeded");
}
