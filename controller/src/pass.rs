//! One pass over one object: observe, plan, act, record.

use std::time::Duration;

use api::{ClusterBenchmark, Status};
use jiff::Timestamp;
use planner::cost::spent;
use planner::ports::{Agents, Regions};
use planner::world::Finalizer;
use planner::{Action, Event, Memory, Outcome, Plan, World};

use crate::crd_check;
use crate::freshness::{self, Freshness};
use crate::lister::Need;
use crate::metrics::Owed;
use crate::notes::Note;
use crate::observe::{self, Observation};
use crate::reconciler::Reconciler;
use crate::store::{Store, StoreError};

/// When the next pass is due.
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
        let Observation { mut world, listed } = Box::pin(self.observe(object, note.memory.clone(), &note.need())).await;
        let mut plan = (self.decisions.plan)(&world);
        // An action that costs money, deletes something or removes the finalizer needs lists that were started after the
        // object was read.
        if listed.is_some_and(|tick| tick <= begun) && freshness::is_grave(&world, &plan) {
            let need = Need { begun_after: begun, longest_age: Freshness::Idle.longest_age() };
            world = Box::pin(self.observe(world.object, note.memory.clone(), &need)).await.world;
            plan = (self.decisions.plan)(&world);
        }
        if crd_check::is_said(&world.object.status) {
            crd_check::hold_back(&mut plan);
        }
        let mut turns = note.turns.clone();
        self.rate_limit.take(&world, &mut plan, &mut turns, self.now());
        tracing::debug!(actions = plan.effects.len(), wake = ?plan.wake, "planned");
        self.notes.assume_sent(&world.object, &note, &plan);
        let outcomes = Box::pin(self.act(&stored, &world, &plan)).await;
        let mut memory = plan.memory.clone();
        memory.acted(&world, &outcomes);
        let next = self.record(&stored, &world, &plan, &outcomes, &mut memory).await;
        // After status, which must not wait for them.
        let mut said = planner::status::events::done(&outcomes);
        said.extend(planner::status::events::farewell(&world, &plan, &outcomes));
        self.publish(&stored, &said).await;
        let acted =
            if plan.actions().any(|action| action.nature().changes_lists) { self.lister.tick() } else { note.acted };
        let owed = owed(&plan, world.now);
        match &next {
            Ok(Next::Gone) => self.forget(namespace, name),
            _ => {
                self.metrics.owes(note.owed, owed);
                let freshness = Some(Freshness::after(&world, &plan));
                let region = world.region().to_owned();
                self.notes.keep(&world.object, Note { memory, freshness, acted, owed, turns, region });
            }
        }
        next
    }

    async fn publish(&self, object: &ClusterBenchmark, events: &[Event]) {
        if !events.is_empty() {
            self.store.publish(object, events).await;
        }
    }

    /// Writes status. `None`: the object changed under us or is gone, and the next pass tells which.
    async fn put(&self, object: &ClusterBenchmark, status: &Status) -> Result<Option<ClusterBenchmark>, PassError> {
        match self.store.put_status(object, status).await {
            Ok(echo) => Ok(Some(echo)),
            Err(StoreError::Conflict | StoreError::Gone) => Ok(None),
            Err(error) => Err(PassError::Record(error)),
        }
    }

    /// The object is gone.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.metrics.live(namespace, name, None);
        if let Some((uid, note)) = self.notes.forget(namespace, name) {
            self.lister.forget(&uid);
            self.metrics.owes(note.owed, Owed::default());
            // Nobody asks for lists of a region without objects, so their age would be an alarm about nothing.
            if !self.notes.are_of(&note.region) {
                self.metrics.unlisted(&note.region);
            }
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
            // The object moved on under us: the next pass writes.
            return Ok(match (&outcome.action, &outcome.result) {
                (Action::RemoveFinalizer, Ok(_)) => Next::Gone,
                (_, Ok(_)) => Next::After(Duration::ZERO),
                (_, Err(_)) => Next::After(wake),
            });
        }
        if world.object.finalizer == Finalizer::Absent && stored.metadata.deletion_timestamp.is_some() {
            return Ok(Next::After(wake.max(Duration::from_secs(30))));
        }
        let said = crd_check::is_said(&world.object.status);
        let next = (self.decisions.status)(world, plan, outcomes);
        self.metrics.live(&world.object.namespace, &world.object.name, next.live.as_ref());
        // Until the server is seen to keep everything, what is written says that it does not.
        let sent = if said { &crd_check::said(&next, world) } else { &next };
        if *sent == world.object.status {
            return Ok(Next::After(wake));
        }
        let Some(echo) = self.put(stored, sent).await? else { return Ok(Next::After(Duration::ZERO)) };
        if !crd_check::holds(&echo, sent) {
            tracing::error!("{}", crd_check::MESSAGE);
            if !said {
                let status = crd_check::said(&next, world);
                self.put(&echo, &status).await?;
                self.publish(stored, &planner::events(&world.object.status, &status)).await;
            }
            return Ok(Next::After(crd_check::PAUSE));
        }
        if said {
            // A status without the lines that are still rehearsed proves nothing about lines.
            if plan.actions().any(|action| matches!(action, Action::Rehearse(_))) {
                return Ok(Next::After(wake));
            }
            self.put(&echo, &next).await?;
        }
        memory.recorded(&world.object.status.launches, &next.launches, &self.settings.process);
        let mut events = planner::events(&world.object.status, &next);
        events.extend(planner::status::prices::events(world, &next));
        self.publish(stored, &events).await;
        Ok(Next::After(wake))
    }
}

fn owed(plan: &Plan, now: Timestamp) -> Owed {
    let micros = |usd_micros: u64| i64::try_from(usd_micros).unwrap_or(i64::MAX);
    let placement = plan.placement.as_ref();
    let count = |items: usize| i64::try_from(items).unwrap_or(i64::MAX);
    Owed {
        open_launches: count(plan.ledger.iter().filter(|line| !planner::world::ledger::is_closed(line)).count()),
        leftovers: count(plan.leftovers.len()),
        cost_usd_micros: placement.map_or(0, |placed| micros(spent::so_far(placed, &plan.ledger, now).usd_micros)),
        hourly_usd_micros: placement.map_or(0, |placed| micros(spent::hourly_now(placed, &plan.ledger))),
    }
}
