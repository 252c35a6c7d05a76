//! The wait for the health of all members, whoever checks them.

use api::ConditionType;

use super::waiting;
use crate::conditions::{ConditionStatus, Reason};
use crate::desired::{Program, program};
use crate::plan::Plan;
use crate::world::World;

/// What to change where a user's program is not heard.
pub(crate) const LISTENS_NOWHERE: &str = "mend the program or how it is started (worker.command, where it has one), or set worker.port to the port that it listens on,";

/// What is waited for while members are not healthy.
pub(super) const UNHEALTHY: &str = "health of all members";

/// Some are not healthy yet. When that lasts, the message is all that goes on.
pub(super) fn incomplete(world: &World, plan: &mut Plan, message: String) {
    waiting(plan, message.clone());
    if lasts(world, plan, UNHEALTHY) {
        plan.conditions.deployed(ConditionStatus::False, Reason::Unhealthy, message);
        plan.conditions.stall(ConditionType::Deployed);
    }
}

/// All are healthy.
pub(super) fn complete(plan: &mut Plan) {
    plan.memory.absent_since.remove(UNHEALTHY);
}

/// The last word of an instance's console, to end a message with.
pub(super) fn console(world: &World, id: &str) -> String {
    world.consoles.get(id).map(|word| format!("; its console ends with: {word}")).unwrap_or_default()
}

/// What to change where the worker of a cluster, while its instance runs, does not become healthy. Of our own there is nothing to change.
pub(super) fn way_out(world: &World, cluster: &str) -> String {
    match program(&world.object.spec, cluster) {
        Program::Ours { .. } => String::new(),
        Program::Users(_) => format!("; where that lasts, {LISTENS_NOWHERE} or worker.health to what it answers"),
    }
}

/// Whether something has been so for longer than a boot may take, as far as this process saw.
pub(super) fn lasts(world: &World, plan: &mut Plan, what: &str) -> bool {
    let first = *plan.memory.absent_since.entry(what.to_owned()).or_insert(world.now);
    world.now.duration_since(first) > world.settings.boot_deadline
}
