//! One pass over one object: observe, plan, act, record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::{ClusterBenchmark, Status};
use jiff::Timestamp;
use planner::ports::{Agents, Regions};
use planner::world::{Finalizer, Settings};
use planner::{Action, Memory, Outcome, Plan, World, plan, status};

use crate::metrics::Metrics;
use crate::observe;
use crate::store::{Store, StoreError};

/// Where `now` comes from: the wall clock, or a test's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The loop over its ports.
pub struct Reconciler<S, R, A> {
    pub store: S,
    pub regions: R,
    pub agents: A,
    pub settings: Settings,
    pub clock: Clock,
    pub metrics: Metrics,
    /// By uid of the object.
    memories: Mutex<HashMap<String, Memory>>,
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
    /// An older resource definition drops fields that exactly-once needs: nothing is launched under it.
    #[error(
        "the API server dropped part of the status: the installed resource definition is older than the operator; apply manifests/crds.yaml of this version"
    )]
    CrdTooOld,
}

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    pub fn new(store: S, regions: R, agents: A, settings: Settings, clock: Clock, metrics: Metrics) -> Self {
        Self { store, regions, agents, settings, clock, metrics, memories: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// *Guarantees*: nothing is launched that is not written down and read back first.
    /// *Errors*: only of the Kubernetes side; what the cloud or an agent refuses is in the object's conditions.
    /// *Cancellation*: at any point; a later pass finds out what happened.
    pub async fn pass(&self, namespace: &str, name: &str) -> Result<Next, PassError> {
        // A live read: a cache could show a ledger from before the last launch.
        let Some(stored) = self.store.get(namespace, name).await.map_err(PassError::Read)? else {
            return Ok(Next::Gone);
        };
        let Some(object) = observe::object(&stored) else { return Ok(Next::Gone) };
        let memory = self.memory(&object.uid);
        let world = self.observe(object, self.settings.clone(), memory).await;
        let plan = plan(&world);
        tracing::debug!(actions = plan.actions.len(), wake = ?plan.wake, "planned");
        let outcomes = self.act(&stored, &world, &plan).await;
        let mut memory = plan.memory.clone();
        memory.acted(&outcomes);
        let next = self.record(&stored, &world, &plan, &outcomes, &mut memory).await;
        self.remember(&world.object.uid, memory, next.as_ref().ok());
        next
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
        let next = status(world, plan, outcomes);
        if Some(&next) == stored.status.as_ref() {
            return Ok(Next::After(wake));
        }
        let echo = match self.store.put_status(stored, &next).await {
            Ok(echo) => echo,
            Err(StoreError::Conflict) => return Ok(Next::After(Duration::ZERO)),
            Err(StoreError::Gone) => return Ok(Next::Gone),
            Err(error) => return Err(PassError::Record(error)),
        };
        if !holds(&echo, &next) {
            return Err(PassError::CrdTooOld);
        }
        memory.recorded(&world.object.status.launches, &next.launches);
        Ok(Next::After(wake))
    }

    fn memory(&self, uid: &str) -> Memory {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).get(uid).cloned().unwrap_or_default()
    }

    fn remember(&self, uid: &str, memory: Memory, next: Option<&Next>) {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        match next {
            Some(Next::Gone) => memories.remove(uid),
            _ => memories.insert(uid.to_owned(), memory),
        };
    }
}

/// Whether the server kept what decisions depend on.
fn holds(echo: &ClusterBenchmark, sent: &Status) -> bool {
    echo.status.as_ref().is_some_and(|kept| {
        kept.launches == sent.launches
            && kept.placement == sent.placement
            && kept.runs == sent.runs
            && kept.pools == sent.pools
            && kept.seal == sent.seal
    })
}
