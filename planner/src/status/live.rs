//! The run that is on, as people watch it.

use api::{Live, LiveCluster};
use wire::{LiveTarget, RunState};

use crate::plan::Plan;
use crate::run_key::RunKey;
use crate::runs;
use crate::world::World;

/// What the generator said of the run that is on. Left as it was at every look but those that are to say it, because it changes
/// with each cluster.
pub(super) fn live(world: &World, plan: &Plan, wanted: &RunKey) -> Option<Live> {
    let running = runs::answer(world, wanted).filter(|status| status.state == RunState::Running)?;
    if wanted.generators > 1 {
        return None;
    }
    if plan.memory.live_said_at != Some(world.now) {
        return world.object.status.live.clone();
    }
    let of = |name: &str| running.live.iter().find(|one| one.cluster == name);
    let clusters: Vec<LiveCluster> =
        world.object.spec.clusters.iter().filter_map(|cluster| of(&cluster.name)).map(of_cluster).collect();
    let round = clusters.iter().map(|cluster| cluster.round).max()?;
    Some(Live { round, clusters })
}

fn of_cluster(told: &LiveTarget) -> LiveCluster {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    LiveCluster {
        name: told.cluster.clone(),
        round: i64::from(told.round),
        requests_per_second: whole(told.requests_per_second),
        p50_micros: told.p50_micros.map(whole),
        p99_micros: told.p99_micros.map(whole),
        capacity: told.capacity.map(Into::into),
        step_requests_per_second: told.step_requests_per_second.map(i64::from),
    }
}
