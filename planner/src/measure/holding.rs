//! The hold of a run that is on, as `spec.paused` asks for it.

use wire::{Hold, RunStatus};

use super::slices::Slice;
use crate::conditions::{ConditionStatus, Reason};
use crate::plan::Plan;
use crate::scale::pool;
use crate::world::World;

/// What becomes of a round in which a rule would start somebody.
const VOID: &str = ", and is void where its queue asks for more instances than are there: nobody is started meanwhile";

/// Holds a run that is on, or lets it go on, as the spec says now: repeated at each look until the generator says that it
/// is so. `progress` is how far it is, in words.
pub(crate) fn judge_running(world: &World, plan: &mut Plan, slice: &Slice<'_>, status: &RunStatus, progress: &str) {
    let is_paused = world.object.spec.paused;
    let (reason, message) = match (is_paused, status.hold) {
        (false, None | Some(Hold::No)) => (Reason::Running, progress.to_owned()),
        (false, Some(Hold::AfterThisRound | Hold::Held)) => {
            plan.act(slice.resume(), "spec.paused is false again");
            (Reason::Running, format!("{progress}; spec.paused is false again: the run goes on"))
        }
        (true, Some(Hold::Held)) => (Reason::Paused, held(status)),
        (true, Some(Hold::AfterThisRound | Hold::No)) => {
            if status.hold == Some(Hold::No) {
                plan.act(slice.hold(), "spec.paused is true");
            }
            let void = if pool::is_any_scaled(&world.object.spec) { VOID } else { "" };
            (Reason::Pausing, format!("{progress}; spec.paused is true: the round that is on is finished first{void}"))
        }
        (true, None) => {
            let why = match slice.key.generators {
                1 => "its generator is of a version that holds none",
                _ => "several generators keep to the clock",
            };
            let what = "the run that is on is finished first; nothing is launched, replaced or measured after it";
            (Reason::Running, format!("{progress}; spec.paused is true: {what} ({why})"))
        }
    };
    plan.conditions.measured(ConditionStatus::False, reason, message);
}

fn held(status: &RunStatus) -> String {
    let RunStatus { rounds_done, rounds_total, .. } = status;
    format!(
        "paused after round {rounds_done} of {rounds_total}: it goes on when spec.paused is false; lifecycle.maxLifetimeSeconds is not prolonged"
    )
}
