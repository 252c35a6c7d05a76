//! The words: one line for a column, sentences for people.

use wire::{
    About, ClusterReport, Comparison, CreditMode, Direction, Environment, PlaceKind, SelfTest, SelfTestOutcome, Size,
};

use crate::compare::EQUIVALENCE_PERCENT;
use crate::percents::Percents;
use crate::ranking::ranking;
use crate::words;

/// Ends a verdict: one launch is one sample of instances, and more rounds on it do not make it two.
const ABOUT_INSTANCES: &str = "This is about these instances, not about the instance types.";
const ABOUT_TYPES: &str = "This is about the instance types: every launch was new instances.";
const ABOUT_THE_LAB: &str = "It was measured in the lab, on one machine: it describes the lab.";

/// From this many measurements on an interval is narrow enough to be useful (half-width about 9 % under cloud noise).
const USEFUL: u32 = 10;

/// `Report.summary` and `Report.verdict`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    pub summary: String,
    pub verdict: String,
}

/// What is put into words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings<'a> {
    pub clusters: &'a [ClusterReport],
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
            verdict: format!(
                "This run is not valid: {}. Its numbers are kept for reading and must not be quoted.",
                findings.invalid.join("; ")
            ),
        };
    }
    let (mut lines, mut sentences) = (Vec::new(), Vec::new());
    if findings.comparisons.is_empty() {
        lines.extend(findings.clusters.iter().map(alone));
        sentences.push(format!("{}; there is nothing to compare with.", lines.join("; ")));
    }
    let one_baseline = findings.comparisons.windows(2).all(|two| two[0].baseline == two[1].baseline);
    lines.extend(findings.comparisons.iter().map(|comparison| line(comparison, one_baseline)));
    sentences.extend(findings.comparisons.iter().map(|comparison| comparison.sentence.clone()));
    sentences.extend(ranking(findings.comparisons));
    for caution in findings.comparisons.iter().flat_map(|comparison| &comparison.cautions) {
        let sentence = format!("Note: {}.", caution.sentence);
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    if let Some(test) = findings.self_test {
        lines.push(outcome(test.outcome).to_owned());
        sentences.push(test.sentence.clone());
    }
    sentences.extend(findings.environment.into_iter().flat_map(baselines));
    sentences.extend(findings.environment.and_then(balancers));
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
    let about_types = |comparison: &Comparison| comparison.about == About::InstanceTypes;
    if !comparisons.is_empty() && comparisons.iter().all(about_types) { ABOUT_TYPES } else { ABOUT_INSTANCES }
}

