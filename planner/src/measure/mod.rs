//! The stage that measures: it starts the run that is due, and collects every report before anything is forgotten.

mod beside;
pub mod cloud_watch;
mod cluster_price;
mod estimates;
pub(crate) mod former;
pub(crate) mod holding;
mod joint_start;
pub(crate) mod records;
pub(crate) mod relaunch;
mod rest;
pub mod run_request;
mod slices;

pub mod unchanged;
pub(crate) mod voided;

use api::{ConditionType, Placement, Run};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use wire::{RunState, RunStatus};

use crate::conditions::{ConditionStatus, Reason};
use crate::effect::Action;
use crate::plan::{MOVING, Plan, STEADY};
use crate::run_key::RunKey;
use crate::run_outcome::RunOutcome;
use crate::runs::{self, answer, held, recorded, running, wanted};
use crate::time_left::{self, is_late, too_long};
use crate::world::{Facet, World};
use records::{ABORTS, LOST, aborted, anew, lose, note_running, reason, waiting};
use slices::{Generator, Slice, collect, generators, open, with_warning};
use unchanged::Asked;
use voided::Through;

/// Between two statuses that differ in nothing but how the run goes.
const LIVE_EVERY: SignedDuration = SignedDuration::from_secs(5);

pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    let (generators, key) = (generators(world), wanted(world));
    if let Some(Facet::Known(_)) = &world.runs {
        former::collect_former(world, plan, &generators);
        clear_away(world, plan, &generators);
    }
    join(world, plan);
    if let Some(run) = recorded(world, &key) {
        judge_recorded(run, plan);
        return;
    }
    if let Some(run) = runs::not_understood(world, &key) {
        let message = format!(
            "run {} has outcome \"{}\" in status.runs, which this version of the operator does not know: it is neither ended nor begun anew until one runs that does",
            run.id, run.outcome
        );
        plan.conditions.measured(ConditionStatus::Unknown, Reason::NotUnderstood, message);
        plan.conditions.stall(ConditionType::Measured);
        return;
    }
    if running(&world.object.status.runs, &key).is_some_and(runs::is_whole) {
        return waiting(plan, "everything is measured; one report is being made of all parts");
    }
    let is_there = |number: u32| generators.iter().any(|generator| generator.number == number);
    if !(1..=key.generators).all(is_there) {
        return waiting(plan, "waits for the instances");
    }
    let slices = open(world, &key, &generators);
    let (silent, known): (Vec<Slice<'_>>, Vec<Slice<'_>>) = slices.into_iter().partition(|it| it.answer.is_none());
    let is_late = is_late(world, placement);
    let why_void = known.iter().find_map(|slice| voided::why(world, slice.answer?));
    if let Some(why) = why_void.filter(|_| !is_late) {
        return voided::plan(world, plan, &key, &known, &why);
    }
    for slice in &known {
        let Some(status) = slice.answer else { continue };
        match (status.state, is_late) {
            (RunState::Running, true) => {
                let message =
                    "lifecycle.maxLifetimeSeconds is nearly over: the run is stopped, what it measured is kept";
                plan.conditions.measured(ConditionStatus::False, Reason::Expiring, message);
                plan.act(slice.stop(), "lifecycle.maxLifetimeSeconds is nearly over");
            }
            (RunState::Running, false) => {
                let mut message = with_warning(progress(world, &key, status), status);
                if voided::through(world, status) == Through::Silent {
                    message +=
                        "; the balancer does not answer: if it has ended, the run begins anew through the next one";
                }
                holding::judge_running(world, plan, slice, status, &message);
                note_running(plan, &key, Some(Time(status.started_at)));
                note_live(world, plan);
                plan.wake_within(MOVING);
            }
            (RunState::Failed | RunState::Aborted, false) if voided::is_unclear(world, plan, status) => {
                waiting(plan, "the run ended early, and its balancer does not answer: waits for what has become of it");
            }
            (RunState::Finished, false) if unchanged::is_unproven(world, plan, Asked::AfterRun) => {
                waiting(plan, "the run has ended; the starters of the workers are asked what these served");
            }
            _ => collect(plan, slice, status),
        }
    }
    if !known.is_empty() {
        if !silent.is_empty() && !is_late {
            joint_start::missing(world, plan, &key, &silent);
        }
        return;
    }
    if is_late {
        let message =
            "lifecycle.maxLifetimeSeconds is nearly over: no run is started; delete the benchmark and create it again";
        plan.conditions.measured(ConditionStatus::False, Reason::Expiring, message);
    } else if lost(world, plan, &key) {
        waiting(plan, "the generator lost the run; it is started again");
    } else if is_cleared(world, &key)
        && plan.conditions.is_true(ConditionType::Deployed)
        && plan.conditions.is_true(ConditionType::Provisioned)
    {
        if let Some(why) = rest::lacking(world) {
            return waiting(plan, &(why + &anew(&world.object.status.runs, &key)));
        }
        if unchanged::is_unproven(world, plan, Asked::BeforeRun) {
            return waiting(plan, "the starters of the workers are asked what these serve");
        }
        start(world, placement, plan, &key, &silent);
    } else if key.launch > 1 {
        let message = format!("launch {} of {} waits until every instance is ready", key.launch, key.launches);
        waiting(plan, &(message + &anew(&world.object.status.runs, &key)));
    } else {
        let message = "waits until every instance is ready".to_owned();
        waiting(plan, &(message + &anew(&world.object.status.runs, &key)));
    }
}

