//! IAM: principals, policies, and what a policy says to a question.
//!
//! A service asks about each thing that a call touches ([`Ask`]), by the keys that it supplies: RunInstances about the image, the subnet, each group, the
//! instance, its volumes and its interface, and ec2:CreateTags about whatever is to be created with tags. Each must be
//! allowed (EC2 user guide, "Example policies for working with the Amazon EC2 CLI or an AWS SDK": RunInstances). What is
//! not allowed is denied, and a Deny outweighs every Allow (IAM user guide, "Policy evaluation logic").
//!
//! Nothing here knows a service: which questions a call means is said in the service's folder.

mod ask;
mod condition;
mod document;
mod error;
mod pattern;

use std::sync::Arc;

pub use ask::Ask;
pub use document::{Policy, Verdict};
pub use error::PolicyError;

/// The caller of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// May do everything, as the managed policy AdministratorAccess says.
    #[default]
    Administrator,
    /// May do what the policies say that are attached to it ([`crate::Sim::attach`]), and so nothing before.
    Operator,
}

impl Principal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Administrator => "lab",
            Self::Operator => "operator",
        }
    }

    pub(crate) fn arn(self, account: &str) -> String {
        format!("arn:aws:iam::{account}:user/{}", self.name())
    }
}

/// State of IAM: the operator's policies, and the questions about its calls.
#[derive(Debug, Default)]
pub(crate) struct Iam {
    policies: Vec<Arc<Policy>>,
    /// Questions so far, when somebody wants to know.
    asked: Option<Vec<Ask>>,
}

impl Iam {
    pub(crate) fn attach(&mut self, policies: Vec<Arc<Policy>>) {
        self.policies = policies;
    }

    pub(crate) fn record_asks(&mut self) {
        self.asked.get_or_insert_default();
    }

    pub(crate) fn recorded_asks(&self) -> &[Ask] {
        self.asked.as_deref().unwrap_or_default()
    }

    /// Answers a question about a call of the operator, and keeps it.
    pub(crate) fn answer(&mut self, ask: &Ask) -> Verdict {
        if let Some(asked) = &mut self.asked {
            asked.push(ask.clone());
        }
        self.judge(ask)
    }

    pub(crate) fn judge(&self, ask: &Ask) -> Verdict {
        Policy::judge_all(self.policies.iter().map(AsRef::as_ref), ask)
    }
}
