//! The replacement of all workers between two launches of a run.
//!
//! A claim about an instance type needs several samples of it. When a launch was measured and its report is recorded,
//! the placement counts one relaunch more. That count is a part of what workers are ([`crate::desired`]), so the
//! ordinary replacement makes new ones of all.

use api::{ConditionType, Placement};
use jiff::SignedDuration;

use crate::conditions::{ConditionStatus, Reason};
use crate::desired;
use crate::plan::Plan;
use crate::provision::{known_fields, zone_fallback};
use crate::run_key::RunKey;
use crate::runs;
use crate::time_left;
use crate::world::World;

/// Whether the workers that run were measured, and others are to be measured next. Not while the generator would refuse what is
/// to be measured: new workers would be paid for nothing.
pub(crate) fn is_due(world: &World, placement: &Placement) -> bool {
    let spec = &world.object.spec;
    if desired::launches(spec) == 1 || known_fields::refusal(spec, placement).is_some() {
        return false;
    }
    let key = runs::wanted(world);
    waits(world, placement, &key) && !time_left::is_late(world, placement) && time_left::too_long(world, &key).is_none()
}

/// Whether the next launch of the wanted run may not be measured yet: the workers are still those of the last one.
pub(crate) fn waits(world: &World, placement: &Placement, key: &RunKey) -> bool {
    let run = runs::running(&world.object.status.runs, key);
    let done = run.filter(|run| !runs::is_whole(run) && runs::is_between_launches(run));
    let last = done.and_then(|run| run.parts.last());
    last.is_some_and(|part| part.relaunches >= placement.relaunches)
}

/// Counts the relaunch. What follows from it is the next look's.
pub(crate) fn plan(world: &World, placement: &Placement, mut plan: Plan) -> Plan {
    zone_fallback::say_where(placement, &mut plan);
    let RunKey { launch, launches, .. } = runs::wanted(world);
    let message = format!("{} of {launches} launches are measured: all workers are replaced", launch - 1);
    for kind in [ConditionType::Provisioned, ConditionType::Deployed, ConditionType::Measured] {
        plan.conditions.set(kind, ConditionStatus::False, Reason::Relaunching, message.clone());
    }
    plan.placement = Some(Placement { relaunches: placement.relaunches + 1, ..placement.clone() });
    plan.wake = SignedDuration::ZERO;
    plan
}
