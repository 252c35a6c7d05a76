//! STS: whose credentials a call is signed with.

use crate::ec2;
use crate::engine::error::Outcome;
use crate::engine::throttle::{Buckets, Cost, Limit};
use crate::iam::{Ask, Principal};
use crate::settings::Settings;

pub use crate::actions::sts::Action;

/// State of STS: its token buckets, one for each action.
#[derive(Default)]
pub struct State {
    pub(crate) buckets: Buckets<Action>,
}

/// STS at one moment.
pub struct Sts<'a> {
    settings: &'a Settings,
    ec2: &'a ec2::State,
}

/// The caller, as GetCallerIdentity names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    pub account: String,
    pub arn: String,
    pub user_id: String,
}

impl<'a> Sts<'a> {
    pub(crate) fn new(settings: &'a Settings, ec2: &'a ec2::State) -> Self {
        Self { settings, ec2 }
    }

    /// GetCallerIdentity.
    pub fn caller_identity(&self, by: Principal) -> Outcome<CallerIdentity> {
        let account = self.settings.account.clone();
        let (user_id, arn) = by.named(&account, ec2::role_of(self.settings, self.ec2, by));
        Ok(CallerIdentity { arn, user_id, account })
    }
}

/// The cost of a call. AWS publishes no figures for STS; these are those of EC2's expensive lists.
pub(crate) fn costs(action: Action) -> Vec<Cost<Action>> {
    vec![Cost { bucket: action, limit: Limit { size: 50, per_second: 10 }, tokens: 1 }]
}

/// The questions to IAM about a call: none, because GetCallerIdentity needs no permission, and no policy can deny it (API
/// reference, GetCallerIdentity).
pub(crate) fn asks(action: Action) -> Vec<Ask> {
    match action {
        Action::GetCallerIdentity => Vec::new(),
    }
}
