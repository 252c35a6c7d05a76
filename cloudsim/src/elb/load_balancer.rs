//! Load balancers, as values, and requests for them.

use jiff::Timestamp;
use planner::owner::Tags;
use planner::ports::{LoadBalancerState, Scheme};

use crate::engine::audit::Origin;
use crate::engine::query::PageRequest;

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    pub arn: String,
    pub origin: Origin,
    /// Unique in account and region, whatever its type.
    pub name: String,
    pub kind: LoadBalancerKind,
    pub scheme: Scheme,
    pub vpc_id: String,
    pub state: LoadBalancerState,
    /// Why it is in this state.
    pub state_reason: Option<String>,
    pub dns_name: String,
    pub hosted_zone_id: String,
    /// One subnet in each of its zones, by zone.
    pub subnets: Vec<ZoneSubnet>,
    pub group_ids: Vec<String>,
    pub created_at: Timestamp,
    /// Answered by DescribeTags only.
    pub tags: Tags,
}

/// A zone that is enabled for a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSubnet {
    pub zone: String,
    pub subnet_id: String,
}

/// Type of a load balancer. Only the first can be created here; the others are somebody else's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadBalancerKind {
    #[default]
    Application,
    Network,
}

impl LoadBalancerKind {
    /// ELBv2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Network => "network",
        }
    }

    /// The part of ARNs that tells it.
    pub(crate) fn in_arn(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Network => "net",
        }
    }
}

impl LoadBalancer {
    /// `app/NAME/ID`: the dimension `LoadBalancer` of its metrics.
    pub fn dimension(&self) -> &str {
        self.arn.split_once(":loadbalancer/").map_or("", |(_, rest)| rest)
    }

    /// Whether this zone is enabled.
    pub(crate) fn has_zone(&self, zone: &str) -> bool {
        self.subnets.iter().any(|subnet| subnet.zone == zone)
    }
}

/// A CreateLoadBalancer request of type `application` for IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateLoadBalancer {
    pub name: String,
    /// ELBv2's default is `internet-facing`.
    pub scheme: Scheme,
    pub subnet_ids: Vec<String>,
    /// Empty: the default group of the VPC.
    pub group_ids: Vec<String>,
    pub tags: Tags,
}

/// A DescribeLoadBalancers request: by ARN, by name, or everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeLoadBalancers {
    pub arns: Vec<String>,
    pub names: Vec<String>,
    pub page: PageRequest,
}
