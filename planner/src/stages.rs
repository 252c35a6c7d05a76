//! World to Plan: the order of the stages.
//!
//! Desired comes first (deletion, expiry and `afterRun: Terminate` all mean *nothing*), then each facet is compared
//! with it: place, provision, deploy, measure, or tear down. Actions of one plan do not depend on each other;
//! whatever needs an action's result waits for the next pass. Any subset may be carried out.

use api::ConditionType;
use jiff::SignedDuration;

use crate::balance::queues;
use crate::conditions::{ConditionStatus, Reason};
use crate::effect::Action;
use crate::goal::{Goal, goal};
use crate::instances::readiness;
use crate::plan::{MOVING, Plan, SLOW, STEADY};
use crate::provision::{self, own_vpc, placement, prices, zone_fallback};
use crate::resources::kind::unknown_kinds_sentence;
use crate::world::{Deletion, Finalizer, Seal, Unknown, World};
use crate::{balance, budget, control, counts, measure, pausing, region, teardown};

/// Compares the world with what the object asks for. Does no I/O and cannot fail.
pub fn plan(world: &World) -> Plan {
    let mut plan = of_stages(world);
    readiness::note_silence(world, &mut plan.memory);
    readiness::note_loading(world, &mut plan.memory);
    // Another account's CloudWatch knows nothing of it.
    let provisioned = plan.conditions.get(ConditionType::Provisioned).reason;
    let is_elsewhere = matches!(provisioned, Reason::WrongAccount | Reason::WrongInstallation);
    if world.object.deletion == Deletion::NotAsked && !is_elsewhere {
        measure::cloud_watch::plan(world, &mut plan);
    }
    note_budget(world, &mut plan);
    queues::note_said(world, &mut plan);
    counts::note(world, &mut plan.memory);
    plan
}

/// What became of a budget that was changed, and what else people should know of a spec that can be placed.
fn note_budget(world: &World, plan: &mut Plan) {
    let accepted = plan.conditions.get(ConditionType::Accepted).clone();
    let Some(placement) = plan.placement.as_ref().filter(|_| accepted.reason == Reason::Placed) else { return };
    if let Some((reason, message)) = budget::unknown(world, placement) {
        plan.conditions.accepted(ConditionStatus::False, reason, message);
        return plan.conditions.stall(ConditionType::Accepted);
    }
    let (changed, uncovered) = (budget::changed(world, placement), budget::uncovered(&world.object.spec));
    let caution = counts::caution::caution(world);
    let message = format!("{}{changed}{uncovered}{caution}", accepted.message);
    plan.conditions.accepted(accepted.status, accepted.reason, message);
}

fn of_stages(world: &World) -> Plan {
    let mut plan = Plan::unchanged(world);
    let (deletion, finalizer) = (world.object.deletion, world.object.finalizer);
    match (deletion, finalizer) {
        (Deletion::Asked, Finalizer::Absent) => return plan,
        // The first status comes before the finalizer: a finalizer without it means that the ledger was lost.
        (Deletion::NotAsked, Finalizer::Absent) => {
            if world.object.status.observed_generation.unwrap_or(-1) >= 1 {
                plan.act(Action::AddFinalizer, "the first status is written");
            }
            plan.wake = SignedDuration::ZERO;
            return plan;
        }
        (_, Finalizer::Present) => {}
    }
    if somebody_elses(world, &mut plan) || wrong_account(world, &mut plan) {
        return plan;
    }
    match goal(world) {
        Goal::Instances if is_spent(world, &mut plan) => {}
        Goal::Instances if is_of_a_later_operator(world, &mut plan) => {
            pausing::bring_home(world, &mut plan);
            if plan.conditions.get(ConditionType::Measured).reason == Reason::Waiting {
                let message = "waits for the later version of the operator";
                plan.conditions.measured(ConditionStatus::False, Reason::Waiting, message);
            }
            if plan.effects.is_empty() {
                plan.wake = plan.wake.max(STEADY);
            }
        }
        Goal::Nothing(why) => teardown::plan(world, why, &mut plan),
        Goal::Instances => match world.object.status.placement.clone() {
            _ if world.object.spec.paused => pausing::plan(world, &mut plan),
            None => place(world, &mut plan),
            Some(placement) if zone_fallback::is_moving(&placement) => {
                zone_fallback::plan(world, &placement, &mut plan)
            }
            Some(placement) => {
                let placement = control::renewed(world, prices::grown(world, placement));
                plan.placement = Some(placement.clone());
                balance::delivery::plan(world, &mut plan);
                // What a former spec measures is stopped and collected before anything under it changes.
                if measure::former::former_is_on(world, &placement, &mut plan) {
                    plan.conditions.wait_for_former();
                } else if measure::relaunch::is_due(world, &placement) {
                    return measure::relaunch::plan(world, &placement, plan);
                } else if provision::plan(world, &placement, &mut plan) {
                    balance::plan(world, &placement, &mut plan);
                }
                measure::plan(world, &placement, &mut plan);
                // Nothing goes on before people do something, or the refused instance ends itself.
                let is_held = plan.conditions.get(ConditionType::Provisioned).reason == Reason::TerminationDenied;
                if is_held && plan.effects.is_empty() && plan.wake.is_positive() {
                    plan.wake = plan.wake.max(STEADY);
                }
            }
        },
    }
    plan
}

