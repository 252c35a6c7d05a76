//! Conclusion of a run in words: one line for a column, sentences for people.

use wire::{
    About, ClusterFacts, ClusterReport, Comparison, CreditMode, Environment, Objective, PlaceKind, SelfTest,
    SelfTestOutcome,
};

use super::capacity_words;
use super::ranking::ranking;
use crate::compare::sentence::line;
use crate::numbers::{bounded, milliseconds, tenths};

/// Ends a verdict: one launch is one sample of instances, and more rounds on it do not make it two.
const ABOUT_INSTANCES: &str = "This is about these instances, not about the instance types.";
const ABOUT_TYPES: &str = "This is about the instance types: every launch was new instances.";
const ABOUT_VERSIONS: &str =
    "This is about the versions of the program on this instance type: every launch was new instances.";
const ABOUT_BOTH: &str = "This is about the instance types, each with its own program: which of the two makes the difference is not told apart.";
/// Begins the verdict on a run that is not valid, and ends it.
pub const NOT_VALID: &str = "This run is not valid";
pub const NOT_QUOTED: &str = "Its numbers are kept for reading and must not be quoted.";
const ABOUT_THE_LAB: &str = "It was measured in the lab, on one machine: it describes the lab.";

/// `Report.summary` and `Report.verdict`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    pub summary: String,
    pub verdict: String,
}

/// Findings that are put into words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings<'a> {
    pub clusters: &'a [ClusterReport],
    /// Sentence about what the members of all clusters serve together.
    pub shared: Option<&'a str>,
    /// Objective of a search.
    pub objective: Option<&'a Objective>,
    /// Sentences about capacities that a search found.
    pub capacities: &'a [String],
    pub comparisons: &'a [Comparison],
    pub self_test: Option<&'a SelfTest>,
    /// Reasons against the validity of the run.
    pub invalid: &'a [String],
    pub environment: Option<&'a Environment>,
}

/// Puts a run into words. With reasons against its validity these are all that is said.
pub fn conclude(findings: &Findings<'_>) -> Conclusion {
    if let Some(first) = findings.invalid.first() {
        return Conclusion {
            summary: format!("invalid: {first}"),
            verdict: format!("{NOT_VALID}: {}. {NOT_QUOTED}", findings.invalid.join("; ")),
        };
    }
    let (mut lines, mut sentences) = (Vec::new(), Vec::new());
    if findings.comparisons.is_empty() {
        lines.extend(findings.clusters.iter().map(|cluster| alone(cluster, findings.objective)));
        match findings.capacities {
            [] => sentences.push(format!("{}; there is nothing to compare with.", lines.join("; "))),
            capacities => {
                sentences.extend(capacities.iter().cloned());
                sentences.push("There is nothing to compare with.".to_owned());
            }
        }
    }
    let one_baseline = findings.comparisons.windows(2).all(|two| two[0].baseline == two[1].baseline);
    lines.extend(findings.comparisons.iter().map(|comparison| line(comparison, one_baseline)));
    sentences.extend(findings.comparisons.iter().map(|comparison| comparison.sentence.clone()));
    sentences.extend(ranking(findings.comparisons));
    if !findings.comparisons.is_empty() {
        sentences.extend(findings.capacities.iter().cloned());
    }
    for warning in findings.comparisons.iter().flat_map(|comparison| &comparison.warnings) {
        let sentence = format!("Note: {}.", warning.sentence);
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    if let Some(test) = findings.self_test {
        lines.push(outcome(test.outcome).to_owned());
        sentences.push(test.sentence.clone());
    }
    sentences.extend(findings.shared.map(str::to_owned));
    sentences.extend(findings.environment.into_iter().flat_map(baselines));
    sentences.extend(findings.environment.and_then(balancers));
    sentences.extend(findings.environment.into_iter().flat_map(zones));
    sentences.push(about(findings.comparisons).to_owned());
    if findings.environment.is_some_and(|environment| environment.place.kind == PlaceKind::Lab) {
        sentences.push(ABOUT_THE_LAB.to_owned());
    }
    Conclusion { summary: lines.join("; "), verdict: sentences.join(" ") }
}

fn outcome(outcome: SelfTestOutcome) -> &'static str {
    match outcome {
        SelfTestOutcome::Passed => "self-test: no difference shown",
        SelfTestOutcome::Alarm => "self-test failed",
        SelfTestOutcome::Undecided => "self-test undecided",
    }
}

fn about(comparisons: &[Comparison]) -> &'static str {
    let mut all = comparisons.iter().map(|comparison| comparison.about);
    let Some(first) = all.next() else { return ABOUT_INSTANCES };
    if comparisons.iter().any(|comparison| comparison.about == About::TheseInstances) {
        return ABOUT_INSTANCES;
    }
    match first {
        About::InstanceTypes if all.all(|other| other == first) => ABOUT_TYPES,
        About::Versions if all.all(|other| other == first) => ABOUT_VERSIONS,
        _ => ABOUT_BOTH,
    }
}

/// The baseline of a burstable type belongs to every verdict about it.
fn baselines(environment: &Environment) -> Vec<String> {
    let sentence = |facts: &ClusterFacts| {
        let credits = facts.credits?;
        let baseline = tenths(credits.baseline_per_mille);
        Some(match credits.mode {
            CreditMode::Standard => format!(
                "{} ({}) has a baseline of {baseline} of each vCPU, to which it falls when its credits are spent.",
                facts.cluster, facts.instance_type
            ),
            CreditMode::Unlimited => format!(
                "{} ({}) has a baseline of {baseline} of each vCPU; what it uses above is paid for.",
                facts.cluster, facts.instance_type
            ),
        })
    };
    environment.clusters.iter().filter_map(sentence).collect()
}

/// A comparison is of one balancer within each launch. When another one took its place between two launches, that is said.
fn balancers(environment: &Environment) -> Option<String> {
    let ids = &environment.balancers;
    (ids.len() > 1).then(|| {
        format!(
            "Note: the launches were measured through {} balancers, one after the other: {}.",
            ids.len(),
            ids.join(", ")
        )
    })
}

/// Clusters in several zones: the way between them is in their times. Nothing is said of the zones.
fn zones(environment: &Environment) -> Vec<String> {
    let clusters = &environment.clusters;
    let spread: Vec<&ClusterFacts> = clusters.iter().filter(|facts| !facts.zones.is_empty()).collect();
    if let [first, _, ..] = spread[..]
        && spread.len() == clusters.len()
        && spread.iter().all(|facts| facts.zones == first.zones)
    {
        return vec![format!("The clusters have their instances in several zones, {} each.", first.zones)];
    }
    let alone =
        |facts: &&ClusterFacts| format!("{} has its instances in several zones, {}.", facts.cluster, facts.zones);
    spread.iter().map(alone).collect()
}

fn alone(cluster: &ClusterReport, objective: Option<&Objective>) -> String {
    if let Some(capacity) = objective.and_then(|objective| capacity_words::line(cluster, objective)) {
        return capacity;
    }
    let latency = &cluster.latency;
    let mut line = format!(
        "{}: {} requests/s, p50 {}, p99 {}",
        cluster.cluster,
        cluster.requests_per_second,
        bounded(latency, latency.p50_micros, milliseconds),
        bounded(latency, latency.p99_micros, milliseconds)
    );
    if cluster.failures.total() > 0 {
        line.push_str(&format!(", {} of {} failed", cluster.failures.total(), cluster.requests));
    }
    line
}
