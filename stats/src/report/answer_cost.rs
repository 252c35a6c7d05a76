//! Cost of the good answers of a cluster, over the rounds that count. Pure.

use std::collections::BTreeMap;

use wire::{AnswerCost, RoundReport};

use crate::compare::looks::CONFIDENCE_ALPHA;
use crate::compare::series::LAUNCHES_FOR_TYPES;
use crate::compare::wilcoxon::{Differences, hodges_lehmann};
use crate::metric::per_usd;
use crate::rounds::counted;

/// Millionths of a US dollar for a million answers, at one answer for a dollar.
const AT_ONE_A_DOLLAR: f64 = 1e12;

/// `None`: a price is not known in a round, or nothing was answered in one. The unit is the round, or the launch where
/// there are enough of them, as in comparisons.
pub(super) fn answer_cost(name: &str, rounds: &[RoundReport]) -> Option<AnswerCost> {
    let mut by_launch: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let mut is_at_most = false;
    for round in counted(rounds) {
        for cluster in round.clusters.iter().filter(|cluster| cluster.cluster == name) {
            let cost = AT_ONE_A_DOLLAR / per_usd(cluster).filter(|answers| *answers > 0.0)?;
            by_launch.entry(round.launch).or_default().push(cost.ln());
            is_at_most |= cluster.hourly_is_at_most;
        }
    }
    let logs: Vec<f64> = if by_launch.len() < LAUNCHES_FOR_TYPES as usize {
        by_launch.into_values().flatten().collect()
    } else {
        by_launch.values().filter_map(|launch| hodges_lehmann(launch)).collect()
    };
    let costs = Differences::of(&logs);
    let micros = |log: f64| log.exp().round() as u64;
    Some(AnswerCost {
        usd_micros_per_million: micros(costs.estimate()?),
        interval: costs.interval(CONFIDENCE_ALPHA).map(|interval| [micros(interval.low), micros(interval.high)]),
        is_at_most,
    })
}
