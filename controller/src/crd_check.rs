//! The check that the API server keeps what it is sent; when it keeps less, the installed resource definition is older than
//! this operator (Helm does not upgrade `crds/`), and the server drops fields that it does not know without a word.

use std::time::Duration;

use api::{ClusterBenchmark, ConditionType, Status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use planner::Plan;
use planner::world::World;

/// Reason of `Stalled`.
pub(crate) const CRD_TOO_OLD: &str = "CrdTooOld";
pub(crate) const MESSAGE: &str = "the API server dropped part of the status, so the installed resource definition is older than the operator: apply manifests/crds.yaml of the operator's version; until then nothing is launched";

/// Until the definition is looked at again: somebody has to renew it.
pub(crate) const PAUSE: Duration = Duration::from_secs(60);

/// Whether the server kept what decisions depend on.
pub(crate) fn holds(echo: &ClusterBenchmark, sent: &Status) -> bool {
    echo.status.as_ref().is_some_and(|kept| {
        kept.launches == sent.launches
            && kept.placement == sent.placement
            && kept.runs == sent.runs
            && kept.pools == sent.pools
            && kept.seal == sent.seal
    })
}

/// Whether the last status that could be written says so.
pub(crate) fn is_said(status: &Status) -> bool {
    status.conditions.iter().any(|condition| condition.reason == CRD_TOO_OLD)
}

/// The status with `Stalled` saying so: conditions are what every version of the definition has.
pub(crate) fn said(status: &Status, world: &World) -> Status {
    let [stalled, reconciling] = [ConditionType::Stalled, ConditionType::Reconciling].map(ConditionType::name);
    let mut status = status.clone();
    let before = world.object.status.conditions.iter().find(|c| c.type_ == stalled && c.reason == CRD_TOO_OLD).cloned();
    // As the server stores it: finer times would come back changed.
    let now = Timestamp::from_second(world.now.as_second()).unwrap_or(world.now);
    status.conditions.retain(|condition| condition.type_ != stalled && condition.type_ != reconciling);
    status.conditions.push(Condition {
        type_: stalled.to_owned(),
        status: "True".to_owned(),
        reason: CRD_TOO_OLD.to_owned(),
        message: MESSAGE.to_owned(),
        observed_generation: Some(world.object.generation),
        last_transition_time: before.map_or(Time(now), |condition| condition.last_transition_time),
    });
    status.phase = Some("Stalled".to_owned());
    status
}

/// Takes back what would pay: what is paid for could not be written down.
pub(crate) fn hold_back(plan: &mut Plan) {
    plan.effects.retain(|effect| !effect.action.nature().creates);
}
