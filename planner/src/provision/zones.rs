//! The availability zones of a benchmark: how many, which, and where what is in each.

use std::collections::BTreeMap;

use api::{ClusterBenchmarkSpec, PlacedSubnet, Placement};

use super::addressing::addressing;
use crate::ports::{Addressing, Subnet};
use crate::world::World;

/// The zones that the spec names. Empty: the operator chooses them.
pub(super) fn names(spec: &ClusterBenchmarkSpec) -> &[String] {
    spec.network.as_ref().map(|network| network.zones.as_slice()).unwrap_or_default()
}

pub(super) fn are_named(spec: &ClusterBenchmarkSpec) -> bool {
    !names(spec).is_empty()
}

/// Zones that the instances are spread over.
pub(super) fn count(spec: &ClusterBenchmarkSpec) -> usize {
    let asked = spec.network.as_ref().and_then(|network| network.zone_count);
    let chosen = asked.and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
    if are_named(spec) { names(spec).len() } else { chosen.max(1) }
}

/// The first candidate of each of as many zones as are wanted, all with one kind of addresses, by the name of their zones.
pub(super) fn choose<'a>(world: &World, candidates: &[&'a Subnet]) -> Option<(Vec<&'a Subnet>, Addressing)> {
    let spec = &world.object.spec;
    let ways: Vec<(&Subnet, Addressing)> =
        candidates.iter().filter_map(|subnet| Some((*subnet, addressing(world, subnet).ok()?))).collect();
    ways.iter().find_map(|(_, way)| {
        let mut chosen: BTreeMap<&str, &Subnet> = BTreeMap::new();
        for (subnet, _) in ways.iter().filter(|(_, other)| other == way) {
            if chosen.len() < count(spec) {
                chosen.entry(&subnet.zone).or_insert(subnet);
            }
        }
        (chosen.len() == count(spec)).then(|| (chosen.into_values().collect(), *way))
    })
}

pub(super) fn placed(subnet: &Subnet) -> PlacedSubnet {
    let Subnet { id, zone, zone_id, .. } = subnet;
    PlacedSubnet { subnet_id: id.clone(), zone: zone.clone(), zone_id: zone_id.clone() }
}

/// The placement in these subnets, of which the first is that of balancer and generators.
pub(super) fn settle(subnets: Vec<PlacedSubnet>, placement: Placement) -> Placement {
    let mut subnets = subnets.into_iter();
    let PlacedSubnet { subnet_id, zone, zone_id } = subnets.next().unwrap_or_default();
    Placement { subnet_id, zone, zone_id, further_subnets: subnets.collect(), ..placement }
}

/// The zones of a placement, for people.
pub(super) fn named(placement: &Placement) -> String {
    placement.subnets().into_iter().map(|subnet| subnet.zone).collect::<Vec<_>>().join(" and ")
}
