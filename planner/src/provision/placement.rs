//! The placement of a benchmark: chosen once, from what the region offers, before the first effect.

use std::collections::{BTreeMap, BTreeSet};

use api::{Addressing, ClusterBenchmarkSpec, PlacedArtifact, PlacedImage, PlacedVolume, Placement};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::balance::application::front;
use crate::conditions::Reason;
use crate::desired::{self, DEFAULT_IMAGE};
use crate::failure::Failure;
use crate::ports::{self, Architecture, Egress, Identity, Image, ImageQuery, InstanceType, Subnet, Volume};
use crate::resources::ResourceKind;
use crate::resources::creation::not_after;
use crate::scale::counts;
use crate::world::{Facet, Site, World};

pub use crate::plan::NoPlacement;

/// The image that the spec asks for, for each architecture of its instance types.
pub fn image_queries(spec: &ClusterBenchmarkSpec, types: &[InstanceType]) -> BTreeMap<Architecture, ImageQuery> {
    let image = spec.image.clone().unwrap_or_default();
    let architectures: BTreeSet<Architecture> = types.iter().map(|fact| fact.architecture).collect();
    let query = |architecture| match &image.id {
        Some(id) => ImageQuery::Id(id.clone()),
        None => {
            ImageQuery::Alias { alias: image.alias.clone().unwrap_or_else(|| DEFAULT_IMAGE.to_owned()), architecture }
        }
    };
    architectures.into_iter().map(|architecture| (architecture, query(architecture))).collect()
}

/// Chooses account, subnet, addressing, images, key and expiry. Deterministic: the same world, the same placement.
pub fn choose(world: &World, site: &Site) -> Result<Placement, NoPlacement> {
    let spec = &world.object.spec;
    let identity = need(&world.identity)?;
    let types = need(&world.types)?;
    check_types(world, types)?;
    let subnets = subnets(world, site)?;
    let images = images(spec, need(&site.images)?)?;
    let artifacts = artifacts(world, types)?;
    let (subnet, addressing) = subnet(world, &subnets, need(&site.offerings)?)?;
    let placement = assemble(world, identity, subnet, addressing, images, artifacts);
    if !front::is_unplaced(world, &placement) {
        return Ok(placement);
    }
    let placed = front::choose(site, &placement)?;
    Ok(Placement { balancer: Some(placed), ..placement })
}

/// What was assumed of the subnet that was chosen, and may be otherwise.
pub(crate) fn caution(placement: &Placement, site: &Site) -> String {
    let subnets = site.subnets.known().map(Vec::as_slice).unwrap_or_default();
    let chosen = subnets.iter().find(|subnet| subnet.id == placement.subnet_id);
    match chosen {
        Some(subnet) if subnet.egress == Egress::Endpoint && is_public(placement) => format!(
            "; 0.0.0.0/0 of {} goes to a VPC endpoint, behind which may be an internet gateway, so instances have public addresses: network.addressing Private is for a NAT behind it",
            subnet.id
        ),
        _ => String::new(),
    }
}

fn is_public(placement: &Placement) -> bool {
    ports::Addressing::parse(&placement.addressing) == Some(ports::Addressing::Public)
}

fn assemble(
    world: &World,
    identity: &Identity,
    subnet: &Subnet,
    addressing: ports::Addressing,
    images: Vec<PlacedImage>,
    artifacts: Vec<PlacedArtifact>,
) -> Placement {
    let lifetime = SignedDuration::from_secs(i64::from(world.object.spec.lifecycle.max_lifetime_seconds));
    Placement {
        installation: world.settings.installation.clone(),
        kubernetes_cluster: world.settings.kubernetes_cluster.clone(),
        account_id: identity.account.clone(),
        region: world.region().to_owned(),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        zone: subnet.zone.clone(),
        zone_id: subnet.zone_id.clone(),
        addressing: addressing.name().to_owned(),
        images,
        public_key: world.settings.public_key.clone(),
        version: world.settings.artifacts.version.clone(),
        artifacts,
        left: Vec::new(),
        balancer: None,
        // What every benchmark needs. Another kind adds itself before the first of it is created.
        kinds: vec![ResourceKind::SecurityGroup.name().to_owned()],
        create_not_after: Some(not_after(world)),
        // Whole seconds: what a status field holds, and what a systemd timer takes.
        expires_at: jiff::Timestamp::from_second((world.now + lifetime).as_second()).ok().map(Time),
        relaunches: 0,
        further_subnets: Vec::new(),
    }
}

fn need<T>(facet: &Facet<T>) -> Result<&T, NoPlacement> {
    match facet {
        Facet::Known(value) => Ok(value),
        Facet::Unknown(why) => Err(NoPlacement::Unknown(why.clone())),
    }
}

fn refused<T>(reason: Reason, message: impl Into<String>) -> Result<T, NoPlacement> {
    Err(NoPlacement::Refused { reason, message: message.into() })
}

