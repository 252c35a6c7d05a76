//! Updates in place: the workers of a cluster whose starters run something else than the spec asks for, a few at a time.
//!
//! A worker is taken out of what stands in front, told what to run once it is gone there, taken in again when it runs that,
//! and counted as out until it is healthy. All of this is seen anew at every pass: nothing is remembered, so a pass that
//! another operator makes goes on where this one was. A worker of which it is not known what it runs stays where it is: in,
//! or out.

use std::collections::{BTreeMap, BTreeSet};

use api::BalancerKind;
use jiff::SignedDuration;
use wire::{Application, ApplicationFailure, Health, Said, StarterStatus};

use crate::counts::{counts, length};
use crate::desired::{self, GENERATOR};
use crate::effect::Action;
use crate::goal::{Goal, goal};
use crate::instances::members::running_instances;
use crate::instances::{control, dialled, single};
use crate::plan::Plan;
use crate::ports::{Instance, Recipient, TargetState};
use crate::runs::{self, answer};
use crate::world::{Facet, World};

/// Workers that may be out when the spec does not say, in percent.
const MAX_UNAVAILABLE_PERCENT: i32 = 50;

/// How long an order may be obeyed. It is signed for that: an operator that stood still cannot send it later.
const OBEYED: SignedDuration = SignedDuration::from_secs(60);
/// Seconds after which a program that could not be fetched, or was another one, is fetched again: the mirror may have been
/// down, or in the middle of an upload. Nothing was ended for it. One that was run and did not serve is not run again.
pub(super) const AGAIN_SECONDS: u64 = 600;
/// Longest time that our balancer's requests to a worker that is out are waited for, in seconds: an answer may take 30 s to
/// begin and 30 s between two parts of it (`--response-timeout-ms`, `--body-timeout-ms` of the balancer). What is open then,
/// such as a tunnel, is for the program to end, which is told by SIGTERM and has 35 s.
const DRAINED_AFTER_SECONDS: u64 = 60;

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
    (!members.is_empty()).then_some(Question {
        control: dialled(world, relay)?,
        instance_id: relay.id.clone(),
        members,
    })
}

/// The operator dials no worker: who stands in front does, or, where that is no instance, the first generator.
pub(super) fn relay_pool(world: &World) -> &'static str {
    desired::agent_in_front(&world.object.spec).unwrap_or(GENERATOR)
}

pub(super) fn relay(world: &World) -> Option<&Instance> {
    single(world, relay_pool(world))
}

/// Whether the run that is asked for is on, or may be. Several generators are told of it before it begins.
fn is_measuring(world: &World) -> bool {
    let key = runs::wanted(world);
    if key.start_at.is_some_and(|at| world.now < at) {
        return false;
    }
    let is_on = |key| answer(world, &key).is_some_and(|status| status.state == wire::RunState::Running);
    runs::running(&world.object.status.runs, &key).is_some()
        && (!matches!(&world.runs, Some(Facet::Known(_))) || key.slices().any(is_on))
}

/// The workers of one cluster between two programs.
#[derive(Debug)]
pub(crate) struct Update {
    /// What they are to run. `None`: that is not known, or cannot be told to them.
    pub(super) to: Option<Application>,
    /// Why it cannot be told to them.
    pub(super) not_told: Option<String>,
    pub(super) workers: usize,
    /// Those that run it.
    pub(super) current: usize,
    /// Those that are to be updated now. They are out, or have to go out.
    pub(super) batch: BTreeSet<String>,
    /// Those of them that are out.
    away: BTreeSet<String>,
    /// Those of them whose starters are at it.
    under_way: BTreeSet<String>,
    /// Those of them that are gone from the front as it is now, have no requests any more, and wait for their order.
    told: Vec<Recipient>,
    /// Those that run what they should, and whose starters still tell of a failure of something else. They are told what they
    /// run once more, which ends it: set again later, the other program is tried again.
    reminded: Vec<Recipient>,
    /// Those that are out, and of which it is not known what they run.
    unclear: BTreeSet<String>,
    /// One that was not updated, and why.
    pub(super) failure: Option<(String, ApplicationFailure)>,
    /// One that runs what it should and is not healthy, and whether that reached it in place.
    pub(super) unhealthy: Option<(String, bool)>,
    /// Whether others wait, because none may go out now.
    pub(super) is_held: bool,
    /// Those that were updated, and that what stands in front, which has others, is not told of yet.
    updated: usize,
    /// One whose starter does not say what it runs, and why.
    pub(super) silent: Option<(String, String)>,
    most: usize,
}

