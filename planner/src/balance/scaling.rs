//! Clusters that scale behind a front: they are deployed as long as their fewest take requests and no member is ill. Those that
//! are starting or finishing change nothing about that.

use wire::{BalancerStatus, Membership};

use super::health;
use crate::counts::{self};
use crate::scale::pool;
use crate::world::World;

/// Whether a front serves all that is wanted, but for who is a member of a cluster that scales.
pub(super) fn is_all_that_differs(world: &World, wanted: &Membership, status: &BalancerStatus) -> bool {
    let spec = &world.object.spec;
    let is_same = |cluster: &wire::Cluster, told: &wire::ClusterStatus| {
        let ids = || cluster.members.iter().map(|member| (&member.id, &member.address));
        let has_its_members = ids().eq(told.members.iter().map(|member| (&member.id, &member.address)));
        is_of(cluster, told) && (has_its_members || pool::scaling(spec, &cluster.name).is_some())
    };
    let is_told = |cluster: &wire::Cluster| status.clusters.iter().any(|told| is_same(cluster, told));
    pool::is_any_scaled(spec) && wanted.clusters.len() == status.clusters.len() && wanted.clusters.iter().all(is_told)
}

/// Whether a front serves the clusters that are wanted, or none yet: those that follow their queues do so there already, and nobody goes
/// who runs.
pub(super) fn is_of_these(wanted: &Membership, status: &BalancerStatus, is_running: impl Fn(&str) -> bool) -> bool {
    let follows = |name: &str| status.queues.iter().any(|queue| queue.cluster == name && queue.scaling.is_some());
    let is_told = |cluster: &wire::Cluster| {
        let stays = |id: &String| cluster.members.iter().any(|member| member.id == *id) || !is_running(id);
        let is_this =
            |told: &wire::ClusterStatus| is_of(cluster, told) && told.members.iter().all(|member| stays(&member.id));
        status.clusters.iter().any(is_this) && (cluster.scaling.is_none() || follows(&cluster.name))
    };
    let are_as_many = wanted.clusters.len() == status.clusters.len();
    status.clusters.is_empty() || are_as_many && wanted.clusters.iter().all(is_told)
}

/// Whether a front speaks of this cluster, as it is wanted but for its members.
fn is_of(cluster: &wire::Cluster, told: &wire::ClusterStatus) -> bool {
    (&cluster.name, &cluster.path, cluster.policy) == (&told.name, &told.path, told.policy)
}

/// What a scaled cluster lacks, in words. `None`: its fewest take requests, and no member is ill.
pub(super) fn lacking(world: &World) -> Option<String> {
    pool::scaled(&world.object.spec).find_map(|(cluster, _)| {
        let name = &cluster.name;
        let decision = counts::decision(world, name)?;
        if let Some(id) = &decision.sick {
            let (console, way_out) = (health::console(world, id), health::way_out(world, name));
            return Some(format!("{id} of {name} does not answer GET /health{console}{way_out}"));
        }
        let (ready, least) = (decision.ready, decision.least);
        (ready < least).then(|| format!("{ready} of at least {least} members of {name} are healthy"))
    })
}

/// The scaled clusters, in words that do not change while they scale.
pub(super) fn said(world: &World) -> String {
    let said = |(cluster, scaling): (&api::Cluster, &api::Scaling)| {
        let bounds = pool::bounds(cluster, scaling);
        format!("{} to {} of {} as its queue asks, ", bounds.least, bounds.most, cluster.name)
    };
    pool::scaled(&world.object.spec).map(said).collect()
}
