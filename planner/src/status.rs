//! What to write down: World, Plan and outcomes to Status. Pure.

use std::collections::BTreeMap;

use api::{BalancerStatus, CONDITIONS, ConditionType, Instance, Launch, Pool, Run, Status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::column;
use crate::conditions::{Judgement, Judgements, Truth};
use crate::desired::{self, BALANCER, BALANCER_PORT, PoolSpec};
use crate::duration;
use crate::ledger::{self, BOOT_FAILED, OnlySend};
use crate::owner;
use crate::plan::{Action, Goal, Plan, Why, goal};
use crate::ports::{self, InstanceState, Refused};
use crate::provision::highest_number;
use crate::readiness::{ready, single};
use crate::rehearsal;
use crate::results;
use crate::runs::{self, ABORTED, RUNNING, RunKey, VALID};
use crate::seal::seal;
use crate::teardown;
use crate::thresholds;
use crate::verdict::verdict;
use crate::world::{Deletion, Facet, Seal, World};
use crate::{CloudError, Failure};

/// What became of one action of a plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub action: Action,
    pub result: Result<Done, CloudError>,
}

impl Outcome {
    /// The result in the light of what lists show. A policy by tags refuses what does not exist, because nothing has no tags (aws/karpenter-provider-aws#2100): while
    /// lists that are late still show a group, its absence comes as `UnauthorizedOperation`. That is believed to be a
    /// missing permission only when lists go on showing the group. So does a group of ours that was just made exist already while
    /// no list shows it; when none does for longer than lists can be late, it is not ours any more.
    pub fn of(world: &World, action: Action, result: Result<Done, CloudError>) -> Self {
        let (id, patience) = match &action {
            Action::DeleteGroup { id, .. } | Action::Allow { group_id: id, .. } => (id, world.settings.proof_gap),
            Action::CreateGroup(request) => (&request.name, world.settings.settle),
            _ => return Self { action, result },
        };
        let since = world.memory.refused_groups.get(id);
        let is_late = since.is_none_or(|since| world.now.duration_since(*since) < patience);
        let result = result.map_err(|error| match error.failure {
            Failure::Unauthorized if is_late && !matches!(action, Action::CreateGroup(_)) => {
                CloudError { failure: Failure::NotFound, ..error }
            }
            // A group of our name that no list shows as ours.
            Failure::AlreadyExists if !is_late => CloudError::new(
                Failure::Rejected,
                error.code,
                format!(
                    "{}; it does not carry our tags: if somebody edited them, put them back, else delete it",
                    error.message
                ),
            ),
            _ => error,
        });
        Self { action, result }
    }
}

#[derive(Clone, Debug)]
pub enum Done {
    Ok,
    /// All but these.
    Terminated(Vec<Refused>),
    Launched(Vec<ports::Instance>),
    Collected(Box<Collected>),
}

/// A report that is stored.
#[derive(Clone, Debug)]
pub struct Collected {
    pub report: wire::Report,
    /// Whether the run came to its end.
    pub state: wire::RunState,
    /// Name of the BenchmarkReport.
    pub name: String,
    pub sha256: String,
}

/// Characters of a condition's message: the server allows 32,768, people read one line.
const MESSAGE: usize = 1024;

