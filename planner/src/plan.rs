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
use crate::ports::{GroupRequest, InstanceState, LaunchRequest, Rule};
use crate::runs::{self, RunKey};
use crate::world::{Deletion, Facet, Finalizer, Ignorance, Seal, World};
use crate::{deploy, measure, pausing, placement, provision, region, relaunch, relocation, teardown};

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
    /// Asks whether a launch would be taken. Makes nothing.
    Rehearse(LaunchRequest),
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
    /// Make one report of those of all launches of a run.
    JoinParts {
        run: RunKey,
        /// SHA-256 of each, in the order of the launches.
        reports: Vec<String>,
    },
    /// Has a run wait when its round has ended; it keeps what it measured.
    HoldRun {
        control: String,
        instance_id: String,
        name: String,
    },
    /// Lets a run go on that is held.
    ResumeRun {
        control: String,
        instance_id: String,
        name: String,
    },
    /// Stops a run that is on. It keeps its report.
    StopRun {
        control: String,
        instance_id: String,
        name: String,
    },
    /// Forgets a run that has ended, if its report is the one that is recorded: a call that comes late may meet another
    /// run of the same name.
    ForgetRun {
        control: String,
        instance_id: String,
        name: String,
        report_sha256: String,
    },
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
    /// Instances that are to be terminated, those included that are not tried now because they were just refused.
    pub doomed: BTreeSet<String>,
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
    if terminates && runs::recorded(world, &runs::wanted(world)).is_some() {
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
    if somebody_elses(world, &mut plan) || wrong_account(world, &mut plan) {
        return plan;
    }
    match goal(world) {
        Goal::Nothing(why) => teardown::plan(world, why, &mut plan),
        Goal::Instances => match world.object.status.placement.clone() {
            _ if world.object.spec.paused => pausing::plan(world, &mut plan),
            None => place(world, &mut plan),
            Some(placement) if relocation::is_moving(&placement) => relocation::plan(world, &placement, &mut plan),
            Some(placement) => {
                // What a former spec measures is stopped and collected before anything under it changes.
                if measure::former_is_on(world, &placement, &mut plan) {
                    plan.judgements.wait_for_former();
                } else if relaunch::is_due(world, &placement) {
                    return relaunch::plan(world, &placement, plan);
                } else {
                    provision::plan(world, &placement, &mut plan);
                    deploy::plan(world, &placement, &mut plan);
                }
                measure::plan(world, &placement, &mut plan);
                // Nothing goes on before people do something, or the refused instance ends itself.
                let is_held = plan.judgements.get(ConditionType::Provisioned).reason == teardown::DENIED;
                if is_held && plan.actions.is_empty() && plan.wake.is_positive() {
                    plan.wake = plan.wake.max(STEADY);
                }
            }
        },
    }
    plan
}

impl Plan {
    fn unchanged(world: &World) -> Self {
        let status = &world.object.status;
        let mut memory = world.memory.clone();
        memory.look(world);
        let seen = world.instances.known().map(Vec::as_slice).unwrap_or_default();
        let lives = |id: &String| seen.iter().any(|one| one.id == *id && one.state != InstanceState::Terminated);
        if world.instances.known().is_some() {
            memory.denials.retain(|id, _| lives(id));
        }
        if let Facet::Known(groups) = &world.groups {
            memory.refused_groups.retain(|name, _| !groups.iter().any(|group| group.name == *name));
        }
        Self {
            actions: Vec::new(),
            placement: status.placement.clone(),
            ledger: status.launches.iter().map(|line| ledger::with_sightings(line, seen, world.now)).collect(),
            runs: status.runs.clone(),
            judgements: Judgements::pending(),
            doomed: BTreeSet::new(),
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

/// Tags and tokens of another installation would find nothing of what this object made.
fn somebody_elses(world: &World, plan: &mut Plan) -> bool {
    let Some(placement) = world.object.status.placement.as_ref().filter(|_| world.object.seal != Seal::Broken) else {
        return false;
    };
    let (settings, made_by) = (&world.settings, (&placement.installation, &placement.kubernetes_cluster));
    if made_by == (&settings.installation, &settings.kubernetes_cluster) {
        return false;
    }
    let message = format!(
        "this benchmark was made by installation {} in Kubernetes cluster {}, the operator is {} in {}: nothing is done until an operator of that name runs (--installation)",
        made_by.0, made_by.1, settings.installation, settings.kubernetes_cluster
    );
    plan.judgements.set(ConditionType::Provisioned, Truth::Unknown, "WrongInstallation", message);
    plan.judgements.stall(ConditionType::Provisioned);
    plan.wake = SLOW;
    true
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
    if let Some((reason, message)) = region::refusal(world) {
        return refuse(plan, reason, message);
    }
    let Some(site) = &world.site else { return };
    // What exists already would refute that nothing was ever made: it must have been looked for.
    if let Some(why) = world.instances.ignorance().or(world.groups.ignorance()) {
        let why = Ignorance { message: format!("{}{}", why.message, region::doubt(world)), ..why.clone() };
        plan.judgements.unknown(ConditionType::Accepted, Some(&why));
        plan.wake_within(MOVING * 5);
        return;
    }
    match placement::choose(world, site) {
        Ok(placement) => {
            let message = format!("the spec can be placed{}", placement::caution(&placement, site));
            plan.placement = Some(placement);
            plan.judgements.set(ConditionType::Accepted, Truth::True, "Placed", message);
            plan.wake = SignedDuration::ZERO;
        }
        Err(placement::NoPlacement::Refused { reason, message }) => refuse(plan, reason, message),
        Err(placement::NoPlacement::Unknown(why)) => {
            plan.judgements.unknown(ConditionType::Accepted, Some(&why));
            plan.wake_within(MOVING * 5);
        }
    }
}

/// The spec cannot be placed; somebody has to change something.
fn refuse(plan: &mut Plan, reason: &str, message: String) {
    plan.judgements.set(ConditionType::Accepted, Truth::False, reason, message);
    plan.judgements.stall(ConditionType::Accepted);
    plan.wake = SLOW;
}
