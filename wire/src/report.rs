//! The full result of a run, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Comparison, RunSpec};

/// Value of [`Report::schema`].
pub const REPORT_SCHEMA: &str = "clusterbench.dev/report/v1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub schema: String,
    pub run: RunSpec,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub validity: Validity,
    /// Why the run is not valid; empty when it is.
    pub reasons: Vec<String>,
    pub environment: Environment,
    /// In the order of `run.targets`, over all counted rounds.
    pub clusters: Vec<ClusterReport>,
    /// In the order measured, voided ones included.
    pub rounds: Vec<RoundReport>,
    /// Each cluster against the first one.
    pub comparisons: Vec<Comparison>,
    /// The comparisons in one line for a column: `cluster2 14 % faster [9, 19]`.
    pub summary: String,
    /// The same as sentences for people, with what the numbers are about.
    pub verdict: String,
}

/// Longest document of a report: what a `BenchmarkReport` object takes, well below etcd's limit of 1.5 MB.
pub const REPORT_LIMIT_BYTES: usize = 1_000_000;

impl Report {
    /// The report as it is stored: JSON of at most [`REPORT_LIMIT_BYTES`] where that can be had by leaving out, of the
    /// single rounds only, first the histograms and then the shares. Totals always stay, and a note says what is gone.
    pub fn document(mut self) -> Result<Vec<u8>, serde_json::Error> {
        let bytes = serde_json::to_vec(&self)?;
        if bytes.len() <= REPORT_LIMIT_BYTES {
            return Ok(bytes);
        }
        let clusters = |rounds: &mut Vec<RoundReport>, leave_out: fn(&mut ClusterReport)| {
            rounds.iter_mut().flat_map(|round| &mut round.clusters).for_each(leave_out);
        };
        clusters(&mut self.rounds, |cluster| cluster.histogram.clear());
        self.environment
            .notes
            .push("the histograms of single rounds were left out: the report was too long".to_owned());
        let bytes = serde_json::to_vec(&self)?;
        if bytes.len() <= REPORT_LIMIT_BYTES {
            return Ok(bytes);
        }
        clusters(&mut self.rounds, |cluster| cluster.members.clear());
        self.environment.notes.push("the shares of single rounds were left out: the report was too long".to_owned());
        serde_json::to_vec(&self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Validity {
    Valid,
    /// A gate failed: the numbers are kept for reading and must not be quoted.
    Invalid,
}

/// Where the load came from. Numbers measured in one environment say nothing of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub generator_instance_id: String,
    pub generator_parallelism: u32,
    pub cpu_model: String,
    pub kernel: String,
    /// CPU time the hypervisor took from the generator during the run, in thousandths of the time passed.
    pub steal_per_mille: u32,
    /// CPU time used by the generator during load, in thousandths of what it was allowed.
    pub generator_cpu_per_mille: u32,
    /// Facts that the operator adds, such as `instance type of cluster1: t2.micro`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    pub cluster: String,
    pub requests: u64,
    pub failures: Failures,
    /// Answered requests per second of load time, rounded.
    pub requests_per_second: u64,
    /// Over all requests, a failure counting as infinitely slow.
    pub latency: Quantiles,
    /// Over answered requests only.
    pub latency_of_successes: Quantiles,
    pub members: Vec<MemberShare>,
    /// HDR histogram of successes in microseconds, V2 deflate format, base64: can be merged with others.
    pub histogram: String,
}

/// Microseconds. Absent: there is no such value, because too many requests failed or none was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_micros: Option<u64>,
}

/// Requests without a good answer, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// No connection.
    pub connect: u64,
    /// No answer within the time limit.
    pub timeout: u64,
    /// The connection ended or broke the protocol before the answer was whole.
    pub broken: u64,
    /// An answer of 4xx.
    pub client_error: u64,
    /// An answer of 5xx.
    pub server_error: u64,
}

impl Failures {
    pub fn total(&self) -> u64 {
        self.connect + self.timeout + self.broken + self.client_error + self.server_error
    }

    pub fn add(&mut self, other: &Failures) {
        self.connect += other.connect;
        self.timeout += other.timeout;
        self.broken += other.broken;
        self.client_error += other.client_error;
        self.server_error += other.server_error;
    }
}

/// How many answers came from one member, by the `x-backend` header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberShare {
    /// Empty: answers that did not name their member.
    pub id: String,
    pub requests: u64,
    pub share_per_mille: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundReport {
    /// From 1. A repeated round has the number of the one that was voided.
    pub round: u32,
    pub seed: u64,
    pub outcome: RoundOutcome,
    /// Why it was voided: `i-0123 of cluster1 was lost`. Empty when it counts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// In the order measured.
    pub clusters: Vec<ClusterReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoundOutcome {
    Counted,
    Voided,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rounds;

    fn report(rounds: u32) -> Report {
        let cluster = |name: &str| ClusterReport {
            cluster: name.into(),
            requests: 1000,
            failures: Failures::default(),
            requests_per_second: 1000,
            latency: Quantiles { p50_micros: Some(123_456), p99_micros: Some(123_456), ..Quantiles::default() },
            latency_of_successes: Quantiles::default(),
            members: vec![MemberShare { id: "i-0123456789abcdef0".into(), requests: 1000, share_per_mille: 250 }; 4],
            histogram: "h".repeat(1500),
        };
        let round = |round| RoundReport {
            round,
            seed: 7,
            outcome: RoundOutcome::Counted,
            reason: String::new(),
            clusters: vec![cluster("a"), cluster("b")],
        };
        Report {
            schema: REPORT_SCHEMA.into(),
            run: RunSpec {
                id: "1".into(),
                seed: 0,
                rounds: Rounds { count: rounds },
                warmup_requests: 0,
                targets: Vec::new(),
                phases: Vec::new(),
                balancer_control: None,
            },
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            validity: Validity::Valid,
            reasons: Vec::new(),
            environment: Environment::default(),
            clusters: vec![cluster("a"), cluster("b")],
            rounds: (1..=rounds).map(round).collect(),
            comparisons: Vec::new(),
            summary: String::new(),
            verdict: String::new(),
        }
    }

    #[test]
    fn a_long_report_loses_details_of_rounds_and_says_so() {
        let stored = |rounds: u32| -> (usize, Report) {
            let bytes = report(rounds).document().unwrap();
            (bytes.len(), serde_json::from_slice(&bytes).unwrap())
        };
        let (_, short) = stored(20);
        assert_eq!(short, report(20));
        let (length, long) = stored(750);
        assert!(length <= REPORT_LIMIT_BYTES, "{length}");
        assert_eq!((long.rounds.len(), &long.clusters), (750, &report(1).clusters));
        assert!(long.environment.notes[0].contains("histograms"), "{:?}", long.environment.notes);
    }
}
