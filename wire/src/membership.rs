//! Membership of a balancer: the members that serve each path, and their state.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{ClusterScaling, QueueStatus};

/// The whole desired state of a balancer. A document replaces the one before; there are no increments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Membership {
    /// Clusters to serve, each with a name and a path of its own.
    pub clusters: Vec<Cluster>,
    /// Path at which the members of all clusters serve together, whatever cluster each is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedPath>,
    /// Whether the balancer answers GET and HEAD of [`STATUS_PATH`] itself, to whoever may send requests.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public_status: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Name under which the path for all members is reported. No cluster beside it has this name.
pub const SHARED: &str = "shared";

/// Path of the balancer's answer about its members, where [`Membership::public_status`] is set.
pub const STATUS_PATH: &str = "/status";

/// A path at which the members of all clusters serve together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SharedPath {
    /// Absolute path without a trailing slash; `/` takes what no cluster takes.
    pub path: String,
    /// How requests are spread over all members.
    #[serde(default)]
    pub policy: Policy,
}

/// One cluster behind one path. Everything at and below `path` goes to its members, the path unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Name of the cluster, unique in the document.
    pub name: String,
    /// Absolute path without a trailing slash, such as `/cluster1`; `/` takes what no other cluster takes.
    pub path: String,
    /// How requests are spread over the members.
    #[serde(default)]
    pub policy: Policy,
    /// What its members are asked to see whether they are healthy. Absent: `GET /health`, and any status below 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
    /// Instances that serve it. None: every request is answered with 503.
    pub members: Vec<Member>,
    /// What a front has to know of a cluster whose number of instances follows its queue. Absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ClusterScaling>,
}

/// What a member is asked to see whether it is healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// Path of a GET.
    pub path: String,
    /// Status that the answer must have. Absent: any below 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl HealthCheck {
    /// Path that a member is asked for where nothing else is said.
    pub const PATH: &str = "/health";

    /// Whether a member that answers with this status is healthy.
    pub fn is_met_by(&self, status: u16) -> bool {
        self.status.map_or(status < 500, |wanted| status == wanted)
    }
}

/// Any answer below 500: the HTTP of a worker without such a page works, which is all that is asked for.
impl Default for HealthCheck {
    fn default() -> Self {
        Self { path: Self::PATH.to_owned(), status: None }
    }
}

/// One worker as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Stable name: the instance id. Measurements follow the id, not the address.
    pub id: String,
    /// `host:port`, an IP address and a port.
    pub address: String,
    /// Parallelism of the instance type, as a hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
}

/// How a cluster's requests are spread over its members. Each rule is described at the top of its module in `balancer::policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Policy {
    /// Each member in turn.
    RoundRobin,
    /// Any member.
    Random,
    /// The member with the fewest requests in flight.
    LeastRequests,
    /// The one of two random members that has fewer requests in flight.
    P2cLeastRequests,
    /// The one of two random members with the lower moving latency times requests in flight.
    PeakEwma,
    /// The classic student rule: every tenth request measures all members first, the fastest gets the next ten.
    FastestOfTen,
    /// The other student rule: probe every member each 2.5 s, send to the lowest moving latency.
    ProbeEwma,
    /// One member until its utilisation of the last minute passes 70 %, then the least utilised.
    MetricThreshold,
    /// The member expected to answer first; while all are full, requests wait in the balancer.
    #[default]
    ShortestExpectedDelay,
}

/// Why a membership document is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMembership {
    /// A field that needs a value has none.
    #[error("clusters[{index}].{field} is empty: give it a value")]
    Empty {
        /// Position of the cluster, from 0.
        index: usize,
        /// Field without a value.
        field: &'static str,
    },
    /// A path that is none, or ends with a slash.
    #[error("clusters[{index}].path is {path:?}: it must start with '/' and not end with one")]
    Path {
        /// Position of the cluster, from 0.
        index: usize,
        /// Path as written.
        path: String,
    },
    /// A check of a path that is none.
    #[error("clusters[{index}].health.path is {path:?}: it must start with '/' and hold visible ASCII characters only")]
    HealthPath {
        /// Position of the cluster, from 0.
        index: usize,
        /// Path as written.
        path: String,
    },
    /// The same name twice.
    #[error("two clusters are named {0:?}: names must differ")]
    DuplicateName(String),
    /// The same path twice.
    #[error("two clusters are served at {0:?}: paths must differ")]
    DuplicatePath(String),
    /// A path for all members that is none, or ends with a slash.
    #[error("shared.path is {0:?}: it must start with '/' and not end with one, or be '/' alone")]
    SharedPath(String),
    /// The path for all members is that of a cluster.
    #[error("shared.path is {0:?}, where a cluster is served: choose another path, such as '/'")]
    SharedPathTaken(String),
    /// A cluster has the name of the path for all members.
    #[error("a cluster is named \"shared\", which is the name of the path for all members: name it otherwise")]
    SharedName,
    /// A member of two clusters, which all members together would have twice.
    #[error("member {0:?} is in two clusters: with a shared path each member must be in one")]
    SharedMember(String),
    /// Requests are to be served where the balancer answers itself.
    #[error(
        "publicStatus: the balancer itself would answer at {STATUS_PATH:?}, where requests are served: choose another path for them, or remove publicStatus"
    )]
    StatusPathTaken,
    /// A member without an id.
    #[error("cluster {cluster:?} has a member without an id: answers name their member by it")]
    NoId {
        /// Cluster of the member.
        cluster: String,
    },
    /// The same member twice in one cluster.
    #[error("cluster {cluster:?} has member {id:?} twice: ids must differ")]
    DuplicateMember {
        /// Cluster of the member.
        cluster: String,
        /// Id that is there twice.
        id: String,
    },
    /// An address that is not an IP address with a port.
    #[error(
        "member {id:?} of cluster {cluster:?} has address {address:?}: it must be an IP address and a port, such as 10.0.0.5:8080"
    )]
    Address {
        /// Cluster of the member.
        cluster: String,
        /// Id of the member.
        id: String,
        /// Address as written.
        address: String,
    },
}