/// Tags and tokens of another installation would find nothing of what this object made.
fn somebody_elses(world: &World, plan: &mut Plan) -> bool {
    let Some(placement) = world.object.status.placement.as_ref().filter(|_| world.object.seal != Seal::Broken) else {
        return false;
    };
    let (settings, made_by) = (&world.settings, (&placement.installation, &placement.kubernetes_cluster));
    if made_by == (&settings.installation, &settings.kubernetes_cluster) {
        return false;
    }
    let message = format!(
        "this benchmark was made by installation {} in Kubernetes cluster {}, the operator is {} in {}: nothing is done until an operator of that name runs (--installation)",
        made_by.0, made_by.1, settings.installation, settings.kubernetes_cluster
    );
    plan.conditions.provisioned(ConditionStatus::Unknown, Reason::WrongInstallation, message);
    plan.conditions.stall(ConditionType::Provisioned);
    plan.wake = SLOW;
    true
}

/// Lists of another account say nothing about this benchmark, however empty they are.
fn wrong_account(world: &World, plan: &mut Plan) -> bool {
    let Some(placement) = &world.object.status.placement else { return false };
    match world.identity.known() {
        Some(identity) if identity.account == placement.account_id => false,
        Some(identity) => {
            plan.conditions.provisioned(ConditionStatus::Unknown,
                Reason::WrongAccount,
                format!(
                    "the operator's credentials are for account {}, this benchmark lives in {}: nothing is done until they are for that account again",
                    identity.account, placement.account_id
                ),
            );
            plan.wake = SLOW;
            true
        }
        None => {
            plan.conditions.unknown(ConditionType::Provisioned, world.identity.unknown());
            plan.wake_within(MOVING * 5);
            true
        }
    }
}

/// The budget that was lowered is spent. It is written down first: what is torn down then costs less, and nothing may be
/// wanted again for that.
fn is_spent(world: &World, plan: &mut Plan) -> bool {
    let placement = world.object.status.placement.as_ref();
    let Some(spent) = placement.and_then(|placement| budget::spent(world, placement)) else {
        pausing::forget_last_call(plan);
        return false;
    };
    if placement.is_some_and(|placement| budget::is_lowered(world, placement)) && pausing::last_call(world, plan) {
        return true;
    }
    zone_fallback::say_where(&spent, plan);
    plan.placement = Some(spent);
    plan.wake = SignedDuration::ZERO;
    true
}

/// What a later operator made of the spec cannot be compared with it.
fn is_of_a_later_operator(world: &World, plan: &mut Plan) -> bool {
    let Some(sentence) = unknown_kinds_sentence(world.object.status.placement.as_ref()) else { return false };
    let message = format!("{sentence}; until then nothing is done");
    plan.conditions.provisioned(ConditionStatus::Unknown, Reason::UnknownKind, message);
    plan.conditions.stall(ConditionType::Provisioned);
    plan.wake = SLOW;
    true
}

fn place(world: &World, plan: &mut Plan) {
    if let Some((reason, message)) = region::refusal(world) {
        return plan.refuse(reason, message);
    }
    let Some(site) = &world.site else { return };
    // What exists already would refute that nothing was ever made: it must have been looked for.
    if let Some(why) = world.cloud.unknown() {
        let why = Unknown { message: format!("{}{}", why.message, region::doubt(world)), ..why.clone() };
        plan.conditions.unknown(ConditionType::Accepted, Some(&why));
        plan.wake_within(MOVING * 5);
        return;
    }
    match placement::choose(world, site) {
        Ok(placement) => {
            let (own_vpc, caution) = (own_vpc::said(&placement), placement::caution(&placement, site));
            let message = format!("the spec can be placed{own_vpc}{caution}");
            plan.placement = Some(placement);
            plan.conditions.accepted(ConditionStatus::True, Reason::Placed, message);
            plan.wake = SignedDuration::ZERO;
        }
        Err(why) => plan.not_placed(why),
    }
}
