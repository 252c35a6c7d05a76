//! Resources of AWS that a benchmark has, by kind, and the one rule that all obey that are created by name.
//!
//! A name is derived ([`name`]), so that every process finds the same resource. Before the first of a kind is created, the
//! placement in status says so and until when it may be done; only a later pass that reads this back sends the call, with
//! all tags of the owner in it ([`creation`]). What exists is told by lists alone, by name and tags, never by the answer of
//! a call; a stranger under our name is left alone ([`answer`]). Everything is deleted in the order of one table, each kind
//! with its proof that nothing of it is left or can appear any more ([`kind`], [`removal`]).
//!
//! A kind that is added is a variant of [`ResourceKind`]: the compiler names what else has to be written here. Beside it
//! come a list of it in [`CloudView`](crate::world::CloudView) and in [`Found`](crate::sweep::Found), and its actions in
//! [`effect`](crate::effect), whose `by_name` says what they create, change or delete.

pub(crate) mod answer;
pub(crate) mod creation;
pub mod kind;
pub mod name;
pub(crate) mod removal;

use api::BalancerKind;

use crate::world::{Deletion, World};

pub use kind::ResourceKind;

/// Whether load balancers and target groups have to be looked for: the spec asks for one, the placement announces the kind,
/// or what was announced is lost. Otherwise none was ever made, and nobody lists them.
pub fn seeks_load_balancers(world: &World) -> bool {
    seeks(world, BalancerKind::Application, [ResourceKind::LoadBalancer, ResourceKind::TargetGroup])
}

/// The same of queues and buckets.
pub fn seeks_queues(world: &World) -> bool {
    seeks(world, BalancerKind::Queue, [ResourceKind::Queue, ResourceKind::Bucket])
}

fn seeks(world: &World, by: BalancerKind, kinds: [ResourceKind; 2]) -> bool {
    let is_announced = |placement: &api::Placement| kinds.iter().any(|kind| kind.is_written(placement));
    let is_wanted = world.object.spec.balancer.kind == by;
    is_wanted && world.object.deletion == Deletion::NotAsked
        || world.object.status.placement.as_ref().is_some_and(is_announced)
        || world.ledger_is_lost()
}