/// The status after a pass. The same world, plan and outcomes give the same status, byte for byte.
pub fn status(world: &World, plan: &Plan, outcomes: &[Outcome]) -> Status {
    let old = &world.object.status;
    let nothing_left = plan.judgements.get(ConditionType::Provisioned).reason == teardown::NOTHING_LEFT;
    let ledger = ledger(world, plan, outcomes);
    let runs = results::recorded(world, plan, outcomes);
    let wanted = runs::wanted(world);
    let judgements = judgements(world, &wanted, plan, outcomes, &runs);
    let begins_anew = world.ledger_is_lost() && nothing_left;
    let lost = world.ledger_is_lost() && !begins_anew;
    let mut status = Status {
        // Not before a lost ledger is settled: until then a crash must find it lost again.
        observed_generation: Some(if lost { -1 } else { world.object.generation }),
        phase: Some(phase(world, &judgements).to_owned()),
        progress: progress(world, &wanted, &runs),
        result: result(&wanted, &runs),
        conditions: conditions(world, &judgements),
        placement: plan.placement.clone(),
        launches: if begins_anew { Vec::new() } else { ledger },
        seal: String::new(),
        runs,
        leftovers: plan.leftovers.clone(),
        balancer: old.balancer.clone(),
        instances_ready: old.instances_ready.clone(),
        pools: old.pools.clone(),
        instances: old.instances.clone(),
    };
    if let Facet::Known(instances) = &world.instances {
        describe(world, plan, instances, &mut status);
    }
    in_whole_seconds(&mut status);
    let is_sealed = !old.seal.is_empty() && (&old.placement, &old.launches) == (&status.placement, &status.launches);
    status.seal = match world.object.seal {
        // What somebody edited stays recognisable until it is settled, whatever is written beside it.
        Seal::Broken if !begins_anew => old.seal.clone(),
        Seal::Whole if is_sealed => old.seal.clone(),
        _ => seal(&world.object.uid, status.placement.as_ref(), &status.launches),
    };
    status
}

/// The server stores times in whole seconds: finer ones would come back changed, and an echo that differs from what
/// was sent means that the server dropped something.
fn in_whole_seconds(status: &mut Status) {
    let launches = status.launches.iter_mut().flat_map(|line| [&mut line.closed_at, &mut line.not_after]);
    let runs = status.runs.iter_mut().flat_map(|run| [&mut run.started_at, &mut run.finished_at]);
    for time in launches.chain(runs).flatten() {
        *time = whole_seconds(time.0);
    }
}

/// The ledger with the answers of this pass, without lines that have nothing more to tell.
fn ledger(world: &World, plan: &Plan, outcomes: &[Outcome]) -> Vec<Launch> {
    let answered = |line: &Launch| {
        let outcome = outcomes.iter().find_map(|outcome| match &outcome.action {
            Action::Launch(request) if request.token == line.token => Some(&outcome.result),
            _ => None,
        });
        let Some(result) = outcome else { return line.clone() };
        let answer = match result {
            Ok(Done::Launched(instances)) => Ok(instances.clone()),
            Ok(_) => return line.clone(),
            Err(error) => Err(error.clone()),
        };
        let is_only = plan.memory.unsent.contains(&line.token) && line.sender == world.settings.process;
        let only = if is_only { OnlySend::Yes } else { OnlySend::NotCertain };
        ledger::with_answer(line, &answer, only, world.now)
    };
    let lines: Vec<Launch> = plan.ledger.iter().map(answered).collect();
    let is_last = |line: &Launch| !lines.iter().any(|other| other.pool == line.pool && other.number > line.number);
    lines
        .iter()
        .filter(|line| {
            ledger::is_open(line) || !line.instance_ids.is_empty() || line.reason == BOOT_FAILED || is_last(line)
        })
        .cloned()
        .collect()
}

