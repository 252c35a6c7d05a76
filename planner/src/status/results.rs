//! The runs of status, from the reports that were collected. Pure.

use api::{ClusterBenchmarkSpec, ClusterResult, FoundCapacity, Part, Run};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use wire::{CapacityOutcome, FailedStatus, Report, RoundOutcome, RunSpec, RunState, Validity};

use super::cluster_result::{self, whole};
use super::thresholds;
use crate::desired::{self, Program};
use crate::effect::{Action, Collected, Done, Outcome};
use crate::failure::Failure;
use crate::goal::{Goal, goal};
use crate::measure::cloud_watch;
use crate::measure::records::{ABORTS, aborted};
use crate::measure::{unchanged, voided};
use crate::plan::Plan;
use crate::run_key::RunKey;
use crate::run_outcome::RunOutcome;
use crate::runs;
use crate::text::cut;
use crate::world::World;

/// Runs kept in status; older ones are in their reports.
const RUNS: usize = 3;

/// Time after a run in which CloudWatch's account of it can be added to its report.
const GIVEN_UP: SignedDuration = SignedDuration::from_mins(30);

/// The runs after a pass.
pub(crate) fn recorded(world: &World, plan: &Plan, outcomes: &[Outcome]) -> Vec<Run> {
    let mut runs = plan.runs.clone();
    let relaunches = world.object.status.placement.as_ref().map_or(0, |placement| placement.relaunches);
    for outcome in outcomes {
        match (&outcome.action, &outcome.result) {
            (Action::CollectReport { run: key, .. }, Ok(Done::Collected(collected))) => {
                if let Some(why) = why_void(world, key, &collected.report.run) {
                    void(&mut runs, key, collected, &why);
                } else if is_part(key, collected.state) {
                    add_part(&mut runs, key, collected, relaunches);
                } else {
                    replace(world, &mut runs, key, collected);
                    say_path(&mut runs, key, collected, &world.object.spec);
                }
            }
            (Action::JoinParts { run: key, .. }, Ok(Done::Collected(collected))) => {
                replace(world, &mut runs, key, collected);
            }
            (Action::RecordMetrics { report, account }, Ok(_)) => {
                let of_report = runs.iter_mut().filter(|run| run.report == *report);
                for of in of_report.filter_map(|run| run.cloud_watch.as_mut()) {
                    cloud_watch::name(account.state).clone_into(&mut of.state);
                }
            }
            // Somebody deleted the report, or it does not take the account, however often it is tried.
            (Action::RecordMetrics { report, .. }, Err(error)) => {
                let is_over = |run: &&mut Run| {
                    let ended = run.finished_at.as_ref().map_or(world.now, |at| at.0);
                    error.failure == Failure::NotFound || world.now.duration_since(ended) >= GIVEN_UP
                };
                let of_report = runs.iter_mut().filter(|run| run.report == *report).filter(is_over);
                for of in of_report.filter_map(|run| run.cloud_watch.as_mut()) {
                    cloud_watch::name(wire::CloudWatchState::None).clone_into(&mut of.state);
                }
            }
            // Somebody deleted what it is made of.
            (Action::JoinParts { run: key, .. }, Err(error)) if error.failure == Failure::NotFound => {
                for run in runs.iter_mut().filter(|run| key.is_of(run) && runs::is_whole(run)) {
                    (run.outcome, run.result) = (RunOutcome::Aborted.name().to_owned(), cut(&error.to_string()));
                    run.parts.clear();
                }
            }
            _ => {}
        }
    }
    if matches!(goal(world), Goal::Nothing(_)) {
        for run in runs.iter_mut().filter(|run| RunOutcome::Running.is_of(run) && !runs::is_whole(run)) {
            run.outcome = RunOutcome::Aborted.name().to_owned();
            run.result = "its instances went before it ended".to_owned();
        }
    }
    let mut kept = runs.split_off(runs.len().saturating_sub(RUNS));
    // The joined report is made; what it was made of is found by its label.
    if let Some((_, older)) = kept.split_last_mut() {
        let is_over = |run: &&mut Run| RunOutcome::of(run).is_some_and(|outcome| outcome != RunOutcome::Running);
        older.iter_mut().filter(is_over).for_each(|run| run.parts.clear());
    }
    kept
}

/// Whether the report is one of several. What several generators measured before they were stopped is: the report that is
/// made of it says what is missing.
fn is_part(key: &RunKey, state: RunState) -> bool {
    match state {
        RunState::Finished => key.is_in_parts(),
        RunState::Aborted => key.generators > 1,
        RunState::Failed | RunState::Running => false,
    }
}

/// What was measured; when it was the last part of its launch, the next one, if there is one, has not begun. That the run
/// is on may not have been written down, when the first launch was quicker.
fn add_part(runs: &mut Vec<Run>, key: &RunKey, collected: &Collected, relaunches: i64) {
    if key.launch == 1 && key.generators == 1 && runs::running(runs, key).is_none() {
        runs.push(key.begun());
    }
    let is_next = |run: &&mut Run| {
        key.is_of(run)
            && RunOutcome::Running.is_of(run)
            && RunKey { generator: key.generator, ..RunKey::of(run) } == *key
            && !runs::is_whole(run)
            && runs::held(run, key).is_empty()
    };
    let Some(run) = runs.iter_mut().find(is_next) else { return };
    // Only the last part has them: there may be many.
    let former = run.parts.last_mut().map(|part| std::mem::take(&mut part.capacities)).unwrap_or_default();
    run.parts.push(Part {
        report_sha256: collected.sha256.clone(),
        rounds: counted(&collected.report),
        relaunches,
        generator: i32::try_from(key.generator).unwrap_or(i32::MAX),
        start_at: run.start_at.clone(),
        capacities: capacities(&collected.report, former),
    });
    if runs::is_between_launches(run) {
        run.launch = run.launches.min(run.launch + 1);
        (run.started_at, run.start_at) = (None, None);
    }
}

