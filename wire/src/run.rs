//! Specification of a run as a generator is given it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Facts;
use crate::corpus::Corpus;
use crate::judging::Judging;
use crate::search::Search;

/// How long requests that are open when a phase stops sending are waited for, unless a run says it: longer than answers
/// take whose tail is interesting, and short beside a round. What is open then is at least so slow.
pub const DRAIN_SECONDS: u32 = 10;

/// Time that several generators leave between one cluster and the next: the balancer is asked how its members are, and answers
/// within five seconds or not at all; and the members, at that time and before the next load, within four.
pub const BETWEEN_CLUSTERS_SECONDS: u32 = 10;

/// Time that several generators leave for the calibration of the members, which nobody's load may disturb, before the moment
/// at which they begin: a quarter of a second of work at full speed, and more for who has less.
pub const CALIBRATION_SECONDS: u32 = 5;

/// One measurement: every target measured once per round, in an order shuffled by `seed`.
///
/// Everything below `balancer_control` has a default, so that a document of a former version keeps its meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunSpec {
    /// Chosen by the operator, unique per run; a second `PUT` with the same id and the same document changes nothing.
    pub id: String,
    /// Seed of the order, the arrivals and the work. Rounds draw theirs from it.
    pub seed: u64,
    /// Rounds that are to count.
    pub rounds: Rounds,
    /// Requests sent to each target before the first round and not counted.
    pub warmup_requests: u64,
    /// Targets that are measured; the first one is the baseline of the comparisons.
    pub targets: Vec<Target>,
    /// Load of a round, the same for every target, one phase after the other. Empty exactly when `search` is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// The generator decides the next rate of each target itself, in place of `phases`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// `http://host:port` of the balancer's control API. When given, its members are compared before and after
    /// every round, and a member that was lost or restarted voids the round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer_control: Option<String>,
    /// Members of the targets, in place of `balancerControl`: the generator asks each of them itself before and after every
    /// round, because what stands in front (an Application Load Balancer) answers no question about them. One that was
    /// lost, restarted or silent voids the round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<RunMember>,
    /// Members of all targets by availability zone, when they are in more than one: the report then says what each zone
    /// answered. Empty: they are in one zone, or nobody said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<RunZone>,
    /// Version of what each worker serves, by instance id, where workers are updated in place: what its starter said before
    /// the run. Whoever collects the report compares them with what starters say then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub serving: BTreeMap<String, u64>,
    /// Seconds of load on each target before the first round, after the warm-up requests, and not counted either.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warmup_seconds: u32,
    /// Form of every request, and of the right answer.
    #[serde(default, skip_serializing_if = "RequestSpec::is_default")]
    pub request: RequestSpec,
    /// How long requests that are still open when a phase stops sending are waited for. Then they are cut, and count
    /// as *at least this slow*. Absent: `timeoutSeconds`, or ten seconds where that is absent, too. Never longer than a request
    /// may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<u32>,
    /// How long an answer may take; then the request has failed. Absent: 30 seconds, or what the generator's environment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Slice of the load that this generator sends. The slices of all generators together are the load of one.
    #[serde(default, skip_serializing_if = "Slice::is_whole", alias = "share")]
    pub slice: Slice,
    /// The first stretch of load begins at this moment, and every further one at a moment that follows from it, so
    /// that several generators stay together. Absent: each begins when the one before is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start_at: Option<Timestamp>,
    /// How the rounds are judged.
    #[serde(default, skip_serializing_if = "Judging::is_default")]
    pub judging: Judging,
    /// Where it is measured and on what, for the report.
    #[serde(default, skip_serializing_if = "Facts::is_default")]
    pub facts: Box<Facts>,
}

impl RunSpec {
    /// How long open requests are waited for when a phase stops sending, in seconds. Whoever says how long an answer may take
    /// wants the answers, also the last ones.
    pub fn drains_for(&self) -> u32 {
        self.drain_seconds.or(self.timeout_seconds).unwrap_or(DRAIN_SECONDS)
    }

