//! The move of a whole benchmark to another zone, when its own has no capacity, or does not support what is asked for.
//!
//! All or nothing: clusters in different zones would measure the zones. First the placement says in status that its zone is
//! left; from then on nothing is launched there. What runs there is terminated, and every launch is settled (a client
//! token holds for one zone only: the same launch in another zone would be a second one). Only then another subnet
//! takes its place. A benchmark in several zones moves as a whole too, and keeps those that had capacity. One whose
//! spec names its zones waits.

use std::collections::BTreeMap;

use api::{ConditionType, Launch, LeftZone, PlacedSubnet, Placement};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::addressing::egress;
use super::subnets::candidates;
use super::{own_vpc, removal, zones};
use crate::balance::application::front;
use crate::conditions::{ConditionStatus, Reason};
use crate::counts::{counts, length};
use crate::desired::{self, PoolSpec};
use crate::failure::Failure;
use crate::instances::alive;
use crate::plan::{MOVING, Plan, STEADY};
use crate::ports::{Addressing, Instance, InstanceState, Subnet};
use crate::runs;
use crate::world::ledger::{self, Refusal};
use crate::world::{Facet, World};

/// A zone that had no capacity is not tried again before that. Capacity comes back in minutes to hours (EC2 user
/// guide, "Insufficient instance capacity": wait a few minutes); each move costs a minute of every instance.
const RETURN: SignedDuration = SignedDuration::from_mins(15);

/// Whether what the region offers has to be known: to choose a placement, or another one.
pub fn wants_site(world: &World) -> bool {
    match &world.object.status.placement {
        None => !world.ledger_is_lost(),
        Some(placement) => {
            is_moving(placement) || starved(world, placement).is_some() || front::is_unplaced(world, placement)
        }
    }
}

/// Whether everything in the current zones is being removed.
pub(crate) fn is_moving(placement: &Placement) -> bool {
    left_here(placement).is_some()
}

/// What is missing in one of the current zones, for which they are left.
fn left_here(placement: &Placement) -> Option<&LeftZone> {
    let subnets = placement.subnets();
    placement.left.iter().find(|left| subnets.iter().any(|subnet| subnet.subnet_id == left.subnet_id))
}

/// The placement that leaves its zone, if that zone has no capacity for a pool, another one may have it, and nothing
/// that was measured would be lost.
pub(crate) fn leave(world: &World, placement: &Placement) -> Option<Placement> {
    let Starved { subnet, instance_type, failure } = starved(world, placement)?;
    if !runs::none_is_held(world) || runs::recorded(world, &runs::wanted(world)).is_some() {
        return None;
    }
    next(world, placement, &subnet.zone)?;
    let mut left = placement.left.clone();
    left.retain(|other| other.subnet_id != subnet.subnet_id);
    left.push(LeftZone {
        zone: subnet.zone,
        subnet_id: subnet.subnet_id,
        instance_type,
        reason: if failure == Failure::Unsupported { failure.name().to_owned() } else { String::new() },
        at: Timestamp::from_second(world.now.as_second()).ok().map(Time),
    });
    Some(Placement { left, ..placement.clone() })
}

/// Empties the zone that is left, then places the benchmark anew.
pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    say_where(placement, plan);
    for kind in [ConditionType::Deployed, ConditionType::Measured] {
        plan.conditions.set(kind, ConditionStatus::False, Reason::Moving, "waits for the instances in another zone");
    }
    let instances = match &world.cloud.instances {
        Facet::Known(instances) => instances,
        Facet::Unknown(why) => {
            plan.conditions.unknown(ConditionType::Provisioned, Some(why));
            plan.wake_within(MOVING * 5);
            return;
        }
    };
    let instances_gone = removal::terminate_all(world, instances, plan, &why(placement));
    let lines_closed = removal::settle_lines(world, instances, plan);
    let what = std::mem::take(&mut plan.leftovers);
    let why = why(placement);
    if !(instances_gone && lines_closed) {
        let message = format!("{why}: moving all to another zone; still there: {}", what.join(", "));
        let refused = plan.refusals(world, instances).len();
        let live = instances.iter().filter(|instance| instance.state != InstanceState::Terminated).count();
        let reason = if refused > 0 { Reason::TerminationDenied } else { Reason::Moving };
        plan.conditions.provisioned(ConditionStatus::False, reason, message);
        // What only people can remove is tried at its own pace.
        plan.wake_within(if refused > 0 && refused >= live { STEADY } else { MOVING });
        return;
    }
    match settle_in(world, placement) {
        Some(next) => {
            let message = format!("{why}: moving all to {}", zones::named(&next));
            plan.conditions.provisioned(ConditionStatus::False, Reason::Moving, message);
            plan.placement = Some(next);
            plan.wake = SignedDuration::ZERO;
        }
        None => {
            let message = format!("{why}: what the other zones offer is not known yet");
            plan.conditions.provisioned(ConditionStatus::Unknown, Reason::Moving, message);
            plan.wake_within(MOVING * 5);
        }
    }
}

/// Accepted, and where; with the zones that were left.
pub(crate) fn say_where(placement: &Placement, plan: &mut Plan) {
    let said = |left: &LeftZone| match is_unsupported(left) {
        true => format!("{} does not support {} as it is asked for", left.zone, left.instance_type),
        false => format!("{} had no capacity for {}", left.zone, left.instance_type),
    };
    let left: Vec<String> = placement.left.iter().map(said).collect();
    let placed = format!("the spec can be placed{}", own_vpc::said(placement));
    let message = if left.is_empty() { placed } else { format!("{placed}; {}", left.join(", ")) };
    plan.conditions.accepted(ConditionStatus::True, Reason::Placed, message);
}

