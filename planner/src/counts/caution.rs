//! Cautions about a rule that people chose, although it can be followed.

use api::{Cluster, Scaling};

use crate::desired::{self, Program};
use crate::scale::pool::scaled;
use crate::world::{Facet, World};

/// Words to end a message with; empty: there is nothing to know.
pub(crate) fn caution(world: &World) -> String {
    scaled(&world.object.spec).filter_map(|(cluster, scaling)| of_target(world, cluster, scaling)).collect()
}

/// A target of less than two requests' time leaves none for waiting: the rule then starts one for nearly every request.
fn of_target(world: &World, cluster: &Cluster, scaling: &Scaling) -> Option<String> {
    let target = u64::try_from(scaling.target_seconds?).ok()?;
    let micros = service_micros(world, cluster)?;
    (target.saturating_mul(1_000_000) < micros.saturating_mul(2)).then(|| {
        format!(
            "; scaling.targetSeconds {target} of cluster {} is less than two requests take, so nearly every request starts an instance: raise it to {} or more",
            cluster.name,
            micros.saturating_mul(2).div_ceil(1_000_000)
        )
    })
}

/// Time of a request: as the work of our worker is asked for, or else as the front sees it.
fn service_micros(world: &World, cluster: &Cluster) -> Option<u64> {
    if let Program::Ours { work: Some(work) } = desired::program(&world.object.spec, &cluster.name) {
        return work.mean_micros.and_then(|micros| u64::try_from(micros).ok());
    }
    let front = world.balancer.as_ref().and_then(Facet::known)?;
    front.queues.iter().find(|queue| queue.cluster == cluster.name)?.service_micros
}