    /// Address of the one balancer that it is measured through, as the document names it: that of its control API, or of an
    /// Application Load Balancer that of the requests. `None`: the document names none.
    pub fn balancer(&self) -> Option<String> {
        let of_requests = || {
            let url = &self.targets.first().filter(|_| !self.members.is_empty())?.url;
            let path = url.find("://").and_then(|at| url[at + 3..].find('/').map(|path| at + 3 + path));
            Some(url[..path.unwrap_or(url.len())].to_owned())
        };
        self.balancer_control.clone().or_else(of_requests)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One thing to measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Name of the cluster.
    pub cluster: String,
    /// `http://host:port/path`
    pub url: String,
    /// The members of all other targets serve it together: it is measured like a cluster, and in no comparison.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// Its number of instances follows its queue: it is measured from rest (nothing unanswered, the fewest instances) to rest.
    #[serde(default, skip_serializing_if = "is_false")]
    pub scaled: bool,
    /// Capacity that an earlier launch of the same run found, in thousandths of a request a second: a search begins there.
    /// Absent: it finds out where to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_milli_rps: Option<u64>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// One instance that serves a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunMember {
    /// Cluster of one of the targets.
    pub cluster: String,
    /// Instance id: what `x-backend` of its answers says.
    pub id: String,
    /// `host:port` of its service, an IP address and a port.
    pub address: String,
}

/// The members that are in one availability zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunZone {
    /// Name of the zone: `us-east-1a`.
    pub zone: String,
    /// Instance ids of its members, of all targets: what `x-backend` of their answers says.
    pub members: Vec<String>,
}

/// How many rounds count. Voided rounds are repeated and not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rounds {
    /// Rounds that are to count; with `judging.looks` `Auto` at most.
    pub count: u32,
}

/// One stretch of load inside a round, for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Phase {
    /// Load by users that wait for their answers.
    ClosedLoop(ClosedLoop),
    /// Load by a schedule.
    OpenLoop(OpenLoop),
    /// No load.
    #[serde(rename_all = "camelCase")]
    Pause {
        /// How long nothing is sent.
        seconds: u32,
    },
}

/// `concurrency` requests are kept open; the next starts when one ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClosedLoop {
    /// Users of all generators together, each with one request open.
    pub concurrency: u32,
    /// When the users stop.
    pub stop: Stop,
}

/// Requests are sent when they are planned, whether or not earlier ones were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenLoop {
    /// Gaps between the planned sends.
    pub arrivals: Arrivals,
    /// Rate in requests per second, of all generators together.
    pub requests_per_second: u32,
    /// When the schedule ends.
    pub stop: Stop,
    /// The rate changes in steps during the phase. Needs `durationSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// Open connections at the same time; a request that finds none idle and none allowed waits, and its clock runs.
    /// Absent: as many as the generator may open, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
}

/// Gaps between the planned sends of an open loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Arrivals {
    /// Independent users: exponential gaps, drawn from the seed of the round.
    Poisson,
    /// Equal gaps.
    Constant,
}

/// `steps` equal parts of the phase: the first at `requestsPerSecond`, the last at `toRequestsPerSecond`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ramp {
    /// Rate of the last step, in requests per second, of all generators together.
    pub to_requests_per_second: u32,
    /// Number of steps.
    pub steps: u32,
}

/// When a phase stops sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    /// After so many requests, of all generators together.
    Requests(u64),
    /// After so many seconds.
    DurationSeconds(u32),
}

/// Form of every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestSpec {
    /// HTTP method.
    pub method: String,
    /// Headers besides those that the generator sends itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Body of every request. Empty: none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Files that are sent in turn, in place of `body`; the right answer to each is in place of `expect.body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<Corpus>,
    /// Whether connections are used again.
    pub connections: Connections,
    /// The work that each request asks for as `?work_micros=`: drawn from the seed of the round and the number of the
    /// request, so that every cluster of a round is asked for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// Right answer.
    #[serde(skip_serializing_if = "Expect::is_default")]
    pub expect: Expect,
}

