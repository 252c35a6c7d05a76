//! The truth, whatever readers were shown: counts for checks, and a story for people.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::fault::Fault;

/// What really happened and what really is. Planted things are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Instances ever launched.
    pub launched: usize,
    /// Instances that reached `terminated`.
    pub terminated: usize,
    /// Instances that are in any other state.
    pub live: usize,
    /// Security groups that exist.
    pub groups: usize,
    /// Volumes that exist, attached or not.
    pub volumes: usize,
    /// Network interfaces that exist.
    pub interfaces: usize,
    /// What was done to things of others: must stay empty.
    pub foreign_touched: Vec<String>,
    /// Calls that arrived, by action, those with DryRun left out.
    pub calls: BTreeMap<Action, u64>,
    /// Calls with DryRun that arrived.
    pub dry_runs: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryLine {
    pub at: Timestamp,
    pub what: String,
}

impl fmt::Display for StoryLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}  {}", self.at, self.what)
    }
}

/// The part of the ledger that only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) launched: usize,
    pub(crate) terminated: usize,
    pub(crate) foreign_touched: Vec<String>,
    pub(crate) calls: BTreeMap<Action, u64>,
    pub(crate) dry_runs: u64,
    pub(crate) faults: Vec<(Action, u64, Fault)>,
    pub(crate) story: Vec<StoryLine>,
    /// What the knobs did, by kind.
    pub(crate) injected: BTreeMap<&'static str, u64>,
}

impl History {
    pub(crate) fn count(&mut self, kind: &'static str) {
        *self.injected.entry(kind).or_default() += 1;
    }
}
