//! The status after a pass: World, Plan and outcomes to Status. Pure.

mod balancer;
mod cluster_result;
pub mod column;
mod cost;
pub mod events;
mod live;
pub mod prices;
mod queues;
pub mod results;
mod thresholds;

use std::collections::BTreeMap;

use api::{CONDITIONS, ConditionType, Instance, Launch, Placement, Pool, Run, Status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self as meta, Time};

use crate::conditions::{Condition, ConditionStatus, Conditions, Reason};
use crate::cost::{front, spent, surplus};
use crate::counts::{Decision, counts, decision, zones};
use crate::desired::{self, PoolSpec};
use crate::effect::{Action, Deed, Done, Outcome};
use crate::failure::{CloudError, Failure};
use crate::goal::{Goal, TeardownReason, goal};
use crate::instances::highest_number;
use crate::instances::readiness::ready;
use crate::instances::targets::READY;
use crate::plan::Plan;
use crate::ports::{self, InstanceState};
use crate::provision::rehearsal;
use crate::run_key::RunKey;
use crate::run_outcome::RunOutcome;
use crate::runs;
use crate::text::cut;
use crate::time_left;
use crate::world::ledger::{self, OnlySend, Refusal};
use crate::world::{Deletion, Facet, Seal, World, seal};

/// State of an instance in status that finishes what it has and takes no more.
const DRAINING: &str = "draining";

/// The status after a pass. The same world, plan and outcomes give the same status, byte for byte.
pub fn status(world: &World, plan: &Plan, outcomes: &[Outcome]) -> Status {
    let old = &world.object.status;
    let nothing_left = plan.conditions.get(ConditionType::Provisioned).reason == Reason::NothingLeft;
    let (mut ledger, dropped) = ledger(world, plan, outcomes);
    let placement = plan.placement.as_ref().map(|placement| paid(world, plan, placement, (&mut ledger, &dropped)));
    let runs = results::recorded(world, plan, outcomes);
    let wanted = runs::wanted(world);
    let conditions = corrected(world, &wanted, plan, outcomes, &runs);
    let begins_anew = world.ledger_is_lost() && nothing_left;
    let lost = world.ledger_is_lost() && !begins_anew;
    let mut status = Status {
        // Not before a lost ledger is settled: until then a crash must find it lost again.
        observed_generation: Some(if lost { -1 } else { world.object.generation }),
        phase: Some(phase(world, &conditions).to_owned()),
        progress: progress(world, &wanted, &runs),
        result: result(&wanted, &runs),
        conditions: written(world, &conditions),
        placement,
        launches: if begins_anew { Vec::new() } else { ledger },
        seal: String::new(),
        runs,
        leftovers: plan.leftovers.clone(),
        balancer: old.balancer.clone(),
        instances_ready: old.instances_ready.clone(),
        pools: old.pools.clone(),
        instances: old.instances.clone(),
        queue: None,
        queues: queues::queues(world, plan),
        live: live::live(world, plan, &wanted),
        cost: old.cost.clone(),
    };
    if let Facet::Known(instances) = &world.cloud.instances {
        describe(world, plan, instances, &mut status);
    }
    status.queue = queues::line(&status.queues);
    in_whole_seconds(&mut status);
    status.cost = cost::cost(world, &status).or(status.cost);
    let is_sealed = !old.seal.is_empty() && (&old.placement, &old.launches) == (&status.placement, &status.launches);
    status.seal = match world.object.seal {
        // What somebody edited stays recognisable until it is settled, whatever is written beside it.
        Seal::Broken if !begins_anew => old.seal.clone(),
        Seal::Whole if is_sealed => old.seal.clone(),
        _ => seal(&world.object.uid, status.placement.as_ref(), &status.launches),
    };
    status
}

/// The placement with what lines that are dropped and instances that ended cost, and since when a load balancer is paid.
/// Lists of another account say nothing about that.
fn paid(world: &World, plan: &Plan, placement: &Placement, (kept, dropped): (&mut [Launch], &[Launch])) -> Placement {
    let is_elsewhere = matches!(
        plan.conditions.get(ConditionType::Provisioned).reason,
        Reason::WrongAccount | Reason::WrongInstallation
    );
    let placement = match &world.cloud.load_balancers {
        Facet::Known(listed) if !is_elsewhere => front::seen(placement, listed, world.now),
        _ => placement.clone(),
    };
    spent::booked(placement, kept, dropped, world.now)
}

