//! Money in words: what the answers of each cluster cost, and what its instances do.

use stats::Usd;
use wire::{AnswerCost, ClusterFacts, ClusterReport, QueueCalls, QueueCost, Report, RunCost, Validity};

/// A line for each cluster whose price is known, of a run that may be quoted. Under a fixed rate all clusters answer the same: then it is the cost at this
/// rate, of those that met the thresholds on them. What is there twice is said once.
pub(crate) fn costs(report: &Report) -> Vec<String> {
    let priced = || report.clusters.iter().filter_map(|cluster| Some((cluster, cluster.answer_cost.as_ref()?)));
    if priced().next().is_none() {
        return Vec::new();
    }
    if report.validity == Validity::Invalid {
        return vec!["cost: not judged, the run is not valid".to_owned()];
    }
    if !report.is_at_fixed_rate() {
        return priced()
            .map(|(cluster, cost)| format!("{}: {}", cluster.cluster, in_words(report, cluster, cost)))
            .collect();
    }
    let (_, twins) = stats::twins(&report.run);
    let is_twin = |name: &str| twins.iter().any(|(_, twin)| *twin == name);
    let met = priced().filter(|(cluster, _)| !is_twin(&cluster.cluster) && report.is_cost_told(&cluster.cluster));
    let lines: Vec<String> = met
        .map(|(cluster, cost)| format!("cost at this rate: {} {}", cluster.cluster, in_words(report, cluster, cost)))
        .collect();
    if lines.is_empty() {
        return vec!["cost at this rate: no cluster was shown to meet its thresholds".to_owned()];
    }
    lines
}

/// `0.19 USD per million good answers [0.18, 0.20] (4 x c7g.large, 0.39 USD an hour; on-demand, eu-west-1, 2026-07-20)`
fn in_words(report: &Report, cluster: &ClusterReport, cost: &AnswerCost) -> String {
    let facts = report.environment.clusters.iter().find(|facts| facts.cluster == cluster.cluster);
    let mut details: Vec<String> = Vec::new();
    if let Some(hourly) = cluster.hourly_usd_micros {
        let instances = facts.map(|facts| instances(facts, cluster)).filter(|instances| !instances.is_empty());
        let at_most = at_most(cluster.hourly_is_at_most);
        let hourly = format!("{at_most}{} USD an hour", Usd::of(&[hourly]).one(hourly));
        details.push(instances.map_or_else(|| hourly.clone(), |instances| format!("{instances}, {hourly}")));
    }
    details.extend(cluster.queue_cost.as_ref().map(used));
    if cluster.hourly_is_at_most {
        details.push(format!("{}, so all surplus CPU credits are in it", silence(report, &cluster.cluster)));
    }
    let price = facts.and_then(|facts| facts.price.as_ref());
    let of_calls = price.and_then(|price| price.calls.as_ref()).filter(|_| cluster.queue_cost.is_some());
    let bases = price.map(|price| &price.basis).into_iter().chain(of_calls.map(|calls| &calls.basis));
    details.extend(bases.filter(|basis| !basis.is_empty()).cloned());
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
    format!("{}{details}", per_million(cluster, cost))
}

/// `412 instance-seconds in 13 starts, 4200 calls of SQS, 300 of S3`
fn used(cost: &QueueCost) -> String {
    let seconds = (cost.instance_millis + 500) / 1_000;
    let starts = if cost.starts > 0 { format!(" in {} starts", cost.starts) } else { String::new() };
    let bound = if cost.is_at_most { ", all surplus CPU credits as if always busy" } else { "" };
    let QueueCalls { sqs, s3_puts, s3_gets } = cost.calls;
    format!("{seconds} instance-seconds{starts}{bound}, {sqs} calls of SQS, {} of S3", s3_puts + s3_gets)
}

/// Number of the rounds in which its members did not say how busy they are.
fn silence(report: &Report, name: &str) -> String {
    let silent = stats::counted_of(&report.rounds, name).filter(|cluster| cluster.hourly_is_at_most).count();
    let rounds = stats::counted_of(&report.rounds, name).count();
    stats::silence("its members", &[silent as u32], rounds as u32)
}

/// What a million of are paid for: of a search all requests at its capacity, of which some may be late.
pub(crate) fn paid(cluster: &ClusterReport) -> &'static str {
    if cluster.capacity.is_some() { "requests" } else { "good answers" }
}

/// `0.19 USD per million good answers [0.18, 0.20]`
pub(crate) fn per_million(cluster: &ClusterReport, cost: &AnswerCost) -> String {
    let micros = cost.usd_micros_per_million;
    let [low, high] = cost.interval.unwrap_or([micros; 2]);
    let usd = Usd::of(&[micros, low, high]);
    let interval =
        cost.interval.map(|[low, high]| format!(" [{}, {}]", usd.one(low), usd.one(high))).unwrap_or_default();
    format!("{}{} USD per million {}{interval}", at_most(cost.is_at_most), usd.one(micros), paid(cluster))
}

fn at_most(is_at_most: bool) -> &'static str {
    if is_at_most { "at most " } else { "" }
}

/// `4 x t3.large with 1.2 surplus vCPUs`
fn instances(facts: &ClusterFacts, cluster: &ClusterReport) -> String {
    let Some(price) = facts.price.as_ref().filter(|_| !facts.instance_type.is_empty()) else { return String::new() };
    let surplus = cluster.surplus_per_mille.filter(|surplus| *surplus > 0);
    let surplus =
        surplus.map(|surplus| format!(" with {:.1} surplus vCPUs", f64::from(surplus) / 1000.0)).unwrap_or_default();
    format!("{} x {}{surplus}", price.instances, facts.instance_type)
}

/// `measuring cost at most 0.031 USD in 4 min (cluster1 0.012, cluster2 0.012, balancer 0.004, generator 0.003; ...)`. `None`: it
/// is not known.
pub(crate) fn run_cost(report: &Report) -> Option<String> {
    let RunCost { usd_micros, is_at_most, unpriced, seconds, parts } = report.cost.as_ref()?;
    let amounts: Vec<u64> = parts.iter().map(|part| part.usd_micros).chain([*usd_micros]).collect();
    let usd = Usd::of(&amounts);
    // Where a price is missing it was more, whatever of the rest is an upper bound.
    let side = if unpriced.is_empty() { at_most(*is_at_most) } else { "at least " };
    let mut details: Vec<String> = Vec::new();
    if !parts.is_empty() {
        let named = parts.iter().map(|part| format!("{} {}", part.what, usd.one(part.usd_micros)));
        details.push(named.collect::<Vec<_>>().join(", "));
    }
    if !unpriced.is_empty() {
        details.push(format!("no price for {}", unpriced.join(" and ")));
    }
    details.push("without boot, waiting and teardown".to_owned());
    Some(format!("measuring cost {side}{} USD in {} ({})", usd.one(*usd_micros), lasted(*seconds), details.join("; ")))
}

pub(crate) fn lasted(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", (seconds + 30) / 60) }
}
