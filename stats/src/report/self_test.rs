//! Self-test: a cluster measured as if it were two.

use wire::{Comparison, Direction, Metric, Pairs, RoundReport, SelfTest, SelfTestOutcome};

use crate::compare::compare;
use crate::compare::rules::Rules;
use crate::compare::sentence::sentence;

/// Compares each cluster with its twin: the same instances under a second name. What it finds is the campaign's own.
///
/// It says nothing of instances or types: two clusters of the same type on different instances do differ.
pub fn self_test(rules: &Rules, rounds: &[RoundReport], twins: &[(&str, &str)]) -> Option<SelfTest> {
    // A twin costs what its cluster costs. Where only the most is known, the rates, or the capacities, are what can differ.
    let is_bound = rounds.iter().flat_map(|round| &round.clusters).any(|cluster| cluster.hourly_is_at_most);
    let metric = match rules.metric {
        Metric::RequestsPerUsd if is_bound && rules.objective.is_some() => Metric::Capacity,
        Metric::RequestsPerUsd if is_bound => Metric::RequestsPerSecond,
        metric => metric,
    };
    let rules = Rules { metric, pairs: Pairs::AgainstFirst, ..*rules };
    // Behind queues an hour of an instance is bounded by the same sum for both, and the hours are what can differ.
    let mut rounds = rounds.to_vec();
    let all = rounds.iter_mut().flat_map(|round| &mut round.clusters);
    all.filter_map(|cluster| cluster.queue_cost.as_mut()).for_each(|cost| cost.is_at_most = false);
    let mut comparisons: Vec<Comparison> =
        twins.iter().flat_map(|(cluster, twin)| compare(&rules, &rounds, &[cluster, twin])).collect();
    // The same instances cost the same: there is no price at which this would turn.
    for one in &mut comparisons {
        if let Some(prices) = &mut one.per_usd {
            prices.break_even_usd_micros = None;
            one.sentence = sentence(one, 1);
        }
    }
    let alarm = comparisons.iter().find(|one| matches!(one.direction, Direction::Faster | Direction::Slower));
    let undecided =
        comparisons.iter().find(|one| matches!(one.direction, Direction::Undecided | Direction::NotComparable));
    let (outcome, sentence) = match (alarm, undecided) {
        _ if comparisons.is_empty() => return None,
        (Some(one), _) => (
            SelfTestOutcome::Alarm,
            format!(
                "Self-test failed: {} is {} measured twice, and still: {} The figures of this run cannot be trusted. One \
                 campaign in twenty fails so by chance: measure again, and if it fails again, do not believe this setup.",
                one.cluster, one.baseline, one.sentence
            ),
        ),
        (None, Some(one)) => (SelfTestOutcome::Undecided, format!("Self-test undecided: {}", one.sentence)),
        (None, None) => {
            let widest = comparisons
                .iter()
                .filter_map(|one| one.interval_percent)
                .map(|[low, high]| low.abs().max(high.abs()))
                .fold(0.0, f64::max);
            let names: Vec<&str> = twins.iter().map(|(cluster, _)| *cluster).collect();
            (
                SelfTestOutcome::Passed,
                format!(
                    "Self-test: no difference shown between {} and itself (intervals within {widest:.1} %).",
                    names.join(" and ")
                ),
            )
        }
    };
    Some(SelfTest { outcome, comparisons, sentence })
}
