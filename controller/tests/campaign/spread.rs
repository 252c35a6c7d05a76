//! The spread of clusters over zones, as a benchmark that is ready has it.

use std::collections::{BTreeMap, BTreeSet};

use planner::desired::{BALANCER, FRONT, GENERATOR};

use crate::stage::judge::{Broken, Rule};
use crate::stage::play::Play;

/// A cluster of a ready benchmark has as many instances in each of its zones.
pub(crate) fn evenly_spread(play: &Play, zones: i32) -> Result<(), Broken> {
    let status = play.store.status().filter(|_| play.is_ready()).unwrap_or_default();
    let sim = play.sim.lock();
    let live = sim.truth().ec2.live_instances();
    let object = play.store.server().object.clone();
    let is_scaled =
        |pool: &str| object.as_ref().is_some_and(|object| planner::scale::pool::scaling(&object.spec, pool).is_some());
    let pools = status.launches.iter().map(|line| line.pool.as_str());
    let pools: BTreeSet<&str> = pools.filter(|pool| !is_scaled(pool)).collect();
    for name in pools.into_iter().filter(|name| !matches!(*name, BALANCER | FRONT) && !name.starts_with(GENERATOR)) {
        let ids: BTreeSet<&String> =
            status.launches.iter().filter(|line| line.pool == name).flat_map(|line| &line.instance_ids).collect();
        let mut by_zone: BTreeMap<&str, usize> = BTreeMap::new();
        for instance in live.iter().filter(|instance| !instance.state.is_dead() && ids.contains(&instance.id)) {
            *by_zone.entry(&instance.zone).or_default() += 1;
        }
        let counts: BTreeSet<usize> = by_zone.values().copied().collect();
        let is_everywhere = by_zone.is_empty() || by_zone.len() == usize::try_from(zones).unwrap();
        if counts.len() > 1 || !is_everywhere {
            let what = format!("cluster {name} has {by_zone:?} in {} zones", zones);
            return Err(Broken::new(Rule::EvenlySpread, what));
        }
    }
    Ok(())
}
