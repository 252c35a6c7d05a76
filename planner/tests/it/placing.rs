//! Choosing a placement, and refusing with the field's name.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use planner::Failure;
use planner::placement::{NoPlacement, choose};
use planner::ports::*;
use planner::world::*;

use crate::fixture::{instance_type, world};

fn subnet(id: &str, zone: &str, free: u32, egress: Egress) -> Subnet {
    Subnet {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        zone: zone.into(),
        zone_id: format!("id-{zone}"),
        cidr: "10.0.0.0/20".into(),
        free_addresses: free,
        egress,
    }
}

struct Case {
    world: World,
    site: Site,
}

fn case(clusters: &str) -> Case {
    let world = world(&format!("unplaced\nclusters {clusters}"));
    let image = Image {
        id: "ami-1".into(),
        name: "al2023".into(),
        architecture: Architecture::X86_64,
        root_device: "/dev/xvda".into(),
        root_gib: 8,
    };
    let types = ["t2.micro", "t2.large", "c6i.large", "c7g.large"];
    let offered = types.iter().flat_map(|t| ["zone-a", "zone-b"].map(|zone| ((*t).to_owned(), zone.to_owned())));
    let site = Site {
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
    fn said(&self) -> String {
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
        Facet::Unknown(Ignorance { failure: Failure::NotFound, message: "InvalidSubnetID.NotFound: subnet-9".into() });
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
    };
    case.site.images = Facet::Known(BTreeMap::from([(Architecture::X86_64, Some(arm))]));
    assert_snapshot!(case.said(), @"WrongArchitecture: image.id: ami-9 is for arm64, and an instance type of this benchmark needs x86_64: delete the benchmark and create it with image.alias, which is resolved for each architecture");
}

#[test]
fn an_architecture_that_we_have_no_program_for() {
    assert_snapshot!(case("a=c7g.large*2").said(), @"NoArtifact: instanceType c7g.large of a is arm64, and this operator has no worker for it: choose a type of another architecture");
}

#[test]
fn what_could_not_be_looked_up_is_not_refused() {
    let mut case = case("a=t2.large*2");
    case.site.offerings =
        Facet::Unknown(Ignorance { failure: Failure::Throttled, message: "RequestLimitExceeded".into() });
    assert_snapshot!(case.said(), @"unknown: RequestLimitExceeded");
}
