//! Answers to calls about what has a name, in the light of what lists show.

use crate::effect::{ByName, Deed, Done, Kind};
use crate::failure::{CloudError, Failure};
use crate::world::World;
use crate::world::memory::Memory;
use crate::world::named::Since;

/// The error as it is believed.
///
/// A policy by tags refuses what does not exist, because nothing has no tags (aws/karpenter-provider-aws#2100): while lists
/// that are late still show a resource, its absence comes as `UnauthorizedOperation`. That is believed to be a missing
/// permission only when lists go on showing it. So does a resource of ours that was just created exist already while no list
/// shows it; when none does for longer than lists can be late, its name is taken by what is not ours (any more).
pub(crate) fn believed(world: &World, about: ByName<'_>, error: CloudError) -> CloudError {
    let named = world.memory.named.get(about.name);
    match (about.deed, error.failure) {
        (Deed::Change { id } | Deed::Delete { id }, Failure::Unauthorized) => {
            let refused = named.and_then(|named| named.refused.get(&(about.kind, id.to_owned())));
            let is_late = refused.is_none_or(|at| world.now.duration_since(*at) < world.settings.proof_gap);
            if is_late { CloudError { failure: Failure::NotFound, ..error } } else { error }
        }
        (Deed::Create, Failure::AlreadyExists) => {
            let taken_since = named.and_then(|named| named.taken_since);
            let is_late = taken_since.is_none_or(|since| world.now.duration_since(since) < world.settings.settle);
            if is_late { error } else { taken(&error) }
        }
        _ => error,
    }
}

fn taken(error: &CloudError) -> CloudError {
    let message = format!(
        "{}; it does not carry our tags: if somebody edited them, put them back, else delete it",
        error.message
    );
    CloudError::new(Failure::NameTaken, error.code.clone(), message)
}

/// A creation that is answered as a success and that no list shows for longer than lists can be late: where a create call of an
/// existing name answers the existing thing, that is not ours (any more).
pub(crate) fn is_in_vain(world: &World, about: ByName<'_>) -> bool {
    let taken_since = world.memory.named.get(about.name).and_then(|named| named.taken_since);
    let lasts = taken_since.map(|since| world.now.duration_since(since));
    about.deed == Deed::Create && lasts.is_some_and(|lasts| lasts >= world.settings.settle)
}

/// The error of such a creation.
pub(crate) fn in_vain(about: ByName<'_>) -> CloudError {
    let message = format!("{} exists", about.name);
    taken(&CloudError::new(Failure::AlreadyExists, "NameTaken", message))
}

/// Remembers what became of a call.
pub(crate) fn remember(memory: &mut Memory, world: &World, about: ByName<'_>, result: &Result<Done, CloudError>) {
    let named = memory.named.entry(about.name.to_owned()).or_default();
    let failure = result.as_ref().map_err(|error| error.failure).err();
    match (about.deed, failure) {
        (Deed::Create, failure) => {
            (named.is_deleted, named.deleted_at) = (false, None);
            match failure {
                // Until a list shows it as ours.
                None | Some(Failure::AlreadyExists | Failure::NameTaken) => {
                    named.taken_since.get_or_insert(world.now);
                }
                _ => named.taken_since = None,
            }
        }
        (Deed::Delete { id }, Some(Failure::DependencyViolation)) => {
            // Emptied once more, in case something was still written. Then whatever is left is not ours to find.
            named.is_empty &= named.held.as_ref().is_some_and(|held| held.id == id);
            Since::begin(&mut named.held, id, world.now);
        }
        (Deed::Delete { id }, None) => {
            (named.is_deleted, named.deleted_at) = (true, Some(world.now));
            Since::end(&mut named.held, id);
            named.refused.retain(|(_, refused), _| refused != id);
        }
        (Deed::Change { id }, None) => {
            named.refused.remove(&(about.kind, id.to_owned()));
            named.is_empty = about.kind == Kind::EmptyBucket && matches!(result, Ok(Done::Ok));
        }
        (Deed::Change { id } | Deed::Delete { id }, Some(Failure::NotFound | Failure::Unauthorized)) => {
            named.refused.entry((about.kind, id.to_owned())).or_insert(world.now);
        }
        _ => {}
    }
}
