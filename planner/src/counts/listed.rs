//! The instances of a pool that may still work, as the last list shows them.

use api::{ClusterBenchmarkSpec, Launch};

use crate::ports::Instance;
use crate::scale::pool::is_gone;
use crate::world::{World, ledger};

/// All instances that the last list shows; none while there is no list.
pub(crate) fn seen(world: &World) -> &[Instance] {
    world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default()
}

/// Instances of a pool that may still work, lowest (launch, id) first.
pub(crate) fn alive<'a>(
    spec: &ClusterBenchmarkSpec,
    ledger: &[Launch],
    instances: &'a [Instance],
    pool: &str,
) -> Vec<&'a Instance> {
    let is_gone = |instance: &Instance| is_gone(spec, pool, instance.state);
    let mut alive: Vec<&Instance> = instances
        .iter()
        .filter(|instance| ledger::pool_of(ledger, instance) == Some(pool) && !is_gone(instance))
        .collect();
    alive.sort_by(|a, b| (ledger::number_of(a), &a.id).cmp(&(ledger::number_of(b), &b.id)));
    alive
}
