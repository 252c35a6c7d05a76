//! The readiness of instances: those that do their work, and those that never will.

use std::collections::BTreeSet;

use api::Placement;
use jiff::Timestamp;
use wire::{Health, Said};

use super::{console, ending, single, targets};
use crate::desired;
use crate::ports::Instance;
use crate::scale::pool::is_gone;
use crate::world::ledger::{self, Refusal};
use crate::world::memory::Memory;
use crate::world::{Delivery, Facet, World};

/// Ids of the instances that do their work: members that the balancer calls healthy, targets that a load balancer does, and
/// agents that answer.
pub(crate) fn ready(world: &World) -> BTreeSet<&str> {
    let mut ready = BTreeSet::new();
    if let Some(Facet::Known(status)) = &world.balancer {
        let members = status.clusters.iter().flat_map(|cluster| &cluster.members);
        ready.extend(members.filter(|member| member.health == Health::Healthy).map(|member| member.id.as_str()));
        let in_front = desired::agent_in_front(&world.object.spec).and_then(|pool| single(world, pool));
        ready.extend(in_front.map(|instance| instance.id.as_str()));
    }
    ready.extend(targets::serving(world));
    let generators = world.generators_answering.iter();
    ready.extend(generators.filter_map(|number| Some(single(world, &desired::generator(*number))?.id.as_str())));
    ready
}

/// Whether the program answers that reaches workers for the operator: the one in front, or, where that is no instance, the first
/// generator's.
pub(crate) fn relay_answers(world: &World) -> bool {
    match desired::agent_in_front(&world.object.spec) {
        Some(_) => matches!(world.balancer, Some(Facet::Known(_))),
        None => world.generators_answering.contains(&1),
    }
}

/// An instance that will not get ready.
pub(crate) struct FailedBoot {
    /// What the ledger calls it.
    pub(crate) reason: Refusal,
    /// The same in words.
    pub(crate) message: String,
}

impl FailedBoot {
    fn new(message: String) -> Self {
        Self { reason: Refusal::BootFailed, message }
    }

    /// The failure of an instance that is dead.
    fn ended(instance: &Instance) -> Self {
        let said = instance.state_reason.as_deref();
        let ending = said.and_then(ending::ending);
        let words = ending.map(|ending| format!("; {}", ending.sentence)).unwrap_or_default();
        let said = said.unwrap_or("no reason given");
        Self { reason: ending::reason(ending), message: format!("{} ended by itself: {said}{words}", instance.id) }
    }
}

/// Why an instance will not get ready, if so. Unreachable alone is never a reason: replacing an instance does not mend
/// a network.
pub(crate) fn failed_boot(world: &World, placement: &Placement, instance: &Instance) -> Option<FailedBoot> {
    if instance.state.is_dead() {
        let pool = ledger::pool_of(&world.object.status.launches, instance);
        // Who is stopped, and is started again when he is needed, has not failed.
        if pool.is_some_and(|pool| !is_gone(&world.object.spec, pool, instance.state)) {
            return None;
        }
        return died_by_itself(world, placement, instance).then(|| FailedBoot::ended(instance));
    }
    let word = world.consoles.get(&instance.id)?;
    if ready(world).contains(instance.id.as_str()) || its_starter_serves(world, &instance.id) {
        return None;
    }
    if word.starts_with(console::ERROR) {
        return Some(FailedBoot::new(format!("{}: {word}", instance.id)));
    }
    let overdue = world.now.duration_since(begun(world, instance)) > world.settings.boot_deadline;
    // Whether it serves is not known while nobody can see the targets of the load balancer.
    let is_unseen = matches!(world.application, Some(Facet::Unknown(_)));
    let stuck = !word.starts_with(console::READY) && !is_unseen && !may_be_out(world, instance);
    (overdue && stuck).then(|| {
        FailedBoot::new(format!(
            "{} is not ready {} s after its launch; its console ends with: {word}",
            instance.id,
            world.settings.boot_deadline.as_secs()
        ))
    })
}

