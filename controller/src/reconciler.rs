//! The reconciler: the ports of the loop, and what it keeps between passes. Its steps lie in `observe`, `act`, `pass`
//! and `sweep`.

use std::sync::Arc;

use api::Status;
use jiff::Timestamp;
use planner::ports::{Agents, Regions};
use planner::world::Settings;
use planner::{Outcome, Plan, World};

use crate::catalog_cache::CatalogCache;
use crate::clock::Clock;
use crate::lister::Lister;
use crate::metrics::Metrics;
use crate::notes::Notes;
use crate::rate_limit::RateLimit;
use crate::store::Store;

/// The functions that decide, as values: the planner, unless a test asks whether a wrong decision would be noticed.
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
    pub(crate) catalog: CatalogCache,
    pub(crate) rate_limit: RateLimit,
    pub(crate) notes: Notes,
}

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    pub fn new(store: S, regions: R, agents: A, settings: Settings, clock: Clock, metrics: Metrics) -> Self {
        let (lister, catalog) = (Lister::new(clock.clone()), CatalogCache::new(clock.clone()));
        let (decisions, rate_limit, notes) = (Decisions::default(), RateLimit::default(), Notes::default());
        Self { store, regions, agents, settings, clock, metrics, decisions, lister, catalog, rate_limit, notes }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn cloud(&self, region: &str) -> Arc<R::Cloud> {
        self.regions.region(region)
    }
}