/// Rounds, not requests per second: a status that changes at every look costs the measurement CPU time.
fn progress(world: &World, key: &RunKey, status: &RunStatus) -> String {
    let (done, total) = (status.rounds_done, status.rounds_total);
    let spec = &world.object.spec;
    if key.launches > 1 {
        return format!("launch {} of {}: {done} of {total} rounds are measured", key.launch, key.launches);
    }
    if !time_left::decides_itself(spec) {
        return format!("{done} of {total} rounds are measured");
    }
    let last = time_left::most_rounds(world);
    format!("{done} rounds are measured, the next look is after {total}, the last after {last}")
}

/// Notes whether the status of this pass shows the run as it goes: that changes with every cluster of every round, and each write
/// is one for everybody who watches.
fn note_live(world: &World, plan: &mut Plan) {
    let said_at = plan.memory.live_said_at.filter(|at| world.now.duration_since(*at) < LIVE_EVERY);
    plan.memory.live_said_at = Some(said_at.unwrap_or(world.now));
}

/// Whether the generators are done with the launch before this one, and with former starts of it.
fn is_cleared(world: &World, key: &RunKey) -> bool {
    let run = running(&world.object.status.runs, key);
    let before = run.and_then(runs::before);
    let is_done = |slice: RunKey| {
        answer(world, &slice).is_none_or(|status| {
            let is_held = run.is_some_and(|run| status.report_sha256.as_deref() == Some(held(run, &slice)));
            status.state != RunState::Running && !is_held
        })
    };
    before.is_none_or(|before| before.slices().all(is_done)) && (key.generators == 1 || joint_start::are_free(world))
}

/// One report is made of all parts, as soon as all of them are recorded. It takes no instance.
pub(crate) fn join(world: &World, plan: &mut Plan) {
    for run in world.object.status.runs.iter().filter(|run| runs::is_whole(run)) {
        let because = format!("all {} parts are recorded", run.parts.len());
        plan.act(Action::JoinParts { run: RunKey::of(run), reports: runs::reports(run) }, because);
    }
}

