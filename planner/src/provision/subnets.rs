//! The subnets of a benchmark: which could be its own, and which it gets, one for each zone.

use std::collections::BTreeSet;

use api::ClusterBenchmarkSpec;

use super::addressing::{addressing, rank};
use super::{own_vpc, zones};
use crate::balance::application::front;
use crate::conditions::Reason;
use crate::counts::Counts;
use crate::desired;
use crate::failure::Failure;
use crate::plan::{NoPlacement, refused};
use crate::ports::{self, Instance, InstanceState, Subnet};
use crate::world::{Facet, OwnVpc, Site, World};

/// Subnets of one VPC with IPv4 addresses, in the zones that the spec names, if it names any.
pub(super) fn possible<'a>(world: &World, site: &'a Site) -> Result<Vec<&'a Subnet>, NoPlacement> {
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
        return no_subnet(world, site);
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
    in_named_zones(&world.object.spec, subnets)
}

fn no_subnet<T>(world: &World, site: &Site) -> Result<T, NoPlacement> {
    let region = world.region();
    let where_from = match &site.own_vpc {
        Some(Facet::Known(OwnVpc::Found { id, .. })) => {
            format!("{id}, which the operator is in, has no subnet in an availability zone of {region}")
        }
        of => format!("{region} has no default VPC with subnets{}", own_vpc::why_not(of.as_ref())),
    };
    let way_out = "delete the benchmark and create it with network.subnetIds";
    refused(Reason::NoDefaultVpc, format!("{where_from}: {way_out}"))
}

fn in_named_zones<'a>(
    spec: &ClusterBenchmarkSpec,
    mut subnets: Vec<&'a Subnet>,
) -> Result<Vec<&'a Subnet>, NoPlacement> {
    let asked = zones::names(spec);
    if let Some(zone) = asked.iter().find(|zone| subnets.iter().all(|subnet| subnet.zone != **zone)) {
        let at_hand: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
        return refused(
            Reason::UnknownZone,
            format!(
                "network.zones: no subnet at hand is in {zone}, only in {}: delete the benchmark and create it with zones among these, or with subnets of {zone} in network.subnetIds",
                at_hand.into_iter().collect::<Vec<_>>().join(", ")
            ),
        );
    }
    subnets.retain(|subnet| asked.is_empty() || asked.contains(&subnet.zone));
    Ok(subnets)
}

/// A subnet in each zone, that of balancer and generators first, and whether instances get public addresses: the first
/// candidates that have a way out.
pub(super) fn choose<'a>(
    world: &World,
    subnets: &[&'a Subnet],
    offerings: &[(String, String)],
) -> Result<(Vec<&'a Subnet>, ports::Addressing), NoPlacement> {
    let spec = &world.object.spec;
    let candidates = candidates(world, subnets.iter().copied(), offerings);
    if let Some(chosen) = zones::choose(world, &candidates) {
        return Ok(chosen);
    }
    // The first one's refusal, when none of the others does.
    if let Some(refusal) = candidates.iter().find_map(|subnet| addressing(world, subnet).err()) {
        return Err(refusal);
    }
    let all: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    let able: BTreeSet<&str> = all.iter().copied().filter(|zone| offers_all(world, zone, offerings)).collect();
    if able.is_empty() {
        return not_offered(world, &all, offerings);
    }
    let wanted = zones::count(spec);
    if able.len() < wanted {
        return too_few(world, &all, &able);
    }
    let zones_with_room: BTreeSet<&str> = candidates.iter().map(|subnet| subnet.zone.as_str()).collect();
    if zones_with_room.len() >= wanted {
        return refused(
            Reason::TooFewZones,
            "network: the subnets of the zones reach the internet in different ways, some with public addresses and some without: delete the benchmark and create it with subnets of one kind in network.subnetIds, or with network.addressing",
        );
    }
    let of_zones = if wanted > 1 { " in each zone" } else { "" };
    refused(
        Reason::SubnetFull,
        format!(
            "no subnet has {} free addresses{of_zones}: delete the benchmark and create it with a larger one in network.subnetIds",
            addresses(world)
        ),
    )
}

