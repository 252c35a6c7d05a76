//! Measurement of a run: its rounds, and the report that is made of them. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use stats::{Material, NotAHistogram, PhaseEvidence, Rules};
use wire::{
    AloneReport, ClusterReport, Connections, Environment, GeneratorFacts, Phase, Report, RoundReport, RunSpec, Series,
};

use crate::engine::drivers::Driven;
use crate::engine::recording::Tally;
use crate::mutant::{Mutant, Mutation};
use crate::run::JournalEntry;

/// Report of one cluster in one round. `is_by_file`: each answer was compared with the one that is right for its request.
pub(crate) fn cluster_report(cluster: &str, driven: &Driven, names_addresses: bool, is_by_file: bool) -> ClusterReport {
    let tally = &driven.tally;
    let addresses = driven.served.iter().filter(|_| names_addresses);
    let rest = ClusterReport {
        cluster: cluster.to_owned(),
        planned: tally.planned,
        sent: tally.acted(),
        connections: tally.connections,
        announced_ends: tally.announced_ends,
        waited: tally.waited,
        right: is_by_file.then(|| tally.response.count()),
        wrong: tally.wrong.clone(),
        generator_limits: tally.limit_hits(),
        failed_status: tally.failed_status,
        load_micros: driven.took.as_micros() as u64,
        members: stats::shares(driven.backends.answers()),
        addresses: stats::address_shares(addresses.map(|(at, served)| (at.to_string(), served.clone()))),
        zones: stats::zone_shares(driven.zones.clone()),
        ..ClusterReport::default()
    };
    let tally = tally.clone();
    let (response, service, send_lag, open) = (tally.response, tally.service, tally.send_lag, tally.open);
    let (handshakes, failures) = (tally.handshakes, tally.failures);
    stats::Tally { response, service, send_lag, open, handshakes, failures, rest }.into_report()
}

/// One phase of the load on one cluster, over the rounds that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhaseTally {
    tally: Tally,
    connections_needed: u64,
}

impl PhaseTally {
    pub(crate) fn new(tally: &Tally, connections_needed: u64) -> Self {
        Self { tally: tally.clone(), connections_needed }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.connections_needed += other.connections_needed;
    }

    pub(crate) fn evidence(&self, about: String, keeps_connections: bool) -> PhaseEvidence {
        let tally = &self.tally;
        let is_planned = tally.planned > 0;
        PhaseEvidence {
            about,
            planned: tally.planned,
            sent: tally.acted(),
            send_lag_p99_micros: is_planned.then(|| tally.send_lag.quantile(990)).flatten(),
            service_p50_micros: tally.service.quantile(500),
            connections: tally.connections,
            connections_needed: keeps_connections.then_some(self.connections_needed),
            connections_explained: tally.explained_ends(),
            limits: tally.limit_hits(),
        }
    }
}

/// Tallies by cluster and number of the phase.
pub(crate) type PhaseTallies = BTreeMap<(String, u64), PhaseTally>;

/// A run as it was measured.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub spec: RunSpec,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    /// Rounds in the order measured, voided ones included.
    pub rounds: Vec<RoundReport>,
    /// The course of the load on each cluster.
    pub series: Vec<Series>,
    /// Rounds that were to count: with looks in between, those up to the last look that was needed.
    pub planned_rounds: u32,
    pub environment: Environment,
    /// What one request at a time showed of each cluster of a search, by its name.
    pub alone: BTreeMap<String, AloneReport>,
    /// Why it ended before its end, if it did.
    pub aborted: Option<String>,
    /// Whether it ended because going on was useless.
    pub failed: bool,
    /// Requests of the warm-up, by cluster. They count nowhere.
    pub warm_up: BTreeMap<String, u64>,
    /// How long the warm-up had load on, all clusters together.
    pub warm_up_load: std::time::Duration,
    pub(crate) phases: PhaseTallies,
    pub(crate) elapsed: std::time::Duration,
    pub(crate) mutation: Mutation,
}

impl Measurement {
    /// Measurement of a run whose process died: what was written down.
    pub(crate) fn recovered(
        spec: RunSpec,
        started_at: Timestamp,
        written: JournalEntry<'_>,
        instance_id: &str,
    ) -> Self {
        let generator = GeneratorFacts { instance_id: instance_id.to_owned(), ..GeneratorFacts::default() };
        let planned_rounds = spec.rounds.count;
        let notes = vec!["the series by second and by minute ended with the generator's process".to_owned()];
        Self {
            spec,
            started_at,
            finished_at: Timestamp::now(),
            rounds: written.rounds.to_vec(),
            series: Vec::new(),
            planned_rounds,
            environment: Environment { generators: vec![generator], notes, ..Environment::default() },
            alone: written.alone.clone(),
            aborted: Some("the generator's process ended".to_owned()),
            failed: false,
            warm_up: BTreeMap::new(),
            warm_up_load: std::time::Duration::ZERO,
            phases: PhaseTallies::new(),
            elapsed: std::time::Duration::ZERO,
            mutation: Mutation::default(),
        }
    }

