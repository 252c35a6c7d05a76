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

use std::collections::BTreeMap;
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
    /// An instance with a role. May do what the policies of the role say ([`crate::Sim::attach_to_role`]).
    Instance(InstanceNumber),
}

/// The number in the id of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceNumber(u64);

impl InstanceNumber {
    /// `None`: it is no id of an instance.
    pub fn of(id: &str) -> Option<Self> {
        let number = Self(u64::from_str_radix(id.strip_prefix("i-")?, 16).ok()?);
        (number.id() == id).then_some(number)
    }

    /// The id, such as `i-0123456789abcdef0`.
    pub fn id(self) -> String {
        format!("i-{:017x}", self.0)
    }
}

impl Principal {
    /// Id and ARN; those of an instance hold the name of its role.
    pub(crate) fn named(self, account: &str, role: Option<&str>) -> (String, String) {
        let user =
            |name: &str| (format!("AIDA{}", name.to_ascii_uppercase()), format!("arn:aws:iam::{account}:user/{name}"));
        match self {
            Self::Administrator => user("lab"),
            Self::Operator => user("operator"),
            Self::Instance(number) => {
                let (role, session) = (role.unwrap_or_default(), number.id());
                let id = format!(
                    "AROA{}:{session}",
                    role.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "")
                );
                (id, format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"))
            }
        }
    }
}

/// State of IAM: the policies of the operator and of each role, and the questions about the operator's calls.
#[derive(Debug, Default)]
pub(crate) struct Iam {
    policies: Vec<Arc<Policy>>,
    /// Policies of each role, by its name.
    of_roles: BTreeMap<String, Vec<Arc<Policy>>>,
    /// Questions so far, when somebody wants to know.
    asked: Option<Vec<Ask>>,
}

impl Iam {
    pub(crate) fn attach(&mut self, policies: Vec<Arc<Policy>>) {
        self.policies = policies;
    }

    pub(crate) fn attach_to_role(&mut self, role: String, policies: Vec<Arc<Policy>>) {
        self.of_roles.insert(role, policies);
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

    /// The same about a call of an instance with this role; without one it may do nothing.
    pub(crate) fn judge_role(&self, role: Option<&str>, ask: &Ask) -> Verdict {
        let policies = role.and_then(|role| self.of_roles.get(role)).into_iter().flatten();
        Policy::judge_all(policies.map(AsRef::as_ref), ask)
    }
}
