//! Report, the full result of a run, version 1.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CapacityReport, Comparison, Environment, FailedStatus, Failures, Gate, LimitHits, Phase, QueueCost, RunSpec,
    SelfTest, Series, ThresholdOutcome, ThresholdResult, Way, WrongAnswer,
};

/// Value of [`Report::schema`].
pub const REPORT_SCHEMA: &str = "clusterbench.dev/report/v1";

/// Longest document of a report, 900 KiB: with the object around it well below etcd's limit of 1.5 MiB a request.
/// Longer ones lose series and details of single rounds, never totals, and say so in a note.
pub const REPORT_LIMIT_BYTES: usize = 900 * 1024;

/// Numbers of one run, the verdict on them, and everything needed to check both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `clusterbench.dev/report/v1`
    pub schema: String,
    /// Specification of the run, as the operator sent it.
    pub run: RunSpec,
    /// When the run began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When the run ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Timestamp,
    /// Whether the numbers may be quoted.
    pub validity: Validity,
    /// Why the run is not valid; empty when it is.
    pub reasons: Vec<String>,
    /// Everything that was checked, with what was measured and what is allowed.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// Where it was measured, from where, and on what.
    pub environment: Environment,
    /// Clusters in the order of `run.targets`, over all counted rounds.
    pub clusters: Vec<ClusterReport>,
    /// Rounds in the order measured, voided ones included.
    pub rounds: Vec<RoundReport>,
    /// The course of the load, one for each cluster in the order of `run.targets`, warm-up and voided rounds included.
    /// Empty: it was measured by an earlier version, or the generator's process ended before it could tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// Each cluster against the first one (all pairs on request), by the metric of the headline.
    pub comparisons: Vec<Comparison>,
    /// The same by other metrics, where the rounds carry them. Read beside the headline, never instead of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_comparisons: Vec<Comparison>,
    /// The result of `thresholds`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<ThresholdResult>,
    /// A cluster measured as if it were two: whether the campaign finds a difference where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
    /// What it cost to measure. Absent: nobody told the generator what the instances are, or a former version wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
    /// The comparisons in one line for a column: `cluster2 14 % faster [9, 19]`.
    pub summary: String,
    /// The same as sentences for people, with what the numbers are about.
    pub verdict: String,
}

/// What was paid for the time of a run: instances of all clusters with volumes, addresses and surplus credits, and what stands in
/// front and makes the load. Boot, waiting and teardown are not in it: they are in the benchmark's own cost. Behind queues: also
/// the calls of SQS and S3 in rounds; and a cluster whose number of instances follows its queue as it was in rounds, and between
/// them at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunCost {
    /// Millionths of a US dollar, as far as prices are known.
    pub usd_micros: u64,
    /// It may have been less: surplus credits are in it as if members had been as busy all the time as while load was on, or
    /// always busy where that is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_at_most: bool,
    /// Instance types whose price is not known: it was more than that by what they cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
    /// Time that it is for, in seconds. Between the launches of a run is none.
    pub seconds: u64,
    /// Its parts: clusters by their names, then what serves all of them.
    pub parts: Vec<CostPart>,
}

/// A part of what a run cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostPart {
    /// Name of the cluster, or words for what else it is.
    pub what: String,
    /// Millionths of a US dollar.
    pub usd_micros: u64,
}

/// Whether the numbers of a run may be quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Validity {
    /// Every gate passed.
    #[default]
    Valid,
    /// A gate failed: the numbers are kept for reading and must not be quoted.
    Invalid,
}

/// Each cluster measured once, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundReport {
    /// From 1. A repeated round has the number of the one that was voided.
    pub round: u32,
    /// One for all clusters of the round: the same planned arrivals, and the same work where requests carry it.
    pub seed: u64,
    /// The instances that were measured: from 1, one more after every relaunch of the workers.
    #[serde(default = "first")]
    pub launch: u32,
    /// Whether the round counts.
    pub outcome: RoundOutcome,
    /// Why it was voided: `i-0123 of cluster1 was lost`. Empty when it counts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The cluster that voided it; empty when it counts, or when it was none of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub voided_by: String,
    /// Clusters in the order measured.
    pub clusters: Vec<ClusterReport>,
}

fn first() -> u32 {
    1
}

impl RoundReport {
    /// A round of the first launch that counts.
    pub fn counted(round: u32, seed: u64, clusters: Vec<ClusterReport>) -> Self {
        let (reason, voided_by) = (String::new(), String::new());
        Self { round, seed, launch: first(), outcome: RoundOutcome::Counted, reason, voided_by, clusters }
    }
}

/// Whether a round counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RoundOutcome {
    /// Its numbers are in the totals.
    #[default]
    Counted,
    /// Its numbers are in no total; it was repeated.
    Voided,
}

