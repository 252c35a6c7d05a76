//! The goal of an object: instances, or nothing and why.

use api::AfterRun;

use crate::runs;
use crate::world::{Deletion, World};

/// What the object asks for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Instances,
    Nothing(TeardownReason),
}

/// Why nothing is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeardownReason {
    Deleted,
    Expired,
    /// `afterRun: Terminate`, and the result is recorded.
    Finished,
    /// Status was wiped. What exists is removed, then everything begins anew.
    LedgerLost,
}

/// What the object asks for now.
pub fn goal(world: &World) -> Goal {
    let status = &world.object.status;
    if world.object.deletion == Deletion::Asked {
        return Goal::Nothing(TeardownReason::Deleted);
    }
    if world.ledger_is_lost() {
        return Goal::Nothing(TeardownReason::LedgerLost);
    }
    if status.placement.as_ref().is_some_and(|placement| placement.budget_spent_at.is_some()) {
        return Goal::Nothing(TeardownReason::Expired);
    }
    let expiry = status.placement.as_ref().and_then(|placement| placement.expires_at.as_ref());
    if expiry.is_some_and(|at| world.now >= at.0) {
        return Goal::Nothing(TeardownReason::Expired);
    }
    let terminates = world.object.spec.lifecycle.after_run == AfterRun::Terminate;
    if terminates && runs::recorded(world, &runs::wanted(world)).is_some() {
        return Goal::Nothing(TeardownReason::Finished);
    }
    Goal::Instances
}
