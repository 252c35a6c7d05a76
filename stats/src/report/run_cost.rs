//! Cost of a run: everything that was paid while it was on. Pure.

mod queued;

use std::collections::BTreeSet;

use wire::{ClusterFacts, ClusterReport, CostPart, Report, RunCost};

use super::Material;
use crate::price::price;

/// What something cost in the time of the run.
struct Cost<'a> {
    what: &'a str,
    instance_type: &'a str,
    /// Millionths of a US dollar. `None`: its price is not known.
    usd_micros: Option<u64>,
    is_at_most: bool,
}

/// Between start and end of the run. `None`: nobody told what is paid.
pub(super) fn run_cost(material: &Material, clusters: &[ClusterReport]) -> Option<RunCost> {
    let facts = &material.spec.facts;
    let seconds = material.finished_at.duration_since(material.started_at).as_secs();
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let beside = facts.beside.iter().map(|paid| Cost {
        what: &paid.what,
        instance_type: &paid.instance_type,
        usd_micros: paid.hourly_usd_micros.map(|hourly| of_time(hourly, seconds)),
        is_at_most: paid.is_at_most,
    });
    // Types of whose prices nobody spoke are those of a generator that was started by hand.
    let is_told = !facts.beside.is_empty() || facts.clusters.iter().any(|cluster| cluster.price.is_some());
    let of_clusters = facts.clusters.iter().map(|facts| of_cluster(facts, material, clusters, seconds));
    let all = of_clusters.chain(beside).chain(queued::calls(&material.rounds));
    is_told.then(|| cost(all, seconds))
}

fn of_time(hourly_usd_micros: u64, seconds: u64) -> u64 {
    let micros = (u128::from(hourly_usd_micros) * u128::from(seconds)).div_ceil(3_600);
    u64::try_from(micros).unwrap_or(u64::MAX)
}

fn cost<'a>(all: impl Iterator<Item = Cost<'a>>, seconds: u64) -> RunCost {
    let mut cost = RunCost { seconds, ..RunCost::default() };
    for Cost { what, instance_type, usd_micros, is_at_most } in all {
        let Some(usd_micros) = usd_micros else {
            cost.unpriced.push(instance_type.to_owned());
            continue;
        };
        cost.parts.push(CostPart { what: what.to_owned(), usd_micros });
        cost.is_at_most |= is_at_most;
    }
    settled(cost)
}

/// A cluster as busy all the time as it was while load was on it; as always busy, where that is not known. One whose number of
/// instances follows its queue by what it had.
fn of_cluster<'a>(facts: &'a ClusterFacts, material: &Material, clusters: &[ClusterReport], seconds: u64) -> Cost<'a> {
    let (usd_micros, is_at_most) = match facts.price.as_ref().filter(|price| price.least.is_some()) {
        Some(price) => queued::scaled(facts, price, material, seconds),
        None => of_fixed(facts, clusters, seconds),
    };
    Cost { what: &facts.cluster, instance_type: &facts.instance_type, usd_micros, is_at_most }
}

fn of_fixed(facts: &ClusterFacts, clusters: &[ClusterReport], seconds: u64) -> (Option<u64>, bool) {
    let measured =
        clusters.iter().find(|cluster| cluster.cluster == facts.cluster && cluster.hourly_usd_micros.is_some());
    let mut of_it = measured.cloned().unwrap_or_default();
    if measured.is_none() {
        price(&mut of_it, facts);
    }
    let is_at_most = of_it.hourly_is_at_most || of_it.surplus_per_mille.is_some_and(|surplus| surplus > 0);
    (of_it.hourly_usd_micros.map(|hourly| of_time(hourly, seconds)), is_at_most)
}

/// Several launches of one run, each with its own time. `None`: it is not known of one of them.
pub(super) fn sum(reports: &[Report]) -> Option<RunCost> {
    let mut all = RunCost::default();
    for report in reports {
        let cost = report.cost.as_ref()?;
        all.seconds = all.seconds.saturating_add(cost.seconds);
        all.is_at_most |= cost.is_at_most;
        all.unpriced.extend(cost.unpriced.iter().cloned());
        for part in &cost.parts {
            match all.parts.iter_mut().find(|known| known.what == part.what) {
                Some(known) => known.usd_micros = known.usd_micros.saturating_add(part.usd_micros),
                None => all.parts.push(part.clone()),
            }
        }
    }
    Some(settled(all))
}

/// The sum of the parts, and each type once.
fn settled(mut cost: RunCost) -> RunCost {
    cost.usd_micros = cost.parts.iter().map(|part| part.usd_micros).fold(0, u64::saturating_add);
    let types: BTreeSet<String> = cost.unpriced.drain(..).collect();
    cost.unpriced = types.into_iter().collect();
    cost
}
