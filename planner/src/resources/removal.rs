//! Removal of what has a name, and the proof that it is gone for good.

use super::kind::{Proof, ResourceKind};
use super::name::names;
use crate::effect::Action;
use crate::plan::Plan;
use crate::ports::Bucket;
use crate::world::World;

/// What is left of a kind, or of several. The worst comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    /// It is proven that nothing is left.
    Nothing,
    /// No list shows anything, and something may still appear.
    Unproven,
    /// Lists show something.
    Something,
}

/// Plans the deletion of all that lists show of a kind, once nothing is seen of the kinds that may use it, or, where AWS would
/// not refuse it, once that is proven; then proves that
/// nothing of it can appear any more, once that is proven of those. Every list is known.
pub(crate) fn remove(world: &World, plan: &mut Plan, kind: ResourceKind, users: Left) -> Left {
    let listed = listed(world, kind);
    let is_due = match kind {
        // AWS refuses to delete a group that is in use, and lets queues and buckets go under whoever writes to them.
        ResourceKind::Queue | ResourceKind::Bucket => users == Left::Nothing && !writers_may_be_late(world, plan),
        _ => users < Left::Something,
    };
    for Listed { said, name, delete } in listed.iter().cloned() {
        plan.leftovers.push(said);
        plan.memory.named.entry(name.clone()).and_modify(|named| named.absent_since = None);
        if is_due && !(kind == ResourceKind::Queue && is_going(world, &name)) {
            let because = match kind {
                ResourceKind::LoadBalancer | ResourceKind::Instance => "nothing is wanted any more",
                ResourceKind::TargetGroup => "no load balancer is there",
                ResourceKind::Queue | ResourceKind::SecurityGroup => "every instance is terminated",
                ResourceKind::Bucket => "no instance and no queue is there",
            };
            plan.act(delete, because);
        }
    }
    let names = names(&world.owner(), kind);
    if !listed.is_empty() {
        if kind.proof() == Proof::Stem {
            names.into_iter().for_each(|stem| plan.memory.named.entry(stem).or_default().forget_absence());
        }
        return Left::Something;
    }
    if users > Left::Nothing {
        return Left::Unproven;
    }
    // What is announced nowhere was never created, unless the announcement is lost.
    let placement = world.object.status.placement.as_ref().filter(|_| !world.ledger_is_lost());
    if kind.proof() == Proof::Stem && placement.is_some_and(|placement| !kind.is_written(placement)) {
        return Left::Nothing;
    }
    let mut is_gone = true;
    for name in names {
        is_gone &= is_absent(world, plan, &name);
    }
    if is_gone { Left::Nothing } else { Left::Unproven }
}

/// The last part of an ARN, or the id as it is, and the name.
fn said(id: &str, name: &str) -> String {
    let short = id.rsplit_once(":loadbalancer/").or_else(|| id.rsplit_once(':')).map_or(id, |(_, last)| last);
    format!("{short} ({name})")
}

/// What is waited for where the ledger is lost: lists alone tell who writes, and they may be late.
const WRITERS: &str = "writers of a lost ledger";

/// Whether instances may be there that no list shows yet and no line of the ledger tells of.
fn writers_may_be_late(world: &World, plan: &mut Plan) -> bool {
    if !world.ledger_is_lost() {
        return false;
    }
    let first = *plan.memory.absent_since.entry(WRITERS.to_owned()).or_insert(world.now);
    world.cloud.listed_at < first + world.settings.launch_window + world.settings.settle
}

/// Whether a queue is listed that is being deleted.
pub(crate) fn is_going(world: &World, name: &str) -> bool {
    world.memory.named.get(name).is_some_and(|named| named.is_going(world.now))
}

/// What takes a bucket further on its way out: what is in it, then itself. `account`: whose it is.
pub(crate) fn bucket_out(world: &World, bucket: &Bucket, account: &str) -> Action {
    let (name, account) = (bucket.name.clone(), account.to_owned());
    let is_empty = world.memory.named.get(&name).is_some_and(|named| named.is_empty);
    if is_empty { Action::DeleteBucket { name, account } } else { Action::EmptyBucket { name, account } }
}

