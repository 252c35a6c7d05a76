//! The time that lifetime and budget leave for a run. Pure.

use api::Placement;

use crate::budget;
use crate::desired::duration;
use crate::run_key::RunKey;
use crate::runs;
use crate::world::World;

pub(crate) use crate::desired::duration::{ahead, decides_itself, fewest_rounds, least};

/// Rounds that are measured at most, of each launch: those that are asked for; or up to the last look that lifetime and
/// budget have room for.
pub(crate) fn most_rounds(world: &World) -> u32 {
    let spec = &world.object.spec;
    let paid = world.object.status.placement.as_ref().and_then(|placement| budget::lasts(world, placement));
    let lifetime = duration::lifetime(spec);
    duration::most_rounds(spec, paid.map_or(lifetime, |paid| paid.min(lifetime)))
}

pub(crate) fn is_late(world: &World, placement: &Placement) -> bool {
    budget::expiry(world, placement).is_some_and(|at| world.now + world.settings.last_call >= at)
}

/// Why the run cannot end before its instances do, if that is known: half of it would be paid for and lost. How long new
/// workers take is not counted.
pub(crate) fn too_long(world: &World, key: &RunKey) -> Option<String> {
    let spec = &world.object.spec;
    let (rounds, launches) = (fewest_rounds(spec), key.launches + 1 - key.launch.min(key.launches));
    let takes = least(spec, rounds).saturating_mul(i32::try_from(launches).unwrap_or(i32::MAX));
    let placement = world.object.status.placement.as_ref()?;
    let left = budget::expiry(world, placement)?.duration_since(world.now) - world.settings.last_call;
    let has_budget = !placement.max_usd.is_empty() || spec.budget.is_some();
    let whose = if has_budget {
        "the less of lifecycle.maxLifetimeSeconds and budget.maxUsd"
    } else {
        "lifecycle.maxLifetimeSeconds"
    };
    let (what, fields) = match key.launches {
        1 => (format!("{rounds} rounds of this load take"), "load.rounds"),
        _ => (
            format!("{launches} more launches with {rounds} rounds of this load each take"),
            "load.launches or load.rounds",
        ),
    };
    let shorter = match spec.load.search {
        Some(_) => "measure fewer clusters",
        None => "shorten its phases",
    };
    (takes > left).then(|| {
        format!(
            "{what} at least {} s, and {whose} leaves {} s: lower {fields}, {shorter}, or delete the benchmark and create it again with more time",
            takes.as_secs(),
            left.as_secs()
        )
    })
}

/// Why instances that are missing would be paid for nothing: the run that they are for cannot end before they do. `None`: there
/// is time, or a result, or the run is on.
pub(crate) fn in_vain(world: &World) -> Option<String> {
    let (key, runs) = (runs::wanted(world), &world.object.status.runs);
    let is_needless = runs::recorded(world, &key).is_none()
        && runs::not_understood(world, &key).is_none()
        && runs::running(runs, &key).is_none();
    too_long(world, &key).filter(|_| is_needless)
}