/// When an instance could begin: at its launch, or when it was last heard to wait for programs that somebody has to bring. While
/// nobody brings them, as when no operator runs, replacing it mends nothing.
fn begun(world: &World, instance: &Instance) -> Timestamp {
    let brings = world.settings.artifacts.delivery == Delivery::Push;
    if brings && (world.loaders.contains_key(&instance.id) || is_unheard(world, instance)) {
        return world.now;
    }
    let heard = world.memory.loading_at.get(&instance.id);
    heard.copied().unwrap_or_default().max(instance.launched_at)
}

/// Whether it waits for programs by its console, and nobody can hear it do so: the operator dials whoever is no worker, and asks for
/// workers only somebody who answers.
fn is_unheard(world: &World, instance: &Instance) -> bool {
    let waits = world.consoles.get(&instance.id).is_some_and(|word| word.starts_with(console::AWAIT));
    let spec = &world.object.spec;
    let pool = ledger::pool_of(&world.object.status.launches, instance);
    let is_worker = spec.clusters.iter().any(|cluster| Some(cluster.name.as_str()) == pool);
    waits && !(is_worker && relay_answers(world))
}

/// Notes when each instance was last heard to wait for programs, or could not be heard.
pub(crate) fn note_loading(world: &World, memory: &mut Memory) {
    if let Some(instances) = world.cloud.instances.known() {
        memory.loading_at.retain(|id, _| instances.iter().any(|one| one.id == *id));
        let unheard = instances.iter().filter(|one| is_unheard(world, one));
        memory.loading_at.extend(unheard.map(|one| (one.id.clone(), world.now)));
    }
    memory.loading_at.extend(world.loaders.keys().map(|id| (id.clone(), world.now)));
}

/// Whether a worker that may be out for an update has booted: its starter answers with something that serves, or did.
fn its_starter_serves(world: &World, id: &str) -> bool {
    let said = world.applications.as_ref().and_then(Facet::known).and_then(|all| all.get(id));
    matches!(said, Some(Said::Status(status)) if status.version > 0)
}

/// Whether a worker that what stands in front does not have may be out for an update: nobody could be asked what it runs, or
/// its starter has not been silent for long. Its console may be from before the end of its boot.
fn may_be_out(world: &World, instance: &Instance) -> bool {
    let spec = &world.object.spec;
    let pool = ledger::pool_of(&world.object.status.launches, instance);
    let is_worker = spec.clusters.iter().any(|cluster| Some(cluster.name.as_str()) == pool);
    if !is_worker || !desired::is_in_place(spec) {
        return false;
    }
    match &world.applications {
        Some(Facet::Known(all)) => match all.get(&instance.id) {
            Some(Said::Status(_)) => false,
            None => true,
            Some(Said::Refused { .. } | Said::Silent(_)) => {
                let since = world.memory.absent_since.get(&silence(&instance.id));
                since.is_none_or(|since| world.now.duration_since(*since) < world.settings.settle)
            }
        },
        // A relay that is being replaced cannot be asked, and during a run nobody asks.
        Some(Facet::Unknown(_)) | None => true,
    }
}

/// Notes since when each starter is silent that a relay asks. One that answers, or that nobody could ask, begins anew: one
/// silent answer proves nothing.
pub(crate) fn note_silence(world: &World, memory: &mut Memory) {
    let asked = world.applications.as_ref().and_then(Facet::known);
    let is_silent = |said: &Said| !matches!(said, Said::Status(_));
    let silent = asked.into_iter().flatten().filter(|(_, said)| is_silent(said));
    let silent: BTreeSet<String> = silent.map(|(id, _)| silence(id)).collect();
    memory.absent_since.retain(|what, _| !what.starts_with(SILENCE) || silent.contains(what));
    for what in silent {
        memory.absent_since.entry(what).or_insert(world.now);
    }
}

/// What is waited for while the starter of an instance is silent.
const SILENCE: &str = "an answer of the starter of ";

fn silence(id: &str) -> String {
    format!("{SILENCE}{id}")
}

/// Ended without anybody asking, before it was to end.
fn died_by_itself(world: &World, placement: &Placement, instance: &Instance) -> bool {
    let asked = instance.state_reason.as_ref().is_none_or(|reason| reason.starts_with("Client.UserInitiatedShutdown"));
    let expired = placement.expires_at.as_ref().is_some_and(|at| world.now >= at.0);
    !asked && !expired && ledger::pool_of(&world.object.status.launches, instance).is_some()
}