    /// The report: numbers over the rounds that count, and what may be said about them.
    ///
    /// # Errors
    /// A histogram that was written down and can no longer be read.
    pub fn report(&self) -> Result<Report, NotAHistogram> {
        let report = stats::report(Material {
            spec: self.spec.clone(),
            started_at: self.started_at,
            finished_at: self.finished_at,
            environment: self.environment.clone(),
            rounds: self.rounds.clone(),
            series: self.series.clone(),
            planned_rounds: self.planned_rounds,
            alone: self.alone.clone(),
            warmup_requests: self.warm_up.clone(),
            warmup_load_millis: self.warm_up_load.as_millis() as u64,
            phases: self.evidence(),
            elapsed_millis: self.elapsed.as_millis() as u64,
            aborted: self.aborted.clone(),
            thresholds: self.spec.judging.thresholds.clone(),
            rules: Rules::of(&self.spec),
        })?;
        Ok(distorted(report, self.mutation))
    }

    /// All clusters together, over the rounds that count.
    ///
    /// # Errors
    /// The same as those of [`Measurement::report`].
    pub fn all(&self) -> Result<ClusterReport, NotAHistogram> {
        let counted = self.rounds.iter().filter(|round| round.outcome == wire::RoundOutcome::Counted);
        let mut all = stats::sum("all", counted.flat_map(|round| &round.clusters))?;
        all.warmup_requests = self.warm_up.values().sum();
        Ok(all)
    }

    fn evidence(&self) -> Vec<PhaseEvidence> {
        let loads = self.spec.phases.iter().filter(|phase| !matches!(phase, Phase::Pause { .. })).count();
        let keeps = self.spec.request.connections == Connections::Kept;
        let of_phase = |((cluster, number), tally): (&(String, u64), &PhaseTally)| {
            let about = if loads > 1 { format!("{cluster}, phase {}", number + 1) } else { cluster.clone() };
            tally.evidence(about, keeps)
        };
        self.phases.iter().map(of_phase).collect()
    }
}

/// The report as two of the mutants would have it; in tests only.
fn distorted(mut report: Report, mutation: Mutation) -> Report {
    if mutation.is(Mutant::FailuresLeftOut) {
        report.clusters.iter_mut().for_each(|cluster| cluster.latency = cluster.latency_of_successes);
    }
    if mutation.is(Mutant::QuantilesAveraged) {
        for cluster in &mut report.clusters {
            let of_rounds = report.rounds.iter().flat_map(|round| &round.clusters);
            let medians: Vec<u64> = of_rounds
                .filter(|of_round| of_round.cluster == cluster.cluster)
                .filter_map(|of_round| of_round.latency.p50_micros)
                .collect();
            cluster.latency.p50_micros = Some(medians.iter().sum::<u64>() / medians.len().max(1) as u64);
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use wire::{OpenLoop, Stop};

    use super::*;

    #[test]
    fn requests_that_found_no_server_were_not_left_unsent_by_the_generator() {
        let mut tally = Tally { planned: 10, sent: 7, ..Tally::default() };
        tally.failures.connect = 3;
        let driven = Driven { tally: tally.clone(), ..Driven::default() };
        assert_eq!(cluster_report("c", &driven, false, false).sent, 10);
        assert_eq!(PhaseTally::new(&tally, 1).evidence("c".into(), true).sent, 10);
    }

    #[test]
    fn phases_are_judged_one_by_one() {
        let (arrivals, stop) = (wire::Arrivals::Constant, Stop::DurationSeconds(1));
        let load = OpenLoop { arrivals, requests_per_second: 10, stop, ramp: None, max_connections: None };
        let open = Phase::OpenLoop(load);
        let spec = RunSpec { phases: vec![open.clone(), Phase::Pause { seconds: 1 }, open], ..RunSpec::default() };
        assert_eq!(Rules::of(&spec).arrivals, stats::Arrivals::Open);
        let nothing = JournalEntry { alone: &BTreeMap::new(), rounds: &[] };
        let mut measurement = Measurement::recovered(spec, Timestamp::UNIX_EPOCH, nothing, "g");
        for phase in [0, 2] {
            let tally = Tally { planned: 10, sent: 10 - phase, ..Tally::default() };
            measurement.phases.insert(("c".into(), phase), PhaseTally::new(&tally, 1));
        }
        let told: Vec<(String, u64)> = measurement.evidence().into_iter().map(|it| (it.about, it.sent)).collect();
        assert_eq!(told, [("c, phase 1".into(), 10), ("c, phase 3".into(), 8)]);
    }
}
