//! `spec.paused`: nothing is begun or changed. A run that is on is held between two rounds, or finished where it cannot be
//! held. What has ended is still brought home, and deletion and expiry still end everything.

use api::ConditionType;
use wire::{Hold, RunStatus};

use crate::conditions::Truth;
use crate::measure::{self, Share};
use crate::plan::{Action, Plan};
use crate::runs::{self, RUNNING};
use crate::voided::BALANCER_GONE;
use crate::world::World;

/// Reasons of `Measured` while a run is about to be held, and while it is.
const PAUSING: &str = "Pausing";
const PAUSED: &str = "Paused";

const NOTHING_NEW: &str = "spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything";

pub(crate) fn plan(world: &World, plan: &mut Plan) {
    if let Some(placement) = &world.object.status.placement {
        measure::plan(world, placement, plan);
        // What is stopped was not to go on: its time is over, or its balancer is gone, or nobody asks for it any more.
        plan.actions.retain(|action| {
            let collects = matches!(action, Action::CollectReport { .. } | Action::JoinParts { .. });
            collects || matches!(action, Action::HoldRun { .. } | Action::StopRun { .. })
        });
    }
    let is_recorded = runs::recorded(world, &runs::wanted(world)).is_some();
    for kind in [ConditionType::Accepted, ConditionType::Provisioned, ConditionType::Deployed, ConditionType::Measured]
    {
        let reason = plan.judgements.get(kind).reason.as_str();
        let says_more = [RUNNING, PAUSING, PAUSED, BALANCER_GONE, "Collecting", "Expiring"].contains(&reason);
        if !(kind == ConditionType::Measured && (is_recorded || says_more)) {
            plan.judgements.set(kind, Truth::Unknown, PAUSED, NOTHING_NEW);
        }
    }
    if !is_recorded {
        plan.judgements.stall(ConditionType::Accepted);
    }
}

/// Holds a run that is on, or lets it go on, as the spec says now: repeated at each look until the generator says that it
/// is so. `progress` is how far it is, in words.
pub(crate) fn judge_running(world: &World, plan: &mut Plan, share: &Share<'_>, status: &RunStatus, progress: &str) {
    let is_paused = world.object.spec.paused;
    let (reason, message) = match (is_paused, status.hold) {
        (false, None | Some(Hold::No)) => (RUNNING, progress.to_owned()),
        (false, Some(Hold::AfterThisRound | Hold::Held)) => {
            plan.act(share.resume());
            (RUNNING, format!("{progress}; spec.paused is false again: the run goes on"))
        }
        (true, Some(Hold::Held)) => (PAUSED, held(status)),
        (true, Some(Hold::AfterThisRound | Hold::No)) => {
            if status.hold == Some(Hold::No) {
                plan.act(share.hold());
            }
            (PAUSING, format!("{progress}; spec.paused is true: the round that is on is finished first"))
        }
        (true, None) => {
            let why = match share.key.generators {
                1 => "its generator is of a version that holds none",
                _ => "several generators keep to the clock",
            };
            let what = "the run that is on is finished first; nothing is launched, replaced or measured after it";
            (RUNNING, format!("{progress}; spec.paused is true: {what} ({why})"))
        }
    };
    plan.judgements.set(ConditionType::Measured, Truth::False, reason, message);
}

fn held(status: &RunStatus) -> String {
    let RunStatus { rounds_done, rounds_total, .. } = status;
    format!(
        "paused after round {rounds_done} of {rounds_total}: it goes on when spec.paused is false; lifecycle.maxLifetimeSeconds is not prolonged"
    )
}