impl Update {
    /// Whether a worker is not to be sent requests now.
    pub(crate) fn is_out(&self, id: &str) -> bool {
        self.batch.contains(id) || self.unclear.contains(id)
    }

    /// How many are out for an update.
    pub(super) fn out(&self) -> usize {
        self.away.len() + self.updated
    }

    /// How many serve nobody, of which it is not known what they run.
    pub(super) fn unclear(&self) -> usize {
        self.unclear.len()
    }
}

/// The updates that are due or under way, by cluster. Empty: workers are replaced, a run is on, or it is not known which of
/// them serve. So it is where there is nobody to ask them: then nobody is kept out.
pub(crate) fn updates(world: &World) -> BTreeMap<String, Update> {
    if !desired::is_in_place(&world.object.spec) || is_measuring(world) || relay(world).is_none() {
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
    if world.object.spec.balancer.shared.is_some() {
        take_turns(&mut updates);
    }
    updates
}

/// A shared path is served by the members of all clusters: only one of these has workers out at a time. Those that are out
/// already, whosever they are, come to their end.
fn take_turns(updates: &mut BTreeMap<String, Update>) {
    let is_begun = |update: &Update| !update.away.is_empty() || update.unhealthy.is_some();
    let turn = updates.iter().find(|(_, update)| is_begun(update));
    let turn = turn.or_else(|| updates.iter().find(|(_, update)| !update.batch.is_empty()));
    let Some(turn) = turn.map(|(name, _)| name.clone()) else { return };
    for (_, update) in updates.iter_mut().filter(|(name, _)| **name != turn) {
        let before = update.batch.len();
        let away = update.away.clone();
        update.batch.retain(|id| away.contains(id));
        update.is_held |= update.batch.len() < before;
    }
}

/// What stands in front, as it is now.
#[derive(Default)]
struct Front<'a> {
    /// Its members.
    has: BTreeSet<&'a str>,
    /// Those of them that it calls healthy.
    healthy: BTreeSet<&'a str>,
    /// Those that are no members any more, and still have requests.
    leaving: BTreeSet<&'a str>,
    /// Whether that was looked at in this pass. Before it, somebody may have been taken in again.
    is_fresh: bool,
}

impl<'a> Front<'a> {
    /// `None`: it is not known.
    fn of(world: &'a World) -> Option<Self> {
        let mut front = Self { is_fresh: true, ..Self::default() };
        match world.object.spec.balancer.kind {
            BalancerKind::Custom | BalancerKind::Queue => {
                let status = world.balancer.as_ref()?.known()?;
                for member in status.clusters.iter().flat_map(|cluster| &cluster.members) {
                    front.add(&member.id, member.health == Health::Healthy);
                }
                let leaving = status.departing.iter().filter(|one| one.seconds < DRAINED_AFTER_SECONDS);
                front.leaving.extend(leaving.map(|one| one.id.as_str()));
            }
            BalancerKind::Application => {
                let looked_before = world.memory.looked_at;
                let is_of_this_pass = |at| looked_before.is_none_or(|before| at > before);
                front.is_fresh = world.memory.application.as_ref().is_none_or(|(at, _)| is_of_this_pass(*at));
                for target in world.application.as_ref()?.known()?.targets.values().flatten() {
                    // It may still be sent a request (ELB user guide, "Deregistration delay").
                    if target.state == TargetState::Draining {
                        front.leaving.insert(&target.instance_id);
                    } else {
                        front.add(&target.instance_id, target.state == TargetState::Healthy);
                    }
                }
            }
        }
        Some(front)
    }

    fn add(&mut self, id: &'a str, is_healthy: bool) {
        self.has.insert(id);
        if is_healthy {
            self.healthy.insert(id);
        }
    }
}

