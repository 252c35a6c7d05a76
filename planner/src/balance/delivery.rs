//! The delivery of programs to instances that wait for them: to balancer, front and generators directly, to workers through
//! the one of these that reaches them.
//!
//! Who waits for what is seen anew at every pass, and bringing the same program twice changes nothing, so it does not matter
//! which operator goes on. A loader takes only what was asked for, so nothing is lost where a call comes late.

use std::collections::{BTreeMap, BTreeSet};

use wire::Loading;

use super::updates::relay;
use crate::desired::{self, generator, generators};
use crate::effect::Action;
use crate::goal::{Goal, goal};
use crate::instances::members::running_instances;
use crate::instances::readiness::{ready, relay_answers};
use crate::instances::{control, dialled, single};
use crate::plan::Plan;
use crate::ports::Instance;
use crate::world::{Delivery, World};

/// The workers to be asked what they wait for, and the relay that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub control: String,
    pub instance_id: String,
    /// Id of each worker, and IP address and port of its loader.
    pub members: Vec<(String, String)>,
}

/// Whom to ask through whom: workers that run and are not ready, while who can ask them answers.
pub fn question(world: &World) -> Option<Question> {
    if world.settings.artifacts.delivery != Delivery::Push || goal(world) != Goal::Instances {
        return None;
    }
    let relay = relay(world).filter(|_| relay_answers(world))?;
    let ready = ready(world);
    let members = workers(world).into_iter().filter(|one| !ready.contains(one.id.as_str()));
    let members: Vec<_> = members.filter_map(|one| Some((one.id.clone(), control(one)?))).collect();
    (!members.is_empty()).then_some(Question {
        control: dialled(world, relay)?,
        instance_id: relay.id.clone(),
        members,
    })
}

/// Brings what is waited for, as far as it is not on its way.
pub(crate) fn plan(world: &World, plan: &mut Plan) {
    for instance in agents(world) {
        let Some((loading, control)) = world.loaders.get(&instance.id).zip(dialled(world, instance)) else { continue };
        for program in loading.missing.iter().filter(|program| world.settings.artifacts.has(program)) {
            let (control, instance_id, program) = (control.clone(), instance.id.clone(), program.clone());
            let because = format!("{instance_id} waits for it");
            plan.act(Action::Deliver { control, instance_id, program, members: Vec::new() }, because);
        }
    }
    let Some((relay, at)) = relay(world).and_then(|relay| Some((relay, dialled(world, relay)?))) else { return };
    let mut lacking: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for worker in workers(world) {
        let Some((Loading { missing, coming, .. }, address)) = world.loaders.get(&worker.id).zip(control(worker))
        else {
            continue;
        };
        for program in missing.iter().filter(|program| !coming.contains(program)) {
            lacking.entry(program).or_default().push((worker.id.clone(), address.clone()));
        }
    }
    for (program, members) in lacking.into_iter().filter(|(program, _)| world.settings.artifacts.has(program)) {
        let because = format!("{} workers wait for it", members.len());
        let (control, instance_id, program) = (at.clone(), relay.id.clone(), program.to_owned());
        plan.act(Action::Deliver { control, instance_id, program, members }, because);
    }
}

/// What an agent of ours waits for, in words; that of a generator where one of them does. `None`: none of them is heard to.
pub(super) fn waiting(world: &World, pool: &str) -> Option<String> {
    let pools = if pool == desired::GENERATOR { all_generators(world) } else { vec![pool.to_owned()] };
    let instances = pools.iter().filter_map(|pool| single(world, pool));
    let mut loading = instances.filter_map(|instance| Some((instance, world.loaders.get(&instance.id)?)));
    let (instance, loading) = loading.next()?;
    Some(format!("{pool} waits for its program, which is being brought to {}{}", instance.id, not_held(world, loading)))
}

/// Adds to the message of the deployment how many workers wait for their programs.
pub(super) fn note(world: &World) -> String {
    let waiting: Vec<&Loading> = workers(world).iter().filter_map(|one| world.loaders.get(&one.id)).collect();
    let Some(first) = waiting.iter().find(|one| one.failure.is_some()).or(waiting.first()) else {
        return String::new();
    };
    let failure = first.failure.as_ref().map(|why| format!("; the last one could not be brought: {why}"));
    let of = if waiting.len() == 1 { "worker waits" } else { "workers wait" };
    format!("; {} {of} for programs{}{}", waiting.len(), not_held(world, first), failure.unwrap_or_default())
}

fn not_held(world: &World, loading: &Loading) -> String {
    if world.settings.artifacts.delivery != Delivery::Push {
        return "; this operator brings no programs (--programs-delivery Pull): it is replaced by one that fetches them".to_owned();
    }
    let Some(sha256) = loading.missing.iter().find(|sha256| !world.settings.artifacts.has(sha256)) else {
        return String::new();
    };
    let version =
        world.object.status.placement.as_ref().map(|placement| placement.version.as_str()).unwrap_or_default();
    format!(
        "; this operator does not have the program with sha256 {sha256}, of version {version}: run an operator of that version, or delete the benchmark and create it again"
    )
}

/// Instances that the operator dials.
fn agents(world: &World) -> Vec<&Instance> {
    let in_front = desired::agent_in_front(&world.object.spec).map(str::to_owned);
    let pools: BTreeSet<String> = in_front.into_iter().chain(all_generators(world)).collect();
    pools.iter().filter_map(|pool| single(world, pool)).collect()
}

fn all_generators(world: &World) -> Vec<String> {
    (1..=generators(&world.object.spec)).map(generator).collect()
}

fn workers(world: &World) -> Vec<&Instance> {
    world.object.spec.clusters.iter().flat_map(|cluster| running_instances(world, cluster)).collect()
}