impl Membership {
    /// Refuses a document that could not be served as written.
    pub fn validate(&self) -> Result<(), InvalidMembership> {
        let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
        for (index, cluster) in self.clusters.iter().enumerate() {
            if cluster.name.is_empty() {
                return Err(InvalidMembership::Empty { index, field: "name" });
            }
            if !is_path(&cluster.path) {
                return Err(InvalidMembership::Path { index, path: cluster.path.clone() });
            }
            if let Some(HealthCheck { path, .. }) = cluster.health.as_ref().filter(|check| !is_asked(&check.path)) {
                return Err(InvalidMembership::HealthPath { index, path: path.clone() });
            }
            if !names.insert(&cluster.name) {
                return Err(InvalidMembership::DuplicateName(cluster.name.clone()));
            }
            if !paths.insert(&cluster.path) {
                return Err(InvalidMembership::DuplicatePath(cluster.path.clone()));
            }
            cluster.validate_members()?;
        }
        if let Some(shared) = &self.shared {
            self.validate_shared(shared, &names, &paths)?;
        }
        let is_served = |path: &str| self.shared.as_ref().is_some_and(|shared| shared.path == path);
        if self.public_status && (paths.contains(&STATUS_PATH.to_owned()) || is_served(STATUS_PATH)) {
            return Err(InvalidMembership::StatusPathTaken);
        }
        Ok(())
    }

    fn validate_shared(
        &self,
        shared: &SharedPath,
        names: &BTreeSet<&String>,
        paths: &BTreeSet<&String>,
    ) -> Result<(), InvalidMembership> {
        if !is_path(&shared.path) {
            return Err(InvalidMembership::SharedPath(shared.path.clone()));
        }
        if paths.contains(&shared.path) {
            return Err(InvalidMembership::SharedPathTaken(shared.path.clone()));
        }
        if names.iter().any(|name| *name == SHARED) {
            return Err(InvalidMembership::SharedName);
        }
        let mut ids = BTreeSet::new();
        let mut members = self.clusters.iter().flat_map(|cluster| &cluster.members);
        let twice = members.find(|member| !ids.insert(&member.id));
        twice.map_or(Ok(()), |member| Err(InvalidMembership::SharedMember(member.id.clone())))
    }
}

/// Whether a request can name it.
fn is_asked(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && (path.len() == 1 || !path.ends_with('/'))
}

