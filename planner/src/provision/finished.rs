//! The end of those who have finished, where a cluster follows its queue: terminated, or stopped where the pool starts them again.

use std::collections::BTreeSet;

use super::removal;
use crate::counts::{self, Decision};
use crate::effect::Action;
use crate::plan::Plan;
use crate::ports::Instance;
use crate::world::World;

/// Ends of these whom the front saw finish or be silent for too long.
pub(crate) fn end(
    world: &World,
    instances: &[Instance],
    plan: &mut Plan,
    (decision, these): (&Decision, &BTreeSet<String>),
    because: &str,
) {
    let seconds = counts::silent_millis(&world.object.spec) / 1_000;
    let ends = [
        (false, format!("{because}, and these have finished")),
        (true, format!("{because}, and these were told to finish and have given no sign for {seconds} s or more")),
    ];
    for (is_silent, because) in ends {
        let of = |some: &BTreeSet<String>| -> BTreeSet<String> {
            some.intersection(these).filter(|id| decision.silent.contains(*id) == is_silent).cloned().collect()
        };
        removal::terminate(world, instances, plan, of(&decision.terminate), &because);
        let stopped = of(&decision.stop);
        if !stopped.is_empty() {
            plan.act(Action::Stop(stopped), because);
        }
    }
}
