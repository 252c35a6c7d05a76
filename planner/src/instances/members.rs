//! The instances that serve a cluster, as lists show them.

use super::{alive, seen};
use crate::counts::{self, counts, length};
use crate::ports::{Instance, InstanceState};
use crate::world::World;

/// Id and address of each instance of a cluster that serves.
pub(crate) fn running<'a>(world: &'a World, cluster: &api::Cluster) -> impl Iterator<Item = (&'a str, String)> {
    let port = world.object.spec.worker.port;
    running_instances(world, cluster)
        .into_iter()
        .filter_map(move |instance| Some((instance.id.as_str(), format!("{}:{port}", instance.private_address?))))
}

/// The instances of a cluster that a list shows as running. One too many that the cloud refuses to terminate is paid for
/// and serves nobody.
pub(crate) fn running_instances<'a>(world: &'a World, cluster: &api::Cluster) -> Vec<&'a Instance> {
    let mut running = alive(&world.object.spec, &world.object.status.launches, seen(world), &cluster.name);
    running.retain(|instance| {
        let is_running = instance.state == InstanceState::Running && !counts::is_past(world, cluster, instance);
        is_running && instance.instance_type == cluster.instance_type
    });
    let mut surplus = running.len().saturating_sub(length(counts(world).of(&cluster.name)));
    running.retain(|instance| {
        let is_left = surplus > 0 && world.memory.denials.contains_key(&instance.id);
        surplus -= usize::from(is_left);
        !is_left
    });
    running
}

/// Whether an instance that serves a cluster goes on: our ledger knows it, and no list shows that it ends. A list from the
/// past may show it as pending, or not at all, and what is being measured does not change for that.
pub(crate) fn still_serves(world: &World, cluster: &api::Cluster, id: &str) -> bool {
    let is_launched = world.object.status.launches.iter().any(|line| {
        let is_of = line.pool == cluster.name && line.instance_type == cluster.instance_type;
        is_of && line.instance_ids.iter().any(|launched| launched == id)
    });
    let shown = seen(world).iter().find(|instance| instance.id == id);
    // One that was started again is shown by a list from the past as it was before.
    let is_before = |instance: &Instance| counts::has_begun_since(world, cluster, instance);
    is_launched && shown.is_none_or(|instance| instance.state == InstanceState::Pending || is_before(instance))
}
