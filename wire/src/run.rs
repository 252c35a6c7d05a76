//! What a generator is asked to do, and how far it is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Facts, Metric, Threshold};

/// How long requests that are open when a phase stops sending are waited for, unless a run says it: longer than answers
/// take whose tail is interesting, and short beside a round. What is open then is at least so slow.
pub const DRAIN_SECONDS: u32 = 10;

/// What several generators leave between one cluster and the next: the balancer is asked how its members are, and answers
/// within five seconds or not at all; and the members, at that time and before the next load, within four.
pub const BETWEEN_CLUSTERS_SECONDS: u32 = 10;

/// What several generators leave for the calibration of the members, which nobody's load may disturb, before the moment
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
    pub seed: u64,
    pub rounds: Rounds,
    /// Requests sent to each target before the first round and not counted.
    pub warmup_requests: u64,
    pub targets: Vec<Target>,
    pub phases: Vec<Phase>,
    /// `http://host:port` of the balancer's control API. When given, its members are compared before and after
    /// every round, and a member that was lost or restarted voids the round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer_control: Option<String>,
    /// Seconds of load on each target before the first round, after the warm-up requests, and not counted either.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warmup_seconds: u32,
    /// What every request looks like, and what a right answer is.
    #[serde(default, skip_serializing_if = "RequestSpec::is_default")]
    pub request: RequestSpec,
    /// How long requests that are still open when a phase stops sending are waited for. Then they are cut, and count
    /// as *at least this slow*. Absent: ten seconds. Never longer than a request may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<u32>,
    /// Which share of the load is this generator's. The shares of all generators together are the load of one.
    #[serde(default, skip_serializing_if = "Share::is_whole")]
    pub share: Share,
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

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One thing to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Name of the cluster.
    pub cluster: String,
    /// `http://host:port/path`
    pub url: String,
}

/// How many rounds count. Voided rounds are repeated and not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rounds {
    pub count: u32,
}

/// One stretch of load inside a round, for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Phase {
    ClosedLoop(ClosedLoop),
    OpenLoop(OpenLoop),
    #[serde(rename_all = "camelCase")]
    Pause {
        seconds: u32,
    },
}

/// `concurrency` requests are kept open; the next starts when one ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClosedLoop {
    pub concurrency: u32,
    pub stop: Stop,
}

/// Requests are sent when they are planned, whether or not earlier ones were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenLoop {
    pub arrivals: Arrivals,
    /// Of all generators together.
    pub requests_per_second: u32,
    pub stop: Stop,
    /// The rate changes in steps during the phase. Needs `durationSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// Open connections at the same time; a request that finds none idle and none allowed waits, and its clock runs.
    /// Absent: as many as the generator may open, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
}

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
    pub to_requests_per_second: u32,
    pub steps: u32,
}

/// When a phase stops sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    Requests(u64),
    DurationSeconds(u32),
}

/// What every request looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestSpec {
    pub method: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    pub connections: Connections,
    /// The work that each request asks for as `?work_micros=`: drawn from the seed of the round and the number of the
    /// request, so that every cluster of a round is asked for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    #[serde(skip_serializing_if = "Expect::is_default")]
    pub expect: Expect,
}

