//! The placement of a benchmark: chosen once, from what the region offers, before the first effect.

use std::collections::{BTreeMap, BTreeSet};

use api::{ClusterBenchmarkSpec, PlacedArtifact, PlacedImage, PlacedVolume, Placement};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::addressing::egress;
use super::known_fields::KNOWN_FIELDS;
use super::{own_vpc, prices, subnets, zones};
use crate::balance::application::front;
use crate::balance::queues;
use crate::budget;
use crate::conditions::Reason;
use crate::control;
use crate::desired::{self, DEFAULT_IMAGE};
use crate::ports::{self, Architecture, Egress, Identity, Image, ImageQuery, InstanceType, Subnet, Volume};
use crate::resources::ResourceKind;
use crate::resources::creation::not_after;
use crate::world::{Facet, Site, World};

use crate::plan::refused;

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
    let control_sources = control::choose(world, site)?;
    let possible = subnets::possible(world, site)?;
    let images = images(spec, need(&site.images)?)?;
    let artifacts = artifacts(world, types)?;
    let (subnets, addressing) = subnets::choose(world, &possible, need(&site.offerings)?)?;
    let placement = Placement {
        vpc_chosen_by: own_vpc::chosen_by(world, site.own_vpc.as_ref()),
        control: if control::is_public(spec) { ports::Addressing::Public.name().to_owned() } else { String::new() },
        control_sources: control_sources.iter().map(ToString::to_string).collect(),
        ..assemble(world, identity, &subnets, addressing, images, artifacts)
    };
    let placement = prices::grown(world, placement);
    let placement = Placement { queue: queues::placed(world, &placement), ..placement };
    if !front::is_unplaced(world, &placement) {
        return budget::settle(world, placement);
    }
    let placed = front::choose(world, site, &placement)?;
    budget::settle(world, Placement { balancer: Some(placed), ..placement })
}

/// What was assumed of the subnet that was chosen, and may be otherwise.
pub(crate) fn caution(placement: &Placement, site: &Site) -> String {
    let subnets = site.subnets.known().map(Vec::as_slice).unwrap_or_default();
    let chosen = placement.subnets();
    let is_chosen = |subnet: &&Subnet| chosen.iter().any(|chosen| chosen.subnet_id == subnet.id);
    match subnets.iter().filter(is_chosen).find(|subnet| subnet.egress == Egress::Endpoint) {
        Some(subnet) if is_public(placement) => format!(
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
    subnets: &[&Subnet],
    addressing: ports::Addressing,
    images: Vec<PlacedImage>,
    artifacts: Vec<PlacedArtifact>,
) -> Placement {
    let lifetime = SignedDuration::from_secs(i64::from(world.object.spec.lifecycle.max_lifetime_seconds));
    let placement = Placement {
        installation: world.settings.installation.clone(),
        kubernetes_cluster: world.settings.kubernetes_cluster.clone(),
        account_id: identity.account.clone(),
        region: world.region().to_owned(),
        vpc_id: subnets.first().map(|subnet| subnet.vpc_id.clone()).unwrap_or_default(),
        addressing: addressing.name().to_owned(),
        egress: egress(world, subnets.iter().copied()),
        images,
        public_key: world.settings.public_key.clone(),
        version: world.settings.artifacts.version.clone(),
        artifacts,
        known_fields: KNOWN_FIELDS.map(str::to_owned).to_vec(),
        left: Vec::new(),
        balancer: None,
        // What every benchmark needs. Another kind adds itself before the first of it is created.
        kinds: vec![ResourceKind::SecurityGroup.name().to_owned()],
        create_not_after: Some(not_after(world)),
        // Whole seconds: what a status field holds, and what a systemd timer takes.
        expires_at: jiff::Timestamp::from_second((world.now + lifetime).as_second()).ok().map(Time),
        relaunches: 0,
        ..Placement::default()
    };
    zones::settle(subnets.iter().map(|subnet| zones::placed(subnet)).collect(), placement)
}

fn need<T>(facet: &Facet<T>) -> Result<&T, NoPlacement> {
    match facet {
        Facet::Known(value) => Ok(value),
        Facet::Unknown(why) => Err(NoPlacement::Unknown(why.clone())),
    }
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

fn placed_volume(volume: &Volume) -> PlacedVolume {
    PlacedVolume { device: volume.device.clone(), gib: i32::try_from(volume.gib).unwrap_or(i32::MAX) }
}

/// What is missing, and the way out: where a program is built for no architecture, another type has none either.
fn no_artifact(world: &World, name: &str, of: &str) -> String {
    if world.settings.artifacts.sha256.keys().any(|(known, _)| known == name) {
        return format!("{of}, and this operator has no {name} for it: choose a type of another architecture");
    }
    let (asked_by, otherwise) = match name {
        "starter" => {
            (", which worker.update InPlace needs", ", or delete the benchmark and create it without worker.update")
        }
        "front" | "puller" => (", which balancer.kind Queue needs", ", or set another balancer.kind"),
        _ => ("", ""),
    };
    format!(
        "{of}, and this operator has no {name} for any architecture{asked_by}: add it to its --programs or --artifacts and restart the operator{otherwise}"
    )
}

/// Our programs for the architectures in use; refuses an instance type that one of them is not built for.
fn artifacts(world: &World, types: &[InstanceType]) -> Result<Vec<PlacedArtifact>, NoPlacement> {
    let spec = &world.object.spec;
    let mut placed = BTreeMap::new();
    for pool in desired::possible_pools(spec) {
        let Some(fact) = types.iter().find(|fact| fact.name == pool.instance_type) else { continue };
        for name in desired::artifacts(spec, &pool) {
            let key = ((*name).to_owned(), fact.architecture);
            let sha256 = match world.settings.artifacts.sha256.get(&key) {
                Some(sha256) => sha256,
                None if desired::is_spare(spec, name) => continue,
                None => {
                    let of = format!("instanceType {} of {} is {}", fact.name, pool.name, fact.architecture.name());
                    return refused(Reason::NoArtifact, no_artifact(world, name, &of));
                }
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
