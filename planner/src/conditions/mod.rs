//! The conditions as a pass writes them.

use std::collections::BTreeMap;

use api::{CONDITIONS, ConditionType};

use crate::failure::retry::retry_policy;
use crate::world::Unknown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

impl ConditionStatus {
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
    /// PascalCase, for machines.
    pub reason: String,
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
            reason: "Pending".to_owned(),
            message: "not looked at yet".to_owned(),
        };
        Self { all: CONDITIONS.iter().map(|kind| (*kind, condition.clone())).collect(), stalled_by: None }
    }

    pub fn set(&mut self, kind: ConditionType, status: ConditionStatus, reason: &str, message: impl Into<String>) {
        self.all.insert(kind, Condition { status, reason: reason.to_owned(), message: message.into() });
    }

    /// Nothing changes while the run of a former spec is on.
    pub fn wait_for_former(&mut self) {
        for kind in [ConditionType::Provisioned, ConditionType::Deployed] {
            let message = "the run of the former spec is being stopped and its report collected";
            self.set(kind, ConditionStatus::False, "Waiting", message);
        }
    }

    /// Could not be looked at.
    pub fn unknown(&mut self, kind: ConditionType, why: Option<&Unknown>) {
        if let Some(why) = why {
            self.set(kind, ConditionStatus::Unknown, retry_policy(why.failure).reason, why.message.clone());
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