impl Report {
    /// Whether what the answers of a cluster cost may stand beside that of others. Under a fixed rate all clusters answer the
    /// same, and the cheapest looks best whatever it made of them: there it is of those alone that met their thresholds, in a
    /// run that is valid. A cluster that is there twice, by its URL, has the thresholds of the first.
    pub fn is_cost_told(&self, cluster: &str) -> bool {
        if !self.is_at_fixed_rate() {
            return true;
        }
        let targets = &self.run.targets;
        let url = targets.iter().find(|target| target.cluster == cluster).map(|target| &target.url);
        let first = targets.iter().find(|target| Some(&target.url) == url).map_or(cluster, |target| &target.cluster);
        let mut on_it = self.thresholds.iter().filter(|result| result.threshold.cluster == first);
        self.validity == Validity::Valid && on_it.all(|result| result.outcome == ThresholdOutcome::Met)
    }

    /// Whether load came by a schedule, whatever was answered.
    pub fn is_at_fixed_rate(&self) -> bool {
        self.run.phases.iter().any(|phase| matches!(phase, Phase::OpenLoop(_)))
    }
}

/// One cluster in one round, or over all rounds that count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// Name of the cluster.
    pub cluster: String,
    /// Requests that count: answered, failed or still open at the end. Warm-up is not among them.
    pub requests: u64,
    /// Requests that the schedule planned. 0: not said (a closed loop plans none).
    #[serde(default)]
    pub planned: u64,
    /// Requests whose first byte was sent before load ended.
    #[serde(default)]
    pub sent: u64,
    /// Requests that were still open at the end. They are among `requests`, and their latency is at least their age.
    #[serde(default)]
    pub open_at_end: u64,
    /// Requests sent before the first round and counted nowhere else. In a round: 0.
    #[serde(default)]
    pub warmup_requests: u64,
    /// Time that load was on, pauses left out.
    #[serde(default)]
    pub load_micros: u64,
    /// Connections opened.
    #[serde(default)]
    pub connections: u64,
    /// TLS handshakes of those connections. Absent: there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshakes: Option<Handshakes>,
    /// Answers with which the other side said that it ends the connection, which would have been used again: HTTP/1.0,
    /// `Connection: close`, or a body that ends with the connection.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub announced_ends: u64,
    /// Requests that found all connections busy and waited for one, while their clock ran. `maxConnections` asks for
    /// that; without it, `generatorLimits` says why.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited: u64,
    /// Answers that were the right ones, where each request has its own (`request.corpus`, or files of the command line). The
    /// wrong ones are `failures.wrongAnswer`. Absent: there was nothing to compare answers with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<u64>,
    /// The first of the wrong answers to files, in the order of the rounds, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<WrongAnswer>,
    /// Requests that a limit of the generator kept from being sent, or kept waiting. Those that were not sent are not
    /// among `requests`; a run with any is not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generator_limits: Vec<LimitHits>,
    /// Requests that all members together serve at the same time, by their `x-slots` or vCPUs. Absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Speed that the standard credits of a burstable type gave, of the worst member. Absent: not a burstable type, one with
    /// unlimited credits, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// CPU time of members that the hypervisor took, in thousandths, of the worst member; over several rounds the mean by
    /// time. Absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal_per_mille: Option<u32>,
    /// CPU time that members used above their baseline, while load was on, in thousandths of one vCPU, of all of them
    /// together. Absent: the type has no surplus credits, or a member did not say. In few rounds that lack it: that of the round
    /// with the highest cost, and a note says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surplus_per_mille: Option<u32>,
    /// What its instances cost, in millionths of a US dollar an hour: with volumes, addresses and surplus credits at the CPU
    /// time of this load; without balancer and generators. Absent: a price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_usd_micros: Option<u64>,
    /// The cost is an upper bound: members do not say how busy they are, and surplus credits are in it as if they were
    /// always busy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hourly_is_at_most: bool,
    /// What it used of instances, SQS and S3, and what that costs. Absent: it is not behind queues, several generators measured
    /// it, or a former version wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_cost: Option<QueueCost>,
    /// What answers cost, over the rounds that count. In a round: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_cost: Option<AnswerCost>,
    /// Steps of the search in this round. The other numbers of the round are those of the highest rate that was kept (of the
    /// lowest that was tried, where none was). Absent: it is no search; over all rounds: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// What the search found over the rounds that count. In a round: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityReport>,
    /// Requests without a good answer.
    pub failures: Failures,
    /// Status of the answers to requests that failed although they were answered.
    #[serde(default, skip_serializing_if = "FailedStatus::is_none")]
    pub failed_status: FailedStatus,
    /// Answered requests per second of load time, rounded.
    pub requests_per_second: u64,
    /// From the planned start of a request to its answer, over all requests, a failure counting as infinitely slow.
    pub latency: Quantiles,
    /// The same over answered requests only.
    pub latency_of_successes: Quantiles,
    /// Shares of its members. Empty: no answer named its member.
    pub members: Vec<MemberShare>,
    /// Answers by address, where the URL gives a name: every address of the name, also those that served nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<AddressShare>,
    /// Answers by availability zone of the member that gave them, by name of the zone, also those that served nothing.
    /// Answers that name no member, or a member that is in no zone of the run, are in none of them. Empty: the run has no
    /// zones, or no answer named a member of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<ZoneShare>,
    /// Histograms that the quantiles are from.
    #[serde(default)]
    pub histograms: Histograms,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What the answers of a cluster cost: its instances while load was on, by the good answers that they gave; of a search by the