/// Whether the list of a kind is known.
pub(crate) fn is_known(world: &World, kind: ResourceKind) -> bool {
    let cloud = &world.cloud;
    match kind {
        ResourceKind::Instance => cloud.instances.known().is_some(),
        ResourceKind::SecurityGroup => cloud.groups.known().is_some(),
        ResourceKind::LoadBalancer => cloud.load_balancers.known().is_some(),
        ResourceKind::TargetGroup => cloud.target_groups.known().is_some(),
        ResourceKind::Queue => cloud.queues.known().is_some(),
        ResourceKind::Bucket => cloud.buckets.known().is_some() && world.identity.known().is_some(),
    }
}

#[derive(Clone)]
struct Listed {
    /// The name of a leftover for people.
    said: String,
    name: String,
    delete: Action,
}

/// What lists show of a kind that is created by name, each with the action that deletes it.
fn listed(world: &World, kind: ResourceKind) -> Vec<Listed> {
    match kind {
        ResourceKind::Instance => Vec::new(),
        ResourceKind::SecurityGroup => {
            let groups = world.cloud.groups.known().into_iter().flatten();
            let listed = groups.map(|group| Listed {
                said: said(&group.id, &group.name),
                name: group.name.clone(),
                delete: Action::DeleteGroup { id: group.id.clone(), name: group.name.clone() },
            });
            listed.collect()
        }
        ResourceKind::LoadBalancer => {
            let balancers = world.cloud.load_balancers.known().into_iter().flatten();
            let listed = balancers.map(|balancer| Listed {
                said: said(&balancer.arn, &balancer.name),
                name: balancer.name.clone(),
                delete: Action::DeleteLoadBalancer { arn: balancer.arn.clone(), name: balancer.name.clone() },
            });
            listed.collect()
        }
        ResourceKind::TargetGroup => {
            let groups = world.cloud.target_groups.known().into_iter().flatten();
            let listed = groups.map(|group| Listed {
                said: said(&group.arn, &group.name),
                name: group.name.clone(),
                delete: Action::DeleteTargetGroup { arn: group.arn.clone(), name: group.name.clone() },
            });
            listed.collect()
        }
        ResourceKind::Queue => {
            let queues = world.cloud.queues.known().into_iter().flatten();
            let listed = queues.map(|queue| Listed {
                said: format!("queue {}", queue.name),
                name: queue.name.clone(),
                delete: Action::DeleteQueue { url: queue.url.clone(), name: queue.name.clone() },
            });
            listed.collect()
        }
        ResourceKind::Bucket => {
            let buckets = world.cloud.buckets.known().into_iter().flatten();
            let account = world.identity.known().map(|identity| identity.account.as_str()).unwrap_or_default();
            let listed = buckets.map(|bucket| Listed {
                said: format!("bucket {}", bucket.name),
                name: bucket.name.clone(),
                delete: bucket_out(world, bucket, account),
            });
            listed.collect()
        }
    }
}

/// Whether what no list shows under this name cannot appear any more. A creation that was never answered may take effect
/// late, even after the same thing was created again and deleted.
fn is_absent(world: &World, plan: &mut Plan, name: &str) -> bool {
    let placement = world.object.status.placement.as_ref().filter(|_| !world.ledger_is_lost());
    let named = plan.memory.named.entry(name.to_owned()).or_default();
    let last_call = match placement.and_then(|placement| placement.create_not_after.as_ref()) {
        Some(at) => at.0,
        // Placement or ledger are lost: whoever used them saw them before we first looked.
        None => *named.sought_since.get_or_insert(world.now) + world.settings.launch_window,
    };
    let listed_at = world.cloud.listed_at;
    if listed_at < last_call + world.settings.settle {
        return false;
    }
    named.is_deleted
        || listed_at.duration_since(*named.absent_since.get_or_insert(listed_at)) >= world.settings.proof_gap
}
