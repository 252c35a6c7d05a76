//! Capacity of a cluster, over the rounds that count, and how many of its instances carry a rate. Pure.

use wire::{
    AloneReport, AskedRate, CapacityOutcome, CapacityReport, ClusterFacts, ClusterReport, Objective, RoundReport,
    Sizing, WayOutcome,
};

use super::Material;
use crate::compare::capacity::METHOD;
use crate::compare::looks::alpha;
use crate::compare::own::own;
use crate::compare::rules::Rules;
use crate::launches::{Launches, OfCluster};
use crate::numbers::{rounds as counted_rounds, time, whole};
use crate::rounds::{counted, counted_of};
use crate::ways::{Found, balancer_busy, capacities};

/// Instances beyond what was measured of which nothing is said: a cluster of so many times as many has other limits.
const MOST_TIMES: u32 = 4;

/// `None`: it is no search.
pub(super) fn capacity(total: &ClusterReport, material: &Material, launches: &Launches) -> Option<CapacityReport> {
    let (search, name) = (material.spec.search.as_ref()?, total.cluster.as_str());
    let alone = material.alone.get(name).copied();
    let mut capacity = CapacityReport { alone, ..found(name, material, launches, alone, &search.objective) };
    let is = |outcome: CapacityOutcome| capacity.outcome == outcome;
    let (is_found, is_at_most) = (is(CapacityOutcome::Found), is(CapacityOutcome::AtLeast));
    capacity.is_balancer_bound = is_found && balancer_busy(counted_of(&material.rounds, name)).is_some();
    let facts = material.environment.clusters.iter().find(|facts| facts.cluster == name);
    // A bound of rounds on credits and of others is one of two machines.
    let is_one = is_found || !is_mixed(&material.rounds, name);
    let asked = search.sizing.filter(|_| is_one).zip(capacity.milli_rps).zip(facts);
    let sized = asked.and_then(|((asked, milli_rps), facts)| sizing(asked, milli_rps, facts, total));
    capacity.sizing = sized.map(|sizing| Sizing { is_at_most, ..sizing });
    Some(capacity)
}

fn found(
    name: &str,
    material: &Material,
    launches: &Launches,
    alone: Option<AloneReport>,
    objective: &Objective,
) -> CapacityReport {
    let rounds = &material.rounds;
    let count = counted(rounds).count();
    let unmet =
        |reason: String| CapacityReport { outcome: CapacityOutcome::Unmet, reason, ..CapacityReport::default() };
    let none = |reason: &str| CapacityReport { reason: reason.to_owned(), ..CapacityReport::default() };
    if let Some(alone) = alone.filter(|alone| alone.is_unmet) {
        return unmet(slow_alone(&alone, objective));
    }
    match Found::of(rounds, name, launches) {
        // Launches in which nobody met a rate have no rounds.
        Found::Unlike(launches) => none(&unlike(&launches)),
        _ if count == 0 => none("no round counted"),
        Found::Unmet => unmet(not_kept(rounds, name)),
        Found::AtLeast { milli_rps, reason } => {
            CapacityReport { outcome: CapacityOutcome::AtLeast, milli_rps, reason, ..CapacityReport::default() }
        }
        Found::Capacity { .. } if is_mixed(rounds, name) => {
            none("it ran some rounds on CPU credits and others without, which are two machines")
        }
        Found::Capacity { nothing } => {
            let Some((milli_rps, interval)) = capacity_interval(&material.rules, rounds, name) else {
                return none("no round found it");
            };
            let lowest = capacities(rounds, name).into_iter().map(|(_, log)| milli(log)).min();
            CapacityReport {
                milli_rps: Some(milli_rps),
                interval,
                lowest_milli_rps: if nothing > 0 { Some(0) } else { lowest },
                reason: if nothing > 0 {
                    format!("no rate was kept in {}", counted_rounds(nothing))
                } else {
                    String::new()
                },
                ..CapacityReport::default()
            }
        }
    }
}

/// Capacity that the rounds of a search found of a cluster, and the interval around it, in thousandths of a request a second.
/// `None`: no round found it.
pub fn capacity_interval(rules: &Rules, rounds: &[RoundReport], name: &str) -> Option<(u64, Option<[u64; 2]>)> {
    let (estimate, interval) = own(capacities(rounds, name), alpha(rules))?;
    Some((milli(estimate), interval.map(|ends| [milli(ends.low - METHOD.ln()), milli(ends.high + METHOD.ln())])))
}

fn milli(log: f64) -> u64 {
    (log.exp() * 1e3).round() as u64
}