impl Default for RequestSpec {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            corpus: None,
            connections: Connections::Kept,
            work: None,
            expect: Expect::default(),
        }
    }
}

impl RequestSpec {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One header of every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// Name of the header.
    pub name: String,
    /// Value of the header.
    pub value: String,
}

/// Whether connections are used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Connections {
    /// Kept and used again.
    #[default]
    Kept,
    /// A new one for every request.
    PerRequest,
}

/// Work that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Work {
    /// How the work of requests is spread around its mean.
    pub distribution: WorkDistribution,
    /// Mean work of a request, in microseconds.
    pub mean_micros: u32,
}

/// How the work of requests is spread around its mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorkDistribution {
    /// The same for every request.
    Constant,
    /// Exponential: a squared coefficient of variation of 1.
    Exponential,
    /// With a sigma of 1: a squared coefficient of variation of 1.7.
    Lognormal,
}

/// Right answer to a request. Any other one is a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expect {
    /// Absent: everything below 400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Where `"cluster":"..."` has to name the cluster: what our own worker answers.
    #[serde(skip_serializing_if = "ClusterName::is_default")]
    pub cluster_name: ClusterName,
    /// Whether `x-backend` has to be a known member: one that the balancer knows, or one of `members`. Needs
    /// `balancerControl` or `members`.
    #[serde(skip_serializing_if = "Members::is_default")]
    pub members: Members,
}

impl Expect {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether an answer has to name its cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterName {
    /// The body may be anything.
    #[default]
    Ignored,
    /// The body is JSON that names the cluster that was asked.
    InBody,
}

/// Whether an answer has to come from a member that the balancer knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Members {
    /// Workers may name themselves as they like.
    #[default]
    Any,
    /// Workers name themselves by their id among the members: what our own worker does.
    Known,
}

impl Members {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl ClusterName {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One of `count` equal slices of the load, by the number of the request: `index` of 4 sends 0, 4, 8, ... plus `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slice {
    /// Number of the slice, from 0.
    pub index: u32,
    /// Slices in all.
    pub count: u32,
}

impl Default for Slice {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Slice {
    fn is_whole(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_a_former_version_is_read_and_written_as_it_was() {
        let text = r#"{"id":"r","seed":7,"rounds":{"count":20},"warmupRequests":5,"targets":[{"cluster":"a","url":"http://h/a"}],"phases":[{"closedLoop":{"concurrency":100,"stop":{"requests":1000}}},{"pause":{"seconds":60}}],"balancerControl":"http://h:1"}"#;
        let spec: RunSpec = serde_json::from_str(text).unwrap();
        assert_eq!(spec.request, RequestSpec::default());
        assert_eq!((spec.slice, spec.start_at, spec.drain_seconds), (Slice { index: 0, count: 1 }, None, None));
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
    }

    #[test]
    fn who_says_how_long_an_answer_may_take_waits_for_the_last_ones() {
        let drains = |drain_seconds, timeout_seconds| {
            RunSpec { drain_seconds, timeout_seconds, ..RunSpec::default() }.drains_for()
        };
        assert_eq!([drains(None, None), drains(None, Some(600)), drains(Some(5), Some(600))], [10, 600, 5]);
    }

    #[test]
    fn everything_can_be_asked_for() {
        let text = r#"{"id":"r","seed":7,"rounds":{"count":1},"warmupRequests":0,"targets":[],"phases":[{"openLoop":{"arrivals":"Poisson","requestsPerSecond":1000,"stop":{"durationSeconds":30},"ramp":{"toRequestsPerSecond":2000,"steps":5}}}],"zones":[{"zone":"us-east-1a","members":["i-1"]}],"request":{"method":"POST","headers":[{"name":"a","value":"b"}],"body":"{}","connections":"PerRequest","work":{"distribution":"Exponential","meanMicros":2000},"expect":{"status":201,"clusterName":"InBody"}},"slice":{"index":1,"count":4},"startAt":"2026-01-01T00:00:00Z"}"#;
        let spec: RunSpec = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
    }
}
