//! World to Plan: what is missing, as independent actions.
//!
//! Desired comes first (deletion, expiry and `afterRun: Terminate` all mean *nothing*), then each facet is compared
//! with it: place, provision, deploy, measure, or tear down. Actions of one plan do not depend on each other;
//! whatever needs an action's result waits for the next look. Any subset may be carried out.

use std::collections::BTreeSet;

use api::{AfterRun, ConditionType, Launch, Placement, Run};
use jiff::SignedDuration;
use wire::{Membership, RunSpec};

use crate::conditions::{Judgements, Truth};
use crate::ledger;
use crate::memory::Memory;
use crate::ports::{GroupRequest, LaunchRequest, Rule};
use crate::world::{Deletion, Finalizer, World};
use crate::{deploy, measure, placement, provision, teardown};

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    AddFinalizer,
    RemoveFinalizer,
    CreateGroup(GroupRequest),
    Allow {
        group_id: String,
        rule: Rule,
    },
    DeleteGroup {
        id: String,
        name: String,
    },
    Launch(LaunchRequest),
    Terminate(BTreeSet<String>),
    SetMembership {
        control: String,
        instance_id: String,
        expect: String,
        to: Membership,
    },
    StartRun {
        control: String,
        instance_id: String,
        run: RunSpec,
    },
    /// Fetch the report, store it as a BenchmarkReport, and summarise it.
    CollectReport {
        control: String,
        run: RunKey,
        sha256: String,
    },
    /// Stops a run that is on; forgets one that has ended.
    DeleteRun {
        control: String,
        instance_id: String,
        name: String,
    },
}

/// Which run a report belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    pub id: String,
    pub measured_sha256: String,
}

impl RunKey {
    /// The run's id on the generator: valid in a URL path, the same for the same run for ever.
    pub fn name(&self) -> String {
        format!("{}.{}", self.id, self.measured_sha256.get(..12).unwrap_or_default())
    }

    pub fn is_of(&self, run: &Run) -> bool {
        run.id == self.id && run.measured_sha256 == self.measured_sha256
    }
}

/// What to do now, what to write down, and when to look again.
#[derive(Clone, Debug)]
pub struct Plan {
    pub actions: Vec<Action>,
    /// Frozen by record; the same as in status once it is there.
    pub placement: Option<Placement>,
    /// Lines as they are to be written down, new ones included.
    pub ledger: Vec<Launch>,
    pub runs: Vec<Run>,
    pub judgements: Judgements,
    /// What is still there although nothing should be.
    pub leftovers: Vec<String>,
    pub wake: SignedDuration,
    pub memory: Memory,
}

/// What the object asks for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Instances,
    Nothing(Why),
}

/// Why nothing is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Deleted,
    Expired,
    /// `afterRun: Terminate`, and the result is recorded.
    Finished,
    /// Status was wiped. What exists is removed, then everything begins anew.
    LedgerLost,
}

/// While something moves: soon enough to be quick, seldom enough for EC2's request quota.
pub const MOVING: SignedDuration = SignedDuration::from_secs(1);
/// While nothing is expected to change by itself.
pub const STEADY: SignedDuration = SignedDuration::from_secs(30);
/// When only somebody else can change what is in the way.
pub const SLOW: SignedDuration = SignedDuration::from_secs(60);

/// What the object asks for now.
pub fn goal(world: &World) -> Goal {
    let status = &world.object.status;
    if world.object.deletion == Deletion::Asked {
        return Goal::Nothing(Why::Deleted);
    }
    if world.ledger_is_lost() {
        return Goal::Nothing(Why::LedgerLost);
    }
    let expiry = status.placement.as_ref().and_then(|placement| placement.expires_at.as_ref());
    if expiry.is_some_and(|at| world.now >= at.0) {
        return Goal::Nothing(Why::Expired);
    }
    let terminates = world.object.spec.lifecycle.after_run == AfterRun::Terminate;
    if terminates && measure::recorded(world, &measure::wanted(world)).is_some() {
        return Goal::Nothing(Why::Finished);
    }
    Goal::Instances
}

