//! The plan of a pass, as the stages write it.

use std::collections::BTreeSet;

use api::{ConditionType, Launch, Placement, Run};
use jiff::SignedDuration;

use crate::conditions::{ConditionStatus, Conditions, Reason};
use crate::effect::{Action, Effect};
use crate::ports::InstanceState;
use crate::scale::pool::end_by_timers;
use crate::world::ledger::Look;
use crate::world::memory::Memory;
use crate::world::{Unknown, World, ledger};

/// What to do now, what to write down, and when the next pass is due.
#[derive(Clone, Debug)]
pub struct Plan {
    pub effects: Vec<Effect>,
    /// Frozen by record; the same as in status once it is there.
    pub placement: Option<Placement>,
    /// Lines as they are to be written down, new ones included.
    pub ledger: Vec<Launch>,
    pub runs: Vec<Run>,
    pub conditions: Conditions,
    /// Instances that are to be terminated, those included that are not tried now because they were just refused.
    pub doomed: BTreeSet<String>,
    /// What is still there although nothing should be.
    pub leftovers: Vec<String>,
    pub wake: SignedDuration,
    pub memory: Memory,
}

/// Why something cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlacement {
    /// The spec cannot be placed; the message names the field and the way out.
    Refused { reason: Reason, message: String },
    /// Not everything could be looked up.
    Unknown(Unknown),
}

/// Nothing can be placed before somebody changes what the message names.
pub(crate) fn refused<T>(reason: Reason, message: impl Into<String>) -> Result<T, NoPlacement> {
    Err(NoPlacement::Refused { reason, message: message.into() })
}

/// While something moves: soon enough to be quick, seldom enough for EC2's request quota.
pub const MOVING: SignedDuration = SignedDuration::from_secs(1);
/// While nothing is expected to change by itself.
pub const STEADY: SignedDuration = SignedDuration::from_secs(30);
/// When only somebody else can change what is in the way.
pub const SLOW: SignedDuration = SignedDuration::from_secs(60);
/// Longer than any pause between two passes of one process.
const WATCHED: SignedDuration = SignedDuration::from_secs(90);

impl Plan {
    pub(crate) fn unchanged(world: &World) -> Self {
        let status = &world.object.status;
        let mut memory = world.memory.clone();
        memory.begin_pass(world.now, &status.launches, &world.settings.process);
        let seen = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
        let lives = |id: &String| seen.iter().any(|one| one.id == *id && one.state != InstanceState::Terminated);
        if world.cloud.instances.known().is_some() {
            memory.denials.retain(|id, _| lives(id));
        }
        // What lists show as ours has its name.
        for name in world.cloud.names() {
            memory.named.entry(name.to_owned()).and_modify(|named| named.taken_since = None);
        }
        let look = |pool: &str| Look {
            now: world.now,
            expires_at: end_by_timers(&world.object.spec, status.placement.as_ref(), pool),
            is_watched: world.memory.looked_at.is_some_and(|at| world.now.duration_since(at) <= WATCHED),
        };
        let looked_at = |line: &Launch| {
            let seen_now = ledger::with_sightings(line, seen, world.now);
            ledger::with_end(line, seen_now, seen, &look(&line.pool))
        };
        Self {
            effects: Vec::new(),
            placement: status.placement.clone(),
            ledger: status.launches.iter().map(looked_at).collect(),
            runs: status.runs.clone(),
            conditions: Conditions::pending(),
            doomed: BTreeSet::new(),
            leftovers: Vec::new(),
            wake: STEADY,
            memory,
        }
    }

    /// Asks for a pass after `at_most`, or sooner if something else asks for it.
    pub(crate) fn wake_within(&mut self, at_most: SignedDuration) {
        self.wake = self.wake.min(at_most);
    }

    /// Plans an effect, and another pass soon after it.
    pub(crate) fn act(&mut self, action: Action, because: impl Into<String>) {
        self.effects.push(Effect { action, because: because.into() });
        self.wake_within(MOVING);
    }

    /// Says why something cannot be placed.
    pub(crate) fn not_placed(&mut self, why: NoPlacement) {
        match why {
            NoPlacement::Refused { reason, message } => self.refuse(reason, message),
            NoPlacement::Unknown(why) => {
                self.conditions.unknown(ConditionType::Accepted, Some(&why));
                self.wake_within(MOVING * 5);
            }
        }
    }

    /// The spec cannot be placed; somebody has to change something.
    pub(crate) fn refuse(&mut self, reason: Reason, message: String) {
        self.conditions.accepted(ConditionStatus::False, reason, message);
        self.conditions.stall(ConditionType::Accepted);
        self.wake = SLOW;
    }

    /// The planned actions, in no order that matters.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.effects.iter().map(|effect| &effect.action)
    }
}
