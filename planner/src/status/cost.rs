//! Cost of a benchmark, as status says it: to the cent, and no newer than the last whole minute while something runs.
//!
//! A status is written when it says something new. Money is spent in every second: by the minute it is said once a minute at
//! most, and only when a cent was added.

use std::collections::BTreeSet;

use api::{BalancerKind, Cost, Placement, Status};
use jiff::Timestamp;

use super::column;
use crate::budget;
use crate::cost::spent::{Spent, hourly_now, so_far};
use crate::cost::usd;
use crate::goal::{Goal, goal};
use crate::prices::small_change;
use crate::resources::ResourceKind;
use crate::world::World;

/// Seconds between two statuses that differ in nothing but money.
const STEP: i64 = 60;

/// `None`: nothing was placed.
pub(super) fn cost(world: &World, status: &Status) -> Option<Cost> {
    let placement = status.placement.as_ref()?;
    let at = whole_minute(world.now);
    let spent = so_far(placement, &status.launches, at);
    let hourly = hourly_now(placement, &status.launches);
    let at_most = match goal(world) {
        _ if !spent.unpriced.is_empty() => None,
        Goal::Instances => budget::at_most(world, placement, spent.of_budget(), at),
        Goal::Nothing(_) => {
            Some(spent.usd_micros.saturating_add(budget::ending(world, placement, &status.launches, at)))
        }
    };
    Some(Cost {
        summary: summary(placement, &spent),
        so_far_usd: usd::text(said(&spent)),
        hourly_usd: usd::text(hourly),
        at_most_usd: at_most.map(usd::text).unwrap_or_default(),
        basis: basis(world, placement, &spent),
    })
}

fn whole_minute(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().div_euclid(STEP) * STEP).unwrap_or(now)
}

/// Where a price is missing, the sum is a lower bound, and nothing goes into it that is an upper one.
fn said(spent: &Spent) -> u64 {
    if spent.unpriced.is_empty() { spent.usd_micros } else { spent.certain() }
}

/// `0.21 USD`, `at most 0.21 USD`, `at least 0.21 USD: no price for p5.48xlarge in eu-west-1`.
pub(super) fn summary(placement: &Placement, spent: &Spent) -> String {
    let usd = usd::text(said(spent));
    match spent.unpriced.first() {
        Some(first) => column::line(&format!("at least {usd} USD: no price for {first} in {}", placement.region)),
        None if spent.is_at_most => format!("at most {usd} USD"),
        None => format!("{usd} USD"),
    }
}

/// Where the prices come from, each source once.
fn basis(world: &World, placement: &Placement, spent: &Spent) -> String {
    let known = placement.prices.iter().filter(|price| price.hourly_usd_micros.is_some());
    let sources: BTreeSet<&str> = known.map(|price| price.basis.as_str()).collect();
    let mut sources: Vec<String> = sources.into_iter().filter(|source| !source.is_empty()).map(str::to_owned).collect();
    sources.push(small_change::basis(&placement.region));
    if placement.balancer_since.is_some() {
        sources.push("what passes through the load balancer (LCUs) is not counted".to_owned());
    }
    if spent.surplus_usd_micros > 0 {
        sources.push(surplus(spent).to_owned());
    }
    let kinds = [ResourceKind::Queue, ResourceKind::Bucket];
    if world.object.spec.balancer.kind == BalancerKind::Queue || kinds.iter().any(|kind| kind.is_written(placement)) {
        sources.push("calls of SQS and S3 are not counted".to_owned());
    }
    sources.join("; ")
}

/// How surplus CPU credits are counted.
fn surplus(spent: &Spent) -> &'static str {
    match spent.is_surplus_measured {
        true => {
            "surplus CPU credits in runs by what was measured while load was on, as if it had been on all the time, and else as if instances were always busy"
        }
        false => "surplus CPU credits as if instances were always busy",
    }
}
