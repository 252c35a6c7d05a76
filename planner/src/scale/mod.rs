//! Counts of instances: how many each pool is to have now. Every stage asks here, none asks the spec.

pub mod needs;
pub mod rule;

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
            Role::Balancer | Role::Front | Role::Generator => 1,
        };
        Self(desired::pools(spec).into_iter().map(|pool| (pool.name.clone(), count(&pool))).collect())
    }

    /// Instances of a pool; none of one that the spec does not have.
    pub fn of(&self, pool: &str) -> u32 {
        self.0.get(pool).copied().unwrap_or(0)
    }

    /// Instances of a pool in each of so many zones: as many of a cluster in each, balancer and generators in the first. The
    /// definition admits no count that cannot be divided; one that came another way has its rest in the first ones.
    pub fn by_zone(&self, pool: &PoolSpec, zones: usize) -> Vec<u32> {
        let (count, all) = (self.of(&pool.name), u32::try_from(zones.max(1)).unwrap_or(1));
        let in_zone = |zone: u32| match pool.role {
            Role::Worker => count / all + u32::from(zone < count % all),
            Role::Balancer | Role::Front | Role::Generator => {
                if zone == 0 {
                    count
                } else {
                    0
                }
            }
        };
        (0..all).map(in_zone).collect()
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