/// What a burstable type gives for ever belongs to every verdict about it.
fn baselines(environment: &Environment) -> Vec<String> {
    let sentence = |facts: &wire::ClusterFacts| {
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

fn alone(cluster: &ClusterReport) -> String {
    let latency = &cluster.latency;
    let millis = |micros: Option<u64>| match micros {
        Some(micros) => {
            let bound = if latency.exact(Some(micros)).is_none() { ">= " } else { "" };
            format!("{bound}{:.2} ms", micros as f64 / 1000.0)
        }
        None => "none".to_owned(),
    };
    let mut line = format!(
        "{}: {} requests/s, p50 {}, p99 {}",
        cluster.cluster,
        cluster.requests_per_second,
        millis(latency.p50_micros),
        millis(latency.p99_micros)
    );
    if cluster.failures.total() > 0 {
        line.push_str(&format!(", {} of {} failed", cluster.failures.total(), cluster.requests));
    }
    line
}

/// `cluster2 14 % faster [9, 19]`
fn line(comparison: &Comparison, one_baseline: bool) -> String {
    let name = if one_baseline {
        comparison.cluster.clone()
    } else {
        format!("{} against {}", comparison.cluster, comparison.baseline)
    };
    let bounds = comparison.interval_percent.unwrap_or_default();
    let percents = Percents::of(&bounds);
    match (comparison.direction, comparison.faster_percent) {
        (Direction::NoDifferenceShown, _) if comparison.size == Size::EquivalentWithin5Percent => {
            format!("{name}: equivalent within {EQUIVALENCE_PERCENT} % {}", percents.bracket(bounds))
        }
        (Direction::NoDifferenceShown, _) => format!("{name}: no difference shown {}", percents.bracket(bounds)),
        (Direction::Faster | Direction::Slower, Some(estimate)) => {
            let size = percents.one(estimate.abs());
            format!("{name} {size} % {} {}", side(estimate), percents.bracket(sizes(bounds)))
        }
        (Direction::Undecided, Some(estimate)) => {
            let size = Percents::of(&[estimate]).one(estimate.abs());
            format!("{name} {size} % {}, no interval ({})", side(estimate), units(comparison))
        }
        (Direction::Undecided, None) => format!("{name}: not compared, {}", first_clause(&comparison.why)),
        (Direction::NotComparable | Direction::Faster | Direction::Slower, _) => {
            format!("{name}: not comparable, {}", first_clause(&comparison.why))
        }
    }
}

/// A column has room for one.
fn first_clause(why: &str) -> &str {
    why.split([';', ':']).next().unwrap_or(why)
}

/// The comparison as one sentence.
pub(crate) fn sentence(comparison: &Comparison, comparisons: usize) -> String {
    let (cluster, baseline, why) = (&comparison.cluster, &comparison.baseline, &comparison.why);
    let by = words(comparison.metric);
    let bounds = comparison.interval_percent.unwrap_or_default();
    let percents = Percents::of(&bounds);
    let basis = basis(comparison, comparisons);
    match (comparison.direction, comparison.faster_percent) {
        (Direction::NotComparable, _) => format!("{cluster} and {baseline} are not comparable: {why}."),
        (Direction::Undecided, Some(estimate)) => format!(
            "{cluster} was {} % {} than {baseline} in {} ({by}); {why}, so there is no verdict.",
            Percents::of(&[estimate]).one(estimate.abs()),
            side(estimate),
            units(comparison)
        ),
        (Direction::Undecided, None) => format!("{cluster} and {baseline} are not compared: {why}."),
        (Direction::NoDifferenceShown, _) if comparison.size == Size::EquivalentWithin5Percent => format!(
            "{cluster} and {baseline} are equivalent within {EQUIVALENCE_PERCENT} %: {cluster} is between {} and {} ({basis}).",
            percents.signed(bounds[0]),
            percents.signed(bounds[1])
        ),
        (Direction::NoDifferenceShown, _) => {
            let mut sentence = format!(
                "No difference is shown between {cluster} and {baseline}: {cluster} is between {} and {} ({basis})",
                percents.signed(bounds[0]),
                percents.signed(bounds[1])
            );
            sentence.push_str(&what_it_takes(comparison, bounds, &percents));
            sentence + "."
        }
        (Direction::Faster | Direction::Slower, estimate) => {
            let estimate = estimate.unwrap_or_default();
            let mut sentence = format!(
                "{cluster} is {} than {baseline} by {} % {} ({basis})",
                side(estimate),
                percents.one(estimate.abs()),
                percents.bracket(sizes(bounds))
            );
            if comparison.size == Size::EquivalentWithin5Percent {
                sentence.push_str(&format!(
                    "; the difference is real, and the two are equivalent within {EQUIVALENCE_PERCENT} %"
                ));
            }
            sentence + "."
        }
    }
}

/// `p50 latency of all requests, 95.2 % interval over 20 rounds`
fn basis(comparison: &Comparison, comparisons: usize) -> String {
    let corrected = if comparisons > 1 { format!(", corrected for {comparisons} comparisons") } else { String::new() };
    format!(
        "{}, {:.1} % interval over {}{corrected}",
        words(comparison.metric),
        comparison.confidence_percent.unwrap_or_default(),
        units(comparison)
    )
}

/// What these rounds could have shown, and what would show the gap that was asked for.
fn what_it_takes(comparison: &Comparison, bounds: [f64; 2], percents: &Percents) -> String {
    let mut text = String::new();
    if measurements(comparison) < USEFUL {
        let half_width = percents.one((bounds[1] - bounds[0]) / 2.0);
        text.push_str(&format!("; {} show nothing smaller than about {half_width} %", units(comparison)));
    }
    if let (Some(needed), Some(gap)) = (comparison.rounds_needed, comparison.gap_percent)
        && needed > measurements(comparison)
    {
        let unit = if comparison.about == About::InstanceTypes { "launches" } else { "rounds" };
        text.push_str(&format!("; a gap of {gap} % would take about {needed} {unit}"));
    }
    text
}

/// Independent measurements behind the comparison.
fn measurements(comparison: &Comparison) -> u32 {
    match comparison.about {
        About::TheseInstances => comparison.rounds,
        About::InstanceTypes => comparison.launches,
    }
}

fn units(comparison: &Comparison) -> String {
    match comparison.about {
        About::TheseInstances => rounds(comparison.rounds),
        About::InstanceTypes => format!("{} launches with {}", comparison.launches, rounds(comparison.rounds)),
    }
}

fn side(faster_percent: f64) -> &'static str {
    if faster_percent < 0.0 { "slower" } else { "faster" }
}

pub(crate) fn rounds(count: u32) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

pub(crate) fn tenths(per_mille: u32) -> String {
    if per_mille.is_multiple_of(10) {
        format!("{} %", per_mille / 10)
    } else {
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    }
}

/// Both bounds without sign, the smaller first: `slower [7, 15]`.
fn sizes(bounds: [f64; 2]) -> [f64; 2] {
    let [low, high] = bounds.map(f64::abs);
    [low.min(high), low.max(high)]
}
