//! Things that a call of ELBv2 is about, as far as IAM can tell calls apart.

use std::sync::Arc;

use super::Action;
use super::listener::{CreateListener, CreateRule};
use super::load_balancer::CreateLoadBalancer;
use super::target_group::CreateTargetGroup;

/// The things that a call is about. Lists are about none ([`crate::Call::new`]).
#[derive(Clone, Debug)]
pub enum About {
    NewLoadBalancer(Arc<CreateLoadBalancer>),
    NewTargetGroup(Arc<CreateTargetGroup>),
    NewListener(Arc<CreateListener>),
    NewRule(Arc<CreateRule>),
    /// A call that changes or deletes the thing with this ARN: DeleteLoadBalancer, DeleteTargetGroup,
    /// ModifyTargetGroupAttributes, RegisterTargets, DeregisterTargets, DeleteRule.
    Thing(Action, String),
}

impl About {
    pub fn action(&self) -> Action {
        match self {
            Self::NewLoadBalancer(_) => Action::CreateLoadBalancer,
            Self::NewTargetGroup(_) => Action::CreateTargetGroup,
            Self::NewListener(_) => Action::CreateListener,
            Self::NewRule(_) => Action::CreateRule,
            Self::Thing(action, _) => *action,
        }
    }
}
