//! The answers of our own programs, which deployment waits for last.

use api::ConditionType;

use super::health::{console, lasts};
use super::{delivery, waiting};
use crate::conditions::{ConditionStatus, Reason};
use crate::control;
use crate::desired::{CONTROL_PORT, GENERATOR};
use crate::instances::single;
use crate::plan::{MOVING, Plan};
use crate::world::{Facet, World};

/// Deployed once the generators answer; `so_far` says what does already.
pub(super) fn plan(world: &World, plan: &mut Plan, so_far: &str) {
    match &world.runs {
        Some(Facet::Known(_)) => {
            plan.memory.absent_since.remove(&unreachable_key(GENERATOR));
            let message = format!("{so_far} and generator answer");
            plan.conditions.deployed(ConditionStatus::True, Reason::Healthy, message);
        }
        Some(Facet::Unknown(why)) => unreachable(world, plan, GENERATOR, &why.message),
        None => waiting(plan, "the generator's instance does not run yet"),
    }
}

pub(super) fn unreachable_key(pool: &str) -> String {
    format!("answer of {pool}")
}

/// From, to, port and rule; the console tells whether the program was started at all.
pub(super) fn unreachable(world: &World, plan: &mut Plan, pool: &str, why: &str) {
    let instance = single(world, pool);
    let console = instance.map(|instance| console(world, &instance.id)).unwrap_or_default();
    let started = lasts(world, plan, &unreachable_key(pool));
    let sources = plan.placement.as_ref().map(control::sources).unwrap_or_default();
    let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
    let sources = sources.join(", ");
    let reason = if started { Reason::ControlUnreachable } else { Reason::Waiting };
    let silent =
        || format!("{pool} does not answer yet: {why} (port {CONTROL_PORT} is open to {sources} in group edge)");
    let message = delivery::waiting(world, pool).unwrap_or_else(silent) + &console;
    plan.conditions.deployed(ConditionStatus::False, reason, message);
    if started {
        plan.conditions.stall(ConditionType::Deployed);
    }
    plan.wake_within(MOVING);
}
