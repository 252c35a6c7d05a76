//! Listeners and their rules, as values, and requests for them.

use std::collections::BTreeMap;

use planner::owner::Tags;

use crate::engine::audit::Origin;
use crate::engine::query::PageRequest;

/// A listener for HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub arn: String,
    pub origin: Origin,
    pub load_balancer_arn: String,
    pub port: u16,
    pub default_action: RuleAction,
    /// Answered by DescribeTags only.
    pub tags: Tags,
}

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub arn: String,
    pub origin: Origin,
    pub listener_arn: String,
    /// `None`: the default one, which ELBv2 shows as `default`.
    pub priority: Option<u32>,
    /// Values of its condition `path-pattern`; empty for the default rule.
    pub paths: Vec<String>,
    pub action: RuleAction,
    /// Answered by DescribeTags only.
    pub tags: Tags,
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// Weight of each target group, by ARN.
    Forward(BTreeMap<String, u32>),
    FixedResponse {
        status: u16,
        content_type: String,
        body: String,
    },
}

impl RuleAction {
    /// Whether it sends anything to this target group.
    pub(crate) fn names(&self, target_group_arn: &str) -> bool {
        self.target_groups().any(|arn| arn == target_group_arn)
    }

    /// ARNs of the target groups that it names.
    pub(crate) fn target_groups(&self) -> impl Iterator<Item = &str> {
        let groups = match self {
            Self::Forward(groups) => Some(groups),
            Self::FixedResponse { .. } => None,
        };
        groups.into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }
}

/// A CreateListener request for HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateListener {
    pub load_balancer_arn: String,
    pub port: u16,
    pub default_action: RuleAction,
    pub tags: Tags,
}

/// A CreateRule request with one condition, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRule {
    pub listener_arn: String,
    pub priority: u32,
    pub paths: Vec<String>,
    pub action: RuleAction,
    pub tags: Tags,
}

/// A DescribeListeners request: of a load balancer, or by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeListeners {
    pub load_balancer_arn: Option<String>,
    pub arns: Vec<String>,
    pub page: PageRequest,
}

/// A DescribeRules request: of a listener, or by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeRules {
    pub listener_arn: Option<String>,
    pub arns: Vec<String>,
    pub page: PageRequest,
}
