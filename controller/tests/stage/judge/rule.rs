//! The rules that must hold, and the word for one that was broken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Rule {
    NeverAboveWanted,
    NothingForeign,
    NothingBlind,
    WrittenFirst,
    /// Nothing is paid for that was not asked about.
    RehearsedFirst,
    InTime,
    LaunchesAreLines,
    NothingLeft,
    /// What can be terminated does not wait for what cannot.
    OthersGo,
    ResultsStay,
    NewWorkers,
    /// What several generators sent of a launch began at one moment.
    Together,
    /// Nothing is a result, nor goes into one, that was measured through a balancer that ended, or through several.
    OneBalancer,
    /// No second load balancer, listener or rule for a path; a target is what runs; nothing is deleted that is still used.
    OneOfEach,
    /// No queue and no bucket goes while somebody lives who was launched for it.
    NobodyWrites,
    /// Nobody of a cluster that follows its queue ends who was not told to finish and has.
    FinishesFirst,
    /// A run is begun of clusters that follow their queue when nothing of them waits or is worked on.
    FromRest,
    /// A cluster that follows its queue grows beyond its fewest only while its front is heard.
    HeardBefore,
    /// It gets no more instances than its queue asks for, and keeps one while anything has no answer.
    AsItsQueueAsks,
    /// A cluster has as many instances in each of its zones.
    EvenlySpread,
    /// A price is the one of its region, and none is nothing.
    Priced,
    /// Nothing outlives the budget that it was placed with.
    WithinBudget,
    /// Status says no less than what was spent.
    CostIsSaid,
    PausedHolds,
    Converges,
    Quiet,
    NoPanic,
}

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

impl Broken {
    pub(crate) fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}