/// requests at its capacity, late ones included. Behind queues it is all of `queueCost`, calls included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerCost {
    /// A million of them, in millionths of a US dollar: the Hodges-Lehmann median over the rounds.
    pub usd_micros_per_million: u64,
    /// The interval around it, as sure as the comparisons of the report are. Absent below 6 rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[u64; 2]>,
    /// It is an upper bound, as the cost of the instances is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_at_most: bool,
}

/// TLS handshakes that succeeded. Like connecting, their time is a part of the latency of those requests that had to wait
/// for them, and of no other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Handshakes {
    /// Handshakes that succeeded.
    pub count: u64,
    /// Those that went on with an earlier session, which is less work for both sides.
    pub resumed: u64,
    /// From when the connection was there to when the first request could be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    /// The same, of one in a hundred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<u64>,
    /// Versions and cipher suites that were agreed on, such as `TLSv1.3 TLS13_AES_256_GCM_SHA384`.
    #[serde(default)]
    pub protocols: Vec<String>,
}

/// At which speed the instances of a burstable type ran. Rounds of both are never compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Speed {
    /// Full speed, on credits.
    Burst,
    /// Credits were spent: the baseline of the type.
    Baseline,
}

/// HDR histograms in microseconds, V2 deflate format, base64: other HDR tools read them, and they are merged by adding
/// counts. Empty: not recorded, or left out of a report that was too long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Histograms {
    /// Answered requests, from their planned start to their answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub response: String,
    /// Answered requests, from the first byte sent to the answer: what a closed loop would see.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// All requests sent, from the planned start to the first byte sent: how late the generator was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub send_lag: String,
    /// Requests that were still open at the end: how long they had been. Their latency is at least that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub open: String,
    /// TLS handshakes that succeeded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub handshake: String,
}

/// Microseconds. Absent: there is no such value, because too many requests failed or none was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// Median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    /// 90th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_micros: Option<u64>,
    /// 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<u64>,
    /// 99.9th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_micros: Option<u64>,
    /// Slowest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_micros: Option<u64>,
    /// Mean of all answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_micros: Option<u64>,
    /// Requests were still open at the end, the first after so long: a value from here on is a lower bound, `>= x`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least_from_micros: Option<u64>,
}

impl Quantiles {
    /// `value`, unless it is only a lower bound.
    pub fn exact(&self, value: Option<u64>) -> Option<u64> {
        value.filter(|value| self.at_least_from_micros.is_none_or(|from| *value < from))
    }
}

/// How many answers came from one member, by the `x-backend` header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberShare {
    /// Empty: answers that did not name their member.
    pub id: String,
    /// Answers from it.
    pub requests: u64,
    /// Its share of all answers, in thousandths.
    pub share_per_mille: u32,
}

/// How many answers came from one address of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressShare {
    /// With its port: `10.0.0.7:80`, `[2001:db8::7]:80`.
    pub address: String,
    /// Answers from it.
    pub requests: u64,
    /// Its share of all answers, in thousandths.
    pub share_per_mille: u32,
    /// Connections to it that carried requests, each counted once in each phase of each round.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub connections: u64,
    /// Median of the time from the planned start of a request to its answer, over the good answers from it. Absent: there
    /// were none, or a former version wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    /// Histogram that the median is from, as those in `histograms` are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub response: String,
}

/// How many answers came from the members in one availability zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZoneShare {
    /// Name of the zone: `us-east-1a`.
    pub zone: String,
    /// Answers from its members.
    pub requests: u64,
    /// Its share of the answers of all zones, in thousandths.
    pub share_per_mille: u32,
    /// Median of the time from the planned start of a request to its answer, over the good answers from it. Absent: there
    /// were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    /// Histogram that the median is from, as those in `histograms` are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub histogram: String,
}
