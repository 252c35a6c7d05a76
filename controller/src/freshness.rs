//! The freshness of lists that a pass needs: how old they may be, and which plans need lists of their own. Pure.

use api::{ConditionType, Launch};
use jiff::SignedDuration;
use planner::conditions::{ConditionStatus, Reason, Stored};
use planner::counts::is_any_moving;
use planner::ports::InstanceState;
use planner::world::ledger::{Refusal, is_closed, is_open, refusal};
use planner::{Plan, World};

/// How fast the cloud side of an object changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Freshness {
    /// Something is being made, booted or removed.
    Moving,
    /// Everything runs and something is going on, or something is in the way that time will not remove.
    Steady,
    /// What was asked for is recorded, or nothing is left: only an accident changes anything.
    Idle,
}

impl Freshness {
    /// The oldest list that will do. EC2 refills 20 list calls a second for the whole account: moving things are worth
    /// one in two seconds, a running benchmark learns of a death from its balancer long before the list, and
    /// for an idle one two minutes of a dead instance cost nothing.
    pub(crate) fn longest_age(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::Moving => 2,
            Self::Steady => 30,
            Self::Idle => 120,
        })
    }

    /// After a pass with this plan for this world. The instances of a cluster that follows its queue come and go while it is measured,
    /// after that, and, as far as they go, during a pause: a boot that is seen late looks long, and the rule reckons with it.
    pub(crate) fn after(world: &World, plan: &Plan) -> Self {
        let is_true = |kind| plan.conditions.is_true(kind);
        let provisioned = plan.conditions.get(ConditionType::Provisioned);
        let stalled = plan.conditions.stalled_by.is_some();
        if plan.actions().any(|action| action.nature().changes_lists) || !plan.ledger.iter().all(is_closed) {
            Self::Moving
        } else if provisioned.reason == Reason::NothingLeft {
            Self::Idle
        } else if is_any_moving(world) {
            Self::Moving
        } else if is_true(ConditionType::Provisioned) && is_true(ConditionType::Deployed) {
            let is_over = is_true(ConditionType::Measured) || stalled;
            if is_over { Self::Idle } else { Self::Steady }
        } else if stalled || provisioned.status == ConditionStatus::Unknown {
            Self::Steady
        } else {
            Self::Moving
        }
    }
}

/// Whether a plan pays, destroys, lets go, or believes that something does not exist. Lists from before the pass will
/// not do for that: they may have been asked for before the object that was read was written.
pub(crate) fn is_grave(world: &World, plan: &Plan) -> bool {
    let status = &world.object.status;
    let acts = plan.actions().any(|action| action.nature().is_grave);
    let was_left = Stored::is_said(status, ConditionType::Provisioned, Reason::NothingLeft);
    let nothing_left = plan.conditions.get(ConditionType::Provisioned).reason == Reason::NothingLeft;
    acts || plan.placement != status.placement
        || nothing_left != was_left && nothing_left
        || plan.ledger.iter().any(|line| is_grave_line(world, line))
}

/// New, given up, or with instances given up that nobody saw terminated.
fn is_grave_line(world: &World, line: &Launch) -> bool {
    let Some(old) = world.object.status.launches.iter().find(|old| old.token == line.token) else { return true };
    let given_up = is_open(old) && is_closed(line) && refusal(line) == Some(Refusal::NeverSeen);
    let terminated = |id: &String| {
        let all = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
        all.iter().any(|instance| instance.id == *id && instance.state == InstanceState::Terminated)
    };
    let dropped = old.instance_ids.iter().filter(|id| !line.instance_ids.contains(id));
    given_up || dropped.into_iter().any(|id| !terminated(id))
}
