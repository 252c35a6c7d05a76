//! Report of a run, from measured rounds: totals, gates, comparisons, words. Pure; adds counts and averages nothing.

mod addresses;
mod answer_cost;
mod answers;
mod capacity;
mod capacity_words;
mod cautions;
mod cloud_watch;
mod conclude;
mod document;
mod evidence;
mod facts;
mod gate;
mod gate_words;
mod gates;
mod join;
mod lacking;
mod own_limits;
mod parts;
mod prices;
mod programs;
mod ranking;
mod run_cost;
mod self_test;
mod series;
mod share;
mod shared;
mod thresholds;
mod totals;
mod zones;

use std::collections::BTreeMap;

use jiff::Timestamp;
use wire::{
    AloneReport, ClusterReport, Comparison, Environment, Gate, Metric, Pairs, REPORT_SCHEMA, Report, RoundReport,
    RunSpec, Series, Threshold, Validity,
};

pub use self::addresses::{AddressTally, address_shares};
pub use self::answer_cost::of_a_million as cost_of_a_million;
pub use self::answers::Answers;
pub use self::capacity::capacity_interval;
pub use self::capacity_words::rates as capacity_rates;
use self::cautions::cautions;
pub use self::cloud_watch::count_checks;
pub use self::conclude::{Conclusion, Findings, NOT_QUOTED, NOT_VALID, conclude};
pub use self::document::{TOO_LONG, document, document_within};
pub use self::evidence::{Evidence, PhaseEvidence};
use self::facts::{annotated, completed};
pub use self::gate_words::{gate_values, gate_words, is_least, used_up};
pub use self::gates::{judge, reasons};
pub use self::join::{NotOneRun, join_generators, join_launches};
pub use self::lacking::lacking;
pub use self::parts::{Headline, Parts, parts};
pub use self::self_test::self_test;
pub use self::thresholds::{Results, thresholds};
use self::totals::total;
pub use self::totals::{Tally, shares, sum};
pub use self::zones::zone_shares;
use crate::compare::rules::Rules;
use crate::compare::{compare_launches, requests_needed};
use crate::histogram::NotAHistogram;
use crate::launches::Launches;
use crate::metric::per_thousand;
use crate::price::settle;
use crate::rounds::counted;

/// Compared besides the headline, where every round carries them.
const FURTHER: [Metric; 4] = [Metric::P99, Metric::P999, Metric::RequestsPerSecond, Metric::UsdMicrosPerThousand];

/// What the clusters of a search are compared by.
const OF_A_SEARCH: [Metric; 2] = [Metric::Capacity, Metric::RequestsPerUsd];

/// A run as it was measured, the material of its report.
#[derive(Clone, Debug)]
pub struct Material {
    pub spec: RunSpec,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub environment: Environment,
    /// Rounds in the order measured, voided ones included.
    pub rounds: Vec<RoundReport>,
    /// The course of the load on each cluster. Empty: it was not recorded.
    pub series: Vec<Series>,
    /// Rounds that were to count.
    pub planned_rounds: u32,
    /// Requests of the warm-up, by cluster.
    pub warmup_requests: BTreeMap<String, u64>,
    /// Time that the warm-up had load on, all clusters together.
    pub warmup_load_millis: u64,
    /// One for each cluster and phase. Empty: judged by the totals of each cluster.
    pub phases: Vec<PhaseEvidence>,
    pub elapsed_millis: u64,
    /// What one request at a time showed of each cluster of a search, by its name.
    pub alone: BTreeMap<String, AloneReport>,
    /// Why it ended before its end, if it did.
    pub aborted: Option<String>,
    pub thresholds: Vec<Threshold>,
    pub rules: Rules,
}

/// The report of a run.
///
/// # Errors
/// A histogram that cannot be read: numbers are never reported without it.
pub fn report(mut material: Material) -> Result<Report, NotAHistogram> {
    let facts = &material.spec.facts;
    material.environment = completed(material.environment, facts);
    material.rounds = annotated(material.rounds, facts, &material.environment);
    prices::priced(&mut material.rounds, &material.spec, &material.environment);
    material.environment.notes.extend(settle(&mut material.rounds));
    series::note_members(&mut material.series, &material.spec, &material.environment);
    material.environment.notes.extend(cautions(&material));
    material.environment.notes.extend(capacity::notes(&material));
    let names: Vec<&str> = material.spec.targets.iter().map(|target| target.cluster.as_str()).collect();
    let mut clusters = names.iter().map(|name| total(name, &material.rounds)).collect::<Result<Vec<_>, _>>()?;
    for cluster in &mut clusters {
        cluster.warmup_requests = material.warmup_requests.get(&cluster.cluster).copied().unwrap_or(0);
    }
    Ok(judged(material, clusters, Vec::new(), &Launches::default()))
}

