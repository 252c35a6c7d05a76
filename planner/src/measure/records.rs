//! The runs as a plan writes them down: begun, aborted, lost.

use api::Run;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::conditions::{ConditionStatus, Reason};
use crate::plan::{MOVING, Plan};
use crate::run_key::{RunKey, parts_of};
use crate::run_outcome::RunOutcome;
use crate::runs;
use crate::world::World;

/// Aborted runs of the same thing after which another one is not worth it.
pub(crate) const ABORTS: usize = 3;

pub(crate) const LOST: &str = "the generator lost it";

pub(crate) fn waiting(plan: &mut Plan, message: &str) {
    plan.conditions.measured(ConditionStatus::False, Reason::Waiting, message);
    plan.wake_within(MOVING);
}

/// The run as it is noted.
pub(crate) fn note_running<'a>(plan: &'a mut Plan, key: &RunKey, started_at: Option<Time>) -> &'a mut Run {
    let on = plan.runs.iter().position(|run| key.is_of(run) && RunOutcome::Running.is_of(run));
    let place = on.unwrap_or_else(|| {
        plan.runs.push(key.begun());
        plan.runs.len() - 1
    });
    let run = &mut plan.runs[place];
    run.started_at = started_at.or(run.started_at.take());
    run
}

pub(crate) fn abort(run: &mut Run, why: &str, world: &World) {
    run.outcome = RunOutcome::Aborted.name().to_owned();
    run.result = why.to_owned();
    run.finished_at = Some(Time(world.now));
}

pub(crate) fn aborted(runs: &[Run], key: &RunKey) -> usize {
    runs.iter().filter(|run| key.is_of(run) && RunOutcome::Aborted.is_of(run)).count()
}

/// Notes a run that has begun as aborted. Launches of it that are recorded stay, and the one that was lost is measured
/// again; unless that happened too often.
pub(crate) fn lose(world: &World, plan: &mut Plan, key: &RunKey, why: &str) -> bool {
    let before = aborted(&plan.runs, key);
    let is_begun = |run: &Run| run.started_at.is_some() || !parts_of(run, key.launch).is_empty();
    let on = |run: &&mut Run| key.is_of(run) && RunOutcome::Running.is_of(run) && is_begun(run);
    let Some(run) = plan.runs.iter_mut().find(on) else { return false };
    let rest = runs::without_launch(run, key.launch).filter(|_| before + 1 < ABORTS);
    abort(run, why, world);
    if let Some(rest) = rest {
        // Those of the launch that was lost stay with it.
        run.parts.drain(..rest.parts.len());
        plan.runs.push(rest);
    }
    true
}

/// Why what is waited for was begun before, if it was.
pub(crate) fn anew(runs: &[Run], key: &RunKey) -> String {
    let last = runs.iter().rfind(|run| key.is_of(run) && RunOutcome::Aborted.is_of(run));
    last.map(|run| format!("; the run begins anew: {}", reason(run))).unwrap_or_default()
}

/// Why a run was aborted. Where a report says so, the outcome comes first, for its column.
pub(crate) fn reason(run: &Run) -> &str {
    run.result.strip_prefix("Aborted: ").unwrap_or(&run.result)
}