/// What is said to somebody who waits for a zone that can, and could be given more zones. `None`: `line` was refused for
/// another reason.
pub(crate) fn outlook(world: &World, placement: &Placement, line: &Launch) -> Option<&'static str> {
    let failure = lack(line)?;
    if zones::are_named(&world.object.spec) {
        return Some("network.zones names the zones, so it waits for them; trying again in a while");
    }
    let subnets = placement.subnets();
    let zone = &subnets[placement.zone_index(|subnet| subnet.subnet_id == line.subnet_id)].zone;
    Some(match next(world, placement, zone) {
        Some(_) => "all move to another zone once nothing measured would be lost",
        // What no zone takes is not for want of capacity: waiting will not bring it.
        None if failure == Failure::Unsupported && placement.left.iter().all(is_unsupported) => {
            "no zone at hand supports it as it is asked for: choose another instance type or image; trying again in a while"
        }
        None if placement.left.is_empty() => "no other zone at hand offers all types; trying again in a while",
        None => "the other zones had none either; trying again in a while",
    })
}

/// Why the current zone is left.
pub(crate) fn why(placement: &Placement) -> String {
    let said = |left: &LeftZone| match is_unsupported(left) {
        true => format!("{} is not supported in {} as it is asked for", left.instance_type, left.zone),
        false => format!("no capacity for {} in {}", left.instance_type, left.zone),
    };
    left_here(placement).map(said).unwrap_or_default()
}

/// What a launch was refused for, if another zone may have it.
fn lack(line: &Launch) -> Option<Failure> {
    match ledger::refusal(line)? {
        Refusal::Call(failure @ (Failure::NoCapacity | Failure::Unsupported)) => Some(failure),
        _ => None,
    }
}

fn is_unsupported(left: &LeftZone) -> bool {
    Failure::parse(&left.reason) == Some(Failure::Unsupported)
}

/// A pool that still needs instances of a type that its zone had not at the last try.
struct Starved {
    subnet: PlacedSubnet,
    instance_type: String,
    failure: Failure,
}

/// The first one. `None` also where the spec names the zones: nothing else will do.
fn starved(world: &World, placement: &Placement) -> Option<Starved> {
    if zones::are_named(&world.object.spec) {
        return None;
    }
    let (instances, counts) = (world.cloud.instances.known()?, counts(world));
    let subnets = placement.subnets();
    desired::pools(&world.object.spec).into_iter().find_map(|pool| {
        let by_zone = subnets.iter().zip(counts.by_zone(&pool, subnets.len()));
        let lacks = |(subnet, count): (&PlacedSubnet, u32)| {
            let failure = lacking(world, instances, &pool, (subnet, subnets.len()), count)?;
            Some(Starved { subnet: subnet.clone(), instance_type: pool.instance_type.clone(), failure })
        };
        by_zone.into_iter().find_map(lacks)
    })
}

/// Why the last launch of a pool in one of so many zones was refused, if it is still needed.
fn lacking(
    world: &World,
    instances: &[Instance],
    pool: &PoolSpec,
    (subnet, zones): (&PlacedSubnet, usize),
    count: u32,
) -> Option<Failure> {
    let lines = &world.object.status.launches;
    let is_here = |line: &&Launch| line.pool == pool.name && (zones == 1 || line.subnet_id == subnet.subnet_id);
    let last = lines.iter().filter(is_here).max_by_key(|line| line.number)?;
    let failure = lack(last)?;
    let is_of_now = last.subnet_id == subnet.subnet_id && last.instance_type == pool.instance_type;
    let mut alive = alive(&world.object.spec, lines, instances, &pool.name);
    alive.retain(|instance| zones == 1 || instance.zone == subnet.zone);
    (is_of_now && ledger::is_closed(last) && alive.len() < length(count)).then_some(failure)
}

/// Where to go next, when `gone` is left: a subnet in each of as many zones as before, none of which was left lately, never
/// left ones first.
fn next<'a>(world: &'a World, placement: &Placement, gone: &str) -> Option<(Vec<&'a Subnet>, Addressing)> {
    let site = world.site.as_ref()?;
    let left: BTreeMap<&str, Timestamp> =
        placement.left.iter().map(|left| (left.zone.as_str(), left.at.as_ref().map_or(world.now, |at| at.0))).collect();
    let mut possible = candidates(world, site.subnets.known()?, site.offerings.known()?);
    possible.retain(|subnet| {
        let is_rested = left.get(subnet.zone.as_str()).is_none_or(|at| world.now.duration_since(*at) >= RETURN);
        is_rested && subnet.vpc_id == placement.vpc_id && subnet.zone != gone
    });
    // The sort is stable: candidates come by zone and id.
    possible.sort_by_key(|subnet| left.get(subnet.zone.as_str()).copied());
    zones::choose(world, &possible)
}

/// The placement in the next zones; in those that were left when no others are possible any more. `None` while it is not
/// known what is possible.
fn settle_in(world: &World, placement: &Placement) -> Option<Placement> {
    let site = world.site.as_ref()?;
    site.subnets.known()?;
    site.offerings.known()?;
    let gone = left_here(placement).map(|left| left.zone.as_str()).unwrap_or_default();
    let (subnets, addressing, egress) = match next(world, placement, gone) {
        Some((subnets, addressing)) => {
            let egress = egress(world, subnets.iter().copied());
            (subnets.into_iter().map(zones::placed).collect(), addressing.name().to_owned(), egress)
        }
        None => (placement.subnets(), placement.addressing.clone(), placement.egress.clone()),
    };
    let mut left = placement.left.clone();
    left.retain(|left| subnets.iter().all(|subnet| subnet.subnet_id != left.subnet_id));
    Some(zones::settle(subnets, Placement { addressing, egress, left, ..placement.clone() }))
}
