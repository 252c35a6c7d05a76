//! Counts of instances: how many each pool is to have now. Every stage asks here, none asks the spec.
//!
//! A cluster whose number follows its queue has what is there and what may still come, and what its rule wants besides: nobody
//! goes because of a count, only whom the front saw finish ([`tier`]).

pub(crate) mod caution;
pub(crate) mod listed;
mod tier;
pub(crate) mod zones;

use std::collections::BTreeMap;

use api::{Cluster, ClusterBenchmarkSpec};

use crate::desired::role::Role;
use crate::desired::{self, PoolSpec};
use crate::goal::{Goal, goal};
use crate::ports::Instance;
use crate::scale::pool;
use crate::world::World;
use crate::world::memory::Memory;
use listed::seen;
use tier::Tier;

pub use tier::Decision;
pub(crate) use tier::silent_millis;

/// Instances that are wanted, by pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    all: BTreeMap<String, u32>,
    /// The same of pools that are not divided evenly.
    by_zone: BTreeMap<String, Vec<u32>>,
}

/// Counts of this pass. Of a cluster that launches and terminates as its queue asks: those that may work, those that may still
/// come, and those that are to be launched.
pub fn counts(world: &World) -> Counts {
    let spec = &world.object.spec;
    let mut counts = Counts::of_spec(spec);
    for (cluster, _) in pool::scaled(spec).filter(|(cluster, _)| !pool::starts_and_stops(spec, &cluster.name)) {
        let Some(decision) = decision(world, &cluster.name) else { continue };
        let by_zone: Vec<u32> =
            decision.by_zone.iter().zip(&decision.launch).map(|(there, more)| there + more).collect();
        counts.all.insert(cluster.name.clone(), by_zone.iter().sum());
        counts.by_zone.insert(cluster.name.clone(), by_zone);
    }
    counts
}

/// What is decided about a pool at this look. `None`: its number does not follow a queue.
pub fn decision(world: &World, pool: &str) -> Option<Decision> {
    let (cluster, scaling) = pool::scaled(&world.object.spec).find(|(cluster, _)| cluster.name == pool)?;
    Some(Tier::of(world, cluster, scaling).decision())
}

/// Whether an instance of a cluster that follows its queue boots, may still come, or finishes.
pub fn is_any_moving(world: &World) -> bool {
    let mut decisions = pool::scaled(&world.object.spec).filter_map(|(cluster, _)| decision(world, &cluster.name));
    decisions.any(|decision| decision.booting > 0 || !decision.drain.is_empty())
}

/// When the present boot of an instance of a scaled cluster began, in seconds since 1970.
pub(crate) fn since(world: &World, cluster: &Cluster, id: &str) -> Option<i64> {
    let remembered = world.memory.scaling.get(&cluster.name).and_then(|history| history.since(id));
    let listed = seen(world).iter().find(|instance| instance.id == id).map(|instance| instance.launched_at);
    remembered.into_iter().chain(listed).max().map(|at| at.as_second())
}

/// Whether a list shows an instance of a scaled cluster as it was: it has stopped or ended since.
pub(crate) fn is_past(world: &World, cluster: &Cluster, instance: &Instance) -> bool {
    let history = world.memory.scaling.get(&cluster.name);
    history.is_some_and(|history| history.is_over(&instance.id, instance.launched_at))
}

/// Whether an instance of a scaled cluster has been started again since the boot that a list shows.
pub(crate) fn has_begun_since(world: &World, cluster: &Cluster, instance: &Instance) -> bool {
    let history = world.memory.scaling.get(&cluster.name);
    history.and_then(|history| history.since(&instance.id)).is_some_and(|since| since > instance.launched_at)
}

/// Notes what the next look has to know of this one.
pub(crate) fn note(world: &World, memory: &mut Memory) {
    let spec = &world.object.spec;
    memory.scaling.retain(|name, _| pool::scaling(spec, name).is_some());
    if goal(world) != Goal::Instances || world.cloud.instances.known().is_none() {
        return;
    }
    for (cluster, scaling) in pool::scaled(spec) {
        memory.scaling.insert(cluster.name.clone(), Tier::of(world, cluster, scaling).noted());
    }
}

impl Counts {
    /// Counts as the spec asks for them, which of scaled clusters are the most; the balancer and each generator are one instance.
    pub fn of_spec(spec: &ClusterBenchmarkSpec) -> Self {
        let clusters = spec.clusters.iter().map(|cluster| (&cluster.name, u32::try_from(cluster.count).unwrap_or(0)));
        let of_cluster: BTreeMap<&String, u32> = clusters.collect();
        let count = |pool: &PoolSpec| match pool.role {
            Role::Worker => of_cluster.get(&pool.name).copied().unwrap_or(0),
            Role::Balancer | Role::Front | Role::Generator => 1,
        };
        let all = desired::pools(spec).into_iter().map(|pool| (pool.name.clone(), count(&pool))).collect();
        Self { all, by_zone: BTreeMap::new() }
    }

    /// The same with another count of a pool.
    pub(crate) fn set(&mut self, pool: &str, count: u32) {
        self.all.insert(pool.to_owned(), count);
        self.by_zone.remove(pool);
    }

    /// Instances of a pool; none of one that the spec does not have.
    pub fn of(&self, pool: &str) -> u32 {
        self.all.get(pool).copied().unwrap_or(0)
    }

    /// Instances of a pool in each of so many zones: as many of a cluster in each, balancer and generators in the first. The
    /// definition admits no count that cannot be divided; one that came another way has its rest in the first ones.
    pub fn by_zone(&self, pool: &PoolSpec, zones: usize) -> Vec<u32> {
        if let Some(by_zone) = self.by_zone.get(&pool.name).filter(|by_zone| by_zone.len() == zones) {
            return by_zone.clone();
        }
        let count = self.of(&pool.name);
        match pool.role {
            Role::Worker => zones::shares(count, zones),
            Role::Balancer | Role::Front | Role::Generator => {
                std::iter::once(count).chain(std::iter::repeat(0)).take(zones.max(1)).collect()
            }
        }
    }

    /// Instances of all pools.
    pub fn total(&self) -> u32 {
        self.all.values().sum()
    }
}

/// A count as the length of a list.
pub(crate) fn length(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
