//! Updates in place: the workers of a cluster whose starters run something else than the spec asks for, a few at a time.
//!
//! A worker is taken out of what stands in front, told what to run once it is gone there, taken in again when it runs that,
//! and counted as out until it is healthy. All of this is seen anew at every pass: nothing is remembered, so a pass that
//! another operator makes goes on where this one was. A worker of which it is not known what it runs stays where it is: in,
//! or out.

use std::collections::{BTreeMap, BTreeSet};

use api::{BalancerKind, ConditionType};
use wire::{Application, Health, Said, StarterStatus};

use super::{health, waiting};
use crate::conditions::{ConditionStatus, Reason};
use crate::desired::{self, BALANCER, GENERATOR};
use crate::effect::Action;
use crate::goal::{Goal, goal};
use crate::instances::members::running_instances;
use crate::instances::{control, single};
use crate::plan::Plan;
use crate::ports::{Instance, Recipient, TargetState};
use crate::runs::{self, answer};
use crate::scale::{counts, length};
use crate::world::{Facet, World};

/// Workers that may be out when the spec does not say, in percent.
const MAX_UNAVAILABLE_PERCENT: i32 = 50;

/// The starters to be asked, and the relay that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub control: String,
    pub instance_id: String,
    /// Id of each member, and IP address and port of its starter.
    pub members: Vec<(String, String)>,
}

/// Whom to ask through whom. Nobody while a run is on: it changes nothing then, and costs the members time.
pub fn question(world: &World) -> Option<Question> {
    if !desired::is_in_place(&world.object.spec) || goal(world) != Goal::Instances || is_measuring(world) {
        return None;
    }
    let relay = relay(world)?;
    let clusters = world.object.spec.clusters.iter();
    let members = clusters.flat_map(|cluster| running_instances(world, cluster));
    let members: Vec<_> = members.filter_map(|one| Some((one.id.clone(), control(one)?))).collect();
    (!members.is_empty()).then_some(Question { control: control(relay)?, instance_id: relay.id.clone(), members })
}

/// The operator dials no worker: who stands in front does, or, where that is no instance, the first generator.
fn relay(world: &World) -> Option<&Instance> {
    let pool = match world.object.spec.balancer.kind {
        BalancerKind::Custom => BALANCER,
        BalancerKind::Application => GENERATOR,
    };
    single(world, pool)
}

/// Whether the run that is asked for is on, or may be.
fn is_measuring(world: &World) -> bool {
    let key = runs::wanted(world);
    let is_on = |key| answer(world, &key).is_some_and(|status| status.state == wire::RunState::Running);
    runs::running(&world.object.status.runs, &key).is_some()
        && (!matches!(&world.runs, Some(Facet::Known(_))) || key.slices().any(is_on))
}

/// The workers of one cluster between two programs.
#[derive(Debug)]
pub(crate) struct Update {
    /// What they are to run. `None`: that is not known.
    to: Option<Application>,
    workers: usize,
    /// Those that run it.
    current: usize,
    /// Those that are to be updated now. They are out, or have to go out.
    batch: BTreeSet<String>,
    /// Those of them whose starters are at it.
    under_way: BTreeSet<String>,
    /// Those of them that are gone from the front and wait for their order.
    told: Vec<Recipient>,
    /// Those that are out, and of which it is not known what they run.
    unclear: BTreeSet<String>,
    /// One that was not updated, and why.
    failure: Option<(String, String)>,
    /// One that runs what it should and is not healthy.
    unhealthy: Option<String>,
    /// Whether others wait, because none may go out now.
    is_held: bool,
    /// One whose starter does not say what it runs, and why.
    silent: Option<(String, String)>,
    most: usize,
}

impl Update {
    /// Whether a worker is not to be sent requests now.
    pub(crate) fn is_out(&self, id: &str) -> bool {
        self.batch.contains(id) || self.unclear.contains(id)
    }
}