fn check_types(world: &World, types: &[InstanceType]) -> Result<(), NoPlacement> {
    for (name, field) in desired::types_with_fields(&world.object.spec) {
        if !types.iter().any(|fact| fact.name == name) {
            return refused(
                Reason::UnknownInstanceType,
                format!(
                    "{field}: {} has no instance type {name}; choose one that `aws ec2 describe-instance-types` lists",
                    world.region()
                ),
            );
        }
    }
    Ok(())
}

/// Subnets of one VPC with IPv4 addresses.
fn subnets<'a>(world: &World, site: &'a Site) -> Result<Vec<&'a Subnet>, NoPlacement> {
    let named = world.object.spec.network.as_ref().is_some_and(|network| !network.subnet_ids.is_empty());
    let subnets = match &site.subnets {
        Facet::Known(subnets) => subnets,
        Facet::Unknown(why) if matches!(why.failure, Failure::NotFound | Failure::Rejected) => {
            return refused(
                Reason::UnknownSubnet,
                format!(
                    "network.subnetIds: {}; delete the benchmark and create it with subnets that exist in {}",
                    why.message,
                    world.region()
                ),
            );
        }
        Facet::Unknown(why) => return Err(NoPlacement::Unknown(why.clone())),
    };
    if subnets.is_empty() && !named {
        return refused(
            Reason::NoDefaultVpc,
            format!(
                "{} has no default VPC with subnets: delete the benchmark and create it with network.subnetIds",
                world.region()
            ),
        );
    }
    let subnets: Vec<&Subnet> = subnets.iter().collect();
    let (usable, ipv6_only): (Vec<&Subnet>, Vec<&Subnet>) =
        subnets.iter().copied().partition(|subnet| subnet.cidr.is_some());
    // One that was named is a mistake, whatever else was named; of the default ones the others do.
    if let Some(subnet) = ipv6_only.first().filter(|_| named || usable.is_empty()) {
        return refused(
            Reason::Ipv6Only,
            format!(
                "network.subnetIds: {} is IPv6-only, and instances need IPv4 addresses: delete the benchmark and create it with subnets that have an IPv4 CIDR block",
                subnet.id
            ),
        );
    }
    let subnets = usable;
    let vpcs: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.vpc_id.as_str()).collect();
    if vpcs.len() > 1 {
        return refused(
            Reason::SubnetsInTwoVpcs,
            "network.subnetIds: the subnets are in more than one VPC: delete the benchmark and create it with subnets of one",
        );
    }
    Ok(subnets)
}

fn images(
    spec: &ClusterBenchmarkSpec,
    found: &BTreeMap<Architecture, Option<Image>>,
) -> Result<Vec<PlacedImage>, NoPlacement> {
    let mut placed = Vec::new();
    for (architecture, image) in found {
        let wanted = spec.image.clone().unwrap_or_default();
        let field = if wanted.id.is_some() { "image.id" } else { "image.alias" };
        let name = wanted.id.or(wanted.alias).unwrap_or_else(|| DEFAULT_IMAGE.to_owned());
        let Some(image) = image else {
            return refused(
                Reason::UnknownImage,
                format!(
                    "{field}: there is no image {name} for {}: delete the benchmark and create it with one that exists",
                    architecture.name()
                ),
            );
        };
        if image.architecture != *architecture {
            return refused(
                Reason::WrongArchitecture,
                format!(
                    "{field}: {name} is for {}, and an instance type of this benchmark needs {}: delete the benchmark and create it with image.alias, which is resolved for each architecture",
                    image.architecture.name(),
                    architecture.name()
                ),
            );
        }
        placed.push(PlacedImage {
            architecture: architecture.name().to_owned(),
            id: image.id.clone(),
            root_device: image.root_device.clone(),
            root_gib: i32::try_from(image.root_gib).unwrap_or(8),
            volumes: image.volumes.iter().map(placed_volume).collect(),
        });
    }
    Ok(placed)
}

/// Our programs for the architectures in use; refuses an instance type that one of them is not built for.
fn placed_volume(volume: &Volume) -> PlacedVolume {
    PlacedVolume { device: volume.device.clone(), gib: i32::try_from(volume.gib).unwrap_or(i32::MAX) }
}

fn artifacts(world: &World, types: &[InstanceType]) -> Result<Vec<PlacedArtifact>, NoPlacement> {
    let spec = &world.object.spec;
    let mut placed = BTreeMap::new();
    for pool in desired::possible_pools(spec) {
        let Some(fact) = types.iter().find(|fact| fact.name == pool.instance_type) else { continue };
        for name in desired::artifacts(spec, &pool) {
            let key = ((*name).to_owned(), fact.architecture);
            let Some(sha256) = world.settings.artifacts.sha256.get(&key) else {
                return refused(
                    Reason::NoArtifact,
                    format!(
                        "instanceType {} of {} is {}, and this operator has no {name} for it: choose a type of another architecture",
                        fact.name,
                        pool.name,
                        fact.architecture.name()
                    ),
                );
            };
            placed.insert(key, sha256.clone());
        }
    }
    Ok(placed
        .into_iter()
        .map(|((name, architecture), sha256)| PlacedArtifact {
            name,
            architecture: architecture.name().to_owned(),
            sha256,
        })
        .collect())
}

