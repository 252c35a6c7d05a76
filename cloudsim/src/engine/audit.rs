//! The truth, whatever readers were shown: a story for people, counts of what the knobs did, harm done to others.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The maker of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A call to this simulation.
    Called,
    /// The test: somebody else's. Whoever changes it is noted in the audit.
    Planted,
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

/// The part of the audit that only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// Changes that calls made to things of others.
    pub(crate) foreign_touched: Vec<String>,
    /// Every change so far, in order.
    pub(crate) story: Vec<StoryLine>,
    /// Counts of what the knobs did, by kind.
    pub(crate) injected: BTreeMap<&'static str, u64>,
}

impl Record {
    pub(crate) fn tell(&mut self, at: Timestamp, what: String) {
        self.story.push(StoryLine { at, what });
    }

    pub(crate) fn count(&mut self, kind: &'static str) {
        *self.injected.entry(kind).or_default() += 1;
    }

    pub(crate) fn touch(&mut self, at: Timestamp, origin: Origin, what: impl FnOnce() -> String) {
        if origin == Origin::Planted {
            let what = what();
            self.tell(at, format!("FOREIGN {what}"));
            self.foreign_touched.push(what);
        }
    }
}
