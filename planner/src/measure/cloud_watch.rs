//! CloudWatch's account of a run, read after the run is recorded, and added to its report once.
//!
//! It delays neither a result nor a deletion. CloudWatch counts late and revises its newest minutes: what two answers a
//! minute apart agree on is complete.

use api::{Run, RunCloudWatch, RunTargetGroup};
use jiff::{SignedDuration, Timestamp};
use wire::{CLOUD_WATCH_METRICS, CloudWatch, CloudWatchCluster, CloudWatchState, MetricOf, MetricPoints};

use crate::balance::application;
use crate::effect::Action;
use crate::plan::Plan;
use crate::ports::{Datapoint, MetricQuery, Minutes};
use crate::world::memory::Heard;
use crate::world::{Deletion, World};

/// Between two answers.
const AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// Answers that go on changing, or do not come, are waited for no longer.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// State of what is still waited for; the others are those of [`CloudWatchState`].
pub(crate) const PENDING: &str = "Pending";

/// What CloudWatch is asked about one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Name of the BenchmarkReport.
    pub report: String,
    pub queries: Vec<MetricQuery>,
    pub minutes: Minutes,
}

/// The dimensions of a run that was just recorded. `None`: it did not go through a load balancer that lists show.
pub(crate) fn pending(world: &World, report: &wire::Report) -> Option<RunCloudWatch> {
    if report.run.members.is_empty() {
        return None;
    }
    let (balancer, groups) = application::dimensions(world)?;
    let target_groups = groups.into_iter().map(|(cluster, target_group)| RunTargetGroup { cluster, target_group });
    Some(RunCloudWatch { state: PENDING.to_owned(), load_balancer: balancer, target_groups: target_groups.collect() })
}

/// What is to be asked now: of the first run that waits, once in a minute.
pub fn question(world: &World) -> Option<Question> {
    // Nobody waits for it who is being deleted.
    if world.object.deletion == Deletion::Asked {
        return None;
    }
    let (run, of) = waiting(world)?;
    let minutes = minutes(run)?;
    let heard = world.memory.heard.get(&run.report);
    // The last minute is complete some time after its end.
    let first = minutes.to + AGAIN;
    let is_due = world.now >= heard.map_or(first, |heard| heard.at + AGAIN);
    is_due.then(|| Question { report: run.report.clone(), queries: queries(of), minutes })
}

fn waiting(world: &World) -> Option<(&Run, &RunCloudWatch)> {
    let of = |run: &'_ Run| run.cloud_watch.as_ref().is_some_and(|of| of.state == PENDING);
    let run = world.object.status.runs.iter().find(|run| of(run))?;
    Some((run, run.cloud_watch.as_ref()?))
}

/// The whole UTC minutes in which the run was.
fn minutes(run: &Run) -> Option<Minutes> {
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second().div_euclid(60) * 60).ok();
    let (from, to) = (whole(run.started_at.as_ref()?.0)?, whole(run.finished_at.as_ref()?.0)?);
    Some(Minutes { from, to: to + SignedDuration::from_secs(60) })
}

/// Whether another run was in one of these minutes.
fn shares_minutes(world: &World, run: &Run, minutes: &Minutes) -> bool {
    world.object.status.runs.iter().filter(|other| other.report != run.report).any(|other| {
        let began = other.started_at.as_ref().is_some_and(|at| at.0 < minutes.to);
        began && other.finished_at.as_ref().is_none_or(|at| at.0 >= minutes.from)
    })
}

fn queries(of: &RunCloudWatch) -> Vec<MetricQuery> {
    let query = |metric: &str, statistic: &str, target_group: Option<&str>| MetricQuery {
        metric: metric.to_owned(),
        statistic: statistic.to_owned(),
        load_balancer: of.load_balancer.clone(),
        target_group: target_group.map(str::to_owned),
    };
    let all = asked(of).into_iter();
    all.map(|(group, metric, (statistic, _))| query(metric, statistic, group)).collect()
}

type Asked<'a> = (Option<&'a str>, &'static str, (&'static str, wire::MetricUnit));

/// Every statistic of every metric, in the order in which it is asked and answered: the whole load balancer first.
fn asked(of: &RunCloudWatch) -> Vec<Asked<'_>> {
    let metrics = |which: MetricOf| CLOUD_WATCH_METRICS.iter().filter(move |metric| metric.of == which);
    let whole = metrics(MetricOf::LoadBalancer);
    let whole = whole.flat_map(|metric| metric.statistics.iter().map(|one| (None, metric.metric, *one)));
    let of_groups = of.target_groups.iter().flat_map(|group| {
        let name = group.target_group.as_str();
        metrics(MetricOf::TargetGroup)
            .flat_map(move |metric| metric.statistics.iter().map(move |one| (Some(name), metric.metric, *one)))
    });
    whole.chain(of_groups).collect()
}

