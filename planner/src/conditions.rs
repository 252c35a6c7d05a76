//! What a pass says about each condition.

use std::collections::BTreeMap;

use api::{CONDITIONS, ConditionType};

use crate::verdict::verdict;
use crate::world::Ignorance;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
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
pub struct Judgement {
    pub truth: Truth,
    /// PascalCase, for machines.
    pub reason: String,
    /// Counts, the worst cause and the next action, for people. No clock times: they would change at every pass.
    pub message: String,
}

/// One judgement for each condition that is always present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgements {
    all: BTreeMap<ConditionType, Judgement>,
    /// The condition for which somebody has to change something.
    pub stalled_by: Option<ConditionType>,
}

impl Judgements {
    /// Nothing was looked at yet.
    pub fn pending() -> Self {
        let judgement =
            Judgement { truth: Truth::Unknown, reason: "Pending".to_owned(), message: "not looked at yet".to_owned() };
        Self { all: CONDITIONS.iter().map(|kind| (*kind, judgement.clone())).collect(), stalled_by: None }
    }

    pub fn set(&mut self, kind: ConditionType, truth: Truth, reason: &str, message: impl Into<String>) {
        self.all.insert(kind, Judgement { truth, reason: reason.to_owned(), message: message.into() });
    }

    /// Nothing changes while the run of a former spec is on.
    pub fn wait_for_former(&mut self) {
        for kind in [ConditionType::Provisioned, ConditionType::Deployed] {
            let message = "the run of the former spec is being stopped and its report collected";
            self.set(kind, Truth::False, "Waiting", message);
        }
    }

    /// Could not be looked at.
    pub fn unknown(&mut self, kind: ConditionType, why: Option<&Ignorance>) {
        if let Some(why) = why {
            self.set(kind, Truth::Unknown, verdict(why.failure).reason, why.message.clone());
        }
    }

    /// Nothing will happen until somebody changes what `kind` says.
    pub fn stall(&mut self, kind: ConditionType) {
        self.stalled_by.get_or_insert(kind);
    }

    pub fn get(&self, kind: ConditionType) -> &Judgement {
        // Every kind is inserted by `pending`; the index cannot miss for kinds of CONDITIONS.
        &self.all[&kind]
    }

    pub fn is_true(&self, kind: ConditionType) -> bool {
        self.get(kind).truth == Truth::True
    }

    pub fn iter(&self) -> impl Iterator<Item = (ConditionType, &Judgement)> {
        self.all.iter().map(|(kind, judgement)| (*kind, judgement))
    }
}
