//! Operators that break the rules of load balancers and target groups.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::effect::Effect;
use planner::ports::InstanceState;
use planner::resources::ResourceKind;
use planner::resources::name::names;
use planner::world::{Deletion, Facet};
use planner::{Action, Plan, World};

use super::with;

/// What is not found is made once more, under the next number (terraform-provider-aws#15214).
pub(super) fn recreates(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let create = plan.actions().find_map(|action| match action {
        Action::CreateListener { .. } => None,
        Action::CreateLoadBalancer(request) => Some(request.clone()),
        _ => None,
    });
    if let Some(mut request) = create.filter(|_| world.now.as_second() % 2 == 0) {
        request.name.push('0');
        plan.effects.push(Action::CreateLoadBalancer(request).into());
    }
    plan
}

/// Target groups go as soon as it is deleted, whoever still forwards to them.
pub(super) fn groups_first(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let is_deleted = world.object.deletion == Deletion::Asked;
    let groups = world.cloud.target_groups.known().into_iter().flatten().filter(|_| is_deleted);
    let deletes: Vec<Effect> = groups
        .map(|group| Action::DeleteTargetGroup { arn: group.arn.clone(), name: group.name.clone() }.into())
        .filter(|effect: &Effect| !plan.effects.iter().any(|other| other.action == effect.action))
        .collect();
    plan.effects.extend(deletes);
    plan
}

/// Whatever is not seen once has been looked for long enough.
pub(super) fn one_list_proves(world: &World) -> Plan {
    with(world, |world| {
        let (owner, now) = (world.owner(), world.now);
        let kinds = [ResourceKind::LoadBalancer, ResourceKind::TargetGroup];
        for stem in kinds.into_iter().flat_map(|kind| names(&owner, kind)) {
            let named = world.memory.named.entry(stem).or_default();
            (named.absent_since, named.is_deleted) = (Some(now), true);
        }
        if let Some(placement) = &mut world.object.status.placement {
            placement.create_not_after = Some(Time(world.now - SignedDuration::from_secs(3600)));
        }
    })
}

/// Instances that are still coming are taken for running ones.
pub(super) fn registers_early(world: &World) -> Plan {
    with(world, |world| {
        if let Facet::Known(instances) = &mut world.cloud.instances {
            let pending = instances.iter_mut().filter(|one| one.state == InstanceState::Pending);
            pending.for_each(|one| one.state = InstanceState::Running);
        }
    })
}

/// A deletion that was answered is believed, and nothing is listed after it.
pub(super) fn trusts_the_answer(world: &World) -> Plan {
    with(world, |world| {
        let is_gone = |name: &str| world.memory.named.get(name).is_some_and(|named| named.is_deleted);
        let gone: Vec<String> = match &world.cloud.load_balancers {
            Facet::Known(all) => all.iter().map(|one| one.name.clone()).filter(|name| is_gone(name)).collect(),
            Facet::Unknown(_) => Vec::new(),
        };
        if let Facet::Known(all) = &mut world.cloud.load_balancers {
            all.retain(|one| !gone.contains(&one.name));
        }
        let stem = names(&world.owner(), ResourceKind::LoadBalancer).remove(0);
        let mut named = world.memory.named.iter();
        let was_deleted = named.any(|(name, named)| name.starts_with(&stem) && *name != stem && named.is_deleted);
        if was_deleted {
            world.memory.named.entry(stem).or_default().is_deleted = true;
        }
    })
}
