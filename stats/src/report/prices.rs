//! Prices of a run: who is who in its rounds, and where the prices of its comparisons come from. Pure.

use wire::{ClusterFacts, Comparison, Environment, Metric, RoundReport, RunSpec, WarningKind};

use crate::compare::sentence::sentence;
use crate::compare::warnings::{NO_COST, not_per_usd};
use crate::price::price;

/// Fills in what instances cost in rounds whose generator did not. A cluster that is there twice costs the same both times.
pub(super) fn priced(rounds: &mut [RoundReport], spec: &RunSpec, environment: &Environment) {
    for cluster in rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        if cluster.hourly_usd_micros.is_none()
            && let Some(facts) = facts(&cluster.cluster, spec, environment)
        {
            price(cluster, facts);
        }
    }
}

fn facts<'a>(name: &str, spec: &RunSpec, environment: &'a Environment) -> Option<&'a ClusterFacts> {
    let target = spec.targets.iter().find(|target| target.cluster == name && !target.shared)?;
    let first = spec.targets.iter().find(|other| other.url == target.url)?;
    environment.clusters.iter().find(|facts| facts.cluster == first.cluster)
}

/// The comparisons with the basis of their prices, or with the types and the place of prices that are not known.
pub(super) fn told(mut comparisons: Vec<Comparison>, environment: &Environment) -> Vec<Comparison> {
    let count = comparisons.len();
    for comparison in &mut comparisons {
        let both = [&comparison.cluster, &comparison.baseline];
        let both = both.map(|name| environment.clusters.iter().find(|facts| facts.cluster == *name));
        let basis = basis(both);
        if let Some(costs) = &mut comparison.per_thousand {
            costs.basis.clone_from(&basis);
        }
        if let Some(prices) = &mut comparison.per_usd {
            prices.basis = basis;
        }
        if comparison.per_usd.is_some() || comparison.per_thousand.is_some() {
            comparison.sentence = sentence(comparison, count);
        }
        let lacks = match comparison.metric {
            Metric::UsdMicrosPerThousand => NO_COST,
            compared => not_per_usd(compared),
        };
        let unknown = unknown(both, &environment.place.region);
        for warning in comparison.warnings.iter_mut().filter(|warning| warning.kind == WarningKind::NoPrice) {
            if !unknown.is_empty() {
                warning.sentence = format!("{lacks}: {unknown}");
            }
        }
    }
    comparisons
}

/// Each basis once, that of calls last.
fn basis(both: [Option<&ClusterFacts>; 2]) -> String {
    let prices = || both.into_iter().flatten().filter_map(|facts| facts.price.as_ref());
    let of_calls = prices().filter_map(|price| price.calls.as_ref()).map(|calls| calls.basis.as_str());
    let mut said: Vec<&str> = Vec::new();
    for basis in prices().map(|price| price.basis.as_str()).chain(of_calls) {
        if !basis.is_empty() && !said.contains(&basis) {
            said.push(basis);
        }
    }
    said.join("; ")
}

/// `no price for t9.large in eu-west-1`
fn unknown(both: [Option<&ClusterFacts>; 2], region: &str) -> String {
    let lacks = |facts: &&ClusterFacts| facts.price.as_ref().is_none_or(|price| price.instance_usd_micros == 0);
    let mut types: Vec<&str> =
        both.into_iter().flatten().filter(lacks).map(|facts| facts.instance_type.as_str()).collect();
    types.retain(|name| !name.is_empty());
    types.dedup();
    match (&types[..], region) {
        ([], _) => String::new(),
        (types, "") => format!("no price for {}", types.join(" and ")),
        (types, region) => format!("no price for {} in {region}", types.join(" and ")),
    }
}
