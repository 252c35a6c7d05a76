//! Whether IAM lets a call pass: the policies of whoever calls, by the keys that EC2 supplies.
//!
//! A call asks about each thing that it touches ([`Ask`]): RunInstances about the image, the subnet, each group, the
//! instance, its volumes and its interface, and ec2:CreateTags about whatever is to be created with tags. Each must be
//! allowed (EC2 user guide, "Example policies for working with the Amazon EC2 CLI or an AWS SDK": RunInstances). What is
//! not allowed is denied, and a Deny outweighs every Allow (IAM user guide, "Policy evaluation logic").
//!
//! Pure but for what the simulation shows of tags.

mod ask;
mod condition;
mod document;
mod pattern;
mod refusal;

use std::sync::Arc;

use crate::error::Outcome;
use crate::sim::Sim;

pub use ask::{About, Ask};
pub use document::{Policy, PolicyError, Verdict};

/// Who makes a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// May do everything, as the managed policy AdministratorAccess says.
    #[default]
    Administrator,
    /// May do what the policy says that is attached to it ([`Sim::attach`]), and so nothing before.
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

impl Sim {
    /// From now on [`Principal::Operator`] may do what this policy says.
    pub fn attach(&mut self, policy: Arc<Policy>) {
        self.policy = Some(policy);
    }

    /// Keeps from now on what is asked about the operator's calls.
    pub fn record_asks(&mut self) {
        self.asked.get_or_insert_default();
    }

    /// Truth: what was asked about the operator's calls since [`Sim::record_asks`].
    pub fn recorded_asks(&self) -> &[Ask] {
        self.asked.as_deref().unwrap_or_default()
    }

    /// What the policy says to a call of this principal: the first refusal in the order of the asks.
    pub(crate) fn authorize(&mut self, by: Principal, about: &About) -> Outcome<()> {
        if by == Principal::Administrator {
            return Ok(());
        }
        for ask in self.asks(about) {
            if let Some(asked) = &mut self.asked {
                asked.push(ask.clone());
            }
            let verdict = self.policy.as_ref().map_or(Verdict::NotAllowed, |policy| policy.judge(&ask));
            if verdict != Verdict::Allowed {
                self.history.count("denied by policy");
                let arn = by.arn(&self.settings.account);
                return Err(refusal::unauthorized(&arn, &ask, verdict, self.history.injected.values().sum()));
            }
        }
        Ok(())
    }

    /// Truth: whether a call of the operator can terminate an instance as it is now.
    pub fn can_be_terminated(&self, id: &str) -> bool {
        let (Some(instance), Some(policy)) = (self.instance(id), &self.policy) else { return false };
        !self.is_protected(id)
            && policy.judge(&self.ask_about_instance("TerminateInstances", id, Some(&instance))) == Verdict::Allowed
    }
}