/// What the search of a launch found of its clusters, and what former ones did of the others. Bounds are left out: nobody searches
/// on from one.
fn capacities(report: &Report, former: Vec<FoundCapacity>) -> Vec<FoundCapacity> {
    let of_cluster = |cluster: &wire::ClusterReport| {
        let found = cluster.capacity.as_ref().filter(|found| found.outcome == CapacityOutcome::Found)?;
        let milli_requests_per_second = whole(found.milli_rps?);
        Some(FoundCapacity { cluster: cluster.cluster.clone(), milli_requests_per_second })
    };
    let mut found: Vec<FoundCapacity> = report.clusters.iter().filter_map(of_cluster).collect();
    let is_other = |old: &FoundCapacity| found.iter().all(|one| one.cluster != old.cluster);
    let others: Vec<FoundCapacity> = former.into_iter().filter(is_other).collect();
    found.extend(others);
    found
}

/// The end of a run takes the place of the run that is on.
fn replace(world: &World, runs: &mut Vec<Run>, key: &RunKey, collected: &Collected) {
    let on = runs.iter().position(|run| key.is_of(run) && RunOutcome::Running.is_of(run)).map(|at| runs.remove(at));
    let parts = on.map(|run| run.parts).unwrap_or_default();
    let cloud_watch = cloud_watch::pending(world, &collected.report);
    runs.push(Run { parts, cloud_watch, ..run(key, collected) });
}

/// Somebody's own program that knows other paths than ours: where the way out is.
fn say_path(runs: &mut [Run], key: &RunKey, collected: &Collected, spec: &ClusterBenchmarkSpec) {
    let is_own =
        !desired::programs(spec).all(Program::is_ours) && desired::measured_sha256(spec) == key.measured_sha256;
    let is_not_found = |cluster: &wire::ClusterReport| {
        cluster.failed_status == FailedStatus::Each(404) && cluster.failures.total() == cluster.requests
    };
    let Some(run) = runs.last_mut().filter(|_| is_own && collected.report.clusters.iter().any(is_not_found)) else {
        return;
    };
    run.result = cut(&format!("{}; {PATHS}", run.result));
}

const PATHS: &str =
    "worker: the program has to answer at the path of its cluster, which it is given as CLUSTER_PATH (clusters[].path)";

/// A launch of which nothing counts takes the place of the run that is on, and what was recorded before goes on.
fn void(runs: &mut Vec<Run>, key: &RunKey, collected: &Collected, why: &str) {
    let before = aborted(runs, key);
    let on = runs.iter().position(|run| key.is_of(run) && RunOutcome::Running.is_of(run)).map(|at| runs.remove(at));
    // Another generator's part of it has ended it already.
    if on.is_none() && key.generators > 1 {
        return;
    }
    let rest = on.and_then(|run| runs::without_launch(&run, key.launch)).filter(|_| before + 1 < ABORTS);
    runs.push(Run { outcome: RunOutcome::Aborted.name().to_owned(), result: void_result(why), ..run(key, collected) });
    runs.extend(rest);
}

/// Why nothing of a run counts, if so, whatever its report says.
pub fn why_void(world: &World, key: &RunKey, run: &RunSpec) -> Option<String> {
    let why = voided::why_of(world, key).filter(|_| key.generators == 1);
    why.or_else(|| unchanged::changed(world, run))
}

/// The result of a run of which nothing counts.
pub fn void_result(why: &str) -> String {
    cut(&format!("{}: {why}", RunOutcome::Aborted.name()))
}

/// How a run that has ended went, and its result in words, which begins with the outcome where that is not valid.
pub fn result(state: RunState, report: &Report) -> (RunOutcome, String) {
    // Only what has ended is collected; a report is never made of a run that is on.
    let outcome = match (state, report.validity) {
        (RunState::Running | RunState::Aborted, _) => RunOutcome::Aborted,
        (RunState::Failed, _) => RunOutcome::Failed,
        (RunState::Finished, Validity::Valid) => RunOutcome::Valid,
        (RunState::Finished, Validity::Invalid) => RunOutcome::Invalid,
    };
    let words = match outcome {
        RunOutcome::Valid => report.summary.clone(),
        _ => format!("{}: {}", outcome.name(), report.reasons.join("; ")),
    };
    (outcome, cut(&words))
}

fn run(key: &RunKey, collected: &Collected) -> Run {
    let report = &collected.report;
    let (outcome, result) = result(collected.state, report);
    let clusters = report.clusters.iter().map(|cluster| ClusterResult {
        usd_micros_per_million: cost(report, cluster).map(whole),
        ..cluster_result::of(cluster)
    });
    Run {
        outcome: outcome.name().to_owned(),
        result,
        report: collected.name.clone(),
        report_sha256: collected.sha256.clone(),
        started_at: Some(Time(report.started_at)),
        finished_at: Some(Time(report.finished_at)),
        rounds: counted(report),
        thresholds: thresholds::result(&report.thresholds),
        clusters: clusters.collect(),
        ..key.begun()
    }
}

/// A bound is no number to compare with others, and neither is the cost of answers that came too late: the report has them, with
/// what they are.
fn cost(report: &wire::Report, cluster: &wire::ClusterReport) -> Option<u64> {
    let cost = cluster.answer_cost.filter(|cost| !cost.is_at_most && report.is_cost_told(&cluster.cluster))?;
    Some(cost.usd_micros_per_million)
}

fn counted(report: &wire::Report) -> i32 {
    let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted).count();
    i32::try_from(counted).unwrap_or(i32::MAX)
}
