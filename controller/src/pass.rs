//! One pass over one object: observe, plan, act, record.

use std::sync::Arc;
use std::time::Duration;

use api::{ClusterBenchmark, Status};
use jiff::Timestamp;
use planner::ports::{Agents, Regions};
use planner::world::{Finalizer, Settings};
use planner::{Action, Memory, Outcome, Plan, World};

use crate::counted::Counted;
use crate::dropped;
use crate::facts::Facts;
use crate::lister::{Lister, Need};
use crate::metrics::{Metrics, Owed};
use crate::notes::{Note, Notes};
use crate::observe::{self, Look};
use crate::pace::{self, Pace};
use crate::store::{Store, StoreError};
use crate::turns::Turns;

/// Where `now` comes from: the wall clock, or a test's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What decides, as a value: the planner, unless a test asks whether a wrong decision would be noticed.
#[derive(Clone, Copy)]
pub struct Decisions {
    pub plan: fn(&World) -> Plan,
    pub status: fn(&World, &Plan, &[Outcome]) -> Status,
}

impl Default for Decisions {
    fn default() -> Self {
        Self { plan: planner::plan, status: planner::status }
    }
}

/// The loop over its ports.
pub struct Reconciler<S, R, A> {
    pub store: S,
    pub regions: R,
    pub agents: A,
    pub settings: Settings,
    pub clock: Clock,
    pub metrics: Metrics,
    pub decisions: Decisions,
    pub(crate) lister: Lister,
    pub(crate) facts: Facts,
    turns: Turns,
    pub(crate) notes: Notes,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    After(Duration),
    /// There is no such object (any more).
    Gone,
}