/// The plan's judgements, corrected by what went wrong in carrying it out.
fn judgements(world: &World, wanted: &RunKey, plan: &Plan, outcomes: &[Outcome], runs: &[Run]) -> Judgements {
    let mut judgements = plan.judgements.clone();
    for outcome in outcomes {
        let Err(error) = &outcome.result else { continue };
        // A conflict or a late group is what the next look is for.
        let of_group = matches!(outcome.action, Action::Allow { .. } | Action::DeleteGroup { .. });
        let late_group = of_group && error.failure == Failure::NotFound;
        // What holds it is said already, and whose turn it is.
        let is_explained = matches!(&outcome.action, Action::DeleteGroup { id, .. } if world.holders.contains_key(id))
            && error.failure == Failure::DependencyViolation;
        if late_group
            || is_explained
            || matches!(error.failure, Failure::NotYetVisible | Failure::AlreadyExists | Failure::TooLate)
        {
            continue;
        }
        let kind = match &outcome.action {
            Action::Rehearse(request) if rehearsal::is_refusal(error.failure) => {
                // The first of them, as the looks that remember it will say it.
                if judgements.get(ConditionType::Accepted).truth != Truth::False {
                    let said = rehearsal::said(world, request, error);
                    judgements.set(ConditionType::Accepted, Truth::False, verdict(error.failure).reason, said);
                    judgements.stall(ConditionType::Accepted);
                }
                continue;
            }
            Action::AddFinalizer | Action::RemoveFinalizer => continue,
            Action::SetMembership { .. } => ConditionType::Deployed,
            Action::StartRun { .. }
            | Action::CollectReport { .. }
            | Action::JoinParts { .. }
            | Action::HoldRun { .. }
            | Action::ResumeRun { .. }
            | Action::StopRun { .. }
            | Action::ForgetRun { .. } => ConditionType::Measured,
            Action::CreateGroup(_)
            | Action::Allow { .. }
            | Action::DeleteGroup { .. }
            | Action::Rehearse(_)
            | Action::Launch(_)
            | Action::Terminate(_) => ConditionType::Provisioned,
        };
        let hint = hint(&outcome.action, error);
        let message = format!("{}: {error}{hint}; {}", effect(&outcome.action), judgements.get(kind).message);
        judgements.set(kind, Truth::False, verdict(error.failure).reason, cut(&message));
    }
    let done = |run: &&Run| wanted.is_of(run) && run.outcome == VALID;
    match runs.iter().find(done) {
        Some(run) => {
            judgements.set(ConditionType::Measured, Truth::True, "Valid", run.result.clone());
            judgements.set(ConditionType::Ready, Truth::True, "Recorded", run.result.clone());
            // While it is deleted, people ask what is in the way.
            if world.object.deletion == Deletion::Asked {
                let Judgement { reason, message, .. } = judgements.get(ConditionType::Provisioned).clone();
                judgements.set(ConditionType::Ready, Truth::False, &reason, message);
            }
        }
        None => {
            let worst = judgements
                .iter()
                .find(|(kind, judgement)| *kind != ConditionType::Ready && judgement.truth != Truth::True);
            let (reason, message) =
                worst.map_or(("Pending".to_owned(), String::new()), |(_, j)| (j.reason.clone(), j.message.clone()));
            judgements.set(ConditionType::Ready, Truth::False, &reason, message);
        }
    }
    if let Some(judgement) = thresholds::judge(world, wanted, runs) {
        judgements.set(ConditionType::ThresholdsMet, judgement.truth, &judgement.reason, judgement.message);
    }
    judgements
}

/// What to look at first, where the cloud's own words do not say it.
fn hint(action: &Action, error: &CloudError) -> String {
    match (action, error.failure) {
        (Action::Launch(request), Failure::Unauthorized) => {
            format!(" ({})", rehearsal::what_allows(error, &request.instance_type))
        }
        _ => String::new(),
    }
}

/// An action in words, for messages.
fn effect(action: &Action) -> String {
    match action {
        Action::AddFinalizer => "add the finalizer".to_owned(),
        Action::RemoveFinalizer => "remove the finalizer".to_owned(),
        Action::CreateGroup(group) => format!("create group {}", group.name),
        Action::Allow { group_id, rule } => format!("open port {} in {group_id}", rule.from_port),
        Action::DeleteGroup { id, .. } => format!("delete group {id}"),
        Action::Rehearse(request) => format!("rehearse the launch of {} x {}", request.count, request.instance_type),
        Action::Launch(request) => {
            let pool = request.tags.get(owner::POOL).map(String::as_str).unwrap_or_default();
            format!("launch {} x {} for {pool}", request.count, request.instance_type)
        }
        Action::Terminate(ids) => format!("terminate {} instances", ids.len()),
        Action::SetMembership { .. } => "tell the balancer its members".to_owned(),
        Action::StartRun { .. } => "start the run".to_owned(),
        Action::CollectReport { .. } => "collect the report".to_owned(),
        Action::JoinParts { .. } => "make one report of all parts".to_owned(),
        Action::HoldRun { .. } => "hold the run".to_owned(),
        Action::ResumeRun { .. } => "let the run go on".to_owned(),
        Action::StopRun { .. } => "stop the run".to_owned(),
        Action::ForgetRun { .. } => "clear the run away".to_owned(),
    }
}

