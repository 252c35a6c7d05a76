//! The Application Load Balancer in front of the clusters: what it is to be, its making, its routes and its targets.
//!
//! Each step waits until what it needs is *seen*: security groups, then load balancer and target groups beside the
//! instances, then attributes, listener and rules, then the targets that run, then the health of all of them.

mod by_hand;
pub mod front;
mod routes;
pub(crate) mod scheme;
mod targets;
mod wanted;

use api::{BalancerKind, ConditionType, Placement};
use jiff::SignedDuration;

use super::{health, waiting};
use crate::conditions::{ConditionStatus, Reason};
use crate::desired::BALANCER_PORT;
use crate::effect::Quota;
use crate::failure::Failure;
use crate::goal::{Goal, goal};
use crate::instances::targets::are_at_rest;
use crate::plan::Plan;
use crate::ports::{LoadBalancer, LoadBalancerState, Target, TargetGroup, TargetState};
use crate::run_outcome::RunOutcome;
use crate::world::{Application, Facet, World};

pub(crate) use wanted::{TargetGroupSpec, target_groups};

/// The load balancer of the placement as a list shows it.
pub(crate) fn listed(world: &World) -> Option<&LoadBalancer> {
    let name = wanted::load_balancer(world)?;
    world.cloud.load_balancers.known()?.iter().find(|balancer| balancer.name == name)
}

/// The target group of a cluster as a list shows it.
fn listed_group<'a>(world: &'a World, wanted: &TargetGroupSpec) -> Option<&'a TargetGroup> {
    world.cloud.target_groups.known()?.iter().find(|group| group.name == wanted.name)
}

/// The ARNs of load balancer and target groups whose listeners, attributes and targets matter now. None while nothing
/// depends on them: a result is recorded, all was well, and the same instances run.
pub fn looks(world: &World) -> Option<(String, Vec<String>)> {
    if world.object.spec.balancer.kind != BalancerKind::Application || goal(world) != Goal::Instances {
        return None;
    }
    if are_at_rest(world) {
        return None;
    }
    let groups = target_groups(world).iter().filter_map(|wanted| listed_group(world, wanted)).collect::<Vec<_>>();
    Some((listed(world)?.arn.clone(), groups.into_iter().map(|group| group.arn.clone()).collect()))
}

/// The oldest look at it that will do. ELBv2 refills ten reads a second for the whole account (ELB user guide, "API
/// throttling"), and one look is two reads and two for each cluster.
pub fn longest_age(world: &World) -> SignedDuration {
    let is_on = world.object.status.runs.iter().any(|run| RunOutcome::Running.is_of(run));
    SignedDuration::from_secs(if is_on { 5 } else { 2 })
}

/// The oldest look at it that will do where others are to be looked at first. It says how things stand, and nothing is
/// changed by it.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// The dimensions of its CloudWatch metrics: `app/NAME/ID`, and of each cluster `targetgroup/NAME/ID`.
pub(crate) fn dimensions(world: &World) -> Option<(String, Vec<(String, String)>)> {
    let (_, balancer) = listed(world)?.arn.split_once(":loadbalancer/")?;
    let group = |wanted: &TargetGroupSpec| {
        let (_, name) = listed_group(world, wanted)?.arn.rsplit_once(':')?;
        Some((wanted.cluster.clone(), name.to_owned()))
    };
    let groups: Option<Vec<_>> = target_groups(world).iter().map(group).collect();
    Some((balancer.to_owned(), groups?))
}

/// `http://` and the name of an active load balancer with its port.
pub(crate) fn endpoint(world: &World) -> Option<String> {
    let balancer = listed(world).filter(|balancer| balancer.state != LoadBalancerState::Provisioning)?;
    (!balancer.dns_name.is_empty()).then(|| format!("http://{}:{BALANCER_PORT}", balancer.dns_name))
}

pub(super) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    let Some(balancer) = listed(world) else {
        return waiting(plan, "the load balancer is not there yet");
    };
    if are_at_rest(world) && world.application.is_none() {
        let message = "all targets were healthy when it was measured";
        plan.conditions.deployed(ConditionStatus::True, Reason::Healthy, message);
        return;
    }
    let seen = match &world.application {
        Some(Facet::Known(seen)) => seen,
        // What was just made is not visible to every call for a while (kubernetes-sigs/aws-load-balancer-controller#1472).
        Some(Facet::Unknown(why)) if matches!(why.failure, Failure::NotFound | Failure::NotYetVisible) => {
            return waiting(plan, format!("the load balancer is not visible to all calls yet: {}", why.message));
        }
        Some(Facet::Unknown(why)) => {
            plan.conditions.unknown(ConditionType::Deployed, Some(why));
            plan.wake_within(crate::plan::MOVING * 5);
            return;
        }
        None => return waiting(plan, "the load balancer was not looked at yet"),
    };
    let groups = target_groups(world);
    let listed: Vec<(&TargetGroupSpec, &TargetGroup)> =
        groups.iter().filter_map(|wanted| Some((wanted, listed_group(world, wanted)?))).collect();
    if listed.len() < groups.len() {
        return waiting(plan, format!("{} of {} target groups are there", listed.len(), groups.len()));
    }
    let are_made = routes::plan(world, placement, plan, balancer, seen, &listed);
    targets::plan(world, plan, seen, &listed, are_made);
    if is_old(world) {
        plan.effects.retain(|effect| effect.action.nature().quota != Some(Quota::Balancing));
        plan.wake_within(crate::plan::MOVING);
    }
}

/// Whether the look is from before its turn.
fn is_old(world: &World) -> bool {
    world.memory.application.as_ref().is_some_and(|(at, _)| world.now.duration_since(*at) > longest_age(world) * 2)
}

/// Targets of a group, those that are being taken out left aside.
fn registered<'a>(seen: &'a Application, group: &TargetGroup) -> impl Iterator<Item = &'a Target> {
    seen.targets.get(&group.arn).into_iter().flatten().filter(|target| target.state != TargetState::Draining)
}
