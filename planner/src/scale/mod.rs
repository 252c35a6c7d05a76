//! Counts of instances: how many each pool is to have now. Every stage asks here, none asks the spec.

use std::collections::BTreeMap;

use api::ClusterBenchmarkSpec;

use crate::desired::role::Role;
use crate::desired::{self, PoolSpec};
use crate::world::World;

/// Instances that are wanted, by pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u32>);

/// Counts of this pass. They are those of the spec: nothing scales a cluster yet.
pub fn counts(world: &World) -> Counts {
    Counts::of_spec(&world.object.spec)
}

impl Counts {
    /// Counts as the spec asks for them; the balancer and each generator are one instance.
    pub fn of_spec(spec: &ClusterBenchmarkSpec) -> Self {
        let clusters = spec.clusters.iter().map(|cluster| (&cluster.name, u32::try_from(cluster.count).unwrap_or(0)));
        let of_cluster: BTreeMap<&String, u32> = clusters.collect();
        let count = |pool: &PoolSpec| match pool.role {
            Role::Worker => of_cluster.get(&pool.name).copied().unwrap_or(0),
            Role::Balancer | Role::Generator => 1,
        };
        Self(desired::pools(spec).into_iter().map(|pool| (pool.name.clone(), count(&pool))).collect())
    }

    /// Instances of a pool; none of one that the spec does not have.
    pub fn of(&self, pool: &str) -> u32 {
        self.0.get(pool).copied().unwrap_or(0)
    }

    /// Instances of all pools.
    pub fn total(&self) -> u32 {
        self.0.values().sum()
    }
}

/// A count as the length of a list.
pub(crate) fn length(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
