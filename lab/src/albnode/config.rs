//! The configuration of a node: rules, target groups and targets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::statuses::Statuses;

/// Everything that a node has to know. A later version replaces all of it; what targets did so far is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Said again when it is in force.
    pub version: u64,
    /// The enabled zones. A target in another one is not used.
    pub zones: Vec<String>,
    /// Requests that no rule takes are answered with 404.
    pub rules: Vec<Rule>,
    pub groups: Vec<Group>,
}

/// A rule of the listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The lowest is tried first.
    pub priority: u32,
    /// Patterns, of which one has to match the path.
    pub paths: Vec<String>,
    /// Weight of each group, by its id.
    pub forward: BTreeMap<String, u32>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    pub id: String,
    pub algorithm: Algorithm,
    pub health_check: HealthCheck,
    pub targets: Vec<Target>,
}

/// How a group spreads its requests, by ELBv2's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    RoundRobin,
    LeastOutstandingRequests,
    WeightedRandom,
}

/// How targets are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    pub path: String,
    pub interval_millis: u64,
    pub timeout_millis: u64,
    pub healthy_count: u32,
    pub unhealthy_count: u32,
    /// Statuses of a success, such as `200-299,404`.
    pub statuses: String,
}

/// A registered target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    pub id: String,
    pub address: SocketAddr,
    pub zone: String,
    /// It was deregistered: it finishes what it has. A target that is left out is cut off.
    #[serde(default)]
    pub draining: bool,
    /// Whether routes and security groups let the node through; if not, what it sends is lost.
    pub reachable: bool,
}

impl Config {
    /// *Errors*: the field that makes no sense, and why.
    pub(super) fn check(&self) -> Result<(), String> {
        let ids: BTreeSet<&str> = self.groups.iter().map(|group| group.id.as_str()).collect();
        if ids.len() != self.groups.len() {
            return Err("groups: two have the same id".to_owned());
        }
        for rule in &self.rules {
            if let Some(absent) = rule.forward.keys().find(|id| !ids.contains(id.as_str())) {
                return Err(format!("rules: priority {} forwards to {absent}, which is not in groups", rule.priority));
            }
        }
        self.groups.iter().try_for_each(Group::check)
    }

    /// Groups that a rule names. Others are not used, and not checked.
    pub(super) fn used(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| rule.forward.keys().map(String::as_str)).collect()
    }
}

impl Group {
    fn check(&self) -> Result<(), String> {
        let Self { id, health_check, targets, .. } = self;
        Statuses::parse(&health_check.statuses).map_err(|why| format!("groups: {id}: statuses: {why}"))?;
        if health_check.interval_millis == 0 || health_check.timeout_millis == 0 {
            return Err(format!("groups: {id}: intervalMillis and timeoutMillis must be at least 1"));
        }
        health_check.path.parse::<http::uri::PathAndQuery>().map_err(|why| format!("groups: {id}: path: {why}"))?;
        let distinct: BTreeSet<&str> = targets.iter().map(|target| target.id.as_str()).collect();
        if distinct.len() == targets.len() { Ok(()) } else { Err(format!("groups: {id}: two targets have one id")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        let group = |id: &str, statuses: &str| Group {
            id: id.to_owned(),
            algorithm: Algorithm::RoundRobin,
            health_check: HealthCheck {
                path: "/health".to_owned(),
                interval_millis: 5000,
                timeout_millis: 2000,
                healthy_count: 2,
                unhealthy_count: 2,
                statuses: statuses.to_owned(),
            },
            targets: Vec::new(),
        };
        let rule = Rule { priority: 7, paths: vec!["/a".to_owned()], forward: BTreeMap::from([("b".to_owned(), 1)]) };
        let with = |rules: Vec<Rule>, groups| Config { rules, groups, ..Config::default() }.check();
        assert_eq!(with(vec![rule.clone()], vec![group("b", "200")]), Ok(()));
        assert!(with(vec![rule], vec![group("a", "200")]).unwrap_err().contains("priority 7 forwards to b"));
        assert!(with(vec![], vec![group("a", "20")]).unwrap_err().contains("a: statuses"));
        assert!(with(vec![], vec![group("a", "200"), group("a", "200")]).is_err());
    }
}