#[derive(Debug, thiserror::Error)]
pub enum PassError {
    #[error("cannot read the object: {0}")]
    Read(StoreError),
    #[error("cannot write status: {0}")]
    Record(StoreError),
}

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    pub fn new(store: S, regions: R, agents: A, settings: Settings, clock: Clock, metrics: Metrics) -> Self {
        let (lister, facts) = (Lister::new(clock.clone()), Facts::new(clock.clone()));
        let (decisions, turns, notes) = (Decisions::default(), Turns::default(), Notes::default());
        Self { store, regions, agents, settings, clock, metrics, decisions, lister, facts, turns, notes }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn cloud(&self, region: &str) -> Counted<R::Cloud> {
        Counted::new(self.regions.region(region), self.metrics.clone())
    }

    /// *Guarantees*: nothing is launched that is not written down and read back first.
    /// *Errors*: only of the Kubernetes side; what the cloud or an agent refuses is in the object's conditions.
    /// *Cancellation*: at any point; a later pass finds out what happened.
    pub async fn pass(&self, namespace: &str, name: &str) -> Result<Next, PassError> {
        // A live read: a cache could show a ledger from before the last launch.
        let Some(mut stored) = self.store.get(namespace, name).await.map_err(PassError::Read)? else {
            self.forget(namespace, name);
            return Ok(Next::Gone);
        };
        let Some(object) = observe::object(&mut stored) else { return Ok(Next::Gone) };
        let begun = self.lister.tick();
        let note = self.notes.of(&object);
        let Look { mut world, listed } = Box::pin(self.observe(object, note.memory.clone(), &note.need())).await;
        let mut plan = (self.decisions.plan)(&world);
        // What pays, destroys or lets go is decided on lists that were begun after the object was read.
        if listed.is_some_and(|tick| tick <= begun) && pace::is_grave(&world, &plan) {
            let need = Need { begun_after: begun, longest_age: Pace::Idle.longest_age() };
            world = Box::pin(self.observe(world.object, note.memory.clone(), &need)).await.world;
            plan = (self.decisions.plan)(&world);
        }
        if dropped::is_said(&world.object.status) {
            dropped::hold_back(&mut plan);
        }
        let mut turns = note.turns.clone();
        self.turns.take(&world, &mut plan, &mut turns, self.now());
        tracing::debug!(actions = plan.effects.len(), wake = ?plan.wake, "planned");
        self.notes.brace(&world.object, &note, &plan);
        let outcomes = Box::pin(self.act(&stored, &world, &plan)).await;
        let mut memory = plan.memory.clone();
        memory.acted(&world, &outcomes);
        let next = self.record(&stored, &world, &plan, &outcomes, &mut memory).await;
        let acted =
            if plan.actions().any(|action| action.nature().changes_lists) { self.lister.tick() } else { note.acted };
        let owed = owed(&plan);
        match &next {
            Ok(Next::Gone) => self.forget(namespace, name),
            _ => {
                self.metrics.owes(note.owed, owed);
                self.notes.keep(&world.object, Note { memory, pace: Some(Pace::after(&plan)), acted, owed, turns });
            }
        }
        next
    }

    /// Writes status. `None`: the object changed under us or is gone, and the next look tells which.
    async fn put(&self, object: &ClusterBenchmark, status: &Status) -> Result<Option<ClusterBenchmark>, PassError> {
        match self.store.put_status(object, status).await {
            Ok(echo) => Ok(Some(echo)),
            Err(StoreError::Conflict | StoreError::Gone) => Ok(None),
            Err(error) => Err(PassError::Record(error)),
        }
    }

    /// The object is gone.
    pub fn forget(&self, namespace: &str, name: &str) {
        if let Some((uid, note)) = self.notes.forget(namespace, name) {
            self.lister.forget(&uid);
            self.metrics.owes(note.owed, Owed::default());
        }
    }

    /// Writes status if it says anything new.
    async fn record(
        &self,
        stored: &ClusterBenchmark,
        world: &World,
        plan: &Plan,
        outcomes: &[Outcome],
        memory: &mut Memory,
    ) -> Result<Next, PassError> {
        let wake = Duration::try_from(memory.wake(plan.wake, outcomes)).unwrap_or_default();
        let of_finalizer =
            |outcome: &&Outcome| matches!(outcome.action, Action::AddFinalizer | Action::RemoveFinalizer);
        if let Some(outcome) = outcomes.iter().find(of_finalizer) {
            // The object moved on under us: the next look writes.
            return Ok(match (&outcome.action, &outcome.result) {
                (Action::RemoveFinalizer, Ok(_)) => Next::Gone,
                (_, Ok(_)) => Next::After(Duration::ZERO),
                (_, Err(_)) => Next::After(wake),
            });
        }
        if world.object.finalizer == Finalizer::Absent && stored.metadata.deletion_timestamp.is_some() {
            return Ok(Next::After(wake.max(Duration::from_secs(30))));
        }
        let said = dropped::is_said(&world.object.status);
        let next = (self.decisions.status)(world, plan, outcomes);
        // Until the server is seen to keep everything, what is written says that it does not.
        let sent = if said { &dropped::said(&next, world) } else { &next };
        if *sent == world.object.status {
            return Ok(Next::After(wake));
        }
        let Some(echo) = self.put(stored, sent).await? else { return Ok(Next::After(Duration::ZERO)) };
        if !dropped::holds(&echo, sent) {
            tracing::error!("{}", dropped::MESSAGE);
            if !said {
                let status = dropped::said(&next, world);
                self.put(&echo, &status).await?;
                self.store.publish(stored, &planner::events(&world.object.status, &status)).await;
            }
            return Ok(Next::After(dropped::PAUSE));
        }
        if said {
            // A status without the lines that are still rehearsed proves nothing about lines.
            if plan.actions().any(|action| matches!(action, Action::Rehearse(_))) {
                return Ok(Next::After(wake));
            }
            self.put(&echo, &next).await?;
        }
        memory.recorded(&world.object.status.launches, &next.launches, &self.settings.process);
        self.store.publish(stored, &planner::events(&world.object.status, &next)).await;
        Ok(Next::After(wake))
    }
}

fn owed(plan: &Plan) -> Owed {
    let count = |items: usize| i64::try_from(items).unwrap_or(i64::MAX);
    Owed {
        open_launches: count(plan.ledger.iter().filter(|line| !planner::world::ledger::is_closed(line)).count()),
        leftovers: count(plan.leftovers.len()),
    }
}
