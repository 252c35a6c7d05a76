//! The move of a whole benchmark to another zone, when its own has no capacity, or does not support what is asked for.
//!
//! All or nothing: clusters in two zones would measure the zones. First the placement says in status that its zone is
//! left; from then on nothing is launched there. What runs there is terminated, and every launch is settled (a client
//! token holds for one zone only: the same launch in another zone would be a second one). Only then another subnet
//! takes its place.

use std::collections::BTreeMap;

use api::{ConditionType, Launch, LeftZone, Placement};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::placement::{addressing, candidates};
use super::removal;
use crate::balance::application::front;
use crate::conditions::{ConditionStatus, Reason};
use crate::desired;
use crate::failure::Failure;
use crate::instances::alive;
use crate::plan::{MOVING, Plan, STEADY};
use crate::ports::{InstanceState, Subnet};
use crate::runs;
use crate::scale::{counts, length};
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

/// Whether everything in the current zone is being removed.
pub(crate) fn is_moving(placement: &Placement) -> bool {
    placement.left.iter().any(|left| left.subnet_id == placement.subnet_id)
}

/// The placement that leaves its zone, if that zone has no capacity for a pool, another one may have it, and nothing
/// that was measured would be lost.
pub(crate) fn leave(world: &World, placement: &Placement) -> Option<Placement> {
    let (instance_type, failure) = starved(world, placement)?;
    let is_at_rest = match &world.runs {
        None => true,
        Some(Facet::Known(runs)) => runs.values().all(Option::is_none),
        Some(Facet::Unknown(_)) => false,
    };
    if !is_at_rest || runs::recorded(world, &runs::wanted(world)).is_some() {
        return None;
    }
    next(world, placement)?;
    let mut left = placement.left.clone();
    left.retain(|other| other.subnet_id != placement.subnet_id);
    left.push(LeftZone {
        zone: placement.zone.clone(),
        subnet_id: placement.subnet_id.clone(),
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
            let message = format!("{why}: moving all to {}", next.zone);
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
    let message = if left.is_empty() {
        "the spec can be placed".to_owned()
    } else {
        format!("the spec can be placed; {}", left.join(", "))
    };
    plan.conditions.accepted(ConditionStatus::True, Reason::Placed, message);
}

/// What is said to somebody who waits for a zone that can, and could be given more zones. `None`: `line` was refused for
/// another reason.
pub(crate) fn outlook(world: &World, placement: &Placement, line: &Launch) -> Option<&'static str> {
    let failure = lack(line)?;
    Some(match next(world, placement) {
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
    let here = placement.left.iter().find(|left| left.subnet_id == placement.subnet_id);
    let said = |left: &LeftZone| match is_unsupported(left) {
        true => format!("{} is not supported in {} as it is asked for", left.instance_type, left.zone),
        false => format!("no capacity for {} in {}", left.instance_type, left.zone),
    };
    here.map(said).unwrap_or_default()
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

/// The instance type that the current zone had not for a pool that still needs it, at its last try, and why.
fn starved(world: &World, placement: &Placement) -> Option<(String, Failure)> {
    let status = &world.object.status;
    let (instances, counts) = (world.cloud.instances.known()?, counts(world));
    desired::pools(&world.object.spec).into_iter().find_map(|pool| {
        let last = status.launches.iter().filter(|line| line.pool == pool.name).max_by_key(|line| line.number)?;
        let failure = lack(last)?;
        let is_here = last.subnet_id == placement.subnet_id
            && last.instance_type == pool.instance_type
            && ledger::is_closed(last);
        let is_needed = alive(&status.launches, instances, &pool.name).len() < length(counts.of(&pool.name));
        (is_here && is_needed).then_some((pool.instance_type, failure))
    })
}

/// Where to go next: a subnet of another zone that was not left lately, never left ones first.
fn next<'a>(world: &'a World, placement: &Placement) -> Option<&'a Subnet> {
    let site = world.site.as_ref()?;
    let left: BTreeMap<&str, Timestamp> =
        placement.left.iter().map(|left| (left.zone.as_str(), left.at.as_ref().map_or(world.now, |at| at.0))).collect();
    let mut possible = candidates(world, site.subnets.known()?, site.offerings.known()?);
    possible.retain(|subnet| {
        let is_rested = left.get(subnet.zone.as_str()).is_none_or(|at| world.now.duration_since(*at) >= RETURN);
        let same_vpc = subnet.vpc_id == placement.vpc_id;
        is_rested && same_vpc && subnet.zone != placement.zone && addressing(&world.object.spec, subnet).is_ok()
    });
    // The sort is stable: candidates come by zone and id.
    possible.sort_by_key(|subnet| left.get(subnet.zone.as_str()).copied());
    possible.first().copied()
}

/// The placement in the next zone; in the one that was left when no other is possible any more. `None` while it is not
/// known what is possible.
fn settle_in(world: &World, placement: &Placement) -> Option<Placement> {
    let site = world.site.as_ref()?;
    let subnets = site.subnets.known()?;
    site.offerings.known()?;
    let subnet = next(world, placement).or_else(|| subnets.iter().find(|subnet| subnet.id == placement.subnet_id))?;
    let mut left = placement.left.clone();
    left.retain(|left| left.subnet_id != subnet.id);
    Some(Placement {
        subnet_id: subnet.id.clone(),
        zone: subnet.zone.clone(),
        zone_id: subnet.zone_id.clone(),
        addressing: addressing(&world.object.spec, subnet)
            .map_or_else(|_| placement.addressing.clone(), |addressing| addressing.name().to_owned()),
        left,
        ..placement.clone()
    })
}
