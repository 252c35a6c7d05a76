//! `spec.paused`: nothing is begun or changed. A run that is on is held between two rounds, or finished where it cannot be
//! held. What has ended is still brought home, and deletion and expiry still end everything.

use api::ConditionType;

use crate::balance::unfinished;
use crate::conditions::{ConditionStatus, Reason};
use crate::measure;
use crate::plan::{MOVING, Plan};
use crate::runs;
use crate::world::{Facet, World};

const NOTHING_NEW: &str = "spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything";

pub(crate) fn plan(world: &World, plan: &mut Plan) {
    bring_home(world, plan);
    let is_recorded = runs::recorded(world, &runs::wanted(world)).is_some();
    for kind in [ConditionType::Accepted, ConditionType::Provisioned, ConditionType::Deployed, ConditionType::Measured]
    {
        let says_more = says_more(plan.conditions.get(kind).reason);
        if !(kind == ConditionType::Measured && (is_recorded || says_more)) {
            // Who is out between two programs stays out: taken in again, it would serve the former one.
            let out = if kind == ConditionType::Deployed { unfinished::kept_out(world) } else { String::new() };
            plan.conditions.set(kind, ConditionStatus::Unknown, Reason::Paused, format!("{NOTHING_NEW}{out}"));
        }
    }
    if !is_recorded {
        plan.conditions.stall(ConditionType::Accepted);
    }
}

/// Holds, stops or collects what is on, and begins nothing.
pub(crate) fn bring_home(world: &World, plan: &mut Plan) {
    if let Some(placement) = &world.object.status.placement {
        measure::plan(world, placement, plan);
        // What is stopped was not to go on: its time is over, or its balancer is gone, or nobody asks for it any more.
        plan.effects.retain(|effect| effect.action.nature().while_paused);
    }
}

/// What is waited for when a budget is spent at once.
const LAST: &str = "report of the run that the budget does not pay any more";

/// Whether a run is on that is stopped and brought home before everything ends. It is not waited for longer than the last
/// call of any other end.
pub(crate) fn last_call(world: &World, plan: &mut Plan) -> bool {
    let key = runs::wanted(world);
    // A generator that is silent just now may still have it.
    let is_there = match &world.runs {
        Some(Facet::Known(_)) => key.slices().any(|slice| runs::answer(world, &slice).is_some()),
        _ => runs::running(&world.object.status.runs, &key).is_some(),
    };
    let is_on = is_there && runs::recorded(world, &key).is_none();
    let first = *plan.memory.absent_since.entry(LAST.to_owned()).or_insert(world.now);
    if !is_on || world.now.duration_since(first) >= world.settings.last_call {
        return false;
    }
    bring_home(world, plan);
    plan.wake_within(MOVING);
    true
}

/// The budget pays again: another last call has its own time.
pub(crate) fn forget_last_call(plan: &mut Plan) {
    plan.memory.absent_since.remove(LAST);
}

/// Whether `Measured` says more for this reason than that the benchmark is paused.
fn says_more(reason: Reason) -> bool {
    use Reason::{BalancerGone, Collecting, Expiring, Paused, Pausing, Running};
    matches!(reason, Running | Pausing | Paused | BalancerGone | Collecting | Expiring)
}
