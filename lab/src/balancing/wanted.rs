//! The nodes that should run, and what each of them is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use cloudsim::elb::{BalancerPath, DataPath, GroupPath, ListenerPath, Node, RuleAction};
use planner::ports::{self, LoadBalancerState};

use crate::albnode::{Action, Algorithm, Config, Group, HealthCheck, Rule, Target};

/// A node of a load balancer, for one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeKey {
    /// ARN.
    pub(super) load_balancer: String,
    pub(super) zone: String,
    pub(super) port: u16,
    pub(super) address: Ipv4Addr,
    /// The address that the name of an internet-facing one leads to.
    pub(super) public: Option<Ipv4Addr>,
}

impl NodeKey {
    /// Whether this is what became of `other`, at another address.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        (&self.load_balancer, &self.zone, self.port) == (&other.load_balancer, &other.zone, other.port)
    }

    pub(super) fn listen(&self) -> SocketAddr {
        SocketAddr::from((self.address, self.port))
    }

    pub(super) fn listen_publicly(&self) -> Option<SocketAddr> {
        self.public.map(|public| SocketAddr::from((public, self.port)))
    }

    /// What its name leads to.
    pub(super) fn named(&self) -> Ipv4Addr {
        self.public.unwrap_or(self.address)
    }
}

/// Whether it routes, and has a name that can be looked up.
pub(super) fn is_serving(balancer: &BalancerPath) -> bool {
    matches!(balancer.state, LoadBalancerState::Active | LoadBalancerState::ActiveImpaired)
}

/// All nodes, with their configuration (of no version yet). `reaches` says whether an address gets through to a port of
/// another one.
pub(super) fn wanted(path: &DataPath, reaches: impl Fn(Ipv4Addr, Ipv4Addr, u16) -> bool) -> BTreeMap<NodeKey, Config> {
    let mut wanted = BTreeMap::new();
    for balancer in path.load_balancers.iter().filter(|balancer| is_serving(balancer)) {
        let zones: Vec<String> = balancer.nodes.iter().map(|node| node.zone.clone()).collect();
        for listener in &balancer.listeners {
            for node in &balancer.nodes {
                let key = NodeKey {
                    load_balancer: balancer.arn.clone(),
                    zone: node.zone.clone(),
                    port: listener.port,
                    address: node.address,
                    public: node.public_address,
                };
                wanted.insert(key, config(path, listener, node, &zones, &reaches));
            }
        }
    }
    wanted
}

fn config(
    path: &DataPath,
    listener: &ListenerPath,
    node: &Node,
    zones: &[String],
    reaches: &impl Fn(Ipv4Addr, Ipv4Addr, u16) -> bool,
) -> Config {
    let actions = listener.rules.iter().map(|rule| &rule.action).chain([&listener.default_action]);
    let named: BTreeSet<&str> = actions
        .filter_map(|action| match action {
            RuleAction::Forward(groups) => Some(groups.keys().map(String::as_str)),
            RuleAction::FixedResponse { .. } => None,
        })
        .flatten()
        .collect();
    let rules = listener.rules.iter().map(|rule| Rule {
        priority: rule.priority,
        paths: rule.paths.clone(),
        action: action(&rule.action),
    });
    let groups = named.into_iter().filter_map(|arn| path.target_groups.get(arn));
    Config {
        version: 0,
        zones: zones.to_vec(),
        rules: rules.collect(),
        default_action: action(&listener.default_action),
        groups: groups.map(|of| group(of, node, reaches)).collect(),
    }
}

fn action(action: &RuleAction) -> Action {
    match action {
        RuleAction::Forward(groups) => Action::Forward(groups.clone()),
        RuleAction::FixedResponse { status, content_type, body } => {
            Action::FixedResponse { status: *status, content_type: content_type.clone(), body: body.clone() }
        }
    }
}

fn group(group: &GroupPath, node: &Node, reaches: &impl Fn(Ipv4Addr, Ipv4Addr, u16) -> bool) -> Group {
    let check = &group.health_check;
    let targets = group.targets.iter().map(|target| Target {
        id: target.instance_id.clone(),
        address: SocketAddr::from((target.address, group.port)),
        zone: target.zone.clone(),
        draining: target.is_draining,
        reachable: reaches(node.address, target.address, group.port),
    });
    Group {
        id: group.arn.clone(),
        algorithm: algorithm(group.algorithm),
        health_check: HealthCheck {
            path: check.path.clone(),
            interval_millis: u64::from(check.interval_seconds) * 1000,
            timeout_millis: u64::from(check.timeout_seconds) * 1000,
            healthy_count: check.healthy_count,
            unhealthy_count: check.unhealthy_count,
            statuses: check.statuses.clone(),
        },
        targets: targets.collect(),
    }
}

fn algorithm(algorithm: ports::Algorithm) -> Algorithm {
    match algorithm {
        ports::Algorithm::RoundRobin => Algorithm::RoundRobin,
        ports::Algorithm::LeastOutstandingRequests => Algorithm::LeastOutstandingRequests,
        ports::Algorithm::WeightedRandom => Algorithm::WeightedRandom,
    }
}
