//! Things that a call of EC2 is about, as far as IAM and token buckets can tell calls apart.

use std::sync::Arc;

use super::Action;
use super::group::CreateSecurityGroup;
use super::instance::RunInstances;

/// The things that a call is about. Lists are about none.
#[derive(Clone, Debug)]
pub enum About {
    Launch(Arc<RunInstances>),
    Instances(Action, Vec<String>),
    NewGroup(Arc<CreateSecurityGroup>),
    Group(Action, String),
}

impl About {
    pub fn action(&self) -> Action {
        match self {
            Self::Instances(action, _) | Self::Group(action, _) => *action,
            Self::Launch(_) => Action::RunInstances,
            Self::NewGroup(_) => Action::CreateSecurityGroup,
        }
    }

    /// Instances that are launched, started, stopped or terminated.
    pub(crate) fn resources(&self) -> u64 {
        match self {
            Self::Launch(request) => u64::from(request.max_count),
            Self::Instances(_, ids) => ids.len() as u64,
            Self::NewGroup(_) | Self::Group(..) => 0,
        }
    }
}
