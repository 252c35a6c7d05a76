//! Calls as they arrive: how many there were, and the fault or refusal that waits for each.

use std::collections::{BTreeMap, VecDeque};

use super::error::SimError;
use super::fault::Fault;

/// State of the calls of all services. `A` names service and action.
#[derive(Debug)]
pub(crate) struct Calls<A> {
    arrived: BTreeMap<A, u64>,
    /// Calls with DryRun that arrived.
    dry_runs: u64,
    next: BTreeMap<A, VecDeque<Fault>>,
    /// Faults by action and number of the call.
    nth: BTreeMap<(A, u64), Fault>,
    /// The fault of the call that comes next, whatever its action.
    coming: Option<Fault>,
    refusals: BTreeMap<A, SimError>,
    met: Vec<(A, u64, Fault)>,
}

impl<A> Default for Calls<A> {
    fn default() -> Self {
        Self {
            arrived: BTreeMap::new(),
            dry_runs: 0,
            next: BTreeMap::new(),
            nth: BTreeMap::new(),
            coming: None,
            refusals: BTreeMap::new(),
            met: Vec::new(),
        }
    }
}

impl<A: Copy + Ord> Calls<A> {
    /// Counts a call and says the number it has among those of its action, from 1.
    pub(crate) fn arrive(&mut self, action: A) -> u64 {
        let count = self.arrived.entry(action).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn arrive_dry(&mut self) {
        self.dry_runs += 1;
    }

    pub(crate) fn inject_next(&mut self, action: A, fault: Fault) {
        self.next.entry(action).or_default().push_back(fault);
    }

    pub(crate) fn inject_nth(&mut self, action: A, nth: u64, fault: Fault) {
        self.nth.insert((action, nth), fault);
    }

    pub(crate) fn meet(&mut self, fault: Option<Fault>) {
        self.coming = fault;
    }

    /// What waits for the call that comes next, whatever its action.
    pub(crate) fn take_coming(&mut self) -> Option<Fault> {
        self.coming.take()
    }

    pub(crate) fn refuse(&mut self, action: A, refusal: Option<SimError>) {
        match refusal {
            Some(refusal) => self.refusals.insert(action, refusal),
            None => self.refusals.remove(&action),
        };
    }

    /// The fault that the `nth` call of an action meets: one that was injected, or else that of chance.
    pub(crate) fn fault(&mut self, action: A, nth: u64, by_chance: Option<Fault>) -> Option<Fault> {
        let injected = self.coming.take().or_else(|| self.next.get_mut(&action).and_then(VecDeque::pop_front));
        let fault = injected.or_else(|| self.nth.remove(&(action, nth))).or(by_chance)?;
        self.met.push((action, nth, fault));
        Some(fault)
    }

    pub(crate) fn refusal(&self, action: A) -> Option<&SimError> {
        self.refusals.get(&action)
    }

    pub(crate) fn arrived(&self) -> &BTreeMap<A, u64> {
        &self.arrived
    }

    pub(crate) fn dry_runs(&self) -> u64 {
        self.dry_runs
    }

    /// The faults that calls met, each with the number of its call.
    pub(crate) fn met(&self) -> &[(A, u64, Fault)] {
        &self.met
    }
}