/// Adds what is complete, or as much as there is when waiting ends.
pub(crate) fn plan(world: &World, plan: &mut Plan) {
    let Some((run, of)) = waiting(world) else {
        plan.memory.heard.clear();
        return;
    };
    plan.wake_within(AGAIN);
    let Some(minutes) = minutes(run) else { return };
    let before = world.memory.heard.get(&run.report);
    // From the first answer on: an operator that was away has not waited yet.
    let since = before.map_or(world.now, |before| before.since);
    let is_late = world.now.duration_since(since) >= PATIENCE;
    let answer = world.metrics.as_ref().filter(|(report, _)| *report == run.report).map(|(_, answer)| answer);
    let Some(answer) = answer else { return };
    let (points, why) = match (answer.known(), answer.unknown()) {
        (Some(points), _) => (points.clone(), String::new()),
        // What was heard before is not forgotten for an answer that failed.
        (None, why) => {
            let points = before.map(|before| before.points.clone()).unwrap_or_default();
            (points, why.map(|why| why.message.clone()).unwrap_or_default())
        }
    };
    let is_whole = has_all_clusters(of, &points);
    let is_again = why.is_empty() && before.is_some_and(|before| before.points == points);
    let state = match (is_whole, is_again, is_late) {
        (true, true, _) => Some(CloudWatchState::Complete),
        (_, _, true) if points.iter().any(|one| !one.is_empty()) => Some(CloudWatchState::Partial),
        (_, _, true) => Some(CloudWatchState::None),
        _ => None,
    };
    plan.memory.heard.insert(run.report.clone(), Heard { since, at: world.now, points: points.clone() });
    let Some(state) = state else { return };
    let reason = match state {
        CloudWatchState::Complete => String::new(),
        _ if !why.is_empty() => why,
        _ => format!("after {} minutes it still changed, or had nothing", PATIENCE.as_mins()),
    };
    let shares_minutes = shares_minutes(world, run, &minutes);
    let account = CloudWatch { shares_minutes, ..account(of, &minutes, &points, state, reason) };
    let because = format!("CloudWatch's account of run {} is {}", run.id, name(state));
    plan.act(Action::RecordMetrics { report: run.report.clone(), account: Box::new(account) }, because);
}

/// Whether there is a count of requests of every cluster: before, equal answers only say that nothing has come yet.
fn has_all_clusters(of: &RunCloudWatch, points: &[Vec<Datapoint>]) -> bool {
    let asked = asked(of);
    let mut counts = asked.iter().zip(points).filter(|((_, metric, _), _)| *metric == "RequestCount").peekable();
    counts.peek().is_some() && counts.all(|(_, points)| !points.is_empty())
}

/// The spelling of status.
pub(crate) fn name(state: CloudWatchState) -> &'static str {
    match state {
        CloudWatchState::Complete => "Complete",
        CloudWatchState::Partial => "Partial",
        CloudWatchState::None => "None",
    }
}

fn account(
    of: &RunCloudWatch,
    minutes: &Minutes,
    points: &[Vec<Datapoint>],
    state: CloudWatchState,
    reason: String,
) -> CloudWatch {
    let count = minutes.to.duration_since(minutes.from).as_mins();
    let mut account = CloudWatch {
        state,
        reason,
        load_balancer: of.load_balancer.clone(),
        start: minutes.from,
        minutes: u32::try_from(count).unwrap_or(0),
        shares_minutes: false,
        whole: Vec::new(),
        clusters: of
            .target_groups
            .iter()
            .map(|group| CloudWatchCluster {
                cluster: group.cluster.clone(),
                target_group: group.target_group.clone(),
                metrics: Vec::new(),
            })
            .collect(),
        checks: Vec::new(),
    };
    for ((group, metric, (statistic, unit)), points) in asked(of).into_iter().zip(points) {
        let minute = |point: &Datapoint| u32::try_from(point.at.duration_since(minutes.from).as_mins()).ok();
        let (at, values) = points.iter().filter_map(|point| Some((minute(point)?, unit.of(point.value)))).unzip();
        let points = MetricPoints { metric: metric.to_owned(), statistic: statistic.to_owned(), unit, at, values };
        match group {
            None => account.whole.push(points),
            Some(name) => {
                let cluster = account.clusters.iter_mut().find(|cluster| cluster.target_group == name);
                cluster.into_iter().for_each(|cluster| cluster.metrics.push(points.clone()));
            }
        }
    }
    account
}
