//! The balancer, front or load balancer in front of the clusters, in status.

use api::{BalancerKind, BalancerStatus};

use crate::balance::application;
use crate::desired::{BALANCER, BALANCER_PORT, FRONT};
use crate::instances::single;
use crate::ports::TargetState;
use crate::world::{Facet, World};

/// `None` while there is nothing to say.
pub(super) fn status(world: &World) -> Option<BalancerStatus> {
    match world.object.spec.balancer.kind {
        BalancerKind::Custom => {
            Some(BalancerStatus { endpoint: endpoint(world, BALANCER)?, ..BalancerStatus::default() })
        }
        kind @ BalancerKind::Queue => {
            let (kind, endpoint) = (kind.name().to_owned(), endpoint(world, FRONT)?);
            Some(BalancerStatus { kind, endpoint, ..BalancerStatus::default() })
        }
        BalancerKind::Application => load_balancer(world),
    }
}

fn endpoint(world: &World, pool: &str) -> Option<String> {
    Some(format!("http://{}:{BALANCER_PORT}", single(world, pool)?.private_address?))
}

fn load_balancer(world: &World) -> Option<BalancerStatus> {
    let old = world.object.status.balancer.as_ref();
    if world.cloud.load_balancers.known().is_none() {
        return old.cloned();
    }
    let balancer = application::listed(world)?;
    let placed = world.object.status.placement.as_ref().and_then(|placement| placement.balancer.as_ref());
    let targets = match &world.application {
        Some(Facet::Known(seen)) => {
            let all = || seen.targets.values().flatten().filter(|target| target.state != TargetState::Draining);
            let healthy = all().filter(|target| target.state == TargetState::Healthy).count();
            format!("{healthy}/{}", all().count())
        }
        // Nobody looks at every moment.
        _ => old.map(|old| old.targets.clone()).unwrap_or_default(),
    };
    Some(BalancerStatus {
        kind: BalancerKind::Application.name().to_owned(),
        name: balancer.name.clone(),
        endpoint: application::endpoint(world).unwrap_or_default(),
        state: balancer.state.name().to_owned(),
        zones: placed.map(|placed| placed.zones.clone()).unwrap_or_default(),
        targets,
    })
}
