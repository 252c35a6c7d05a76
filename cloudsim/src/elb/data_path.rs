//! The work of the nodes of load balancers at this moment, in truth: for whoever runs them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use planner::ports::{Algorithm, HealthCheck, LoadBalancerState, Scheme};

use super::listener::{Listener, Rule, RuleAction};
use super::load_balancer::{LoadBalancer, LoadBalancerKind};
use super::node::Node;
use super::state::State;
use super::target::{Health, Registration};
use super::target_group::{ALGORITHM, TargetGroup};
use crate::ec2;
use crate::engine::visibility::Versions;

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerPath {
    pub arn: String,
    pub port: u16,
    /// The rules by priority; the first match counts.
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

/// A registered target whose instance has an address. Whether it is checked and gets traffic is for the nodes to find
/// out: those in zones that are not enabled get neither.
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

impl State {
    /// The version of what nodes do.
    pub fn data_path_version(&self) -> u64 {
        self.version
    }

    /// What nodes do now. Network load balancers are left out.
    pub(crate) fn data_path(&self, ec2: &ec2::State) -> DataPath {
        let application = |one: &&Arc<LoadBalancer>| one.kind == LoadBalancerKind::Application;
        let load_balancers: Vec<BalancerPath> =
            self.all_load_balancers().filter(application).map(|balancer| self.balancer_path(balancer)).collect();
        let used = self.all_target_groups().filter(|group| !self.users_of(&group.arn).is_empty());
        let target_groups = used.map(|group| (group.arn.clone(), self.group_path(group, ec2))).collect();
        DataPath { version: self.version, load_balancers, target_groups }
    }

    fn balancer_path(&self, balancer: &LoadBalancer) -> BalancerPath {
        let of_balancer = self.listeners.values().filter_map(Versions::truth);
        let of_balancer = of_balancer.filter(|listener| listener.load_balancer_arn == balancer.arn);
        let mut listeners: Vec<ListenerPath> = of_balancer.map(|listener| self.listener_path(listener)).collect();
        listeners.sort_by_key(|listener| listener.port);
        BalancerPath {
            arn: balancer.arn.clone(),
            name: balancer.name.clone(),
            dimension: balancer.dimension().to_owned(),
            dns_name: balancer.dns_name.clone(),
            scheme: balancer.scheme,
            state: balancer.state,
            group_ids: balancer.group_ids.clone(),
            nodes: self.nodes(&balancer.arn).to_vec(),
            listeners,
        }
    }

    fn listener_path(&self, listener: &Listener) -> ListenerPath {
        let rule_path = |rule: &Arc<Rule>| {
            let (paths, action) = (rule.paths.clone(), rule.action.clone());
            (rule.listener_arn == listener.arn).then_some(RulePath {
                arn: rule.arn.clone(),
                priority: rule.priority?,
                paths,
                action,
            })
        };
        let mut rules: Vec<RulePath> = self.all_rules().filter_map(rule_path).collect();
        rules.sort_by_key(|rule| rule.priority);
        ListenerPath {
            arn: listener.arn.clone(),
            port: listener.port,
            rules,
            default_action: listener.default_action.clone(),
        }
    }

    fn group_path(&self, group: &TargetGroup, ec2: &ec2::State) -> GroupPath {
        let users = self.users_of(&group.arn);
        let target_path = |target: Arc<Registration>| {
            let instance = ec2.instance(&target.instance_id)?;
            let is_up = !matches!(target.health, Health::InvalidState(_));
            is_up.then_some(TargetPath {
                instance_id: target.instance_id.clone(),
                address: instance.network.as_ref()?.private_address,
                zone: target.zone.clone(),
                is_draining: target.health == Health::Draining,
                is_in_enabled_zone: users.iter().any(|user| user.has_zone(&target.zone)),
            })
        };
        let algorithm = group.attributes.get(ALGORITHM).and_then(|name| Algorithm::parse(name));
        GroupPath {
            arn: group.arn.clone(),
            name: group.name.clone(),
            dimension: group.dimension().to_owned(),
            port: group.port,
            algorithm: algorithm.unwrap_or(Algorithm::RoundRobin),
            deregistration_delay_seconds: group.deregistration_delay_seconds(),
            health_check: group.health_check.clone(),
            targets: self.live_targets(&group.arn).into_iter().filter_map(target_path).collect(),
        }
    }
}