/// The server stores times in whole seconds: finer ones would come back changed, and an echo that differs from what
/// was sent means that the server dropped something.
fn in_whole_seconds(status: &mut Status) {
    let launches = status
        .launches
        .iter_mut()
        .flat_map(|line| [&mut line.closed_at, &mut line.not_after, &mut line.launched_at, &mut line.ended_at]);
    let runs = status.runs.iter_mut().flat_map(|run| [&mut run.started_at, &mut run.finished_at]);
    let placed = status.placement.iter_mut();
    let placed = placed.flat_map(|placement| [&mut placement.balancer_since, &mut placement.balancer_until]);
    for time in launches.chain(runs).chain(placed).flatten() {
        *time = whole_seconds(time.0);
    }
}

/// The ledger with the answers of this pass, without lines that have nothing more to tell.
/// What those cost is for the placement to remember.
fn ledger(world: &World, plan: &Plan, outcomes: &[Outcome]) -> (Vec<Launch>, Vec<Launch>) {
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
    let mut lines: Vec<Launch> = plan.ledger.iter().map(answered).collect();
    for outcome in outcomes {
        if let (Action::CollectReport { .. }, Ok(Done::Collected(collected))) = (&outcome.action, &outcome.result) {
            surplus::measure(&mut lines, &collected.report);
        }
    }
    // Each zone of a pool remembers its own last refusal: the pause before the next launch there is counted from it.
    let zone = |line: &Launch| zones::of_line(world.object.status.placement.as_ref(), line);
    let is_later = |other: &Launch, line: &Launch| {
        other.pool == line.pool && other.number > line.number && zone(other) == zone(line)
    };
    let is_last = |line: &Launch| !lines.iter().any(|other| is_later(other, line));
    lines.iter().cloned().partition(|line| {
        let is_over = ledger::is_over(line) && ledger::is_understood(line);
        !is_over || ledger::refusal(line) == Some(Refusal::BootFailed) || is_last(line)
    })
}

