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
    pub rules: Vec<Rule>,
    /// What is done with a request that no rule takes.
    #[serde(default)]
    pub default_action: Action,
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
    pub action: Action,
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Weight of each group, by its id.
    Forward(BTreeMap<String, u32>),
    FixedResponse {
        status: u16,
        content_type: String,
        body: String,
    },
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

impl Default for Action {
    fn default() -> Self {
        Self::FixedResponse { status: 404, content_type: "text/plain".to_owned(), body: String::new() }
    }
}

impl Action {
    fn groups(&self) -> impl Iterator<Item = &str> {
        let groups = match self {
            Self::Forward(groups) => Some(groups),
            Self::FixedResponse { .. } => None,
        };
        groups.into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// *Errors*: what cannot be done.
    fn check(&self, groups: &BTreeSet<&str>) -> Result<(), String> {
        if let Some(absent) = self.groups().find(|id| !groups.contains(id)) {
            return Err(format!("forwards to {absent}, which is not in groups"));
        }
        match self {
            Self::FixedResponse { status, content_type, .. } => {
                http::StatusCode::from_u16(*status).map_err(|why| format!("status {status}: {why}"))?;
                http::HeaderValue::from_str(content_type).map_err(|why| format!("contentType: {why}"))?;
                Ok(())
            }
            Self::Forward(_) => Ok(()),
        }
    }
}

impl Config {
    /// *Errors*: the field that makes no sense, and why.
    pub(super) fn check(&self) -> Result<(), String> {
        let ids: BTreeSet<&str> = self.groups.iter().map(|group| group.id.as_str()).collect();
        if ids.len() != self.groups.len() {
            return Err("groups: two have the same id".to_owned());
        }
        for rule in &self.rules {
            rule.action.check(&ids).map_err(|why| format!("rules: priority {}: {why}", rule.priority))?;
        }
        self.default_action.check(&ids).map_err(|why| format!("defaultAction: {why}"))?;
        self.groups.iter().try_for_each(Group::check)
    }

    /// Groups that a rule names. Others are not used, and not checked.
    pub(super) fn used(&self) -> BTreeSet<&str> {
        let actions = self.rules.iter().map(|rule| &rule.action).chain([&self.default_action]);
        actions.flat_map(Action::groups).collect()
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
        let rule = Rule {
            priority: 7,
            paths: vec!["/a".to_owned()],
            action: Action::Forward(BTreeMap::from([("b".to_owned(), 1)])),
        };
        let with = |rules: Vec<Rule>, groups| Config { rules, groups, ..Config::default() }.check();
        assert_eq!(with(vec![rule.clone()], vec![group("b", "200")]), Ok(()));
        assert!(with(vec![rule], vec![group("a", "200")]).unwrap_err().contains("priority 7: forwards to b"));
        assert!(with(vec![], vec![group("a", "20")]).unwrap_err().contains("a: statuses"));
        assert!(with(vec![], vec![group("a", "200"), group("a", "200")]).is_err());
    }
}
