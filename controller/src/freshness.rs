//! The freshness of lists that a pass needs: how old they may be, and which plans need lists of their own. Pure.

use api::{ConditionType, LAUNCH_CLOSED, Launch};
use jiff::SignedDuration;
use planner::conditions::ConditionStatus;
use planner::ports::InstanceState;
use planner::world::ledger::{NEVER_SEEN, is_open};
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

    /// After a pass with this plan.
    pub(crate) fn after(plan: &Plan) -> Self {
        let is_true = |kind| plan.conditions.is_true(kind);
        let provisioned = plan.conditions.get(ConditionType::Provisioned);
        let stalled = plan.conditions.stalled_by.is_some();
        if plan.actions().any(|action| action.nature().changes_lists) || plan.ledger.iter().any(is_open) {
            Self::Moving
        } else if provisioned.reason == NOTHING_LEFT {
            Self::Idle
        } else if is_true(ConditionType::Provisioned) && is_true(ConditionType::Deployed) {
            if is_true(ConditionType::Measured) || stalled { Self::Idle } else { Self::Steady }
        } else if stalled || provisioned.status == ConditionStatus::Unknown {
            Self::Steady
        } else {
            Self::Moving
        }
    }
}

/// Reason of `Provisioned` when it is proven that nothing is left.
const NOTHING_LEFT: &str = "NothingLeft";

/// Whether a plan pays, destroys, lets go, or believes that something does not exist. Lists from before the pass will
/// not do for that: they may have been asked for before the object that was read was written.
pub(crate) fn is_grave(world: &World, plan: &Plan) -> bool {
    let status = &world.object.status;
    let acts = plan.actions().any(|action| action.nature().is_grave);
    let was_left = status
        .conditions
        .iter()
        .any(|condition| condition.type_ == ConditionType::Provisioned.name() && condition.reason == NOTHING_LEFT);
    let nothing_left = plan.conditions.get(ConditionType::Provisioned).reason == NOTHING_LEFT;
    acts || plan.placement != status.placement
        || nothing_left != was_left && nothing_left
        || plan.ledger.iter().any(|line| is_grave_line(world, line))
}

/// New, given up, or with instances given up that nobody saw terminated.
fn is_grave_line(world: &World, line: &Launch) -> bool {
    let Some(old) = world.object.status.launches.iter().find(|old| old.token == line.token) else { return true };
    let given_up = is_open(old) && line.state == LAUNCH_CLOSED && line.reason == NEVER_SEEN;
    let terminated = |id: &String| {
        let all = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
        all.iter().any(|instance| instance.id == *id && instance.state == InstanceState::Terminated)
    };
    let dropped = old.instance_ids.iter().filter(|id| !line.instance_ids.contains(id));
    given_up || dropped.into_iter().any(|id| !terminated(id))
}
