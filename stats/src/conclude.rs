//! The words: one line for a column, sentences for people.

use wire::{ClusterReport, Comparison, Direction};

use crate::compare::EQUIVALENCE_PERCENT;
use crate::{Interval, Metric};

/// Ends every verdict: one launch is one sample of instances, and more rounds on it do not make it two.
const ABOUT: &str = "This is about these instances, not about the instance types.";

/// From this many rounds on an interval is narrow enough to be useful (half-width about 9 % under cloud noise).
const USEFUL_ROUNDS: u32 = 10;

/// `Report.summary` and `Report.verdict`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    pub summary: String,
    pub verdict: String,
}

/// What the comparison of two clusters came to.
pub(crate) enum Finding {
    Decided { interval: Interval, equivalent: bool, comparisons: usize },
    Undecided(Undecided),
}

pub(crate) enum Undecided {
    NoRounds,
    TooFewRounds { needed: u32 },
    Failures { lacking: u32, answered_per_mille: [u64; 2] },
}

/// Puts a run into words. With reasons against its validity these are all that is said.
pub fn conclude(clusters: &[ClusterReport], comparisons: &[Comparison], invalid: &[String]) -> Conclusion {
    if let Some(first) = invalid.first() {
        return Conclusion {
            summary: format!("invalid: {first}"),
            verdict: format!(
                "This run is not valid: {}. Its numbers are kept for reading and must not be quoted.",
                invalid.join("; ")
            ),
        };
    }
    if comparisons.is_empty() {
        let clusters: Vec<String> = clusters.iter().map(alone).collect();
        return Conclusion {
            summary: clusters.join("; "),
            verdict: format!("{}; there is nothing to compare with. {ABOUT}", clusters.join("; ")),
        };
    }
    let lines: Vec<String> = comparisons.iter().map(line).collect();
    let sentences: Vec<&str> = comparisons.iter().map(|comparison| comparison.sentence.as_str()).collect();
    Conclusion { summary: lines.join("; "), verdict: format!("{} {ABOUT}", sentences.join(" ")) }
}

fn alone(cluster: &ClusterReport) -> String {
    let millis = |micros: Option<u64>| match micros {
        Some(micros) => format!("{:.2} ms", micros as f64 / 1000.0),
        None => "none".to_owned(),
    };
    let mut line = format!(
        "{}: {} requests/s, p50 {}, p99 {}",
        cluster.cluster,
        cluster.requests_per_second,
        millis(cluster.latency.p50_micros),
        millis(cluster.latency.p99_micros)
    );
    if cluster.failures.total() > 0 {
        line.push_str(&format!(", {} of {} failed", cluster.failures.total(), cluster.requests));
    }
    line
}

/// `cluster2 14 % faster [9, 19]`
fn line(comparison: &Comparison) -> String {
    let cluster = &comparison.cluster;
    match (comparison.direction, comparison.faster_percent, comparison.interval_percent) {
        (Direction::NoDifferenceShown, _, Some(bounds)) => {
            let [low, high] = Percents::of(&bounds).show(bounds);
            format!("{cluster}: no difference shown [{low}, {high}]")
        }
        (_, Some(estimate), Some(bounds)) => {
            let percents = Percents::of(&bounds);
            let [low, high] = percents.show(sizes(bounds));
            format!("{cluster} {} % {} [{low}, {high}]", percents.one(estimate.abs()), direction_word(estimate))
        }
        (_, Some(estimate), None) => {
            let size = Percents::of(&[estimate]).one(estimate.abs());
            format!("{cluster} {size} % {}, no interval ({})", direction_word(estimate), rounds(comparison.rounds))
        }
        (_, None, _) if comparison.rounds == 0 => format!("{cluster}: not compared, no round counted"),
        (_, None, _) => format!("{cluster}: not compared, too many failures"),
    }
}

