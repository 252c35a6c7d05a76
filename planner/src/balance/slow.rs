//! The instances that are slow to get ready.

use crate::instances::readiness::ready;
use crate::owner;
use crate::ports::InstanceState;
use crate::world::World;

/// Instances that should be ready by now and are not: their consoles are worth a look.
pub fn slow_instances(world: &World) -> Vec<String> {
    let Some(instances) = world.cloud.instances.known() else { return Vec::new() };
    let ready = ready(world);
    let owner = world.owner();
    instances
        .iter()
        .filter(|instance| owner.owns(&instance.tags) && instance.tags.contains_key(owner::POOL))
        .filter(|instance| instance.state == InstanceState::Running && !ready.contains(instance.id.as_str()))
        .filter(|instance| world.now.duration_since(instance.launched_at) > SLOW_BOOT)
        .map(|instance| instance.id.clone())
        .collect()
}

/// A boot with a fetch from nearby takes less; EC2 takes longer than this to show a console anyway.
const SLOW_BOOT: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);