/// In a fixed order; the transition time moves only when the status does.
fn conditions(world: &World, judgements: &Judgements) -> Vec<Condition> {
    let old = &world.object.status.conditions;
    let condition = |kind: ConditionType, truth: Truth, reason: &str, message: &str| {
        let before = old.iter().find(|c| c.type_ == kind.name() && c.status == truth.name());
        let since = before.map_or_else(|| whole_seconds(world.now), |c| c.last_transition_time.clone());
        Condition {
            type_: kind.name().to_owned(),
            status: truth.name().to_owned(),
            reason: reason.to_owned(),
            message: cut(message),
            observed_generation: Some(world.object.generation),
            last_transition_time: since,
        }
    };
    let mut all: Vec<Condition> = CONDITIONS
        .iter()
        .map(|kind| {
            let judgement = judgements.get(*kind);
            condition(*kind, judgement.truth, &judgement.reason, &judgement.message)
        })
        .collect();
    if let Some((kind, judgement)) = judgements.iter().find(|(kind, _)| *kind == ConditionType::ThresholdsMet) {
        all.push(condition(kind, judgement.truth, &judgement.reason, &judgement.message));
    }
    if let Some(by) = judgements.stalled_by {
        let judgement = judgements.get(by);
        all.push(condition(ConditionType::Stalled, Truth::True, &judgement.reason, &judgement.message));
    } else if is_moving(world, judgements) {
        let judgement = judgements.get(ConditionType::Ready);
        all.push(condition(ConditionType::Reconciling, Truth::True, &judgement.reason, &judgement.message));
    }
    all
}

fn is_moving(world: &World, judgements: &Judgements) -> bool {
    match goal(world) {
        Goal::Instances => !judgements.is_true(ConditionType::Ready),
        Goal::Nothing(_) => judgements.get(ConditionType::Provisioned).reason != teardown::NOTHING_LEFT,
    }
}

fn whole_seconds(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// One word for people, derived from the rest.
fn phase(world: &World, judgements: &Judgements) -> &'static str {
    let gone = judgements.get(ConditionType::Provisioned).reason == teardown::NOTHING_LEFT;
    match goal(world) {
        _ if world.object.deletion == Deletion::Asked => "Deleting",
        Goal::Nothing(Why::Expired) if gone => "Expired",
        Goal::Nothing(Why::Finished) if gone => "Finished",
        Goal::Nothing(_) => "TearingDown",
        Goal::Instances if judgements.get(ConditionType::Accepted).reason == "Paused" => "Paused",
        Goal::Instances if judgements.stalled_by.is_some() => "Stalled",
        Goal::Instances if judgements.is_true(ConditionType::Ready) => "Ready",
        Goal::Instances if judgements.get(ConditionType::Measured).reason == RUNNING => "Measuring",
        Goal::Instances if judgements.is_true(ConditionType::Deployed) => "Measuring",
        Goal::Instances if judgements.is_true(ConditionType::Provisioned) => "Deploying",
        Goal::Instances if world.object.status.placement.is_some() => "Provisioning",
        Goal::Instances => "Pending",
    }
}

/// Rounds of all launches. Of a run that decides itself, those until the next look.
fn progress(world: &World, wanted: &RunKey, runs: &[Run]) -> Option<String> {
    let spec = &world.object.spec;
    let all = || {
        Some(duration::most_rounds(spec).saturating_mul(wanted.launches)).filter(|_| !duration::decides_itself(spec))
    };
    if let Some(run) = runs::finished(runs, wanted) {
        // With looks in between, those that were measured are those that were needed.
        let measured = u32::try_from(run.rounds).unwrap_or(0);
        let total = all().filter(|_| run.outcome != VALID).unwrap_or(measured);
        return Some(format!("{measured}/{total} rounds"));
    }
    let on = runs::running(runs, wanted);
    let before: u32 = on.iter().flat_map(|run| &run.parts).map(|part| u32::try_from(part.rounds).unwrap_or(0)).sum();
    if on.is_none_or(|run| run.parts.is_empty()) && !matches!(world.runs, Some(Facet::Known(_))) {
        return world.object.status.progress.clone();
    }
    // What is recorded of this launch meanwhile is counted above.
    let is_recorded = on.is_some_and(|run| !runs::held(run, wanted).is_empty());
    match runs::answer(world, wanted).filter(|_| !is_recorded) {
        Some(status) => {
            Some(format!("{}/{} rounds", before + status.rounds_done, all().unwrap_or(status.rounds_total)))
        }
        None if before > 0 => Some(format!("{before}/{} rounds", all()?)),
        None => None,
    }
}