/// The updates that are due or under way, by cluster. Empty: workers are replaced, a run is on, or it is not known which of
/// them serve.
pub(crate) fn updates(world: &World) -> BTreeMap<String, Update> {
    if !desired::is_in_place(&world.object.spec) || is_measuring(world) {
        return BTreeMap::new();
    }
    let Some(front) = Front::of(world) else { return BTreeMap::new() };
    let of_cluster = |cluster: &api::Cluster| (cluster.name.clone(), update(world, cluster, &front));
    let mut updates: BTreeMap<String, Update> = world.object.spec.clusters.iter().map(of_cluster).collect();
    // What failed once would fail on the next ones. What is under way comes to its end.
    if updates.values().any(|update| update.failure.is_some()) {
        updates.values_mut().for_each(|update| {
            update.batch.clone_from(&update.under_way);
            update.told.clear();
        });
    }
    updates
}

/// The members that what stands in front has, and those of them that it calls healthy.
struct Front<'a> {
    has: BTreeSet<&'a str>,
    healthy: BTreeSet<&'a str>,
}

impl<'a> Front<'a> {
    /// `None`: it is not known.
    fn of(world: &'a World) -> Option<Self> {
        let members: Vec<(&str, bool)> = match world.object.spec.balancer.kind {
            BalancerKind::Custom => {
                let clusters = &world.balancer.as_ref()?.known()?.clusters;
                let members = clusters.iter().flat_map(|cluster| &cluster.members);
                members.map(|member| (member.id.as_str(), member.health == Health::Healthy)).collect()
            }
            // One that is draining may still be sent a request (ELB user guide, "Deregistration delay").
            BalancerKind::Application => {
                let targets = world.application.as_ref()?.known()?.targets.values().flatten();
                targets.map(|one| (one.instance_id.as_str(), one.state == TargetState::Healthy)).collect()
            }
        };
        let healthy = members.iter().filter(|(_, is_healthy)| *is_healthy).map(|(id, _)| *id).collect();
        Some(Self { has: members.into_iter().map(|(id, _)| id).collect(), healthy })
    }
}

fn update(world: &World, cluster: &api::Cluster, front: &Front<'_>) -> Update {
    let placement = world.object.status.placement.as_ref();
    let to = placement.and_then(|placement| desired::application(world, placement, &cluster.name).ok()?);
    let applications = world.applications.as_ref().and_then(Facet::known);
    let said = |worker: &Instance| applications.and_then(|all| all.get(&worker.id));
    let workers = running_instances(world, cluster);
    let wanted = to.as_ref().map(Application::id);
    let count = length(counts(world).of(&cluster.name));
    let percent = world.object.spec.worker.max_unavailable_percent.unwrap_or(MAX_UNAVAILABLE_PERCENT);
    let most = (count * usize::try_from(percent).unwrap_or(0) / 100).max(1);
    let mut update = Update {
        to,
        workers: workers.len(),
        current: 0,
        batch: BTreeSet::new(),
        under_way: BTreeSet::new(),
        told: Vec::new(),
        unclear: BTreeSet::new(),
        failure: None,
        unhealthy: None,
        is_held: false,
        silent: None,
        most,
    };
    // Those that are missing or not healthy, whatever they run.
    let mut unavailable = count.saturating_sub(workers.len());
    let mut outdated: Vec<(&Instance, &StarterStatus)> = Vec::new();
    for worker in workers {
        let is_healthy = front.healthy.contains(worker.id.as_str());
        let (Some(Said::Status(status)), Some(wanted)) = (said(worker), &wanted) else {
            update.silent.get_or_insert_with(|| (worker.id.clone(), why_silent(said(worker))));
            unavailable += usize::from(!is_healthy);
            if !front.has.contains(worker.id.as_str()) {
                update.unclear.insert(worker.id.clone());
            }
            continue;
        };
        if let Some(failure) = status.failure.as_ref().filter(|failure| failure.application == *wanted) {
            update.failure.get_or_insert_with(|| (worker.id.clone(), failure.why.clone()));
        }
        let is_current = status.serving == *wanted && status.starting.is_none();
        let is_booting = status.serving.is_empty() && status.starting.is_some();
        if is_current || is_booting {
            update.current += usize::from(is_current);
            unavailable += usize::from(!is_healthy);
            if is_current && !is_healthy {
                update.unhealthy.get_or_insert_with(|| worker.id.clone());
            }
        } else {
            outdated.push((worker, status));
        }
    }
    // What is being started stays out; those that serve nobody come first.
    outdated.sort_by_key(|(worker, status)| {
        let id = worker.id.as_str();
        (status.starting.is_none(), front.has.contains(id), front.healthy.contains(id), id)
    });
    let under_way = outdated.iter().filter(|(_, status)| status.starting.is_some());
    update.under_way = under_way.map(|(worker, _)| worker.id.clone()).collect();
    let batch = most.saturating_sub(unavailable).max(update.under_way.len());
    update.is_held = batch == 0 && !outdated.is_empty();
    for (worker, status) in outdated.into_iter().take(batch) {
        update.batch.insert(worker.id.clone());
        let is_gone = !front.has.contains(worker.id.as_str());
        if let Some(address) = control(worker).filter(|_| is_gone && status.starting.is_none()) {
            update.told.push(Recipient { id: worker.id.clone(), address, serving: status.serving.clone() });
        }
    }
    update
}

