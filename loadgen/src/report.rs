//! From rounds to the report. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stats::{Conclusion, Latencies, compare, conclude};
use wire::{ClusterReport, Environment, Failures, REPORT_SCHEMA, Report, RoundOutcome, RoundReport, RunSpec, Validity};

use crate::gates::{Evidence, reasons};
use crate::recording::{Recording, shares};

/// One round as it was measured; also the form in which a run survives the death of its process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// From 1. A repeated round keeps the number.
    pub number: u32,
    pub seed: u64,
    pub outcome: RoundOutcome,
    /// Why it was voided; empty when it counts.
    pub reason: String,
    /// In the order measured.
    pub clusters: Vec<Measured>,
}

/// One cluster in one round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub cluster: String,
    pub failures: Failures,
    /// Time that load was on, pauses left out.
    pub load_micros: u64,
    /// Answers per member.
    pub answers: Vec<(String, u64)>,
    /// Latencies of successes, as in reports.
    pub histogram: String,
}

impl Measured {
    pub(crate) fn new(cluster: &str, recording: &Recording, load_micros: u64) -> Self {
        Self {
            cluster: cluster.to_owned(),
            failures: recording.failures,
            load_micros,
            answers: recording.answers(),
            histogram: recording.latencies.encode(),
        }
    }
}

/// A run as it was measured.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub spec: RunSpec,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    /// In the order measured, voided ones included.
    pub rounds: Vec<Round>,
    pub environment: Environment,
    /// Why it ended before its end, if it did.
    pub aborted: Option<String>,
    pub(crate) elapsed: std::time::Duration,
    pub(crate) clock_step_millis: i64,
}

impl Measurement {
    /// What a run left behind when its process died: the rounds that were written down.
    pub(crate) fn recovered(spec: RunSpec, started_at: Timestamp, rounds: Vec<Round>, instance_id: &str) -> Self {
        let environment = Environment { generator_instance_id: instance_id.to_owned(), ..Environment::default() };
        Self {
            spec,
            started_at,
            finished_at: Timestamp::now(),
            rounds,
            environment,
            aborted: Some("the generator's process ended".to_owned()),
            elapsed: std::time::Duration::ZERO,
            clock_step_millis: 0,
        }
    }

    /// The report: numbers over the rounds that count, and what may be said about them.
    pub fn report(&self) -> Report {
        let clusters: Vec<ClusterReport> = self.names().iter().map(|name| self.total(name)).collect();
        let reasons = reasons(&Evidence {
            planned: self.spec.rounds.count,
            rounds: &self.rounds,
            clusters: &clusters,
            aborted: self.aborted.as_deref(),
            elapsed: self.elapsed,
            clock_step_millis: self.clock_step_millis,
            cpu_per_mille: self.environment.generator_cpu_per_mille,
            steal_per_mille: self.environment.steal_per_mille,
        });
        let rounds: Vec<RoundReport> = self.rounds.iter().map(round_report).collect();
        let comparisons = compare(&rounds, &self.names());
        let Conclusion { summary, verdict } = conclude(&clusters, &comparisons, &reasons);
        Report {
            schema: REPORT_SCHEMA.to_owned(),
            run: self.spec.clone(),
            started_at: self.started_at,
            finished_at: self.finished_at,
            validity: if reasons.is_empty() { Validity::Valid } else { Validity::Invalid },
            reasons,
            environment: self.environment.clone(),
            clusters,
            rounds,
            comparisons,
            summary,
            verdict,
        }
    }

    /// All clusters together, over the rounds that count.
    pub fn all(&self) -> ClusterReport {
        cluster_report("all", self.counted().flat_map(|round| &round.clusters))
    }

    fn total(&self, name: &str) -> ClusterReport {
        let measured = self.counted().flat_map(|round| &round.clusters);
        cluster_report(name, measured.filter(|measured| measured.cluster == name))
    }

    fn counted(&self) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted)
    }

    fn names(&self) -> Vec<&str> {
        self.spec.targets.iter().map(|target| target.cluster.as_str()).collect()
    }
}

fn round_report(round: &Round) -> RoundReport {
    let cluster = |measured: &Measured| cluster_report(&measured.cluster, [measured]);
    RoundReport {
        round: round.number,
        seed: round.seed,
        outcome: round.outcome,
        reason: round.reason.clone(),
        clusters: round.clusters.iter().map(cluster).collect(),
    }
}

