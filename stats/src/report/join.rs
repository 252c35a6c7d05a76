//! One report of several: of generators that made one load together, or of launches that were measured one by one.
//! Pure; adds counts and judges anew.

use std::collections::{BTreeMap, BTreeSet};

use wire::{
    AloneReport, ClusterFacts, ClusterReport, Environment, Gate, GateKind, Report, RoundOutcome, RoundReport, Series,
    Slice, WayOutcome,
};

use super::totals::{sum, total};
use super::zones;
use super::{Material, judged};
use super::{run_cost, series};
use crate::compare::rules::Rules;
use crate::histogram::NotAHistogram;
use crate::launches::Launches;
use crate::metric::rate;
use crate::price::settle;
use crate::rounds::{counted, counted_of};

/// Why reports are not of one run.
#[derive(Debug, thiserror::Error)]
pub enum NotOneRun {
    #[error("there is no report to join")]
    Nothing,
    #[error("report {0} has other clusters than the first")]
    OtherClusters(usize),
    #[error("report {0} has another load, seed or rule of judging than the first")]
    OtherLoad(usize),
    #[error("the generator of report {0} began at another moment than the first")]
    OtherStart(usize),
    #[error(transparent)]
    NotAHistogram(#[from] NotAHistogram),
}

/// One load that several generators made together: their counts and histograms are added round by round.
///
/// A round that one of them voided, or does not have, is void for all: the load was not what was asked for.
///
/// # Errors
/// Reports of different runs, or a histogram that cannot be read.
pub fn join_generators(reports: &[Report]) -> Result<Report, NotOneRun> {
    let first = same_run(reports)?;
    if let Some(other) = reports.iter().position(|report| report.run.seed != first.run.seed) {
        return Err(NotOneRun::OtherLoad(other + 1));
    }
    if let Some(other) = reports.iter().position(|report| report.run.start_at != first.run.start_at) {
        return Err(NotOneRun::OtherStart(other + 1));
    }
    let seeds: BTreeSet<u64> = reports.iter().flat_map(|report| &report.rounds).map(|round| round.seed).collect();
    let mut rounds = Vec::new();
    for seed in seeds {
        let parts: Vec<Option<&RoundReport>> =
            reports.iter().map(|report| report.rounds.iter().find(|round| round.seed == seed)).collect();
        rounds.extend(together(&parts)?);
    }
    // Seeds are drawn: the order they were measured in is that of the report that has most of them.
    let order = |seed: u64| {
        let place = |report: &Report| report.rounds.iter().position(|round| round.seed == seed);
        reports.iter().filter_map(place).min().unwrap_or(usize::MAX)
    };
    rounds.sort_by_key(|round| order(round.seed));
    let mut spec = first.run.clone();
    (spec.slice, spec.start_at) = (Slice::default(), None);
    let planned = reports.iter().map(planned_rounds).max().unwrap_or(0);
    let attempt = |part: usize, attempt: usize| {
        let seed = reports.get(part)?.rounds.get(attempt)?.seed;
        rounds.iter().position(|round| round.seed == seed)
    };
    let series = series::together(reports, &rounds, attempt);
    joined(reports, Report { run: spec, rounds, series, ..first.clone() }, planned)
}

/// One run whose workers were launched anew between its parts, a report for each launch, in their order.
///
/// # Errors
/// Reports of different loads, or a histogram that cannot be read.
pub fn join_launches(reports: &[Report]) -> Result<Report, NotOneRun> {
    let first = same_run(reports)?;
    let mut rounds: Vec<RoundReport> = Vec::new();
    for (launch, report) in (1..).zip(reports) {
        let before = counted(&rounds).count() as u32;
        let moved = |round: &RoundReport| RoundReport { launch, round: before + round.round, ..round.clone() };
        rounds.extend(report.rounds.iter().map(moved));
    }
    let before = |part: usize| reports.iter().take(part).map(|report| report.rounds.len()).sum::<usize>();
    let series = series::one_after_the_other(reports, &rounds, |part, attempt| Some(before(part) + attempt));
    let planned = reports.iter().map(planned_rounds).sum();
    let mut spec = first.run.clone();
    spec.rounds.count = planned;
    spec.facts.launch = 0;
    spec.zones = zones::of_all(reports);
    spec.serving = reports.iter().flat_map(|report| report.run.serving.clone()).collect();
    let whole = joined(reports, Report { run: spec, rounds, series, ..first.clone() }, planned)?;
    Ok(Report { cost: run_cost::sum(reports), ..whole })
}

fn same_run(reports: &[Report]) -> Result<&Report, NotOneRun> {
    let first = reports.first().ok_or(NotOneRun::Nothing)?;
    for (number, report) in (1..).zip(reports) {
        let names =
            |report: &Report| report.run.targets.iter().map(|target| target.cluster.clone()).collect::<Vec<_>>();
        if names(report) != names(first) {
            return Err(NotOneRun::OtherClusters(number));
        }
        let load = |report: &Report| {
            let run = &report.run;
            (run.phases.clone(), run.search.clone(), run.request.clone(), run.judging.clone())
        };
        if load(report) != load(first) {
            return Err(NotOneRun::OtherLoad(number));
        }
    }
    Ok(first)
}

/// The same round of all generators. `None` when nobody measured it.
fn together(parts: &[Option<&RoundReport>]) -> Result<Option<RoundReport>, NotAHistogram> {
    let there: Vec<&RoundReport> = parts.iter().flatten().copied().collect();
    let Some(first) = there.first() else { return Ok(None) };
    let voided = there.iter().find(|round| round.outcome == RoundOutcome::Voided);
    let mut round = RoundReport { clusters: Vec::new(), ..voided.unwrap_or(first).to_owned().clone() };
    if voided.is_none() && there.len() < parts.len() {
        round.outcome = RoundOutcome::Voided;
        round.reason = format!("{} of {} generators did not measure it", parts.len() - there.len(), parts.len());
    }
    for name in first.clusters.iter().map(|cluster| &cluster.cluster) {
        let of_all = || there.iter().flat_map(|round| &round.clusters).filter(|cluster| cluster.cluster == *name);
        let mut cluster = sum(name, of_all())?;
        // They sent at the same time: the time of load is theirs together, not one after the other.
        cluster.load_micros = of_all().map(|cluster| cluster.load_micros).max().unwrap_or(0);
        cluster.requests_per_second = rate(&cluster).round() as u64;
        round.clusters.push(cluster);
    }
    Ok(Some(round))
}

fn planned_rounds(report: &Report) -> u32 {
    let gate = report.gates.iter().find(|gate| gate.kind == GateKind::Rounds);
    gate.map_or(report.run.rounds.count, |gate| gate.limit as u32)
}

fn joined(reports: &[Report], mut whole: Report, planned_rounds: u32) -> Result<Report, NotOneRun> {
    let (started_at, finished_at) =
        reports.iter().fold((whole.started_at, whole.finished_at), |(start, end), report| {
            (start.min(report.started_at), end.max(report.finished_at))
        });
    // What was too few rounds of a launch to do without may be few of all.
    let notes = settle(&mut whole.rounds);
    let mut clusters = Vec::with_capacity(whole.run.targets.len());
    for target in &whole.run.targets {
        let of_parts = reports.iter().flat_map(|report| &report.clusters);
        let warm_up = of_parts.filter(|part| part.cluster == target.cluster).map(|part| part.warmup_requests).sum();
        let mut cluster = total(&target.cluster, &whole.rounds)?;
        cluster.warmup_requests = warm_up;
        clusters.push(cluster);
    }
    let launches = launches(reports);
    let material = Material {
        started_at,
        finished_at,
        environment: environment(reports, &whole.series, notes),
        rounds: whole.rounds,
        series: whole.series,
        planned_rounds,
        alone: alone_of_all(reports, &launches),
        warmup_requests: BTreeMap::new(),
        warmup_load_millis: 0,
        phases: Vec::new(),
        elapsed_millis: finished_at.duration_since(started_at).as_millis().max(0) as u64,
        aborted: None,
        thresholds: whole.run.judging.thresholds.clone(),
        rules: Rules::of(&whole.run),
        spec: whole.run,
    };
    Ok(judged(material, clusters, carried(reports), &launches))
}

/// What the search of each part found of the clusters.
fn launches(reports: &[Report]) -> Launches {
    let mut launches = Launches::default();
    for report in reports {
        for cluster in &report.clusters {
            let Some(found) = &cluster.capacity else { continue };
            let mut ways = counted_of(&report.rounds, &cluster.cluster).filter_map(|round| round.way.as_ref());
            let has_kept = ways.any(|way| way.outcome != WayOutcome::Nothing);
            launches.add(&cluster.cluster, found, has_kept);
        }
    }
    launches
}

/// What one request at a time showed of each cluster: in the first part that showed what the whole did. No rate is kept only where none
/// was in any part.
fn alone_of_all(reports: &[Report], launches: &Launches) -> BTreeMap<String, AloneReport> {
    let mut all: BTreeMap<String, AloneReport> = BTreeMap::new();
    for (name, seen) in reports.iter().flat_map(alone) {
        let is_unmet = launches.are_unmet(&name);
        let known = all.entry(name).or_insert(seen);
        if known.is_unmet != is_unmet && seen.is_unmet == is_unmet {
            *known = seen;
        }
    }
    all
}

/// The same in one part.
fn alone(report: &Report) -> impl Iterator<Item = (String, AloneReport)> {
    let of = |cluster: &ClusterReport| Some((cluster.cluster.clone(), cluster.capacity.as_ref()?.alone?));
    report.clusters.iter().filter_map(of)
}

/// Gates about what only the parts knew: how each load was sent. Those about the whole are judged anew.
fn carried(reports: &[Report]) -> Vec<Gate> {
    let is_of_a_part = |gate: &&Gate| {
        use GateKind::{ConnectionChurn, GeneratorLimit, SendLag, Sent};
        matches!(gate.kind, SendLag | Sent | ConnectionChurn | GeneratorLimit)
    };
    reports.iter().flat_map(|report| report.gates.iter().filter(is_of_a_part).cloned()).collect()
}

fn environment(reports: &[Report], joined: &[Series], notes: Vec<String>) -> Environment {
    let mut all = reports.first().map(|report| report.environment.clone()).unwrap_or_default();
    let mut members: BTreeMap<String, Vec<wire::MemberFacts>> = BTreeMap::new();
    for (launch, report) in (1..).zip(reports) {
        let facts = report.environment.clusters.iter();
        for ClusterFacts { cluster, members: theirs, .. } in facts {
            let known = members.entry(cluster.clone()).or_default();
            let new = theirs.iter().filter(|member| known.iter().all(|one| one.id != member.id));
            let moved: Vec<_> = new.map(|member| wire::MemberFacts { launch, ..member.clone() }).collect();
            known.extend(moved);
        }
        zones::add_places(&mut all, &report.environment);
        if launch > 1 {
            all.generators.extend(report.environment.generators.iter().cloned());
            all.balancers.extend(report.environment.balancers.iter().cloned());
            all.notes.extend(report.environment.notes.iter().cloned());
        }
    }
    for cluster in &mut all.clusters {
        cluster.members = members.remove(&cluster.cluster).unwrap_or_default();
    }
    // In the order in which they were measured through; each launch is through one.
    let mut seen = BTreeSet::new();
    all.balancers.retain(|id| seen.insert(id.clone()));
    all.notes.extend(series::notes(reports, joined));
    all.notes.extend(notes);
    all.notes.sort();
    all.notes.dedup();
    all
}