impl Cluster {
    fn validate_members(&self) -> Result<(), InvalidMembership> {
        let mut ids = BTreeSet::new();
        for member in &self.members {
            if member.id.is_empty() {
                return Err(InvalidMembership::NoId { cluster: self.name.clone() });
            }
            if !ids.insert(&member.id) {
                return Err(InvalidMembership::DuplicateMember { cluster: self.name.clone(), id: member.id.clone() });
            }
            if member.address.parse::<std::net::SocketAddr>().is_err() {
                return Err(InvalidMembership::Address {
                    cluster: self.name.clone(),
                    id: member.id.clone(),
                    address: member.address.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Answer to `GET /status` of a balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BalancerStatus {
    /// Id of the instance that answers.
    pub instance_id: String,
    /// Boot of the kernel that it runs on. Who shares it shares the machine. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel_boot: String,
    /// CPU time that its process used in the last second or since it was asked before, in thousandths of all that it may use. Absent:
    /// not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_per_mille: Option<u32>,
    /// Version of the membership being served: the value for the next `If-Match`, opaque, unquoted.
    pub version: String,
    /// SHA-256 of the canonical JSON of the membership being served, to compare with the desired one.
    pub membership_sha256: String,
    /// Clusters that are served, in the order of the membership.
    pub clusters: Vec<ClusterStatus>,
    /// The path for all members. Its requests are those that came by this path, and its members have the state that they
    /// have in their clusters: counts of a member are of all its requests, whichever path they came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<ClusterStatus>,
    /// Those that are no members any more, and still serve requests that they were sent before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departing: Vec<Departing>,
    /// The queues of each cluster, in the order of the membership. A front has them, a balancer has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueStatus>,
}

/// A member that was taken out while it had requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Departing {
    /// Id of the member.
    pub id: String,
    /// Requests that it is still serving; more than 0.
    pub in_flight: u64,
    /// Seconds since it was taken out.
    pub seconds: u64,
}

/// State of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Name of the cluster.
    pub name: String,
    /// Path that it is served at.
    pub path: String,
    /// Policy in force.
    pub policy: Policy,
    /// Requests to it since the process started.
    pub requests: u64,
    /// Those of them without a good answer.
    pub failures: u64,
    /// Its members, in the order of the membership.
    pub members: Vec<MemberStatus>,
}

/// State of one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberStatus {
    /// Id of the member.
    pub id: String,
    /// IP address and port that requests are sent to.
    pub address: String,
    /// Result of its last health checks.
    pub health: Health,
    /// Requests that it is serving now.
    pub in_flight: u64,
    /// Requests sent to this member since it joined, health checks not counted.
    pub requests: u64,
    /// Those of them that got no answer or a 5xx.
    pub failures: u64,
    /// Share of the cluster's requests, in thousandths.
    pub share_per_mille: u32,
    /// Mean time to the first byte of the last answers, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_micros: Option<u64>,
    /// How often this member became unhealthy or refused or reset a connection.
    pub losses: u64,
    /// Last `x-boot` value seen from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// Last `x-slots` value seen from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Opinion of the policy, if it has any.
    #[serde(default)]
    pub opinion: MemberOpinion,
}

/// Opinion of a policy on a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberOpinion {
    /// Estimated time to serve one request, without waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_micros: Option<u64>,
    /// How many requests at the same time it reckons with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Source of that figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism_source: Option<ParallelismSource>,
    /// Taken out after failures in a row, until a trial succeeds.
    #[serde(default)]
    pub ejected: bool,
}

/// Where the figure of a member's parallelism comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParallelismSource {
    /// The worker's own `x-slots`.
    Slots,
    /// The membership's `vcpus`.
    Vcpus,
    /// Measured answers, which refuted the declared figure.
    Evidence,
}

/// Health of a member, by the checks of the balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// Not checked yet: gets no traffic.
    Unknown,
    /// The last check succeeded: it gets traffic.
    Healthy,
    /// Checks failed in a row: it gets no traffic.
    Unhealthy,
}

impl Membership {
    /// SHA-256 over the document's canonical JSON (field order of this crate, no white space).
    /// The same value that a balancer reports as `membershipSha256`.
    pub fn sha256(&self) -> String {
        // Serialisation of these types cannot fail: no maps with odd keys, no custom code.
        crate::sha256_hex(&serde_json::to_vec(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A balancer that was told before there were checks must be seen to serve the same document.
    #[test]
    fn a_check_that_nobody_asked_for_is_not_written() {
        let cluster: Cluster = serde_json::from_str(r#"{"name":"a","path":"/a","members":[]}"#).unwrap();
        assert!(!serde_json::to_string(&cluster).unwrap().contains("health"));
        let default = HealthCheck::default();
        assert_eq!([200, 404, 499, 500].map(|status| default.is_met_by(status)), [true, true, true, false]);
        let exact = HealthCheck { status: Some(503), ..default };
        assert_eq!([200, 503].map(|status| exact.is_met_by(status)), [false, true]);
        let check = |path: &str| {
            let health = Some(HealthCheck { path: path.to_owned(), status: None });
            Membership { clusters: vec![Cluster { health, ..cluster.clone() }], ..Membership::default() }.validate()
        };
        assert_eq!(check("/ready?deep=1"), Ok(()));
        for path in ["", "ready", "/a b", "/a\r\nx: y", "/ä"] {
            assert_eq!(check(path), Err(InvalidMembership::HealthPath { index: 0, path: path.to_owned() }));
        }
    }

    fn policy(json: &str) -> Result<Policy, String> {
        let cluster = format!(r#"{{"name": "a", "path": "/a", {json} "members": []}}"#);
        serde_json::from_str::<Cluster>(&cluster).map(|cluster| cluster.policy).map_err(|error| error.to_string())
    }

    #[test]
    fn policies_have_the_names_of_the_documentation_and_an_unknown_one_is_refused() {
        assert_eq!(policy(""), Ok(Policy::ShortestExpectedDelay));
        for (name, expected) in [
            ("RoundRobin", Policy::RoundRobin),
            ("Random", Policy::Random),
            ("LeastRequests", Policy::LeastRequests),
            ("P2cLeastRequests", Policy::P2cLeastRequests),
            ("PeakEwma", Policy::PeakEwma),
            ("FastestOfTen", Policy::FastestOfTen),
            ("ProbeEwma", Policy::ProbeEwma),
            ("MetricThreshold", Policy::MetricThreshold),
            ("ShortestExpectedDelay", Policy::ShortestExpectedDelay),
        ] {
            assert_eq!(policy(&format!(r#""policy": "{name}","#)), Ok(expected));
        }
        let refused = policy(r#""policy": "Fastest","#).unwrap_err();
        assert!(refused.contains("Fastest") && refused.contains("ShortestExpectedDelay"), "{refused}");
    }
}