/// The report around the totals. `carried` gates were judged on the parts of the load already. `launches`: what each of several found.
pub(crate) fn judged(
    material: Material,
    mut clusters: Vec<ClusterReport>,
    carried: Vec<Gate>,
    launches: &Launches,
) -> Report {
    for cluster in &mut clusters {
        cluster.answer_cost = answer_cost::answer_cost(&cluster.cluster, &material.rounds, &material.rules, launches);
        cluster.capacity = capacity::capacity(cluster, &material, launches);
    }
    let derived: Vec<PhaseEvidence> = clusters.iter().filter(|_| carried.is_empty()).map(PhaseEvidence::of).collect();
    let mut gates = judge(&Evidence {
        planned_rounds: material.planned_rounds,
        run: &material.spec,
        is_step: false,
        rounds: &material.rounds,
        clusters: &clusters,
        environment: &material.environment,
        phases: if material.phases.is_empty() { &derived } else { &material.phases },
        arrivals: material.rules.arrivals,
        elapsed_millis: material.elapsed_millis,
        aborted: material.aborted.as_deref(),
    });
    gates.extend(carried);
    let reasons = reasons(&gates);
    let validity = if reasons.is_empty() { Validity::Valid } else { Validity::Invalid };
    let (names, twins) = twins(&material.spec);
    let told =
        |comparisons| prices::told(programs::told_apart(comparisons, &material.environment), &material.environment);
    let comparisons = told(compare_launches(&material.rules, &material.rounds, &names, launches));
    let self_test = self_test(&material.rules, &material.rounds, &twins);
    let rules = &material.rules;
    let compared = shared::clusters(&material.spec, &clusters);
    let thresholds =
        thresholds(&material.thresholds, &Results { validity, clusters: &compared, rounds: &material.rounds, rules });
    let shared = shared::sentence(&material.spec, &clusters, &material.environment);
    let search = material.spec.search.as_ref();
    let capacities =
        search.map(|search| capacity_words::sentences(search, &compared, &material.environment)).unwrap_or_default();
    let said = conclude(&Findings {
        clusters: &compared,
        objective: search.map(|search| &search.objective),
        capacities: &capacities,
        shared: shared.as_deref(),
        comparisons: &comparisons,
        self_test: self_test.as_ref(),
        invalid: &reasons,
        environment: Some(&material.environment),
    });
    let cost = run_cost::run_cost(&material, &clusters);
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        further_comparisons: told(further(rules, &material.rounds, &names, launches, &comparisons)),
        run: material.spec.clone(),
        started_at: material.started_at,
        finished_at: material.finished_at,
        validity,
        reasons,
        gates,
        environment: material.environment,
        clusters,
        rounds: material.rounds,
        series: material.series,
        comparisons,
        thresholds,
        self_test,
        cost,
        summary: said.summary,
        verdict: said.verdict,
    }
}

/// Clusters to compare, and those that are there twice: a target with the URL of an earlier one is its twin. What the members
/// of all serve together is neither.
pub fn twins(spec: &RunSpec) -> (Vec<&str>, Vec<(&str, &str)>) {
    let (mut names, mut twins) = (Vec::new(), Vec::new());
    let targets: Vec<_> = spec.targets.iter().filter(|target| !target.shared).collect();
    for (index, target) in targets.iter().enumerate() {
        match targets[..index].iter().find(|earlier| earlier.url == target.url) {
            Some(earlier) => twins.push((earlier.cluster.as_str(), target.cluster.as_str())),
            None => names.push(target.cluster.as_str()),
        }
    }
    (names, twins)
}

/// Without those that the headline is already: by requests per second, where a price is not known. Of a search the capacities and
/// what they cost, whichever the headline is not.
fn further(
    rules: &Rules,
    rounds: &[RoundReport],
    names: &[&str],
    launches: &Launches,
    headline: &[Comparison],
) -> Vec<Comparison> {
    let fewest = counted(rounds).flat_map(|round| &round.clusters).map(|cluster| cluster.requests).min().unwrap_or(0);
    let is_priced = || counted(rounds).flat_map(|round| &round.clusters).all(|one| per_thousand(one).is_some());
    let carried = |metric: &Metric| {
        let is_known = *metric != Metric::UsdMicrosPerThousand || is_priced();
        *metric != rules.metric && fewest >= requests_needed(*metric, rules.demands) && is_known
    };
    let by =
        |metric| compare_launches(&Rules { metric, pairs: Pairs::AgainstFirst, ..*rules }, rounds, names, launches);
    let same = |one: &Comparison, other: &Comparison| {
        (one.metric, &one.cluster, &one.baseline) == (other.metric, &other.cluster, &other.baseline)
    };
    let is_new = |one: &Comparison| headline.iter().all(|other| !same(one, other));
    if rules.objective.is_some() {
        let is_other = |metric: &Metric| *metric != rules.metric;
        let is_same_metric =
            |comparison: &Comparison| comparison.per_usd.is_some() || comparison.metric == Metric::Capacity;
        let other = OF_A_SEARCH.into_iter().filter(is_other).flat_map(by);
        return other.filter(is_new).filter(is_same_metric).collect();
    }
    FURTHER.into_iter().filter(carried).flat_map(by).filter(is_new).collect()
}
