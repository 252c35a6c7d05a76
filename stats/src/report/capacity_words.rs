//! Capacities in words: what each cluster answers, what that costs, and how many instances carry a rate.

use wire::{
    AnswerCost, AskedRate, CapacityOutcome, CapacityReport, ClusterFacts, ClusterReport, Environment, Objective, Search,
};

use super::capacity::{measured, needed};
use crate::numbers::{PerSecond, Usd, objective as asked, whole};

/// A sentence for each cluster of a search, for surplus CPU credits that its rate takes, and one for the rate that is asked for.
/// A cluster that is measured twice is one cluster for the last two.
pub(crate) fn sentences(search: &Search, clusters: &[ClusterReport], environment: &Environment) -> Vec<String> {
    let objective = &search.objective;
    let mut sentences: Vec<String> =
        clusters.iter().filter_map(|cluster| Some(format!("{}.", capacity(cluster, objective)?))).collect();
    let with_facts: Vec<(&ClusterReport, &ClusterFacts)> = clusters
        .iter()
        .filter_map(|cluster| {
            let facts = environment.clusters.iter().find(|facts| facts.cluster == cluster.cluster)?;
            Some((cluster, facts))
        })
        .collect();
    sentences.extend(with_facts.iter().filter_map(|(cluster, facts)| surplus(cluster, facts)));
    sentences.extend(search.sizing.and_then(|rate| sizing(rate, objective, &with_facts)));
    sentences
}

/// `cluster1: 741 requests/s [712, 768] at p99 <= 50 ms`. `None`: it is no search.
pub(crate) fn line(cluster: &ClusterReport, objective: &Objective) -> Option<String> {
    let (name, found, at) = (&cluster.cluster, cluster.capacity.as_ref()?, asked(objective));
    Some(match (found.outcome, found.milli_rps) {
        (CapacityOutcome::Unmet, _) => format!("{name}: no rate meets {at}"),
        (_, None) => format!("{name}: no capacity at {at} is known"),
        (CapacityOutcome::AtLeast, Some(_)) => format!("{name}: at least {} requests/s at {at}", rates(found)[0]),
        (CapacityOutcome::Found, Some(_)) => {
            let [rate, interval, _] = rates(found);
            format!("{name}: {rate} requests/s{interval} at {at}")
        }
    })
}

/// The capacity, its interval in brackets with a space before it, and that of the worst round, as people read them.
pub fn rates(found: &CapacityReport) -> [String; 3] {
    let ends = found.interval.into_iter().flatten();
    let all: Vec<u64> = found.milli_rps.into_iter().chain(ends).chain(found.lowest_milli_rps).collect();
    let shown = PerSecond::of(&all);
    let one = |milli_rps: Option<u64>| milli_rps.map(|rate| shown.one(rate)).unwrap_or_default();
    let interval = found.interval.map(|[low, high]| format!(" [{}, {}]", shown.one(low), shown.one(high)));
    [one(found.milli_rps), interval.unwrap_or_default(), one(found.lowest_milli_rps)]
}

/// `cluster1: 741 requests/s [712, 768] at p99 <= 50 ms, 612 in its worst round; 0.19 USD per million requests [0.18, 0.20]`
fn capacity(cluster: &ClusterReport, objective: &Objective) -> Option<String> {
    let (line, found) = (line(cluster, objective)?, cluster.capacity.as_ref()?);
    let reason = if found.reason.is_empty() { String::new() } else { format!(": {}", found.reason) };
    if found.outcome != CapacityOutcome::Found || found.milli_rps.is_none() {
        return Some(format!("{line}{reason}"));
    }
    let [.., lowest] = rates(found);
    let lowest = if lowest.is_empty() { String::new() } else { format!(", {lowest} in its worst round") };
    let cost = cluster.answer_cost.as_ref().map(|cost| format!("; {}", per_million(cost))).unwrap_or_default();
    let bound = if found.is_balancer_bound { "; it may be the capacity of the balancer, which was busy" } else { "" };
    let reason = if found.reason.is_empty() { String::new() } else { format!("; {}", found.reason) };
    Some(format!("{line}{lowest}{cost}{bound}{reason}"))
}

