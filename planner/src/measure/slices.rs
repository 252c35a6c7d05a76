//! The generators that run, and the slice of a launch that each of them has.

use wire::{RunSpec, RunState, RunStatus};

use super::records::waiting;
use crate::conditions::{ConditionStatus, Reason};
use crate::desired;
use crate::effect::Action;
use crate::instances::{dialled, single};
use crate::plan::Plan;
use crate::run_key::RunKey;
use crate::runs::{self, answer, held, running};
use crate::world::World;

/// A generator whose instance runs.
pub(crate) struct Generator {
    pub(crate) number: u32,
    pub(crate) control: String,
    pub(crate) instance_id: String,
}

/// One generator's slice of a launch that is not recorded yet.
pub(crate) struct Slice<'a> {
    pub(crate) key: RunKey,
    pub(crate) generator: &'a Generator,
    /// What the generator says of it.
    pub(crate) answer: Option<&'a RunStatus>,
}

impl Slice<'_> {
    pub(crate) fn is_running(&self) -> bool {
        self.answer.is_some_and(|status| status.state == RunState::Running)
    }

    /// Control API, id and name of the run: what each call names.
    fn named(&self) -> (String, String, String) {
        let Generator { control, instance_id, .. } = self.generator;
        (control.clone(), instance_id.clone(), self.key.name())
    }

    pub(crate) fn stop(&self) -> Action {
        let (control, instance_id, name) = self.named();
        Action::StopRun { control, instance_id, name }
    }

    pub(crate) fn hold(&self) -> Action {
        let (control, instance_id, name) = self.named();
        Action::HoldRun { control, instance_id, name }
    }

    pub(crate) fn resume(&self) -> Action {
        let (control, instance_id, name) = self.named();
        Action::ResumeRun { control, instance_id, name }
    }

    pub(crate) fn start(&self, run: RunSpec) -> Action {
        let Generator { control, instance_id, .. } = self.generator;
        Action::StartRun { control: control.clone(), instance_id: instance_id.clone(), run: Box::new(run) }
    }
}

pub(crate) fn generators(world: &World) -> Vec<Generator> {
    let running = runs::generators(world).filter_map(|number| {
        let instance = single(world, &desired::generator(number))?;
        Some(Generator { number, control: dialled(world, instance)?, instance_id: instance.id.clone() })
    });
    running.collect()
}

/// What is still to come of a launch, of the generators that run.
pub(crate) fn open<'a>(world: &'a World, key: &RunKey, generators: &'a [Generator]) -> Vec<Slice<'a>> {
    let run = running(&world.object.status.runs, key);
    let is_recorded = |slice: &RunKey| run.is_some_and(|run| !held(run, slice).is_empty());
    let slice = |key: RunKey| {
        let generator = generators.iter().find(|generator| generator.number == key.generator)?;
        Some(Slice { answer: answer(world, &key), key, generator })
    };
    key.slices().filter(|slice| !is_recorded(slice)).filter_map(slice).collect()
}

pub(crate) fn collect(plan: &mut Plan, slice: &Slice<'_>, status: &RunStatus) {
    let key = &slice.key;
    let Some(sha256) = &status.report_sha256 else {
        return waiting(plan, "the generator is writing its report");
    };
    // Recorded already, as aborted: it is being forgotten.
    if plan.runs.iter().any(|run| key.is_of(run) && held(run, key) == sha256) {
        return waiting(plan, "the aborted run is being cleared away");
    }
    let message = with_warning("the report is being collected".to_owned(), status);
    plan.conditions.measured(ConditionStatus::False, Reason::Collecting, message);
    let control = slice.generator.control.clone();
    let because = format!("the run has ended, as {:?}", status.state);
    plan.act(Action::CollectReport { control, run: key.clone(), sha256: sha256.clone() }, because);
}

pub(crate) fn with_warning(message: String, status: &RunStatus) -> String {
    if status.warning.is_empty() { message } else { format!("{message}; the generator: {}", status.warning) }
}