/// The plan's conditions, corrected by what went wrong in carrying it out.
fn corrected(world: &World, wanted: &RunKey, plan: &Plan, outcomes: &[Outcome], runs: &[Run]) -> Conditions {
    let mut conditions = plan.conditions.clone();
    for outcome in outcomes {
        let Err(error) = &outcome.result else { continue };
        // A conflict or a late resource is what the next look is for.
        let deed = outcome.action.by_name().map(|about| about.deed);
        let is_late =
            matches!(deed, Some(Deed::Change { .. } | Deed::Delete { .. })) && error.failure == Failure::NotFound;
        // What holds it is said already, and whose turn it is.
        let is_held = conditions.get(ConditionType::Provisioned).reason == Reason::BucketNotEmpty;
        let is_explained = matches!(deed, Some(Deed::Delete { id }) if is_held || world.holders.contains_key(id))
            && error.failure == Failure::DependencyViolation;
        if is_late
            || is_explained
            || matches!(error.failure, Failure::NotYetVisible | Failure::AlreadyExists | Failure::TooLate)
        {
            continue;
        }
        let kind = match &outcome.action {
            Action::Rehearse(request) if rehearsal::is_refusal(error.failure) => {
                // The first of them, as the looks that remember it will say it.
                if conditions.get(ConditionType::Accepted).status != ConditionStatus::False {
                    let said = rehearsal::said(world, request, error);
                    let reason = rehearsal::reason(world, error);
                    conditions.accepted(ConditionStatus::False, reason, said);
                    conditions.stall(ConditionType::Accepted);
                }
                continue;
            }
            other => match other.nature().concern.condition() {
                Some(kind) => kind,
                None => continue,
            },
        };
        let hint = hint(&outcome.action, error);
        let message = format!("{}: {error}{hint}; {}", outcome.action.words(), conditions.get(kind).message);
        conditions.set(kind, ConditionStatus::False, error.failure.into(), cut(&message));
    }
    let done = |run: &&Run| wanted.is_of(run) && RunOutcome::Valid.is_of(run);
    match runs.iter().find(done) {
        Some(run) => {
            conditions.measured(ConditionStatus::True, Reason::Valid, run.result.clone());
            conditions.ready(ConditionStatus::True, Reason::Recorded, run.result.clone());
            // While it is deleted, people ask what is in the way.
            if world.object.deletion == Deletion::Asked {
                let Condition { reason, message, .. } = conditions.get(ConditionType::Provisioned).clone();
                conditions.ready(ConditionStatus::False, reason, message);
            }
        }
        None => {
            let worst = conditions
                .iter()
                .find(|(kind, condition)| *kind != ConditionType::Ready && condition.status != ConditionStatus::True);
            let (reason, message) =
                worst.map_or((Reason::Pending, String::new()), |(_, j)| (j.reason, j.message.clone()));
            conditions.ready(ConditionStatus::False, reason, message);
        }
    }
    if let Some(condition) = thresholds::judge(world, wanted, runs) {
        conditions.set(ConditionType::ThresholdsMet, condition.status, condition.reason, condition.message);
    }
    conditions
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

/// Conditions as Kubernetes holds them, in a fixed order; the transition time moves only when the status does.
fn written(world: &World, conditions: &Conditions) -> Vec<meta::Condition> {
    let old = &world.object.status.conditions;
    let write = |kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str| {
        let before = old.iter().find(|c| c.type_ == kind.name() && c.status == status.name());
        let since = before.map_or_else(|| whole_seconds(world.now), |c| c.last_transition_time.clone());
        meta::Condition {
            type_: kind.name().to_owned(),
            status: status.name().to_owned(),
            reason: reason.name().to_owned(),
            message: cut(message),
            observed_generation: Some(world.object.generation),
            last_transition_time: since,
        }
    };
    let copy = |kind: ConditionType, status: ConditionStatus, of: ConditionType| {
        let condition = conditions.get(of);
        write(kind, status, condition.reason, &condition.message)
    };
    let mut all: Vec<meta::Condition> =
        CONDITIONS.iter().map(|kind| copy(*kind, conditions.get(*kind).status, *kind)).collect();
    if let Some((kind, condition)) = conditions.iter().find(|(kind, _)| *kind == ConditionType::ThresholdsMet) {
        all.push(copy(kind, condition.status, kind));
    }
    if let Some(by) = conditions.stalled_by {
        all.push(copy(ConditionType::Stalled, ConditionStatus::True, by));
    } else if is_moving(world, conditions) {
        all.push(copy(ConditionType::Reconciling, ConditionStatus::True, ConditionType::Ready));
    }
    all
}

fn is_moving(world: &World, conditions: &Conditions) -> bool {
    match goal(world) {
        Goal::Instances => !conditions.is_true(ConditionType::Ready),
        Goal::Nothing(_) => conditions.get(ConditionType::Provisioned).reason != Reason::NothingLeft,
    }
}

fn whole_seconds(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// One word for people, derived from the rest.
fn phase(world: &World, conditions: &Conditions) -> &'static str {
    let gone = conditions.get(ConditionType::Provisioned).reason == Reason::NothingLeft;
    match goal(world) {
        _ if world.object.deletion == Deletion::Asked => "Deleting",
        Goal::Nothing(TeardownReason::Expired) if gone => "Expired",
        Goal::Nothing(TeardownReason::Finished) if gone => "Finished",
        Goal::Nothing(_) => "TearingDown",
        Goal::Instances if conditions.get(ConditionType::Accepted).reason == Reason::Paused => "Paused",
        Goal::Instances if conditions.stalled_by.is_some() => "Stalled",
        Goal::Instances if conditions.is_true(ConditionType::Ready) => "Ready",
        Goal::Instances if conditions.get(ConditionType::Measured).reason == Reason::Running => "Measuring",
        Goal::Instances if conditions.is_true(ConditionType::Deployed) => "Measuring",
        Goal::Instances if conditions.is_true(ConditionType::Provisioned) => "Deploying",
        Goal::Instances if world.object.status.placement.is_some() => "Provisioning",
        Goal::Instances => "Pending",
    }
}

/// Rounds of all launches. Of a run that decides itself, those until the next look.
fn progress(world: &World, wanted: &RunKey, runs: &[Run]) -> Option<String> {
    let spec = &world.object.spec;
    let all = || {
        Some(time_left::most_rounds(world).saturating_mul(wanted.launches)).filter(|_| !time_left::decides_itself(spec))
    };
    if let Some(run) = runs::finished(runs, wanted) {
        // With looks in between, those that were measured are those that were needed.
        let measured = u32::try_from(run.rounds).unwrap_or(0);
        let total = all().filter(|_| !RunOutcome::Valid.is_of(run)).unwrap_or(measured);
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
    let ended = || runs.iter().rev().filter(|run| !RunOutcome::Running.is_of(run));
    let run = ended().find(|run| wanted.is_of(run) && !RunOutcome::Aborted.is_of(run)).or_else(|| ended().next());
    run.map(|run| column::line(&run.result))
}

/// Instances and pools, as the cloud lists them.
fn describe(world: &World, plan: &Plan, instances: &[ports::Instance], status: &mut Status) {
    let ready = ready(world);
    let (pools, counts) = (desired::pools(&world.object.spec), counts(world));
    let scaled: BTreeMap<&str, Decision> =
        pools.iter().filter_map(|pool| Some((pool.name.as_str(), decision(world, &pool.name)?))).collect();
    let is_leaving = |id: &str| scaled.values().any(|decision| decision.drain.contains(id));
    let state = |instance: &ports::Instance| match ready.contains(instance.id.as_str()) {
        _ if instance.state == InstanceState::Running && is_leaving(&instance.id) => DRAINING,
        true => READY,
        false => instance.state.name(),
    };
    let shares = shares(world, &status.runs);
    let owner = world.owner();
    status.instances = instances
        .iter()
        .filter(|instance| owner.owns(&instance.tags) || ledger::is_in(&plan.ledger, instance))
        .filter(|instance| instance.state != InstanceState::Terminated)
        .map(|instance| Instance {
            id: instance.id.clone(),
            pool: ledger::pool_of(&plan.ledger, instance).unwrap_or_default().to_owned(),
            state: state(instance).to_owned(),
            address: instance.private_address.map(|address| address.to_string()).unwrap_or_default(),
            share_per_mille: shares.get(&instance.id).copied(),
        })
        .collect();
    status.instances.sort_by(|a, b| (&a.pool, &a.id).cmp(&(&b.pool, &b.id)));
    let wanted_for = |pool: &PoolSpec| {
        let wanted = scaled.get(pool.name.as_str()).map_or_else(|| counts.of(&pool.name), |decision| decision.wanted);
        if goal(world) == Goal::Instances { i32::try_from(wanted).unwrap_or(i32::MAX) } else { 0 }
    };
    let is_ready = |instance: &Instance| ready.contains(instance.id.as_str()) && instance.state != DRAINING;
    let ready_in = |name: &str| status.instances.iter().filter(|i| i.pool == name && is_ready(i)).count();
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
    let ready = status.instances.iter().filter(|instance| is_ready(instance)).count();
    status.instances_ready = Some(match goal(world) {
        Goal::Instances => format!("{ready}/{wanted}"),
        Goal::Nothing(_) => format!("{}/0", status.instances.len()),
    });
    status.balancer = balancer::status(world);
}

/// Shares as the balancer counts them. Left as they were while a run is on: they change at every look.
fn shares(world: &World, runs: &[Run]) -> BTreeMap<String, i32> {
    if runs.iter().any(|run| RunOutcome::Running.is_of(run)) {
        let old = world.object.status.instances.iter();
        return old.filter_map(|instance| Some((instance.id.clone(), instance.share_per_mille?))).collect();
    }
    let Some(Facet::Known(status)) = &world.balancer else { return BTreeMap::new() };
    let members = status.clusters.iter().flat_map(|cluster| &cluster.members);
    members.filter_map(|member| Some((member.id.clone(), i32::try_from(member.share_per_mille).ok()?))).collect()
}
