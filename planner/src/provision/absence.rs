//! The proof of absence: instances that no list shows are believed not to exist only after it.
//!
//! A list can lag by minutes, whether it is asked by tag, by token or by id. So what a launch may have made counts as
//! coming until it is seen, and is believed to be gone only after two complete lists without it, the first one after
//! the last possible send plus the settling time.

use api::Launch;

use crate::ports::Instance;
use crate::scale::pool::end_by_timers;
use crate::world::World;
use crate::world::ledger::{self, LineState};
use crate::world::memory::Memory;

/// How many instances of this launch may exist although no list shows them. Closes an open line when the answer is
/// *none* by proof. `instances` is a complete list.
pub(crate) fn unaccounted(world: &World, memory: &mut Memory, instances: &[Instance], line: &mut Launch) -> usize {
    let count = usize::try_from(line.count).unwrap_or(0);
    let never_seen = if !ledger::is_closed(line) { count.saturating_sub(line.instance_ids.len()) } else { 0 };
    let missing = line.instance_ids.iter().filter(|id| !instances.iter().any(|instance| instance.id == **id)).count();
    if never_seen + missing == 0 {
        memory.absent_since.remove(&line.token);
        return 0;
    }
    if LineState::of(line).is_none() {
        // Until when it may make instances is for the version to say that knows the word.
        return never_seen + missing;
    }
    let last_send = line.not_after.as_ref().map_or(world.now, |at| at.0);
    if world.cloud.listed_at < last_send + world.settings.settle || !absent_for(world, memory, &line.token) {
        return never_seen + missing;
    }
    let placement = world.object.status.placement.as_ref();
    let expires_at = placement.and_then(|placement| placement.expires_at.as_ref()).map(|at| at.0);
    line.instance_ids.retain(|id| instances.iter().any(|instance| instance.id == *id));
    if missing > 0 {
        ledger::end_unseen(line, world.now, end_by_timers(&world.object.spec, placement, &line.pool));
    }
    if ledger::is_open(line) {
        ledger::may_be_forgotten(line, world.settings.launch_window, world.now, expires_at);
        ledger::give_up(line, "its instances were never seen", world.now);
    }
    0
}

/// Whether `what` was missed before, by a list that was begun at least `proof_gap` before this one, by this process.
fn absent_for(world: &World, memory: &mut Memory, what: &str) -> bool {
    let first = *memory.absent_since.entry(what.to_owned()).or_insert(world.cloud.listed_at);
    world.cloud.listed_at.duration_since(first) >= world.settings.proof_gap
}
