//! The joint start of several generators: they begin at a moment that is fixed beforehand, and if one of them is lost, all
//! measure again. A load that a part is missing of is not the one that was asked for.
//!
//! The moment is in status before anybody is told, and a part of the name under which generators know the run: who is
//! told late, or twice, never joins a start that is not his.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::records::{LOST, lose, note_running, waiting};
use super::run_request::run_spec;
use super::slices::Slice;
use crate::conditions::{ConditionStatus, Reason};
use crate::plan::Plan;
use crate::run_key::RunKey;
use crate::time_left;
use crate::world::{Facet, World};

/// For telling all generators when to begin.
const CALLS: SignedDuration = SignedDuration::from_secs(20);
/// How long after its last possible send a call to a generator may still be obeyed: as long as its signature holds
/// ([`wire::VALID_FOR`]).
const OBEYED: SignedDuration = SignedDuration::from_secs(wire::VALID_FOR.as_secs() as i64);

/// Whether no generator is busy.
pub(crate) fn are_free(world: &World) -> bool {
    match &world.runs {
        Some(Facet::Known(runs)) => runs.values().flatten().all(|status| status.state != wire::RunState::Running),
        _ => false,
    }
}

/// Nobody has begun: fixes the moment, and once it is seen in status, tells all of them.
pub(crate) fn start(world: &World, plan: &mut Plan, key: &RunKey, slices: &[Slice<'_>]) {
    match key.start_at {
        Some(at) if can_begin(world, at) => {
            plan.conditions.measured(ConditionStatus::False, Reason::Starting, starting(key, at));
            tell(world, plan, slices);
        }
        Some(missed) if world.now < missed + OBEYED => {
            waiting(
                plan,
                "not every generator could be told in time; another start is fixed when no call can come late",
            );
        }
        _ => {
            let at = world.now + time_left::ahead(&world.object.spec) + CALLS;
            let start_at = Some(Time(Timestamp::from_second(at.as_second()).unwrap_or(at)));
            plan.conditions.measured(ConditionStatus::False, Reason::Starting, "the start is being written down");
            note_running(plan, key, None).start_at = start_at;
            plan.wake = SignedDuration::ZERO;
        }
    }
}

/// Some have begun, or are done, and these know nothing of it: they are told as long as there is time; then the start
/// has failed.
pub(crate) fn missing(world: &World, plan: &mut Plan, key: &RunKey, silent: &[Slice<'_>]) {
    let Some(at) = key.start_at else { return };
    if can_begin(world, at) {
        tell(world, plan, silent);
    } else if at <= world.now {
        // Somebody was seen with it, so it has begun, even if that was never written down.
        note_running(plan, key, Some(Time(at)));
        if lose(world, plan, key, LOST) {
            waiting(plan, "a generator lost its slice of the load; all measure again");
        }
    }
}

/// Who begins must have warmed up before.
fn can_begin(world: &World, at: Timestamp) -> bool {
    world.now + time_left::ahead(&world.object.spec) <= at
}

fn tell(world: &World, plan: &mut Plan, slices: &[Slice<'_>]) {
    for slice in slices {
        if let Some(run) = run_spec(world, &slice.key) {
            let because = format!("generator {} of {} has not begun", slice.key.generator, slice.key.generators);
            plan.act(slice.start(run), because);
        }
    }
}

fn starting(key: &RunKey, at: Timestamp) -> String {
    format!("{} generators are told to begin together at {at}", key.generators)
}
