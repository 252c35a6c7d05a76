//! The instances that have to be there before a benchmark is provisioned. A cluster that follows its queue is complete with its fewest
//! instances, or with all that it starts and stops: it scales, and that is no change.

use api::ClusterBenchmarkSpec;

use crate::counts::Counts;
use crate::plan::Plan;
use crate::ports::{Instance, InstanceState};
use crate::scale::pool::{self, bounds, starts_and_stops};
use crate::world::ledger;

/// Instances that have to be there, by pool.
pub(super) fn counts(spec: &ClusterBenchmarkSpec) -> Counts {
    let mut counts = Counts::of_spec(spec);
    for (cluster, scaling) in pool::scaled(spec).filter(|(cluster, _)| !starts_and_stops(spec, &cluster.name)) {
        counts.set(&cluster.name, bounds(cluster, scaling).least);
    }
    counts
}

/// Whether an instance is there: it runs, or it did and its pool starts it again.
pub(super) fn is_there(spec: &ClusterBenchmarkSpec, plan: &Plan, instance: &Instance) -> bool {
    let pool = ledger::pool_of(&plan.ledger, instance);
    match instance.state {
        InstanceState::Running => true,
        InstanceState::Pending => {
            pool.is_some_and(|pool| starts_and_stops(spec, pool)) && !ledger::is_first_boot(&plan.ledger, instance)
        }
        _ => pool.is_some_and(|pool| starts_and_stops(spec, pool)),
    }
}

/// What instances do that have to be there: of a pool that starts and stops its own not all run.
pub(super) fn word(spec: &ClusterBenchmarkSpec) -> &'static str {
    let rests = pool::scaled(spec).any(|(cluster, _)| starts_and_stops(spec, &cluster.name));
    if rests { "are there" } else { "run" }
}

/// The clusters that follow their queue, in words that do not change while they do.
pub(super) fn scaled(spec: &ClusterBenchmarkSpec) -> String {
    let said = |(cluster, scaling): (&api::Cluster, &api::Scaling)| {
        let bounds = bounds(cluster, scaling);
        let what = if starts_and_stops(spec, &cluster.name) { "started and stopped" } else { "launched" };
        format!("; {} has {} to {} that are {what} as its queue asks", cluster.name, bounds.least, bounds.most)
    };
    pool::scaled(spec).map(said).collect()
}