/// The result that was asked for, or the last one of anything, as a column shows it; the run has all of it.
fn result(wanted: &RunKey, runs: &[Run]) -> Option<String> {
    let ended = || runs.iter().rev().filter(|run| run.outcome != RUNNING);
    let run = ended().find(|run| wanted.is_of(run) && run.outcome != ABORTED).or_else(|| ended().next());
    run.map(|run| column::line(&run.result))
}

/// Instances and pools, as the cloud lists them.
fn describe(world: &World, plan: &Plan, instances: &[ports::Instance], status: &mut Status) {
    let ready = ready(world);
    let pools = desired::pools(&world.object.spec);
    let shares = shares(world, &status.runs);
    let owner = world.owner();
    status.instances = instances
        .iter()
        .filter(|instance| owner.owns(&instance.tags) || ledger::is_in(&plan.ledger, instance))
        .filter(|instance| instance.state != InstanceState::Terminated)
        .map(|instance| Instance {
            id: instance.id.clone(),
            pool: ledger::pool_of(&plan.ledger, instance).unwrap_or_default().to_owned(),
            state: if ready.contains(instance.id.as_str()) { "ready" } else { instance.state.name() }.to_owned(),
            address: instance.private_address.map(|address| address.to_string()).unwrap_or_default(),
            share_per_mille: shares.get(&instance.id).copied(),
        })
        .collect();
    status.instances.sort_by(|a, b| (&a.pool, &a.id).cmp(&(&b.pool, &b.id)));
    let wanted_for = |pool: &PoolSpec| {
        if goal(world) == Goal::Instances { i32::try_from(pool.count).unwrap_or(i32::MAX) } else { 0 }
    };
    let ready_in = |name: &str| status.instances.iter().filter(|i| i.pool == name && i.state == "ready").count();
    status.pools = pools
        .iter()
        .map(|pool| Pool {
            name: pool.name.clone(),
            desired: wanted_for(pool),
            ready: i32::try_from(ready_in(&pool.name)).unwrap_or(i32::MAX),
            last_launch: highest_number(world, &plan.ledger, instances, &pool.name),
        })
        .collect();
    // Pools that the spec dropped keep their numbers: a number is never used twice.
    let dropped = world.object.status.pools.iter().filter(|old| !pools.iter().any(|pool| pool.name == old.name));
    status.pools.extend(dropped.map(|old| Pool { desired: 0, ready: 0, ..old.clone() }));
    let wanted: u32 = pools.iter().map(|pool| u32::try_from(wanted_for(pool)).unwrap_or(0)).sum();
    let ready = status.instances.iter().filter(|instance| instance.state == "ready").count();
    status.instances_ready = Some(match goal(world) {
        Goal::Instances => format!("{ready}/{wanted}"),
        Goal::Nothing(_) => format!("{}/0", status.instances.len()),
    });
    status.balancer = single(world, BALANCER).and_then(|instance| {
        Some(BalancerStatus { endpoint: format!("http://{}:{BALANCER_PORT}", instance.private_address?) })
    });
}

/// Shares as the balancer counts them. Left as they were while a run is on: they change at every look.
fn shares(world: &World, runs: &[Run]) -> BTreeMap<String, i32> {
    if runs.iter().any(|run| run.outcome == RUNNING) {
        let old = world.object.status.instances.iter();
        return old.filter_map(|instance| Some((instance.id.clone(), instance.share_per_mille?))).collect();
    }
    let Some(Facet::Known(status)) = &world.balancer else { return BTreeMap::new() };
    let members = status.clusters.iter().flat_map(|cluster| &cluster.members);
    members.filter_map(|member| Some((member.id.clone(), i32::try_from(member.share_per_mille).ok()?))).collect()
}

/// At most [`MESSAGE`] characters.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MESSAGE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
