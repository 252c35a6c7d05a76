//! Pools of a spec: one for each cluster, the balancer or the front, and each generator. How many instances a pool is to have is no
//! part of it, see [`crate::scale`].

use api::{BalancerKind, ClusterBenchmarkSpec};

use super::role::Role;

/// Pool of the balancer's instance. Cannot be the name of a cluster.
pub const BALANCER: &str = "balancer";
/// Pool of the front's instance. Cannot be the name of a cluster.
pub const FRONT: &str = "front";
/// Pool of the first generator's instance. Cannot be the name of a cluster.
pub const GENERATOR: &str = "generator";

/// Instances for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    pub name: String,
    pub role: Role,
    pub instance_type: String,
    /// Path of the cluster; empty for balancer and generator.
    pub path: String,
}

/// The pools of a spec: one for each cluster, our balancer or the front where it stands in front, and each generator.
pub fn pools(spec: &ClusterBenchmarkSpec) -> Vec<PoolSpec> {
    let is_there = |pool: &PoolSpec| match pool.role {
        Role::Balancer | Role::Front => agent_in_front(spec) == Some(pool.name.as_str()),
        Role::Worker | Role::Generator => true,
    };
    possible_pools(spec).into_iter().filter(is_there).collect()
}

/// The pools of a spec, whatever stands in front: that may change, and images and programs are chosen once.
pub fn possible_pools(spec: &ClusterBenchmarkSpec) -> Vec<PoolSpec> {
    let clusters = spec.clusters.iter().map(|cluster| PoolSpec {
        name: cluster.name.clone(),
        role: Role::Worker,
        instance_type: cluster.instance_type.clone(),
        path: cluster.path(),
    });
    let single = |name: String, role, instance_type: &str| PoolSpec {
        name,
        role,
        instance_type: instance_type.to_owned(),
        path: String::new(),
    };
    let generators = (1..=generators(spec))
        .map(|number| single(generator(number), Role::Generator, &spec.load.generator.instance_type));
    let in_front = [(BALANCER, Role::Balancer), (FRONT, Role::Front)]
        .map(|(name, role)| single(name.to_owned(), role, &spec.balancer.instance_type));
    clusters.chain(in_front).chain(generators).collect()
}

/// Pool of our own agent in front of the clusters, the balancer or the front. `None`: a load balancer of AWS is there.
pub fn agent_in_front(spec: &ClusterBenchmarkSpec) -> Option<&'static str> {
    match spec.balancer.kind {
        BalancerKind::Custom => Some(BALANCER),
        BalancerKind::Queue => Some(FRONT),
        BalancerKind::Application => None,
    }
}

/// Generators that make the load together.
pub fn generators(spec: &ClusterBenchmarkSpec) -> u32 {
    u32::try_from(spec.load.generator.count).unwrap_or(1).max(1)
}

/// Pool of a generator's instance, by its number from 1: each is known by its slice of the load. Cannot be the name of a
/// cluster.
pub fn generator(number: u32) -> String {
    if number > 1 { format!("{GENERATOR}-{number}") } else { GENERATOR.to_owned() }
}

/// Launches of the workers that a run measures.
pub fn launches(spec: &ClusterBenchmarkSpec) -> u32 {
    u32::try_from(spec.load.launches).unwrap_or(1).max(1)
}

/// Every instance type that a spec names, with the field that names it.
pub fn types_with_fields(spec: &ClusterBenchmarkSpec) -> Vec<(String, String)> {
    let clusters = spec
        .clusters
        .iter()
        .enumerate()
        .map(|(index, cluster)| (cluster.instance_type.clone(), format!("clusters[{index}].instanceType")));
    let balancer = [(spec.balancer.instance_type.clone(), "balancer.instanceType".to_owned())];
    let generator = (spec.load.generator.instance_type.clone(), "load.generator.instanceType".to_owned());
    clusters.chain(balancer).chain([generator]).collect()
}
