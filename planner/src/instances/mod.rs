//! The instances of a benchmark as lists and ledger show them.

pub mod console;
mod ending;
pub(crate) mod members;
pub(crate) mod readiness;
pub(crate) mod targets;

use api::Launch;

use crate::desired::CONTROL_PORT;
use crate::desired::role::is_control_public;
use crate::owner;
use crate::ports::{Instance, InstanceState};
use crate::world::World;
use crate::world::ledger;

pub(crate) use crate::counts::listed::{alive, seen};

/// Highest launch number that a pool ever used, in status or in tags, dead instances included.
pub(crate) fn highest_number(world: &World, ledger: &[Launch], instances: &[Instance], pool: &str) -> i64 {
    let recorded = world.object.status.pools.iter().filter(|p| p.name == pool).map(|p| p.last_launch);
    let written = ledger.iter().filter(|line| line.pool == pool).map(|line| line.number);
    let tagged = instances
        .iter()
        .filter(|instance| instance.tags.get(owner::POOL).is_some_and(|name| name == pool))
        .map(ledger::number_of)
        .filter(|number| *number < i64::MAX);
    recorded.chain(written).chain(tagged).max().unwrap_or(0)
}

/// The running instance of a pool that has one.
pub(crate) fn single<'a>(world: &'a World, pool: &str) -> Option<&'a Instance> {
    let instances = world.cloud.instances.known()?;
    let mut running = alive(&world.object.spec, &world.object.status.launches, instances, pool);
    running.retain(|instance| instance.state == InstanceState::Running && instance.private_address.is_some());
    running.first().copied()
}

/// `address:port` of the control API of an instance, as other instances dial it.
pub(crate) fn control(instance: &Instance) -> Option<String> {
    instance.private_address.map(|address| format!("{address}:{CONTROL_PORT}"))
}

/// `address:port` of the control API of an instance, as the operator dials it.
pub(crate) fn dialled(world: &World, instance: &Instance) -> Option<String> {
    if !world.object.status.placement.as_ref().is_some_and(is_control_public) {
        return control(instance);
    }
    instance.public_address.map(|address| format!("{address}:{CONTROL_PORT}"))
}

/// Id and `address:port` of the control API of a pool's running instance, as the operator dials it.
pub fn agent(world: &World, pool: &str) -> Option<(String, String)> {
    let instance = single(world, pool)?;
    Some((instance.id.clone(), dialled(world, instance)?))
}

/// `address:port` of the control API of a pool's running instance, as the operator dials it.
pub fn control_of(world: &World, pool: &str) -> Option<String> {
    agent(world, pool).map(|(_, control)| control)
}