fn update(world: &World, cluster: &api::Cluster, front: &Front<'_>) -> Update {
    let placement = world.object.status.placement.as_ref();
    let asked = placement.map_or(Ok(None), |placement| desired::application(world, placement, &cluster.name));
    let not_told = asked.as_ref().err().map(ToString::to_string);
    let to = asked.ok().flatten();
    let applications = world.applications.as_ref().and_then(Facet::known);
    let said = |worker: &Instance| applications.and_then(|all| all.get(&worker.id));
    let workers = running_instances(world, cluster);
    let count = length(counts(world).of(&cluster.name));
    let percent = world.object.spec.worker.max_unavailable_percent.unwrap_or(MAX_UNAVAILABLE_PERCENT);
    let most = (count * usize::try_from(percent).unwrap_or(0) / 100).max(1);
    let mut update = Update {
        to: to.clone(),
        not_told,
        workers: workers.len(),
        current: 0,
        batch: BTreeSet::new(),
        away: BTreeSet::new(),
        under_way: BTreeSet::new(),
        told: Vec::new(),
        reminded: Vec::new(),
        unclear: BTreeSet::new(),
        failure: None,
        unhealthy: None,
        is_held: false,
        updated: 0,
        silent: None,
        most,
    };
    // Those that are missing or not healthy, whatever they run.
    let mut unavailable = count.saturating_sub(workers.len());
    let mut outdated: Vec<(&Instance, &StarterStatus)> = Vec::new();
    for worker in workers {
        let id = worker.id.as_str();
        let is_healthy = front.healthy.contains(id);
        let (Some(Said::Status(status)), Some(to)) = (said(worker), &to) else {
            update.silent.get_or_insert_with(|| (worker.id.clone(), why_silent(said(worker))));
            unavailable += usize::from(!is_healthy);
            if !front.has.contains(id) {
                update.unclear.insert(worker.id.clone());
            }
            continue;
        };
        let wanted = to.id();
        let failure = status.failure.as_ref().filter(|failure| failure.is_of(to));
        if let Some(failure) = failure.filter(|one| one.started || one.age_seconds < AGAIN_SECONDS) {
            update.failure.get_or_insert_with(|| (worker.id.clone(), failure.clone()));
        }
        let is_current = status.serving == wanted && status.starting.is_none();
        // Its first program, or after a restart what it ran before. What is out and being started stays out.
        let is_asked_for = status.version == 0 || (status.starting.as_ref() == Some(&wanted) && front.has.contains(id));
        let is_booting = status.serving.is_empty() && status.starting.is_some() && is_asked_for;
        if is_current || is_booting {
            update.current += usize::from(is_current);
            let is_to_return = status.version > 1 && !front.has.is_empty() && !front.has.contains(id);
            update.updated += usize::from(is_current && is_to_return);
            unavailable += usize::from(!is_healthy);
            if is_current && !is_healthy {
                update.unhealthy.get_or_insert_with(|| (worker.id.clone(), status.version > 1));
            }
            if is_current && status.failure.is_some() {
                update.reminded.extend(recipient(worker, status));
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
        let id = worker.id.as_str();
        update.batch.insert(worker.id.clone());
        if front.has.contains(id) {
            continue;
        }
        update.away.insert(worker.id.clone());
        if front.is_fresh && !front.leaving.contains(id) && status.starting.is_none() {
            update.told.extend(recipient(worker, status));
        }
    }
    update
}

fn recipient(worker: &Instance, status: &StarterStatus) -> Option<Recipient> {
    Some(Recipient { id: worker.id.clone(), address: control(worker)?, version: status.version })
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
    let Some((relay, control)) = relay(world).and_then(|relay| Some((relay, dialled(world, relay)?))) else { return };
    for (cluster, update) in updates {
        let recipients: Vec<Recipient> = update.told.iter().chain(&update.reminded).cloned().collect();
        let Some(to) = update.to.clone().filter(|_| !recipients.is_empty()) else { continue };
        let because = format!(
            "cluster {cluster}: {} run, {} what the spec asks for, at most {} may be out",
            update.workers, update.current, update.most
        );
        let (control, instance_id) = (control.clone(), relay.id.clone());
        let not_after = world.now + OBEYED;
        plan.act(Action::UpdateWorkers { control, instance_id, recipients, to, not_after }, because);
    }
}