/// `in 1 of 2 launches no rate met it (one request at a time already has 61.0 ms); the cluster differs from launch to launch`
fn unlike(launches: &OfCluster) -> String {
    let OfCluster { known, unmet, reason } = launches;
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    format!("in {unmet} of {known} launches no rate met it{reason}; the cluster differs from launch to launch")
}

/// `not one request a second was kept in 6 of 10 rounds`
fn not_kept(rounds: &[RoundReport], name: &str) -> String {
    let outcomes = || counted_of(rounds, name).filter_map(|cluster| Some(cluster.way.as_ref()?.outcome));
    let (all, nothing) = (outcomes().count(), outcomes().filter(|outcome| *outcome == WayOutcome::Nothing).count());
    let of = if nothing < all {
        format!(" in {nothing} of {}", counted_rounds(u32::try_from(all).unwrap_or(u32::MAX)))
    } else {
        String::new()
    };
    format!("not one request a second was kept{of}")
}

/// Whether rounds on CPU credits and rounds without would be one number.
fn is_mixed(rounds: &[RoundReport], name: &str) -> bool {
    let mut speeds: Vec<_> = counted_of(rounds, name).filter_map(|cluster| cluster.speed).collect();
    speeds.sort_unstable();
    speeds.dedup();
    speeds.len() > 1
}

/// `one request at a time already has 61.0 ms`
fn slow_alone(alone: &AloneReport, objective: &Objective) -> String {
    match alone.quantile_micros {
        Some(micros) if micros > objective.at_most_micros => {
            format!("one request at a time already has {}", time(micros))
        }
        _ => format!("of {} requests one at a time {} failed", whole(alone.requests), whole(alone.failed)),
    }
}

/// Instances that carry the rate that is asked for, if each carries its part of what all that were measured do. Upwards that errs on the
/// safe side, as far as queues go; downwards queues of fewer servers are longer at the same share of work, so that no fewer than half
/// are said. `None`: it is not known how many were measured, or many times as many would be needed.
fn sizing(asked: AskedRate, milli_rps: u64, facts: &ClusterFacts, total: &ClusterReport) -> Option<Sizing> {
    let measured = measured(facts)?;
    let needed = needed(asked, milli_rps, measured)?;
    if needed > measured.saturating_mul(MOST_TIMES) {
        return None;
    }
    let instances = needed.max(measured.div_ceil(2));
    let all = u64::from(instances + asked.spare);
    let hourly =
        total.hourly_usd_micros.and_then(|hourly| Some(hourly.checked_mul(all)?.div_ceil(u64::from(measured))));
    Some(Sizing {
        instances,
        spare: asked.spare,
        is_at_most: false,
        is_extrapolated: instances != measured,
        measured,
        hourly_usd_micros: hourly,
    })
}

/// Instances that carry the rate if each carries its part of what `measured` of them do together, at `milli_rps`. `None`: they are more
/// than can be counted.
pub(super) fn needed(asked: AskedRate, milli_rps: u64, measured: u32) -> Option<u32> {
    let milli = u128::from(asked.requests_per_second) * 1_000 * u128::from(measured);
    u32::try_from(milli.div_ceil(u128::from(milli_rps.max(1)))).ok()
}

/// Instances of a cluster at a time. `None`: nobody knows.
pub(super) fn measured(facts: &ClusterFacts) -> Option<u32> {
    let of_price = facts.price.as_ref().map(|price| price.instances);
    let seen = || u32::try_from(facts.members.iter().filter(|member| member.launch == 1).count()).ok();
    of_price.or_else(seen).filter(|count| *count > 0)
}

/// Rounds that are in no capacity, in words: the generator came to its limits in one, and in others it did not.
pub(super) fn notes(material: &Material) -> Vec<String> {
    if material.spec.search.is_none() {
        return Vec::new();
    }
    let names = material.spec.targets.iter().map(|target| target.cluster.as_str());
    let of_cluster = |name: &str| {
        let found = Found::of(&material.rounds, name, &Launches::default());
        let of_round = |round: &RoundReport| {
            let way = round.clusters.iter().find(|cluster| cluster.cluster == name)?.way.as_ref()?;
            let reason = if way.reason.is_empty() { String::new() } else { format!(": {}", way.reason) };
            found.leaves_out(way).then(|| {
                format!("round {} is in no capacity of {name}: only a lower bound was found{reason}", round.round)
            })
        };
        counted(&material.rounds).filter_map(of_round).collect::<Vec<_>>()
    };
    names.flat_map(of_cluster).collect()
}