pub(crate) fn judge_recorded(run: &Run, plan: &mut Plan) {
    let outcome = RunOutcome::of(run).unwrap_or(RunOutcome::Invalid);
    if outcome == RunOutcome::Valid {
        plan.conditions.measured(ConditionStatus::True, Reason::Valid, run.result.clone());
    } else {
        let what = if outcome == RunOutcome::Failed { "ended early" } else { "is not valid" };
        // The result begins with the outcome, for its column.
        let why = run.result.strip_prefix(&format!("{}: ", outcome.name())).unwrap_or(&run.result);
        let message = format!("run {} {what}: {why}; mend that, then set another runId to measure again", run.id);
        plan.conditions.measured(ConditionStatus::False, outcome.reason(), message);
        plan.conditions.stall(ConditionType::Measured);
    }
    if plan.conditions.is_true(ConditionType::Deployed) {
        plan.wake_within(STEADY);
    }
}

/// A generator may forget a run only after status was *seen* to hold its report's hash. A call that came late may have
/// begun a recorded one once more, and of several generators one may still measure what another one ended: that is
/// stopped.
fn clear_away(world: &World, plan: &mut Plan, generators: &[Generator]) {
    for run in &world.object.status.runs {
        // Of an outcome that is not understood nothing is cleared away.
        let Some(outcome) = RunOutcome::of(run) else { continue };
        for key in runs::known(run) {
            let Some(generator) = generators.iter().find(|generator| generator.number == key.generator) else {
                continue;
            };
            let (Some(status), sha256) = (answer(world, &key), held(run, &key)) else { continue };
            let slice = Slice { key, generator, answer: Some(status) };
            let is_result = !sha256.is_empty() && outcome != RunOutcome::Aborted;
            let is_over = slice.key.generators > 1 && outcome != RunOutcome::Running;
            if slice.is_running() && (is_result || is_over) {
                plan.act(slice.stop(), "its result is recorded, or another generator has ended it");
            } else if status.report_sha256.as_deref() == Some(sha256) {
                let forget = Action::ForgetRun {
                    control: generator.control.clone(),
                    instance_id: generator.instance_id.clone(),
                    name: slice.key.name(),
                    report_sha256: sha256.to_owned(),
                };
                plan.act(forget, "status holds its report");
            }
        }
    }
}

fn start(world: &World, placement: &Placement, plan: &mut Plan, key: &RunKey, slices: &[Slice<'_>]) {
    let aborted = aborted(&world.object.status.runs, key);
    if aborted >= ABORTS {
        let last = world.object.status.runs.iter().rfind(|run| key.is_of(run) && RunOutcome::Aborted.is_of(run));
        let last = last.map(|run| format!(", the last time because {}", reason(run))).unwrap_or_default();
        let message = format!("run {} was aborted {aborted} times{last}; set another runId to try again", key.id);
        plan.conditions.measured(ConditionStatus::False, Reason::Aborted, message);
        plan.conditions.stall(ConditionType::Measured);
        return;
    }
    if let Some(message) = too_long(world, key) {
        plan.conditions.measured(ConditionStatus::False, Reason::TooLong, message);
        plan.conditions.stall(ConditionType::Measured);
        return;
    }
    // The plan relaunches before it comes here: no two launches on the same workers, in whatever order it decides.
    if relaunch::waits(world, placement, key) {
        return waiting(plan, "waits until all workers are replaced");
    }
    if key.generators > 1 {
        return joint_start::start(world, plan, key, slices);
    }
    for slice in slices {
        let Some(run) = run_request::run_spec(world, key) else { return };
        plan.conditions.measured(ConditionStatus::False, Reason::Starting, "the run is being started");
        // Written ahead without a start time: until the generator is seen running it, it may not have begun.
        note_running(plan, key, None);
        plan.act(slice.start(run), "every instance is ready, and nothing is recorded of the run");
    }
}

/// A run that the generators were seen running and none of them knows any more.
fn lost(world: &World, plan: &mut Plan, key: &RunKey) -> bool {
    let has_begun = key.start_at.is_none_or(|at| at <= world.now);
    matches!(&world.runs, Some(Facet::Known(_))) && has_begun && lose(world, plan, key, LOST)
}
