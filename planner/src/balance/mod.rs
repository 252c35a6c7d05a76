//! The stage that deploys: what stands in front of the clusters is told its members, and waited for until all of them
//! answer.

pub mod application;
pub mod delivery;
mod generators;
pub(crate) mod health;
pub mod membership;
pub mod queues;
mod scaling;
pub(crate) mod slow;
pub(crate) mod unfinished;
pub mod updates;

use api::{BalancerKind, ConditionType, Placement};

use crate::conditions::{ConditionStatus, Reason};
use crate::desired::{BALANCER, FRONT};
use crate::plan::{MOVING, Plan};
use crate::world::World;

pub use slow::slow_instances;

pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    if world.cloud.instances.known().is_none() {
        plan.conditions.unknown(ConditionType::Deployed, world.cloud.instances.unknown());
        return;
    }
    if placement.public_key != world.settings.public_key {
        let message = "the operator's control key is not the one that balancer and generator were launched with: delete the benchmark and create it again";
        plan.conditions.deployed(ConditionStatus::False, Reason::ControlKeyChanged, message);
        plan.conditions.stall(ConditionType::Deployed);
        return;
    }
    match world.object.spec.balancer.kind {
        BalancerKind::Custom => membership::plan(world, BALANCER, plan),
        BalancerKind::Queue => membership::plan(world, FRONT, plan),
        BalancerKind::Application => application::plan(world, placement, plan),
    }
    let deployed = plan.conditions.get(ConditionType::Deployed).clone();
    let on_their_way = delivery::note(world);
    if deployed.status == ConditionStatus::False && !on_their_way.is_empty() {
        plan.conditions.deployed(deployed.status, deployed.reason, deployed.message + &on_their_way);
    }
}

/// Not deployed yet, and soon to be looked at again.
fn waiting(plan: &mut Plan, message: impl Into<String>) {
    plan.conditions.deployed(ConditionStatus::False, Reason::Waiting, message.into());
    plan.wake_within(MOVING);
}