/// The comparison as one sentence, the metric named.
pub(crate) fn sentence(comparison: &Comparison, metric: Metric, finding: &Finding) -> String {
    let (cluster, baseline, by) = (&comparison.cluster, &comparison.baseline, metric.words());
    let counted = rounds(comparison.rounds);
    match finding {
        Finding::Undecided(Undecided::NoRounds) => {
            format!("{cluster} and {baseline} are not compared: no round counted.")
        }
        Finding::Undecided(Undecided::Failures { lacking, answered_per_mille: [mine, first] }) => format!(
            "{cluster} and {baseline} cannot be compared by {by}: failures reached it in {lacking} of {counted}. \
             {cluster} answered {} of its requests, {baseline} {}.",
            tenths(*mine),
            tenths(*first)
        ),
        Finding::Undecided(Undecided::TooFewRounds { needed }) => {
            let estimate = comparison.faster_percent.unwrap_or_default();
            let size = Percents::of(&[estimate]).one(estimate.abs());
            let why = match comparison.rounds {
                1 => "how much rounds differ is unknown",
                _ => "too few to tell a difference from noise",
            };
            format!(
                "{cluster} was {size} % {} than {baseline} by {by} in {counted}; {why}, so there is no verdict \
                 ({needed} rounds give the first interval, {} a useful one).",
                direction_word(estimate),
                USEFUL_ROUNDS.max(needed + 4)
            )
        }
        Finding::Decided { interval, equivalent, comparisons } => {
            decided(comparison, metric, interval, *equivalent, *comparisons)
        }
    }
}

fn decided(
    comparison: &Comparison,
    metric: Metric,
    interval: &Interval,
    equivalent: bool,
    comparisons: usize,
) -> String {
    let (cluster, baseline, by) = (&comparison.cluster, &comparison.baseline, metric.words());
    let bounds = comparison.interval_percent.unwrap_or_default();
    let estimate = comparison.faster_percent.unwrap_or_default();
    let percents = Percents::of(&bounds);
    let corrected = if comparisons > 1 { format!(", corrected for {comparisons} comparisons") } else { String::new() };
    let basis = format!("{:.1} % interval over {}{corrected}", interval.confidence * 100.0, rounds(comparison.rounds));
    let mut sentence = if comparison.direction == Direction::NoDifferenceShown {
        format!(
            "No difference is shown between {cluster} and {baseline} by {by}: {cluster} is between {} and {} ({basis})",
            percents.signed(bounds[0]),
            percents.signed(bounds[1])
        )
    } else {
        let [low, high] = percents.show(sizes(bounds));
        format!(
            "{cluster} is {} % {} than {baseline} by {by} (between {low} and {high} %, {basis})",
            percents.one(estimate.abs()),
            direction_word(estimate)
        )
    };
    if equivalent {
        sentence.push_str(&format!("; the two are equivalent within {EQUIVALENCE_PERCENT} %"));
    } else if comparison.direction == Direction::NoDifferenceShown && comparison.rounds < USEFUL_ROUNDS {
        let half_width = (bounds[1] - bounds[0]) / 2.0;
        sentence.push_str(&format!(
            "; {} show nothing smaller than about {} %",
            rounds(comparison.rounds),
            percents.one(half_width)
        ));
    }
    sentence + "."
}

fn direction_word(faster_percent: f64) -> &'static str {
    if faster_percent < 0.0 { "slower" } else { "faster" }
}

fn rounds(count: u32) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

fn tenths(per_mille: u64) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// Both bounds without sign, the smaller first: `slower [7, 15]`.
fn sizes(bounds: [f64; 2]) -> [f64; 2] {
    let [low, high] = bounds.map(f64::abs);
    [low.min(high), low.max(high)]
}

/// Percentages of one statement, printed with the fewest decimals that keep their meaning.
struct Percents {
    decimals: usize,
}

impl Percents {
    /// Whole percents, unless one of `numbers` other than zero would then print as zero; at most two decimals.
    fn of(numbers: &[f64]) -> Self {
        let vanishes = |decimals: usize| {
            let unit = 10f64.powi(decimals as i32);
            numbers.iter().any(|number| *number != 0.0 && (number * unit).round() == 0.0)
        };
        Self { decimals: (0..2).find(|decimals| !vanishes(*decimals)).unwrap_or(2) }
    }

    fn one(&self, number: f64) -> String {
        let text = format!("{number:.*}", self.decimals);
        // A bound that rounds to zero has no side.
        if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }

    fn show(&self, bounds: [f64; 2]) -> [String; 2] {
        bounds.map(|bound| self.one(bound))
    }

    fn signed(&self, number: f64) -> String {
        format!("{} % {}", self.one(number.abs()), direction_word(number))
    }
}