/// The first subnet, by zone and id, whose zone offers every type, that has room for all instances and a way out, and
/// whether its instances get public addresses.
fn subnet<'a>(
    world: &World,
    subnets: &[&'a Subnet],
    offerings: &[(String, String)],
) -> Result<(&'a Subnet, ports::Addressing), NoPlacement> {
    let offered = |zone: &str, name: &str| offerings.iter().any(|(t, z)| t == name && z == zone);
    let candidates = candidates(world, subnets.iter().copied(), offerings);
    let mut placed = candidates.iter().map(|subnet| addressing(&world.object.spec, subnet).map(|way| (*subnet, way)));
    if let Some(first) = placed.next() {
        // The first one's refusal, when none of the others does.
        return first.or_else(|refusal| placed.find_map(Result::ok).ok_or(refusal));
    }
    if !subnets.iter().any(|subnet| offers_all(world, &subnet.zone, offerings)) {
        let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
        let zones = zones.into_iter().collect::<Vec<_>>().join(", ");
        let nowhere: Vec<_> = desired::types_with_fields(&world.object.spec)
            .into_iter()
            .filter(|(name, _)| !subnets.iter().any(|subnet| offered(&subnet.zone, name)))
            .map(|(name, field)| format!("{field} {name}"))
            .collect();
        let what = if nowhere.is_empty() {
            "no zone offers all instance types".to_owned()
        } else {
            format!("{} is offered in none", nowhere.join(", "))
        };
        return refused(
            Reason::NotOffered,
            format!(
                "{what} of the zones at hand ({zones}): choose other instance types, or delete the benchmark and create it with subnets in other zones (network.subnetIds)"
            ),
        );
    }
    refused(
        Reason::SubnetFull,
        format!(
            "no subnet has {} free addresses: delete the benchmark and create it with a larger one in network.subnetIds",
            addresses(world)
        ),
    )
}

/// Subnets with IPv4 addresses whose zone offers every type and that have room for all instances, by zone and id.
pub(crate) fn candidates<'a>(
    world: &World,
    subnets: impl IntoIterator<Item = &'a Subnet>,
    offerings: &[(String, String)],
) -> Vec<&'a Subnet> {
    let is_usable = |subnet: &&Subnet| {
        let has_room = subnet.cidr.is_some() && subnet.free_addresses >= addresses(world);
        has_room && offers_all(world, &subnet.zone, offerings)
    };
    let mut candidates: Vec<&Subnet> = subnets.into_iter().filter(is_usable).collect();
    candidates.sort_by(|a, b| (&a.zone, &a.id).cmp(&(&b.zone, &b.id)));
    candidates
}

fn offers_all(world: &World, zone: &str, offerings: &[(String, String)]) -> bool {
    let offered = |name: &str| offerings.iter().any(|(t, z)| t == name && z == zone);
    desired::pools(&world.object.spec).iter().all(|pool| offered(&pool.instance_type))
}

/// Addresses that all instances need.
fn addresses(world: &World) -> u32 {
    counts(world).total()
}

/// Whether instances in this subnet get a public address.
pub(crate) fn addressing(spec: &ClusterBenchmarkSpec, subnet: &Subnet) -> Result<ports::Addressing, NoPlacement> {
    use crate::ports::Addressing::{Private, Public};
    let wanted = spec.network.as_ref().map(|network| network.addressing).unwrap_or_default();
    let (why, way_out) = match (wanted, subnet.egress) {
        (Addressing::Private, _) | (Addressing::Auto, Egress::Nat) => return Ok(Private),
        // What a public address is for is closed, whoever asked for it.
        (Addressing::Auto | Addressing::Public, Egress::Blocked) => (
            "has a route to an internet gateway that VPC Block Public Access closes, so instances could not fetch their program",
            "a subnet that is excluded from it or has a NAT gateway, or with network.addressing Private if the artifacts are reachable without one",
        ),
        (Addressing::Public, _) | (Addressing::Auto, Egress::InternetGateway | Egress::Endpoint) => return Ok(Public),
        (Addressing::Auto, Egress::None) => (
            "has no route out, so instances could not fetch their program",
            "a subnet that has a NAT or internet gateway, or with network.addressing Private if the artifacts are reachable without one",
        ),
        (Addressing::Auto, Egress::Unseen) => (
            "has no route table that this account can see, as may be in a shared VPC, so whether instances need a public address is not known",
            "network.addressing Public (its way out is an internet gateway) or Private (a NAT, or none is needed)",
        ),
    };
    refused(
        Reason::NoEgress,
        format!("network.subnetIds: {} {why}: delete the benchmark and create it with {way_out}", subnet.id),
    )
}
