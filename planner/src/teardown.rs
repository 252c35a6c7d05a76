//! Removes everything of ours, in the order that EC2 demands, and says when nothing is left.

use std::collections::BTreeSet;

use api::{ConditionType, Launch};

use crate::conditions::Truth;
use crate::firewall;
use crate::holders;
use crate::ledger;
use crate::measure;
use crate::memory::Memory;
use crate::plan::{Action, MOVING, Plan, STEADY, Why};
use crate::ports::{Instance, InstanceState};
use crate::runs;
use crate::settle::{absent_for, unaccounted};
use crate::termination;
use crate::world::{Facet, World};

/// Reason of `Provisioned` when it is proven that nothing is left, and only then.
pub(crate) const NOTHING_LEFT: &str = "NothingLeft";
/// Reason of `Provisioned` when the cloud refuses to terminate an instance.
pub(crate) const DENIED: &str = "TerminationDenied";

pub(crate) fn plan(world: &World, why: Why, plan: &mut Plan) {
    judge_goal(world, why, plan);
    if why != Why::LedgerLost {
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
    let unknown = world.instances.ignorance().or(world.groups.ignorance());
    let held = holders::sentences(world);
    match unknown {
        Some(_) => plan.judgements.unknown(ConditionType::Provisioned, unknown),
        None if !refusals.is_empty() => {
            plan.judgements.set(ConditionType::Provisioned, Truth::False, DENIED, message);
        }
        None if held.is_empty() => {
            plan.judgements.set(ConditionType::Provisioned, Truth::False, "TearingDown", message);
        }
        None => {
            let message = format!("{held}; {message}");
            plan.judgements.set(ConditionType::Provisioned, Truth::False, holders::GROUP_IN_USE, message);
            plan.judgements.stall(ConditionType::Provisioned);
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

fn judge_goal(world: &World, why: Why, plan: &mut Plan) {
    let (reason, message) = match why {
        Why::Deleted => ("Deleted", "the benchmark is being deleted"),
        Why::Expired => (
            "Expired",
            "lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again",
        ),
        Why::Finished => ("Finished", "the result is recorded and lifecycle.afterRun is Terminate"),
        Why::LedgerLost => {
            ("LedgerLost", "status was wiped or edited: what exists is removed, then everything begins anew")
        }
    };
    plan.judgements.set(ConditionType::Accepted, Truth::True, reason, message);
    plan.judgements.set(ConditionType::Deployed, Truth::False, reason, message);
    plan.judgements.set(ConditionType::Measured, Truth::False, reason, message);
    if let Some(run) = runs::recorded(world, &runs::wanted(world)) {
        measure::judge_recorded(run, plan);
    }
}

fn finish(why: Why, plan: &mut Plan) {
    plan.judgements.set(ConditionType::Provisioned, Truth::False, NOTHING_LEFT, "nothing is left in AWS");
    match why {
        Why::Deleted => plan.act(Action::RemoveFinalizer),
        // Begins anew: record writes a first status again, with the highest numbers seen.
        Why::LedgerLost => {
            plan.placement = None;
            plan.memory.begin_anew();
            plan.wake = MOVING;
        }
        Why::Expired | Why::Finished => plan.wake = STEADY,
    }
}

/// Whether nothing is left; plans what can be removed now and lists what is left.
fn is_gone(world: &World, plan: &mut Plan) -> bool {
    let (Facet::Known(instances), Facet::Known(groups)) = (&world.instances, &world.groups) else { return false };
    let instances_gone = terminate(world, instances, plan);
    let lines_closed = settle_lines(world, instances, plan);
    let mut groups_gone = true;
    for group in groups {
        groups_gone = false;
        plan.leftovers.push(format!("{} ({})", group.id, group.name));
        plan.memory.absent_since.remove(&group.name);
        // Interfaces hold a group until their instances are gone.
        if instances_gone {
            plan.act(Action::DeleteGroup { id: group.id.clone(), name: group.name.clone() });
        }
    }
    let may_prove = groups_gone && instances_gone && lines_closed;
    for name in firewall::names(world) {
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

/// Terminates what may still run or bill, listed or not; whether all are seen terminated.
pub(crate) fn terminate(world: &World, instances: &[Instance], plan: &mut Plan) -> bool {
    let owner = world.owner();
    let in_ledger = |id: &String| plan.ledger.iter().any(|line| line.instance_ids.contains(id));
    let left: Vec<&Instance> = instances
        .iter()
        .filter(|instance| owner.owns(&instance.tags) || in_ledger(&instance.id))
        .filter(|instance| instance.state != InstanceState::Terminated)
        .collect();
    let mut doomed: BTreeSet<String> = left
        .iter()
        .filter(|instance| instance.state != InstanceState::ShuttingDown)
        .map(|instance| instance.id.clone())
        .collect();
    let gone = left.is_empty();
    for instance in &left {
        let (id, state) = (&instance.id, instance.state.name());
        let text = match termination::refusal(world, plan, instance).filter(|_| doomed.contains(id)) {
            Some(why) => format!("{id} ({state}; {why})"),
            None => format!("{id} ({state})"),
        };
        plan.leftovers.push(text);
    }
    // Ids that a launch answered and that no list shows yet.
    let unlisted = plan.ledger.iter().flat_map(|line| &line.instance_ids);
    doomed.extend(unlisted.filter(|id| !instances.iter().any(|instance| instance.id == **id)).cloned());
    termination::terminate(world, instances, plan, doomed);
    gone
}

/// Whether this process wrote the line and certainly never sent it. Nobody else can have: status was seen to say that this
/// process is the sender, another one takes a line over in status first, and that write or the one that closes the line
/// meets a conflict. So there is nothing to wait for.
fn is_unsent(world: &World, memory: &Memory, line: &Launch) -> bool {
    let is_ours = line.sender == world.settings.process && memory.unsent.contains(&line.token);
    ledger::is_open(line) && line.instance_ids.is_empty() && is_ours && !world.ledger_is_lost()
}

/// Whether no launch can bring an instance any more.
pub(crate) fn settle_lines(world: &World, instances: &[Instance], plan: &mut Plan) -> bool {
    let mut settled = true;
    let Plan { ledger, memory, leftovers, .. } = plan;
    for line in ledger {
        if is_unsent(world, memory, line) {
            ledger::give_up(line, "it was never sent", world.now);
            continue;
        }
        let unaccounted = unaccounted(world, memory, instances, line);
        if unaccounted > 0 {
            settled = false;
            leftovers.push(format!("up to {unaccounted} instances of launch {}/{}", line.pool, line.number));
        }
    }
    settled
}
