//! The targets of an Application Load Balancer that serve, as far as somebody looked.

use api::{BalancerKind, ConditionType};

use super::members::running;
use crate::conditions::{Reason, Stored};
use crate::counts::{counts, length};
use crate::desired;
use crate::ports::TargetState;
use crate::runs;
use crate::world::{Facet, World};

/// State of an instance in status that does its work.
pub(crate) const READY: &str = "ready";

/// Whether the result is recorded and the instances that run are those that status calls ready: nobody asks for targets
/// then, because nothing depends on them. Where workers are updated in place, something always does: the same instances may
/// have to run another program, of which a result is recorded already.
pub(crate) fn are_at_rest(world: &World) -> bool {
    let (spec, status) = (&world.object.spec, &world.object.status);
    let is_ready = |id: &str| status.instances.iter().any(|one| one.id == id && one.state == READY);
    let counts = counts(world);
    let are_ready = |cluster: &api::Cluster| {
        let members: Vec<_> = running(world, cluster).collect();
        members.len() == length(counts.of(&cluster.name)) && members.iter().all(|(id, _)| is_ready(id))
    };
    spec.balancer.kind == BalancerKind::Application
        && !desired::is_in_place(spec)
        && runs::recorded(world, &runs::wanted(world)).is_some()
        && Stored::is_said(status, ConditionType::Deployed, Reason::Healthy)
        && spec.clusters.iter().all(are_ready)
}

/// Ids of the targets that serve.
pub(super) fn serving(world: &World) -> Vec<&str> {
    match &world.application {
        Some(Facet::Known(seen)) => {
            let all = seen.targets.values().flatten();
            all.filter(|target| target.state == TargetState::Healthy)
                .map(|target| target.instance_id.as_str())
                .collect()
        }
        Some(Facet::Unknown(_)) => Vec::new(),
        None if are_at_rest(world) => {
            let members = world.object.spec.clusters.iter().flat_map(|cluster| running(world, cluster));
            members.map(|(id, _)| id).collect()
        }
        None => Vec::new(),
    }
}
