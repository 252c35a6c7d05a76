//! The stage that tears down: it removes everything of ours, in the order that EC2 demands, and says when nothing is left.

pub mod holders;

use std::collections::BTreeMap;

use api::{ConditionType, Placement};

use crate::conditions::{ConditionStatus, Reason};
use crate::effect::Action;
use crate::goal::TeardownReason;
use crate::measure;
use crate::plan::{MOVING, Plan, SLOW, STEADY};
use crate::ports::{Instance, InstanceState};
use crate::provision::removal;
use crate::resources::ResourceKind;
use crate::resources::kind::{Proof, unknown_kinds, unknown_kinds_sentence};
use crate::resources::removal::{Left, is_known, remove};
use crate::runs;
use crate::world::{Facet, World, ledger};

pub(crate) fn plan(world: &World, why: TeardownReason, plan: &mut Plan) {
    judge_goal(world, why, plan);
    if why != TeardownReason::LedgerLost {
        measure::join(world, plan);
    }
    let unknown_kinds = unknown_kinds_sentence(plan.placement.as_ref());
    if world.nothing_was_made() || is_gone(world, plan) {
        match unknown_kinds {
            None => finish(why, plan),
            Some(sentence) => {
                hold(plan, format!("{sentence}; nothing else is left"));
                plan.wake = SLOW;
            }
        }
        return;
    }
    let instances = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
    let refusals = plan.refusals(world, instances);
    let lives = |instance: &&Instance| instance.state != InstanceState::Terminated;
    if refusals.is_empty() || instances.iter().filter(lives).count() > refusals.len() {
        // Proofs take minutes, instances seconds; what only people can remove is tried at its own pace.
        plan.wake_within(if plan.leftovers.is_empty() { MOVING * 5 } else { MOVING });
    }
    let what = plan.leftovers.join(", ");
    let message = if what.is_empty() { proving(world, plan) } else { format!("still there: {what}") };
    let held = holders::sentences(world);
    let kept = holders::bucket(world);
    match (world.cloud.unknown(), unknown_kinds) {
        (Some(why), _) => plan.conditions.unknown(ConditionType::Provisioned, Some(why)),
        _ if !refusals.is_empty() => {
            plan.conditions.provisioned(ConditionStatus::False, Reason::TerminationDenied, message);
        }
        (None, None) if kept.is_some() => {
            let sentences = kept.into_iter().chain([held, message]).filter(|part| !part.is_empty());
            let message = sentences.collect::<Vec<_>>().join("; ");
            plan.conditions.provisioned(ConditionStatus::False, Reason::BucketNotEmpty, message);
            plan.conditions.stall(ConditionType::Provisioned);
        }
        (None, None) if held.is_empty() => {
            plan.conditions.provisioned(ConditionStatus::False, Reason::TearingDown, message);
        }
        (None, None) => {
            let message = format!("{held}; {message}");
            plan.conditions.provisioned(ConditionStatus::False, Reason::GroupInUse, message);
            plan.conditions.stall(ConditionType::Provisioned);
        }
        (None, Some(sentence)) => {
            let message = [sentence, held, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            hold(plan, message.join("; "));
        }
    }
}

/// Keeps the finalizer until an operator runs that knows every kind of the placement.
fn hold(plan: &mut Plan, message: String) {
    let unknown = unknown_kinds(plan.placement.as_ref()).into_iter();
    let unknown: Vec<String> =
        unknown.map(|kind| format!("{kind} (a kind that this operator does not know)")).collect();
    plan.leftovers.extend(unknown);
    plan.conditions.provisioned(ConditionStatus::False, Reason::UnknownKind, message);
    plan.conditions.stall(ConditionType::Provisioned);
}

/// What is waited for when nothing is seen any more, and until when. The moment is written down, so it does not change.
fn proving(world: &World, plan: &Plan) -> String {
    let lines = plan.ledger.iter().filter(|line| !ledger::is_closed(line)).filter_map(|line| line.not_after.as_ref());
    let created = plan.placement.iter().filter_map(|placement| placement.create_not_after.as_ref());
    let last_call = lines.chain(created).map(|at| at.0).max();
    let gap = world.settings.proof_gap.as_secs();
    match last_call.map(|at| at + world.settings.settle).filter(|until| world.cloud.listed_at < *until) {
        Some(until) => format!(
            "nothing is seen any more; a call that was sent late could take effect until {until}, then two empty lists {gap} s apart prove that nothing comes"
        ),
        None => format!("nothing is seen any more; two empty lists {gap} s apart prove that nothing comes"),
    }
}

fn judge_goal(world: &World, why: TeardownReason, plan: &mut Plan) {
    let (reason, message) = match why {
        TeardownReason::Deleted => (Reason::Deleted, "the benchmark is being deleted"),
        TeardownReason::Expired => (Reason::Expired, expired(world.object.status.placement.as_ref())),
        TeardownReason::Finished => (Reason::Finished, "the result is recorded and lifecycle.afterRun is Terminate"),
        TeardownReason::LedgerLost => {
            (Reason::LedgerLost, "status was wiped or edited: what exists is removed, then everything begins anew")
        }
    };
    plan.conditions.accepted(ConditionStatus::True, reason, message);
    plan.conditions.deployed(ConditionStatus::False, reason, message);
    plan.conditions.measured(ConditionStatus::False, reason, message);
    if let Some(run) = runs::recorded(world, &runs::wanted(world)) {
        measure::judge_recorded(run, plan);
    }
}

/// What is over.
fn expired(placement: Option<&Placement>) -> &'static str {
    match placement {
        Some(placement) if placement.budget_spent_at.is_some() => {
            "budget.maxUsd is spent, but for what the end costs; to measure again, delete the benchmark and create it again"
        }
        Some(placement) if !placement.max_usd.is_empty() => {
            "the time that lifecycle.maxLifetimeSeconds and budget.maxUsd allow has passed; to measure again, delete the benchmark and create it again"
        }
        _ => "lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again",
    }
}

fn finish(why: TeardownReason, plan: &mut Plan) {
    plan.conditions.provisioned(ConditionStatus::False, Reason::NothingLeft, "nothing is left in AWS");
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
    let Facet::Known(instances) = &world.cloud.instances else { return false };
    if world.cloud.groups.known().is_none() {
        return false;
    }
    let mut left: BTreeMap<ResourceKind, Left> = BTreeMap::new();
    for kind in ResourceKind::TEARDOWN {
        let users = kind.users().iter().filter_map(|user| Some(in_the_way(*user, *left.get(user)?))).max();
        let of_kind = match kind.proof() {
            Proof::Ledger => remove_launches(world, instances, plan),
            // Instances do not wait for a list of what they do not use.
            _ if !is_known(world, *kind) => Left::Something,
            Proof::Name | Proof::Stem => remove(world, plan, *kind, users.unwrap_or(Left::Nothing)),
        };
        left.insert(*kind, of_kind);
    }
    left.values().all(|left| *left == Left::Nothing)
}

/// Proofs by name run beside each other: each is about calls that were sent late, and none of those makes anything of another
/// kind.
fn in_the_way(user: ResourceKind, left: Left) -> Left {
    if user.proof() == Proof::Stem && left == Left::Unproven { Left::Nothing } else { left }
}

fn remove_launches(world: &World, instances: &[Instance], plan: &mut Plan) -> Left {
    let are_terminated = removal::terminate_all(world, instances, plan, "nothing is wanted any more");
    let are_settled = removal::settle_lines(world, instances, plan);
    match (are_terminated, are_settled) {
        (true, true) => Left::Nothing,
        (true, false) => Left::Unproven,
        (false, _) => Left::Something,
    }
}
