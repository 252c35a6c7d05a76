//! The rates at which the search of a launch begins: what the launches before it found, on other workers of the same types. Pure.

use api::Placement;
use wire::Target;

use crate::provision::known_fields;
use crate::run_key::{RunKey, parts_of};
use crate::runs::running;
use crate::world::World;

/// Each target with the capacity that was found of it before this launch.
pub(super) fn told(world: &World, placement: &Placement, key: &RunKey, targets: Vec<Target>) -> Vec<Target> {
    let known =
        running(&world.object.status.runs, key).filter(|_| key.launch > 1 && known_fields::knows_estimates(placement));
    let Some(run) = known else { return targets };
    let found = |cluster: &str| {
        let mut capacities = parts_of(run, key.launch - 1).iter().flat_map(|part| &part.capacities);
        let found = capacities.find(|found| found.cluster == cluster)?;
        u64::try_from(found.milli_requests_per_second).ok().filter(|milli| *milli > 0)
    };
    let told = |target: Target| Target { estimate_milli_rps: found(&target.cluster), ..target };
    targets.into_iter().map(told).collect()
}
