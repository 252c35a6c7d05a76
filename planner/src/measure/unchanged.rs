//! The proof that each worker served the same program through a whole run, where workers are updated in place.
//!
//! An order that was sent before the run may be obeyed in it, as long as its signature holds. So the run's document has the
//! version of what each worker serves, as its starter said just before, and before the report is recorded the starters are asked
//! once more: where a version is another one, nothing of the run counts. A worker answers before its starter has seen it answer,
//! so a run begins when all starters have.

use std::collections::BTreeMap;

use wire::{RunSpec, Said};

use crate::desired;
use crate::plan::Plan;
use crate::world::{Facet, World};

/// When it is asked what workers serve.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    BeforeRun,
    AfterRun,
}

impl Asked {
    /// What is waited for.
    fn versions(self) -> &'static str {
        match self {
            Self::BeforeRun => "versions before a run",
            Self::AfterRun => "versions after a run",
        }
    }
}

/// Version of what each worker serves, as its starter says now. A starter that says 0 knows of nothing that served yet.
pub(crate) fn serving(world: &World) -> BTreeMap<String, u64> {
    let said = world.applications.as_ref().and_then(Facet::known).into_iter().flatten();
    let version = |(id, said): (&String, &Said)| match said {
        Said::Status(status) if status.version > 0 => Some((id.clone(), status.version)),
        Said::Status(_) | Said::Refused { .. } | Said::Silent(_) => None,
    };
    said.filter_map(version).collect()
}

/// Why nothing of a run counts, if so: a worker serves another version than before it.
pub fn changed(world: &World, run: &RunSpec) -> Option<String> {
    let now = serving(world);
    let is_other = |(id, version): &(&String, &u64)| now.get(*id).is_some_and(|now| now != *version);
    let (id, _) = run.serving.iter().find(is_other)?;
    Some(format!("{id} did not serve the same program through the whole run"))
}

/// Whether it is not known yet what all workers serve. It is waited for as long as lists may be late; a worker whose starter is
/// silent then is left to the generator, which voids rounds in which a member was lost.
pub(crate) fn is_unproven(world: &World, plan: &mut Plan, asked: Asked) -> bool {
    let is_said = |said: &Said| matches!(said, Said::Status(status) if status.version > 0);
    let are_said = matches!(&world.applications, Some(Facet::Known(all)) if all.values().all(is_said));
    if are_said || !desired::is_in_place(&world.object.spec) {
        plan.memory.absent_since.remove(asked.versions());
        return false;
    }
    let first = *plan.memory.absent_since.entry(asked.versions().to_owned()).or_insert(world.now);
    world.now.duration_since(first) < world.settings.settle
}