fn not_offered<T>(world: &World, zones: &BTreeSet<&str>, offerings: &[(String, String)]) -> Result<T, NoPlacement> {
    let offered = |name: &str| offerings.iter().any(|(t, z)| t == name && zones.contains(z.as_str()));
    let nowhere: Vec<_> = desired::types_with_fields(&world.object.spec)
        .into_iter()
        .filter(|(name, _)| !offered(name))
        .map(|(name, field)| format!("{field} {name}"))
        .collect();
    let what = if nowhere.is_empty() {
        "no zone offers all instance types".to_owned()
    } else {
        format!("{} is offered in none", nowhere.join(", "))
    };
    refused(
        Reason::NotOffered,
        format!(
            "{what} of the zones at hand ({}): choose other instance types, or delete the benchmark and create it with subnets in other zones (network.subnetIds)",
            joined(zones)
        ),
    )
}

fn too_few<T>(world: &World, all: &BTreeSet<&str>, able: &BTreeSet<&str>) -> Result<T, NoPlacement> {
    let spec = &world.object.spec;
    if zones::are_named(spec) {
        let lacking: BTreeSet<&str> = all.difference(able).copied().collect();
        return refused(
            Reason::NotOffered,
            format!(
                "network.zones: not all instance types are offered in {}: choose other instance types, or delete the benchmark and create it with other zones",
                joined(&lacking)
            ),
        );
    }
    refused(
        Reason::TooFewZones,
        format!(
            "network.zoneCount: {} zones are wanted, and all instance types are offered in {} of those at hand: choose other instance types, or delete the benchmark and create it with a lower zoneCount or with subnets in more zones (network.subnetIds)",
            zones::count(spec),
            joined(able)
        ),
    )
}

fn joined(zones: &BTreeSet<&str>) -> String {
    zones.iter().copied().collect::<Vec<_>>().join(", ")
}

/// Subnets with IPv4 addresses whose zone offers every type and that have room for all their instances: those that suit a load
/// balancer first, where there is to be one; then those with the better way out, by zone, those with more free addresses
/// before others of their zone, and by id.
pub(super) fn candidates<'a>(
    world: &World,
    subnets: impl IntoIterator<Item = &'a Subnet>,
    offerings: &[(String, String)],
) -> Vec<&'a Subnet> {
    let needed = addresses(world);
    let is_usable = |subnet: &&Subnet| {
        let has_room = subnet.cidr.is_some() && free(world, subnet) >= needed;
        has_room && offers_all(world, &subnet.zone, offerings)
    };
    let mut candidates: Vec<&Subnet> = subnets.into_iter().filter(is_usable).collect();
    let has_front = desired::agent_in_front(&world.object.spec).is_none();
    let is_poor =
        |subnet: &Subnet| has_front && !front::suits(world, subnet, free(world, subnet).saturating_sub(needed));
    let spec = &world.object.spec;
    let order = |subnet: &Subnet| (is_poor(subnet), rank(spec, subnet));
    let in_zone = |a: &Subnet, b: &Subnet| (&a.zone, b.free_addresses, &a.id).cmp(&(&b.zone, a.free_addresses, &b.id));
    candidates.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| in_zone(a, b)));
    candidates
}

/// Addresses that are free in a subnet once the instances of the benchmark have left it, as they do before they move.
fn free(world: &World, subnet: &Subnet) -> u32 {
    let instances = world.cloud.instances.known().into_iter().flatten();
    let is_here = |one: &&Instance| {
        one.state != InstanceState::Terminated && one.subnet_id.as_ref().is_some_and(|id| *id == subnet.id)
    };
    let own = u32::try_from(instances.filter(is_here).count()).unwrap_or(u32::MAX);
    subnet.free_addresses.saturating_add(own)
}

fn offers_all(world: &World, zone: &str, offerings: &[(String, String)]) -> bool {
    let offered = |name: &str| offerings.iter().any(|(t, z)| t == name && z == zone);
    desired::pools(&world.object.spec).iter().all(|pool| offered(&pool.instance_type))
}

/// Addresses that the instances of a zone need: those of the first one, which has most.
fn addresses(world: &World) -> u32 {
    let spec = &world.object.spec;
    let counts = Counts::of_spec(spec);
    let in_first = |pool| counts.by_zone(pool, zones::count(spec)).first().copied().unwrap_or(0);
    desired::pools(spec).iter().map(in_first).sum()
}