/// Adds counts up; nothing is averaged.
fn cluster_report<'a>(name: &str, measured: impl IntoIterator<Item = &'a Measured>) -> ClusterReport {
    let (mut latencies, mut failures, mut load_micros) = (Latencies::new(), Failures::default(), 0);
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    for one in measured {
        match Latencies::decode(&one.histogram) {
            Ok(theirs) => latencies.merge(&theirs),
            Err(error) => tracing::error!(cluster = name, %error, "a histogram of our own cannot be read"),
        }
        failures.add(&one.failures);
        load_micros += one.load_micros;
        for (member, count) in &one.answers {
            *answers.entry(member.clone()).or_default() += count;
        }
    }
    ClusterReport {
        cluster: name.to_owned(),
        requests: latencies.count() + failures.total(),
        failures,
        requests_per_second: per_second(latencies.count(), load_micros),
        latency: latencies.quantiles(failures.total()),
        latency_of_successes: latencies.quantiles(0),
        members: shares(answers),
        histogram: latencies.encode(),
    }
}

/// Rounded to the nearest.
fn per_second(answered: u64, micros: u64) -> u64 {
    (u128::from(answered) * 1_000_000 + u128::from(micros) / 2).checked_div(u128::from(micros)).unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use wire::{Rounds, Target};

    use super::*;

    fn measured(cluster: &str, micros: &[u64], failed: u64) -> Measured {
        let mut latencies = Latencies::new();
        micros.iter().for_each(|value| latencies.record(*value));
        Measured {
            cluster: cluster.into(),
            failures: Failures { timeout: failed, ..Failures::default() },
            load_micros: 500_000,
            answers: vec![("i-1".into(), micros.len() as u64)],
            histogram: latencies.encode(),
        }
    }

    fn measurement(rounds: Vec<Round>) -> Measurement {
        let targets = ["a", "b"].map(|name| Target { cluster: name.into(), url: format!("http://127.0.0.1:1/{name}") });
        let spec = RunSpec {
            id: "r".into(),
            seed: 1,
            rounds: Rounds { count: 2 },
            warmup_requests: 0,
            targets: targets.to_vec(),
            phases: Vec::new(),
            balancer_control: None,
        };
        let mut measurement = Measurement::recovered(spec, Timestamp::UNIX_EPOCH, rounds, "g");
        measurement.aborted = None;
        measurement
    }

    fn round(number: u32, outcome: RoundOutcome, a: Measured, b: Measured) -> Round {
        Round { number, seed: 9, outcome, reason: String::new(), clusters: vec![b, a] }
    }

    #[test]
    fn voided_rounds_are_listed_and_not_counted() {
        let report = measurement(vec![
            round(1, RoundOutcome::Counted, measured("a", &[100, 200], 0), measured("b", &[50], 1)),
            round(2, RoundOutcome::Voided, measured("a", &[9_000_000], 0), measured("b", &[9_000_000], 0)),
            round(2, RoundOutcome::Counted, measured("a", &[300], 0), measured("b", &[60, 70], 0)),
        ])
        .report();
        assert_eq!(report.rounds.len(), 3);
        let [a, b] = &report.clusters[..] else { panic!("two clusters, in the order of the targets") };
        assert_eq!((a.cluster.as_str(), a.requests, a.failures.total()), ("a", 3, 0));
        assert_eq!((a.latency.p50_micros, a.latency.max_micros), (Some(200), Some(300)));
        assert_eq!((b.requests, b.failures.timeout, b.requests_per_second), (4, 1, 3));
        assert_eq!((b.latency.max_micros, b.latency_of_successes.max_micros), (None, Some(70)));
        assert_eq!(Latencies::decode(&a.histogram).unwrap().count(), 3);
        assert_eq!(report.comparisons[0].rounds, 2);
        assert_eq!(report.validity, Validity::Invalid, "one of two rounds was voided");
        let all = measurement(vec![round(1, RoundOutcome::Counted, measured("a", &[1], 0), measured("b", &[2], 3))]);
        assert_eq!((all.all().requests, all.all().failures.total()), (5, 3));
    }

    #[test]
    fn rates_are_rounded_and_never_divide_by_zero() {
        assert_eq!(per_second(3, 2_000_000), 2);
        assert_eq!(per_second(1000, 0), 0);
    }
}
