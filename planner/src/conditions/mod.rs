//! The conditions as a pass writes them: status, reason and message of each.

mod reasons;
mod stored;

use std::collections::BTreeMap;

use api::{CONDITIONS, ConditionType};

use crate::failure::Unknown;
pub use reasons::{REHEARSED, ROWS, Reason, Row};
pub use stored::Stored;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

impl ConditionStatus {
    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::True, Self::False, Self::Unknown].into_iter().find(|status| status.name() == word)
    }

    /// Kubernetes' own spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub status: ConditionStatus,
    pub reason: Reason,
    /// Counts, the worst cause and the next action, for people. No clock times: they would change at every pass.
    pub message: String,
}

/// One condition for each condition that is always present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    all: BTreeMap<ConditionType, Condition>,
    /// The condition for which somebody has to change something.
    pub stalled_by: Option<ConditionType>,
}

impl Conditions {
    /// Nothing was looked at yet.
    pub fn pending() -> Self {
        let condition = Condition {
            status: ConditionStatus::Unknown,
            reason: Reason::Pending,
            message: "not looked at yet".to_owned(),
        };
        Self { all: CONDITIONS.iter().map(|kind| (*kind, condition.clone())).collect(), stalled_by: None }
    }

    /// The spec makes sense, or not.
    pub(crate) fn accepted(&mut self, status: ConditionStatus, reason: Reason, message: impl Into<String>) {
        self.set(ConditionType::Accepted, status, reason, message);
    }

    /// The instances.
    pub(crate) fn provisioned(&mut self, status: ConditionStatus, reason: Reason, message: impl Into<String>) {
        self.set(ConditionType::Provisioned, status, reason, message);
    }

    /// The balancer, its members and the generators.
    pub(crate) fn deployed(&mut self, status: ConditionStatus, reason: Reason, message: impl Into<String>) {
        self.set(ConditionType::Deployed, status, reason, message);
    }

    /// The run.
    pub(crate) fn measured(&mut self, status: ConditionStatus, reason: Reason, message: impl Into<String>) {
        self.set(ConditionType::Measured, status, reason, message);
    }

    /// The result that was asked for.
    pub(crate) fn ready(&mut self, status: ConditionStatus, reason: Reason, message: impl Into<String>) {
        self.set(ConditionType::Ready, status, reason, message);
    }

    /// For what concerns several conditions. A reason stands only where `docs/conditions.md` says what it means there.
    pub(crate) fn set(
        &mut self,
        kind: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: impl Into<String>,
    ) {
        debug_assert!(reason.stands_in(kind), "{reason} has no row in the table of {}", kind.name());
        self.all.insert(kind, Condition { status, reason, message: message.into() });
    }

    /// Nothing changes while the run of a former spec is on.
    pub fn wait_for_former(&mut self) {
        for kind in [ConditionType::Provisioned, ConditionType::Deployed] {
            let message = "the run of the former spec is being stopped and its report collected";
            self.set(kind, ConditionStatus::False, Reason::Waiting, message);
        }
    }

    /// Could not be looked at.
    pub fn unknown(&mut self, kind: ConditionType, why: Option<&Unknown>) {
        if let Some(why) = why {
            self.set(kind, ConditionStatus::Unknown, why.failure.into(), why.message.clone());
        }
    }

    /// Nothing will happen until somebody changes what `kind` says.
    pub fn stall(&mut self, kind: ConditionType) {
        self.stalled_by.get_or_insert(kind);
    }

    pub fn get(&self, kind: ConditionType) -> &Condition {
        // Every kind is inserted by `pending`; the index cannot miss for kinds of CONDITIONS.
        &self.all[&kind]
    }

    pub fn is_true(&self, kind: ConditionType) -> bool {
        self.get(kind).status == ConditionStatus::True
    }

    pub fn iter(&self) -> impl Iterator<Item = (ConditionType, &Condition)> {
        self.all.iter().map(|(kind, condition)| (*kind, condition))
    }
}
