//! Creation of what has a name: written ahead like a launch. A call that is never answered may still create something, but
//! only of a kind that the placement names, and only until the end of the window that it gives.

use api::Placement;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::kind::ResourceKind;
use super::name::names;
use crate::effect::Action;
use crate::plan::Plan;
use crate::world::World;

/// Plans to create what no list shows under this name: the call if status was read to allow it, else what status has to
/// say first. `create` makes the call of the time after which it must not be sent.
pub(crate) fn create(
    world: &World,
    placement: &Placement,
    plan: &mut Plan,
    (kind, name): (ResourceKind, &str),
    create: impl FnOnce(Timestamp) -> Action,
) {
    let stems = names(&world.owner(), kind);
    for name in stems.into_iter().chain([name.to_owned()]) {
        plan.memory.named.entry(name).or_default().forget_proof();
    }
    let until = placement.create_not_after.as_ref().map(|at| at.0).filter(|at| world.now <= *at);
    match until.filter(|_| kind.is_written(placement)) {
        Some(until) => plan.act(create(until), "no list shows it"),
        None => {
            // Of several kinds in one pass each adds itself.
            let mut written = plan.placement.take().unwrap_or_else(|| placement.clone());
            if !kind.is_written(&written) {
                written.kinds.push(kind.name().to_owned());
            }
            plan.placement = Some(Placement { create_not_after: Some(not_after(world)), ..written });
            plan.wake = SignedDuration::ZERO;
        }
    }
}

/// Until when things may be created from now on, in whole seconds as status holds them.
pub(crate) fn not_after(world: &World) -> Time {
    let at = world.now + world.settings.launch_window;
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}
