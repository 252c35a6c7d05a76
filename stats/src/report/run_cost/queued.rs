//! Cost of what is behind queues while a run is on: clusters that grow and shrink, and calls. Pure.

use std::collections::BTreeSet;

use wire::{ClusterFacts, ClusterReport, Price, QueueCost, RoundReport};

use super::Cost;
use crate::price::price as fill_in;
use crate::report::Material;

/// What a part of the cost is called.
const CALLS: &str = "calls of SQS and S3 in rounds";

/// All calls of all rounds, voided ones included. `None`: nothing went through queues.
pub(super) fn calls(rounds: &[RoundReport]) -> Option<Cost<'static>> {
    let mut all = rounds.iter().flat_map(|round| &round.clusters).filter_map(|cluster| cluster.queue_cost).peekable();
    all.peek()?;
    let nanos = all.map(|cost| cost.calls_usd_nanos).sum::<Option<u64>>();
    Some(Cost { what: CALLS, instance_type: CALLS, usd_micros: nanos.map(micros), is_at_most: false })
}

/// The instances of a cluster whose number follows its queue: what they cost in its rounds, and in all other time at rest.
/// Millionths of a US dollar, and whether that is an upper bound.
pub(super) fn scaled(facts: &ClusterFacts, price: &Price, material: &Material, seconds: u64) -> (Option<u64>, bool) {
    let names = names(facts, material);
    let clusters = material.rounds.iter().flat_map(|round| &round.clusters);
    let visits = clusters.filter(|cluster| names.contains(cluster.cluster.as_str()));
    let visits: Vec<QueueCost> = visits.filter_map(|cluster| cluster.queue_cost).collect();
    let measured: u64 = visits.iter().map(|cost| cost.millis).sum();
    let millis = (seconds * 1_000).saturating_sub(measured);
    let at_rest = at_rest(facts, price, millis);
    let instances = |cost: &QueueCost| cost.usd_nanos?.checked_sub(cost.calls_usd_nanos?);
    let all = visits.iter().chain([&at_rest]).map(instances).sum::<Option<u64>>();
    (all.map(micros), visits.iter().chain([&at_rest]).any(|cost| cost.is_at_most))
}

/// Rest is a round in which nothing but the fewest instances is there.
fn at_rest(facts: &ClusterFacts, price: &Price, millis: u64) -> QueueCost {
    let least = u64::from(price.least.unwrap_or(0));
    let cost = QueueCost { millis, instance_millis: millis * least, ..QueueCost::default() };
    let mut of_it = ClusterReport { queue_cost: Some(cost), ..ClusterReport::default() };
    fill_in(&mut of_it, facts);
    of_it.queue_cost.unwrap_or_default()
}

/// Names of the cluster and of its twins.
fn names<'a>(facts: &'a ClusterFacts, material: &'a Material) -> BTreeSet<&'a str> {
    let targets = &material.spec.targets;
    let url = targets.iter().find(|target| target.cluster == facts.cluster).map(|target| &target.url);
    let twins = targets.iter().filter(|target| Some(&target.url) == url).map(|target| target.cluster.as_str());
    twins.chain([facts.cluster.as_str()]).collect()
}

/// Rounded up.
fn micros(nanos: u64) -> u64 {
    nanos.div_ceil(1_000)
}
