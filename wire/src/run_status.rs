//! State of a run, as a generator says it to whoever asks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LiveCapacity;

/// Answer to `GET /v1/runs/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// Id of the run.
    pub id: String,
    /// Whether it is still on.
    pub state: RunState,
    /// Rounds that count so far.
    pub rounds_done: u32,
    /// Rounds to measure until the next look, which may be the last one.
    pub rounds_total: u32,
    /// Rounds that were voided so far.
    pub rounds_voided: u32,
    /// When the run began.
    pub started_at: Timestamp,
    /// One line for people: `round 7 of 20, cluster2: 812 requests/s`.
    pub message: String,
    /// Warning although the run goes on, such as a disk that takes nothing more. It changes seldom.
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
    /// Targets as they were when each was last measured, in the order in which they were first measured; those that were not measured yet
    /// are not there, but for those of a search. For people who watch: what counts is in the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub live: Vec<LiveTarget>,
    /// Set once the report can be collected: SHA-256 of the exact bytes that `GET /v1/runs/{id}/report` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_sha256: Option<String>,
}

/// Numbers of one target in one round, before anything is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveTarget {
    /// Name of the cluster.
    pub cluster: String,
    /// The round that it was measured in; 0: it was not measured yet.
    pub round: u32,
    /// Answered requests per second of load.
    pub requests_per_second: u64,
    /// Median latency in microseconds. Absent: so many requests failed, or were still open, that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    /// 99th percentile of the latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<u64>,
    /// What the finished rounds of a search found of it. Absent: it is no search, or the generator is of a version that does not
    /// say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<LiveCapacity>,
    /// Rate of the step of a search that is on, in requests a second. Absent: this target is not asked now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_requests_per_second: Option<u32>,
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
    /// Address as the document names it, `http://host:port`: of the control API, or that requests to an Application Load
    /// Balancer go to.
    pub control: String,
    /// The instance that answered there first. Empty: none has answered yet, or it is none of ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_id: String,
}

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// It measures, or is held.
    Running,
    /// The report is ready. It may still be `Invalid`; the report says so.
    Finished,
    /// Stopped by `DELETE` before its end; the report holds the rounds that were finished.
    Aborted,
    /// Ended by itself, because going on was useless: a target refused every connection. The report holds the counts.
    Failed,
}
