//! Removal of what has a name, and the proof that it is gone for good.

use super::kind::ResourceKind;
use super::name::names;
use crate::effect::Action;
use crate::plan::Plan;
use crate::world::World;

/// What is left of a kind, or of several. The worst comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    /// It is proven that nothing is left.
    Nothing,
    /// No list shows anything, and something may still appear.
    Unproven,
    /// Lists show something.
    Something,
}

/// Plans the deletion of all that lists show of a kind, once nothing is seen of the kinds before it; then proves that
/// nothing of it can appear any more, once that is proven of those. Every list is known.
pub(crate) fn remove(world: &World, plan: &mut Plan, kind: ResourceKind, before: Left) -> Left {
    let listed = listed(world, kind);
    for Listed { id, name, delete } in listed.iter().cloned() {
        plan.leftovers.push(format!("{id} ({name})"));
        plan.memory.named.entry(name).and_modify(|named| named.absent_since = None);
        if before < Left::Something {
            plan.act(delete, "every instance is terminated");
        }
    }
    if !listed.is_empty() {
        return Left::Something;
    }
    if before > Left::Nothing {
        return Left::Unproven;
    }
    let mut is_gone = true;
    for name in names(&world.owner(), kind) {
        is_gone &= is_absent(world, plan, &name);
    }
    if is_gone { Left::Nothing } else { Left::Unproven }
}

#[derive(Clone)]
struct Listed {
    id: String,
    name: String,
    delete: Action,
}

/// What lists show of a kind that is created by name, each with the action that deletes it.
fn listed(world: &World, kind: ResourceKind) -> Vec<Listed> {
    match kind {
        ResourceKind::Instance => Vec::new(),
        ResourceKind::SecurityGroup => {
            let groups = world.cloud.groups.known().into_iter().flatten();
            let listed = groups.map(|group| Listed {
                id: group.id.clone(),
                name: group.name.clone(),
                delete: Action::DeleteGroup { id: group.id.clone(), name: group.name.clone() },
            });
            listed.collect()
        }
    }
}

/// Whether what no list shows under this name cannot appear any more. A creation that was never answered may take effect
/// late, even after the same thing was created again and deleted.
fn is_absent(world: &World, plan: &mut Plan, name: &str) -> bool {
    let placement = world.object.status.placement.as_ref().filter(|_| !world.ledger_is_lost());
    let named = plan.memory.named.entry(name.to_owned()).or_default();
    let last_call = match placement.and_then(|placement| placement.create_not_after.as_ref()) {
        Some(at) => at.0,
        // Placement or ledger are lost: whoever used them saw them before we first looked.
        None => *named.sought_since.get_or_insert(world.now) + world.settings.launch_window,
    };
    let listed_at = world.cloud.listed_at;
    if listed_at < last_call + world.settings.settle {
        return false;
    }
    named.is_deleted
        || listed_at.duration_since(*named.absent_since.get_or_insert(listed_at)) >= world.settings.proof_gap
}
