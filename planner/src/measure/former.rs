//! The runs of a former spec: stopped, then collected, before anything under them changes.

use api::Placement;

use super::records::{LOST, abort};
use super::slices::{Generator, collect, open};
use crate::plan::{MOVING, Plan};
use crate::run_key::RunKey;
use crate::run_outcome::RunOutcome;
use crate::runs::{self, answer, former, running};
use crate::time_left::is_late;
use crate::world::{Facet, World};

/// What is waited for when a generator with a former run is silent.
const FORMER: &str = "report of the former run";

/// Whether a run of a former spec still has to be stopped and collected before instances may change.
///
/// A generator that does not answer may still be measuring: it is waited for, but not for ever.
pub(crate) fn former_is_on(world: &World, placement: &Placement, plan: &mut Plan) -> bool {
    let former = former(world);
    let silent = matches!(&world.runs, Some(Facet::Unknown(_)));
    if former.is_empty() || is_late(world, placement) || !silent {
        plan.memory.absent_since.remove(FORMER);
        let is_known = |key: &RunKey| key.slices().any(|slice| answer(world, &slice).is_some());
        return !is_late(world, placement) && former.iter().any(is_known);
    }
    let first = *plan.memory.absent_since.entry(FORMER.to_owned()).or_insert(world.now);
    plan.wake_within(MOVING);
    world.now.duration_since(first) < world.settings.settle
}

/// Runs of a former spec: stopped, then collected as far as they came, or noted as lost.
pub(crate) fn collect_former(world: &World, plan: &mut Plan, generators: &[Generator]) {
    for key in former(world) {
        if running(&world.object.status.runs, &key).is_some_and(runs::is_whole) {
            continue;
        }
        let slices = open(world, &key, generators);
        for slice in &slices {
            match slice.answer {
                Some(_) if slice.is_running() => plan.act(slice.stop(), "the spec asks for another run"),
                Some(status) => collect(plan, slice, status),
                None => {}
            }
        }
        if slices.iter().all(|slice| slice.answer.is_none()) {
            for run in plan.runs.iter_mut().filter(|run| key.is_of(run) && RunOutcome::Running.is_of(run)) {
                let why = if run.started_at.is_some() { LOST } else { "the spec was changed before it went on" };
                abort(run, why, world);
            }
        }
    }
}
