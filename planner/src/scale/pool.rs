//! Pools whose number of instances follows their queue, as the spec asks for them, and what is an end in which pool.

use api::{BalancerKind, Cluster, ClusterBenchmarkSpec, Placement, Scaling, ScalingPolicy, ScalingPool};
use jiff::Timestamp;

use super::needs::Bounds;
use super::rule::Rule;
use crate::ports::InstanceState;

/// Clusters that are scaled, each with its rule.
pub fn scaled(spec: &ClusterBenchmarkSpec) -> impl Iterator<Item = (&Cluster, &Scaling)> {
    let is_behind_queues = spec.balancer.kind == BalancerKind::Queue;
    let clusters = spec.clusters.iter().filter(move |_| is_behind_queues);
    clusters.filter_map(|cluster| Some((cluster, cluster.scaling.as_ref()?)))
}

/// Whether any cluster is scaled.
pub fn is_any_scaled(spec: &ClusterBenchmarkSpec) -> bool {
    scaled(spec).next().is_some()
}

/// The rule of a pool. `None`: it is not scaled.
pub fn scaling<'a>(spec: &'a ClusterBenchmarkSpec, pool: &str) -> Option<&'a Scaling> {
    scaled(spec).find(|(cluster, _)| cluster.name == pool).map(|(_, scaling)| scaling)
}

/// Whether a pool stops instances that it does not need and starts them again.
pub fn starts_and_stops(spec: &ClusterBenchmarkSpec, pool: &str) -> bool {
    scaling(spec, pool).is_some_and(|scaling| scaling.pool == Some(ScalingPool::StartStop))
}

/// Whether an instance of a pool will never serve again for us. One that is stopped is at rest where the pool starts its instances
/// again; elsewhere nobody starts what somebody stopped.
pub fn is_gone(spec: &ClusterBenchmarkSpec, pool: &str, state: InstanceState) -> bool {
    let is_at_rest = matches!(state, InstanceState::Stopping | InstanceState::Stopped) && starts_and_stops(spec, pool);
    state.is_dead() && !is_at_rest
}

/// When the timers of all instances of a pool have ended them. `None`: nobody knows, because the timer of a stopped one stands still.
pub(crate) fn end_by_timers(
    spec: &ClusterBenchmarkSpec,
    placement: Option<&Placement>,
    pool: &str,
) -> Option<Timestamp> {
    let expires_at = placement?.expires_at.as_ref().map(|at| at.0);
    expires_at.filter(|_| !starts_and_stops(spec, pool))
}

/// Fewest and most instances of a scaled cluster.
pub(crate) fn bounds(cluster: &Cluster, scaling: &Scaling) -> Bounds {
    let count = |count: i32| u32::try_from(count).unwrap_or(0);
    Bounds { least: scaling.min.map_or(0, count).min(count(cluster.count)), most: count(cluster.count) }
}

/// The rule as the planner computes with it. What the schema does not allow is the least that could be meant.
pub(crate) fn rule(scaling: &Scaling) -> Rule {
    match scaling.policy {
        ScalingPolicy::LatencyTarget => {
            Rule::LatencyTarget { target: f64::from(scaling.target_seconds.unwrap_or(1).max(1)) }
        }
        ScalingPolicy::QueueDepth => {
            let messages = scaling.messages_per_instance.and_then(|messages| u32::try_from(messages).ok());
            Rule::QueueDepth { messages: messages.unwrap_or(1).max(1) }
        }
    }
}