fn why_silent(said: Option<&Said>) -> String {
    match said {
        Some(Said::Silent(why)) => why.clone(),
        Some(Said::Refused { status, why }) => format!("{status} {why}"),
        Some(Said::Status(_)) => "what it should run is not known".to_owned(),
        None => "it was not asked yet".to_owned(),
    }
}

/// Sends the orders that are due.
pub(super) fn tell(world: &World, plan: &mut Plan, updates: &BTreeMap<String, Update>) {
    let Some((relay, control)) = relay(world).and_then(|relay| Some((relay, control(relay)?))) else { return };
    for (cluster, update) in updates.iter().filter(|(_, update)| !update.told.is_empty()) {
        let Some(to) = update.to.clone() else { continue };
        let because = format!(
            "cluster {cluster}: {} run, {} what the spec asks for, at most {} may be out",
            update.workers, update.current, update.most
        );
        let order = Action::UpdateWorkers {
            control: control.clone(),
            instance_id: relay.id.clone(),
            recipients: update.told.clone(),
            to,
        };
        plan.act(order, because);
    }
}

/// Says what of the updates is in the way of a measurement; whether anything is.
pub(super) fn are_in_the_way(world: &World, plan: &mut Plan, updates: &BTreeMap<String, Update>) -> bool {
    let all = || updates.iter();
    if let Some((cluster, (id, why))) = all().find_map(|(name, update)| Some((name, update.failure.as_ref()?))) {
        failed(plan, &format!("{id} of {cluster} was not updated: {why}"));
        return true;
    }
    if let Some((cluster, update)) = all().find(|(_, update)| !update.batch.is_empty()) {
        health::complete(plan);
        let Update { current, workers, batch, .. } = update;
        let message = format!(
            "cluster {cluster}: {current} of {workers} workers run what the spec asks for, {} are out to be updated",
            batch.len()
        );
        waiting(plan, message);
        return true;
    }
    let held =
        all().filter(|(_, update)| update.is_held).find_map(|(name, update)| Some((name, update.unhealthy.as_ref()?)));
    let Some((cluster, id)) = held else { return false };
    let message = format!("{id} of {cluster} runs what the spec asks for and is not healthy");
    if health::lasts(world, plan, health::UNHEALTHY) {
        failed(plan, &(message + &health::console(world, id)));
    } else {
        waiting(plan, message + " yet; the others wait for it");
    }
    true
}

/// A batch that failed is the last one, until somebody changes the spec.
fn failed(plan: &mut Plan, what: &str) {
    let message = format!(
        "{what}; no other worker is updated and nothing is measured: mend the program and set its new hash, or set worker back to what it was"
    );
    plan.conditions.deployed(ConditionStatus::False, Reason::UpdateFailed, message);
    plan.conditions.stall(ConditionType::Deployed);
    plan.wake_within(crate::plan::STEADY);
}

/// Says so where it is not known what a worker runs; whether that is so. It lasts as long as a boot may, or somebody has to
/// look.
pub(super) fn are_unclear(world: &World, plan: &mut Plan, updates: &BTreeMap<String, Update>) -> bool {
    let silent = updates.iter().find_map(|(name, update)| Some((name, update.silent.as_ref()?)));
    let Some((cluster, (id, why))) = silent else { return false };
    let message = match &world.applications {
        Some(Facet::Unknown(why)) => format!("what workers run is not known: {}", why.message),
        None => "what workers run is not known yet".to_owned(),
        Some(Facet::Known(_)) => {
            format!("what {id} of {cluster} runs is not known: {why}{}", health::console(world, id))
        }
    };
    health::incomplete(world, plan, message);
    true
}
