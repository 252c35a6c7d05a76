//! Cost of a run: everything that was paid while it was on. Pure.

use std::collections::BTreeSet;

use wire::{ClusterFacts, ClusterReport, CostPart, Report, RunCost};

use super::Material;
use crate::price::price;

/// What something costs an hour. `None`: its price is not known.
struct Hourly<'a> {
    what: &'a str,
    instance_type: &'a str,
    usd_micros: Option<u64>,
    is_at_most: bool,
}

/// Between start and end of the run. `None`: nobody told what is paid.
pub(super) fn run_cost(material: &Material, clusters: &[ClusterReport]) -> Option<RunCost> {
    let facts = &material.spec.facts;
    let beside = facts.beside.iter().map(|paid| Hourly {
        what: &paid.what,
        instance_type: &paid.instance_type,
        usd_micros: paid.hourly_usd_micros,
        is_at_most: paid.is_at_most,
    });
    // Types of whose prices nobody spoke are those of a generator that was started by hand.
    let is_told = !facts.beside.is_empty() || facts.clusters.iter().any(|cluster| cluster.price.is_some());
    let all = facts.clusters.iter().map(|facts| of_cluster(facts, clusters)).chain(beside);
    let seconds = material.finished_at.duration_since(material.started_at).as_secs();
    is_told.then(|| cost(all, u64::try_from(seconds).unwrap_or(0)))
}

fn cost<'a>(all: impl Iterator<Item = Hourly<'a>>, seconds: u64) -> RunCost {
    let mut cost = RunCost { seconds, ..RunCost::default() };
    for Hourly { what, instance_type, usd_micros, is_at_most } in all {
        let Some(hourly) = usd_micros else {
            cost.unpriced.push(instance_type.to_owned());
            continue;
        };
        let micros = (u128::from(hourly) * u128::from(seconds)).div_ceil(3_600);
        let usd_micros = u64::try_from(micros).unwrap_or(u64::MAX);
        cost.parts.push(CostPart { what: what.to_owned(), usd_micros });
        cost.is_at_most |= is_at_most;
    }
    settled(cost)
}

/// A cluster as busy all the time as it was while load was on it; as always busy, where that is not known.
fn of_cluster<'a>(facts: &'a ClusterFacts, clusters: &[ClusterReport]) -> Hourly<'a> {
    let measured =
        clusters.iter().find(|cluster| cluster.cluster == facts.cluster && cluster.hourly_usd_micros.is_some());
    let mut of_it = measured.cloned().unwrap_or_default();
    if measured.is_none() {
        price(&mut of_it, facts);
    }
    Hourly {
        what: &facts.cluster,
        instance_type: &facts.instance_type,
        usd_micros: of_it.hourly_usd_micros,
        is_at_most: of_it.hourly_is_at_most || of_it.surplus_per_mille.is_some_and(|surplus| surplus > 0),
    }
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