/// `0.19 USD per million requests [0.18, 0.20]`
fn per_million(cost: &AnswerCost) -> String {
    let micros = cost.usd_micros_per_million;
    let usd = Usd::of(&[micros, cost.interval.map_or(micros, |[low, _]| low)]);
    let interval = cost.interval.map(|[low, high]| format!(" [{}, {}]", usd.one(low), usd.one(high)));
    let at_most = if cost.is_at_most { "at most " } else { "" };
    format!("{at_most}{} USD per million requests{}", usd.one(micros), interval.unwrap_or_default())
}

/// `cluster2 (2 x t3.large) uses 2.4 surplus vCPUs at this rate: 0.30 USD an hour, not 0.18.` `None`: it uses none, or nobody knows.
fn surplus(cluster: &ClusterReport, facts: &ClusterFacts) -> Option<String> {
    let (price, hourly) = (facts.price.as_ref()?, cluster.hourly_usd_micros?);
    let surplus = cluster.surplus_per_mille.filter(|surplus| *surplus > 0 && !cluster.hourly_is_at_most)?;
    let list =
        price.instance_usd_micros.checked_add(price.extras_usd_micros)?.checked_mul(u64::from(price.instances))?;
    let usd = Usd::of(&[list, hourly]);
    Some(format!(
        "{} ({} x {}) uses {:.1} surplus vCPUs at this rate: {} USD an hour, not {}.",
        cluster.cluster,
        price.instances,
        facts.instance_type,
        f64::from(surplus) / 1_000.0,
        usd.one(hourly),
        usd.one(list)
    ))
}

/// `5,000 requests/s at p99 <= 50 ms: 8 + 1 x c7g.large, 0.70 USD an hour (extrapolated from 4); 5 + 1 x c7i.xlarge, 1.15.` Where half of
/// what was measured is more than it takes, that is said; so is where fewer may do, because only a lower bound of the capacity is known.
/// `None`: of no cluster anything is known.
fn sizing(rate: AskedRate, objective: &Objective, clusters: &[(&ClusterReport, &ClusterFacts)]) -> Option<String> {
    let is_named = |facts: &ClusterFacts| {
        let same = clusters.iter().filter(|(_, other)| other.instance_type == facts.instance_type).count();
        same > 1 || facts.instance_type.is_empty()
    };
    let amounts: Vec<u64> =
        clusters.iter().filter_map(|(cluster, _)| cluster.capacity.as_ref()?.sizing?.hourly_usd_micros).collect();
    let (usd, mut is_first) = (Usd::of(&amounts), true);
    let mut part = |(cluster, facts): &(&ClusterReport, &ClusterFacts)| {
        let found = cluster.capacity.as_ref()?;
        let name = if is_named(facts) { format!("{} ", cluster.cluster) } else { String::new() };
        let what = if facts.instance_type.is_empty() { "instances" } else { &facts.instance_type };
        let Some(sizing) = found.sizing else {
            let measured = measured(facts)?;
            return match (found.outcome, found.milli_rps) {
                (CapacityOutcome::Unmet, _) => Some(format!("{name}{what} at no number")),
                (CapacityOutcome::Found, Some(_)) => {
                    Some(format!("{name}more than 4 times the {measured} x {what} that were measured"))
                }
                _ => None,
            };
        };
        let spare = if sizing.spare > 0 { format!(" + {}", sizing.spare) } else { String::new() };
        let bound = |is_bound: bool| if is_bound { "at most " } else { "" };
        let (fewer_do, at_most) = (bound(sizing.is_at_most), bound(sizing.is_at_most || cluster.hourly_is_at_most));
        let hourly = sizing.hourly_usd_micros.map(|hourly| {
            let unit = if std::mem::take(&mut is_first) { " USD an hour" } else { "" };
            format!(", {at_most}{}{unit}", usd.one(hourly))
        });
        let fewer = found.milli_rps.and_then(|milli_rps| needed(rate, milli_rps, sizing.measured));
        let basis = match sizing.measured {
            measured if fewer.is_some_and(|fewer| fewer < sizing.instances) => {
                format!(" (extrapolated from {measured}; nothing is said of fewer than half)")
            }
            measured if sizing.is_extrapolated => format!(" (extrapolated from {measured})"),
            _ => String::new(),
        };
        Some(format!("{name}{fewer_do}{}{spare} x {what}{}{basis}", sizing.instances, hourly.unwrap_or_default()))
    };
    let parts: Vec<String> = clusters.iter().filter_map(&mut part).collect();
    let asked = format!("{} requests/s at {}", whole(u64::from(rate.requests_per_second)), asked(objective));
    (!parts.is_empty()).then(|| format!("{asked}: {}.", parts.join("; ")))
}
