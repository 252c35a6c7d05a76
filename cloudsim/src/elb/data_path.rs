//! What the nodes of load balancers do at this moment, in truth: for whoever runs them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use planner::ports::{Algorithm, HealthCheck, LoadBalancerState, Scheme};

use super::listener::RuleAction;

/// All load balancers as they are. Equal versions mean equal contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPath {
    pub version: u64,
    pub load_balancers: Vec<BalancerPath>,
    /// Target groups that a listener or a rule of one of them names, by ARN.
    pub target_groups: BTreeMap<String, GroupPath>,
}

/// A load balancer. Its nodes take connections when its state is `active` or `active_impaired`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerPath {
    pub arn: String,
    pub name: String,
    /// `app/NAME/ID`: the dimension of its metrics.
    pub dimension: String,
    pub dns_name: String,
    pub scheme: Scheme,
    pub state: LoadBalancerState,
    pub group_ids: Vec<String>,
    pub nodes: Vec<Node>,
    pub listeners: Vec<ListenerPath>,
}

/// A node of a load balancer: one in each zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub zone: String,
    pub subnet_id: String,
    pub interface_id: String,
    /// Of that subnet; another one after a scale event.
    pub address: Ipv4Addr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerPath {
    pub arn: String,
    pub port: u16,
    /// By priority; the first match counts.
    pub rules: Vec<RulePath>,
    /// What is done with a request that no rule takes.
    pub default_action: RuleAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePath {
    pub arn: String,
    pub priority: u32,
    /// `*` and `?` are wildcards; case counts.
    pub paths: Vec<String>,
    pub action: RuleAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPath {
    pub arn: String,
    pub name: String,
    /// `targetgroup/NAME/ID`: the dimension of its metrics.
    pub dimension: String,
    pub port: u16,
    pub algorithm: Algorithm,
    pub deregistration_delay_seconds: u64,
    pub health_check: HealthCheck,
    pub targets: Vec<TargetPath>,
}

/// A registered target whose instance has an address. Whether it is checked and gets traffic is for the nodes to find out: those in
/// zones that are not enabled get neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPath {
    pub instance_id: String,
    pub address: Ipv4Addr,
    pub zone: String,
    /// It gets no new requests, and finishes what it has.
    pub is_draining: bool,
    /// Its zone is enabled for a load balancer that uses the group.
    pub is_in_enabled_zone: bool,
}