impl Default for RequestSpec {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: String::new(),
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Connections {
    /// Kept and used again.
    #[default]
    Kept,
    /// A new one for every request.
    PerRequest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Work {
    pub distribution: WorkDistribution,
    pub mean_micros: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorkDistribution {
    Constant,
    Exponential,
    /// With a sigma of 1: a squared coefficient of variation of 1.7.
    Lognormal,
}

/// What a right answer is. Any other is a failure.
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
    /// Whether `x-backend` has to be a member that the balancer knows. Needs `balancerControl`.
    #[serde(skip_serializing_if = "Members::is_default")]
    pub members: Members,
}

impl Expect {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterName {
    #[default]
    Ignored,
    /// The body is JSON that names the cluster that was asked.
    InBody,
}

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

/// One of `count` equal shares of the load, by the number of the request: `index` of 4 sends 0, 4, 8, ... plus `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Share {
    pub index: u32,
    pub count: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Share {
    fn is_whole(&self) -> bool {
        *self == Self::default()
    }
}

/// How the rounds are judged, and when there are enough of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Judging {
    pub looks: Looks,
    pub metric: Metric,
    pub pairs: Pairs,
    /// The gap that the report says the needed rounds for.
    pub gap_percent: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

impl Default for Judging {
    fn default() -> Self {
        let (looks, metric, pairs) = (Looks::default(), Metric::default(), Pairs::default());
        Self { looks, metric, pairs, gap_percent: 5, thresholds: Vec::new() }
    }
}

impl Judging {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Looks {
    /// After `rounds.count` rounds.
    #[default]
    AtTheEnd,
    /// After 10, 20 and 40 rounds, whichever decides first; never more than `rounds.count`.
    Auto,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Pairs {
    /// Each cluster with the first.
    #[default]
    AgainstFirst,
    All,
}

/// What `GET /v1/runs/{id}` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    pub id: String,
    pub state: RunState,
    pub rounds_done: u32,
    /// Rounds to measure until the next look, which may be the last one.
    pub rounds_total: u32,
    pub rounds_voided: u32,
    pub started_at: Timestamp,
    /// One line for people: `round 7 of 20, cluster2: 812 requests/s`.
    pub message: String,
    /// What somebody should look at although the run goes on: a disk that takes nothing more. It changes seldom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub warning: String,
    /// Whether it goes on after the round that is on. Absent: it cannot be held, because it keeps to a timetable with
    /// other generators, or because this generator is of a version that holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The balancer that it measures through. Absent: the document names none, or the generator is of a version that
    /// does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<RunBalancer>,
    /// Set once the report can be collected: SHA-256 of the exact bytes that `GET /v1/runs/{id}/report` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_sha256: Option<String>,
}

/// How a run is with being held: between two rounds, so that nothing of it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Nobody holds it.
    No,
    /// The round that is on is finished first.
    AfterThisRound,
    /// No load is sent until it is let go.
    Held,
}

/// The one balancer of a run: rounds through another one are not comparable with its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunBalancer {
    /// As the document names it: `http://host:port`.
    pub control: String,
    /// The instance that answered there first. Empty: none has answered yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    Running,
    /// The report is ready. It may still be `Invalid`; the report says so.
    Finished,
    /// Stopped by `DELETE` before its end; the report holds the rounds that were finished.
    Aborted,
    /// Ended by itself before its end, because going on was useless: a target refused every connection. The report
    /// holds the counts.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_a_former_version_is_read_and_written_as_it_was() {
        let text = r#"{"id":"r","seed":7,"rounds":{"count":20},"warmupRequests":5,"targets":[{"cluster":"a","url":"http://h/a"}],"phases":[{"closedLoop":{"concurrency":100,"stop":{"requests":1000}}},{"pause":{"seconds":60}}],"balancerControl":"http://h:1"}"#;
        let spec: RunSpec = serde_json::from_str(text).unwrap();
        assert_eq!(spec.request, RequestSpec::default());
        assert_eq!((spec.share, spec.start_at, spec.drain_seconds), (Share { index: 0, count: 1 }, None, None));
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
    }

    #[test]
    fn everything_can_be_asked_for() {
        let text = r#"{"id":"r","seed":7,"rounds":{"count":1},"warmupRequests":0,"targets":[],"phases":[{"openLoop":{"arrivals":"Poisson","requestsPerSecond":1000,"stop":{"durationSeconds":30},"ramp":{"toRequestsPerSecond":2000,"steps":5}}}],"request":{"method":"POST","headers":[{"name":"a","value":"b"}],"body":"{}","connections":"PerRequest","work":{"distribution":"Exponential","meanMicros":2000},"expect":{"status":201,"clusterName":"InBody"}},"share":{"index":1,"count":4},"startAt":"2026-01-01T00:00:00Z"}"#;
        let spec: RunSpec = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
    }
}
