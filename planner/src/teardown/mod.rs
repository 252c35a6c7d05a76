//! The stage that tears down: it removes everything of ours, in the order that EC2 demands, and says when nothing is left.

pub mod holders;

use api::ConditionType;

use crate::conditions::ConditionStatus;
use crate::effect::Action;
use crate::goal::TeardownReason;
use crate::measure;
use crate::plan::{MOVING, Plan, STEADY};
use crate::ports::{Instance, InstanceState};
use crate::provision::absence::absent_for;
use crate::provision::removal::{self, DENIED};
use crate::provision::security_groups;
use crate::runs;
use crate::world::{Facet, World, ledger};

/// Reason of `Provisioned` when it is proven that nothing is left, and only then.
pub(crate) const NOTHING_LEFT: &str = "NothingLeft";

pub(crate) fn plan(world: &World, why: TeardownReason, plan: &mut Plan) {
    judge_goal(world, why, plan);
    if why != TeardownReason::LedgerLost {
        measure::join(world, plan);
    }
    if world.nothing_was_made() || is_gone(world, plan) {
        finish(why, plan);
        return;
    }
    let instances = world.instances.known().map(Vec::as_slice).unwrap_or_default();
    let refusals = plan.refusals(world, instances);
    let lives = |instance: &&Instance| instance.state != InstanceState::Terminated;
    if refusals.is_empty() || instances.iter().filter(lives).count() > refusals.len() {
        // Proofs take minutes, instances seconds; what only people can remove is tried at its own pace.
        plan.wake_within(if plan.leftovers.is_empty() { MOVING * 5 } else { MOVING });
    }
    let what = plan.leftovers.join(", ");
    let message = if what.is_empty() { proving(world, plan) } else { format!("still there: {what}") };
    let unknown = world.instances.unknown().or(world.groups.unknown());
    let held = holders::sentences(world);
    match unknown {
        Some(_) => plan.conditions.unknown(ConditionType::Provisioned, unknown),
        None if !refusals.is_empty() => {
            plan.conditions.set(ConditionType::Provisioned, ConditionStatus::False, DENIED, message);
        }
        None if held.is_empty() => {
            plan.conditions.set(ConditionType::Provisioned, ConditionStatus::False, "TearingDown", message);
        }
        None => {
            let message = format!("{held}; {message}");
            plan.conditions.set(ConditionType::Provisioned, ConditionStatus::False, holders::GROUP_IN_USE, message);
            plan.conditions.stall(ConditionType::Provisioned);
        }
    }
}

/// What is waited for when nothing is seen any more, and until when. The moment is written down, so it does not change.
fn proving(world: &World, plan: &Plan) -> String {
    let lines = plan.ledger.iter().filter(|line| ledger::is_open(line)).filter_map(|line| line.not_after.as_ref());
    let groups = plan.placement.iter().filter_map(|placement| placement.groups_not_after.as_ref());
    let last_call = lines.chain(groups).map(|at| at.0).max();
    let gap = world.settings.proof_gap.as_secs();
    match last_call.map(|at| at + world.settings.settle).filter(|until| world.listed_at < *until) {
        Some(until) => format!(
            "nothing is seen any more; a call that was sent late could take effect until {until}, then two empty lists {gap} s apart prove that nothing comes"
        ),
        None => format!("nothing is seen any more; two empty lists {gap} s apart prove that nothing comes"),
    }
}

fn judge_goal(world: &World, why: TeardownReason, plan: &mut Plan) {
    let (reason, message) = match why {
        TeardownReason::Deleted => ("Deleted", "the benchmark is being deleted"),
        TeardownReason::Expired => (
            "Expired",
            "lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again",
        ),
        TeardownReason::Finished => ("Finished", "the result is recorded and lifecycle.afterRun is Terminate"),
        TeardownReason::LedgerLost => {
            ("LedgerLost", "status was wiped or edited: what exists is removed, then everything begins anew")
        }
    };
    plan.conditions.set(ConditionType::Accepted, ConditionStatus::True, reason, message);
    plan.conditions.set(ConditionType::Deployed, ConditionStatus::False, reason, message);
    plan.conditions.set(ConditionType::Measured, ConditionStatus::False, reason, message);
    if let Some(run) = runs::recorded(world, &runs::wanted(world)) {
        measure::judge_recorded(run, plan);
    }
}

fn finish(why: TeardownReason, plan: &mut Plan) {
    plan.conditions.set(ConditionType::Provisioned, ConditionStatus::False, NOTHING_LEFT, "nothing is left in AWS");
    match why {
        TeardownReason::Deleted => plan.act(Action::RemoveFinalizer, "nothing is left in AWS"),
        // Begins anew: record writes a first status again, with the highest numbers seen.
        TeardownReason::LedgerLost => {
            plan.placement = None;
            plan.memory.begin_anew();
            plan.wake = MOVING;
        }
        TeardownReason::Expired | TeardownReason::Finished => plan.wake = STEADY,
    }
}

/// Whether nothing is left; plans what can be removed now and lists what is left.
fn is_gone(world: &World, plan: &mut Plan) -> bool {
    let (Facet::Known(instances), Facet::Known(groups)) = (&world.instances, &world.groups) else { return false };
    let instances_gone = removal::terminate_all(world, instances, plan, "nothing is wanted any more");
    let lines_closed = removal::settle_lines(world, instances, plan);
    let mut groups_gone = true;
    for group in groups {
        groups_gone = false;
        plan.leftovers.push(format!("{} ({})", group.id, group.name));
        plan.memory.absent_since.remove(&group.name);
        // Interfaces hold a group until their instances are gone.
        if instances_gone {
            let delete = Action::DeleteGroup { id: group.id.clone(), name: group.name.clone() };
            plan.act(delete, "every instance is terminated");
        }
    }
    let may_prove = groups_gone && instances_gone && lines_closed;
    for name in security_groups::names(world) {
        groups_gone &= may_prove && is_absent(world, plan, &name);
    }
    instances_gone && lines_closed && groups_gone
}

/// Whether a group that no list shows cannot appear any more. A creation that was never answered may take effect late,
/// even after the same group was created again and deleted.
fn is_absent(world: &World, plan: &mut Plan, name: &str) -> bool {
    let placement = world.object.status.placement.as_ref().filter(|_| !world.ledger_is_lost());
    let last_call = match placement.and_then(|placement| placement.groups_not_after.as_ref()) {
        Some(at) => at.0,
        // Placement or ledger are lost: whoever used them saw them before we first looked.
        None => {
            let looked = plan.memory.absent_since.entry(format!("placement of {name}")).or_insert(world.now);
            *looked + world.settings.launch_window
        }
    };
    let settled = world.listed_at >= last_call + world.settings.settle;
    settled && (plan.memory.deleted_groups.contains(name) || absent_for(world, &mut plan.memory, name))
}
