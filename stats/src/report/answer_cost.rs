//! Cost of the answers of a cluster, over the rounds that count: of its good ones, or of a search of all requests at its capacity.
//! Pure.

use wire::{AnswerCost, ClusterReport, RoundReport};

use crate::compare::capacity::METHOD;
use crate::compare::looks::{CONFIDENCE_ALPHA, alpha};
use crate::compare::own::own;
use crate::compare::rules::Rules;
use crate::launches::Launches;
use crate::metric::{per_thousand, per_usd};
use crate::rounds::counted;
use crate::ways::Found;

/// Millionths of a US dollar for a million answers, at one answer for a dollar.
const AT_ONE_A_DOLLAR: f64 = 1e12;

/// `None`: a price is not known in a round, or nothing was answered in one. The unit is the round, or the launch where
/// there are enough of them, as in comparisons. Of a search it is the cost of requests at the capacity, as surely as that is known: of
/// the rounds that found one, and none where it has only a bound, or a launch met no rate.
pub(super) fn answer_cost(
    name: &str,
    rounds: &[RoundReport],
    rules: &Rules,
    launches: &Launches,
) -> Option<AnswerCost> {
    let is_search = rules.objective.is_some();
    let found = if is_search { Some(Found::of(rounds, name, launches)) } else { None };
    if found.as_ref().is_some_and(|found| *found != (Found::Capacity { nothing: 0 })) {
        return None;
    }
    let is_left_out = |cluster: &ClusterReport| {
        let way = cluster.way.as_ref();
        found.as_ref().zip(way).is_some_and(|(found, way)| found.leaves_out(way))
    };
    let mut logs: Vec<(u32, f64)> = Vec::new();
    let mut is_at_most = false;
    for round in counted(rounds) {
        for cluster in round.clusters.iter().filter(|cluster| cluster.cluster == name && !is_left_out(cluster)) {
            logs.push((round.launch, of_a_million(cluster)?.ln()));
            is_at_most |= cluster.queue_cost.map_or(cluster.hourly_is_at_most, |cost| cost.is_at_most);
        }
    }
    let (alpha, method) = if is_search { (alpha(rules), METHOD.ln()) } else { (CONFIDENCE_ALPHA, 0.0) };
    let (estimate, interval) = own(logs, alpha)?;
    let micros = |log: f64| log.exp().round() as u64;
    Some(AnswerCost {
        usd_micros_per_million: micros(estimate),
        interval: interval.map(|ends| [micros(ends.low - method), micros(ends.high + method)]),
        is_at_most,
    })
}

/// Millionths of a US dollar for a million good answers, in one round; of a search for a million requests at its capacity. Behind
/// queues calls are among it.
pub fn of_a_million(cluster: &ClusterReport) -> Option<f64> {
    let cost = match cluster.queue_cost {
        Some(_) => per_thousand(cluster)? * 1_000.0,
        None => AT_ONE_A_DOLLAR / per_usd(cluster).filter(|answers| *answers > 0.0)?,
    };
    (cost > 0.0).then_some(cost)
}
