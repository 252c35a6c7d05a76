//! Instances that may write to queues and a bucket that the spec does not ask for (any more).

use std::collections::{BTreeMap, BTreeSet};

use api::{BalancerKind, Placement};

use crate::balance::membership::membership;
use crate::desired::role::Role;
use crate::desired::{self, FRONT};
use crate::instances::alive;
use crate::owner;
use crate::plan::Plan;
use crate::ports::InstanceState;
use crate::world::{Facet, World, ledger};

/// Whether anything that is there, or may still come, was launched for another spec than this, or may not have been told it.
/// What was launched for this one knows other names, or none at all.
pub(super) fn may_write(world: &World, placement: &Placement, plan: &Plan) -> bool {
    let Facet::Known(instances) = &world.cloud.instances else { return true };
    let (owner, revisions, idle) = (world.owner(), revisions(world, placement), never_writing(world));
    let writes = |pool: Option<&str>, revision: Option<&String>| {
        let is_of_now =
            |pool: &str| revisions.get(pool).is_some_and(|all| revision.is_some_and(|one| all.contains(one)));
        pool.is_none_or(|pool| !idle.contains(pool) && !is_of_now(pool))
    };
    let is_listed = |id: &String| instances.iter().any(|instance| instance.id == *id);
    let lives = instances
        .iter()
        .filter(|one| one.state != InstanceState::Terminated)
        .filter(|one| owner.owns(&one.tags) || ledger::is_in(&plan.ledger, one))
        .any(|one| writes(ledger::pool_of(&plan.ledger, one), one.tags.get(owner::REVISION)));
    let comes = plan
        .ledger
        .iter()
        .filter(|line| !ledger::is_closed(line) || !line.instance_ids.iter().all(is_listed))
        .any(|line| writes(Some(&line.pool), Some(&line.revision)));
    lives || comes || !is_told(world, plan)
}

/// Revisions of each pool of the spec, one for each zone.
fn revisions(world: &World, placement: &Placement) -> BTreeMap<String, BTreeSet<String>> {
    let subnets = placement.subnets();
    let of_pool = |pool: desired::PoolSpec| {
        let recipes = subnets.iter().filter_map(|subnet| desired::recipe(world, placement, &pool, subnet).ok());
        let revisions = recipes.map(|recipe| recipe.revision).collect();
        (pool.name.clone(), revisions)
    };
    desired::pools(&world.object.spec).into_iter().map(of_pool).collect()
}

/// Pools whose instances have nothing to do with queues, whatever the spec asks for.
fn never_writing(world: &World) -> BTreeSet<String> {
    let pools = desired::possible_pools(&world.object.spec).into_iter();
    pools.filter(|pool| matches!(pool.role, Role::Balancer | Role::Generator)).map(|pool| pool.name).collect()
}

/// Whether the front serves the clusters of the spec and no others, or there is none.
fn is_told(world: &World, plan: &Plan) -> bool {
    if world.object.spec.balancer.kind != BalancerKind::Queue {
        return true;
    }
    let instances = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
    match &world.balancer {
        Some(Facet::Known(front)) => front.membership_sha256 == membership(world).sha256(),
        Some(Facet::Unknown(_)) => false,
        // It was told nothing before it ran.
        None => alive(&world.object.spec, &plan.ledger, instances, FRONT)
            .iter()
            .all(|one| one.state == InstanceState::Pending),
    }
}