/// Compares the world with what the object asks for. Does no I/O and cannot fail.
pub fn plan(world: &World) -> Plan {
    let mut plan = Plan::unchanged(world);
    let (deletion, finalizer) = (world.object.deletion, world.object.finalizer);
    match (deletion, finalizer) {
        (Deletion::Asked, Finalizer::Absent) => return plan,
        // The first status comes before the finalizer: a finalizer without it means that the ledger was lost.
        (Deletion::NotAsked, Finalizer::Absent) => {
            if world.object.status.observed_generation.unwrap_or(-1) >= 1 {
                plan.actions.push(Action::AddFinalizer);
            }
            plan.wake = SignedDuration::ZERO;
            return plan;
        }
        (_, Finalizer::Present) => {}
    }
    if wrong_account(world, &mut plan) {
        return plan;
    }
    match goal(world) {
        Goal::Nothing(why) => teardown::plan(world, why, &mut plan),
        Goal::Instances => match world.object.status.placement.clone() {
            None => place(world, &mut plan),
            Some(placement) => {
                // What a former spec measures is stopped and collected before anything under it changes.
                if measure::former_is_on(world, &placement, &mut plan) {
                    plan.judgements.wait_for_former();
                } else {
                    provision::plan(world, &placement, &mut plan);
                    deploy::plan(world, &placement, &mut plan);
                }
                measure::plan(world, &placement, &mut plan);
            }
        },
    }
    plan
}

impl Plan {
    fn unchanged(world: &World) -> Self {
        let status = &world.object.status;
        let mut memory = world.memory.clone();
        memory.look(world.now);
        let seen = world.instances.known().map(Vec::as_slice).unwrap_or_default();
        Self {
            actions: Vec::new(),
            placement: status.placement.clone(),
            ledger: status.launches.iter().map(|line| ledger::with_sightings(line, seen, world.now)).collect(),
            runs: status.runs.clone(),
            judgements: Judgements::pending(),
            leftovers: Vec::new(),
            wake: STEADY,
            memory,
        }
    }

    /// Looks again after `at_most`, or sooner if something else asks for it.
    pub(crate) fn wake_within(&mut self, at_most: SignedDuration) {
        self.wake = self.wake.min(at_most);
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
        self.wake_within(MOVING);
    }
}

/// Lists of another account say nothing about this benchmark, however empty they are.
fn wrong_account(world: &World, plan: &mut Plan) -> bool {
    let Some(placement) = &world.object.status.placement else { return false };
    match world.identity.known() {
        Some(identity) if identity.account == placement.account_id => false,
        Some(identity) => {
            plan.judgements.set(
                ConditionType::Provisioned,
                Truth::Unknown,
                "WrongAccount",
                format!(
                    "the operator's credentials are for account {}, this benchmark lives in {}: nothing is done until they are for that account again",
                    identity.account, placement.account_id
                ),
            );
            plan.wake = SLOW;
            true
        }
        None => {
            plan.judgements.unknown(ConditionType::Provisioned, world.identity.ignorance());
            plan.wake_within(MOVING * 5);
            true
        }
    }
}

fn place(world: &World, plan: &mut Plan) {
    let Some(site) = &world.site else { return };
    // What exists already would refute that nothing was ever made: it must have been looked for.
    if let Some(why) = world.instances.ignorance().or(world.groups.ignorance()) {
        plan.judgements.unknown(ConditionType::Accepted, Some(why));
        plan.wake_within(MOVING * 5);
        return;
    }
    match placement::choose(world, site) {
        Ok(placement) => {
            plan.placement = Some(placement);
            plan.judgements.set(ConditionType::Accepted, Truth::True, "Placed", "the spec can be placed");
            plan.wake = SignedDuration::ZERO;
        }
        Err(placement::NoPlacement::Refused { reason, message }) => {
            plan.judgements.set(ConditionType::Accepted, Truth::False, reason, message);
            plan.judgements.stall(ConditionType::Accepted);
            plan.wake = SLOW;
        }
        Err(placement::NoPlacement::Unknown(why)) => {
            plan.judgements.unknown(ConditionType::Accepted, Some(&why));
            plan.wake_within(MOVING * 5);
        }
    }
}
