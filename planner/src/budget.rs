//! The budget of a spec: it becomes the expiry before anything is launched, so that each instance's own timer keeps it.
//!
//! What it has to pay is counted at the most: all pools at their full count from the first moment on, unlimited types always
//! busy, volumes, addresses and the load balancer, a minimum for every replacement of the workers, and the teardown. Pure.

use std::collections::BTreeSet;

use api::{BalancerKind, ClusterBenchmarkSpec, Launch, Placement};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::conditions::Reason;
use crate::cost::front;
use crate::cost::hourly::{of_type, part_of_hour};
use crate::cost::spent::{LEAST_SECONDS, hourly_of_budget, hourly_of_instances, so_far};
use crate::cost::usd;
use crate::counts::Counts;
use crate::desired::role::{Role, addressing};
use crate::desired::{self, duration, launches};
use crate::failure::{Failure, Unknown};
use crate::plan::{NoPlacement, refused};
use crate::prices::price;
use crate::scale::pool::starts_and_stops;
use crate::world::World;

/// From the expiry until nothing is paid any more: instances shut down, and the operator removes the rest. As long as a late
/// launch may take to appear: five minutes, unless the operator was told otherwise.
fn teardown(world: &World) -> SignedDuration {
    world.settings.settle
}

/// The part of it that is not lent to instances that are replaced before their first minute is over: two minutes.
fn shortest_teardown(world: &World) -> SignedDuration {
    teardown(world) * 2 / 5
}

/// From the placement until instances are ready to be measured: a third of what they may take, so five minutes.
fn boot(world: &World) -> SignedDuration {
    world.settings.boot_deadline / 3
}

/// What a spec costs at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Full {
    /// An hour of everything, in millionths of a US dollar.
    hourly: u64,
    /// One replacement of all workers: the minimum of each.
    relaunch: u64,
    /// The load balancer of it. An hour that has begun is paid whole.
    balancer: u64,
}

/// Instance types that have no price.
type Unpriced = BTreeSet<String>;

impl Full {
    fn of(spec: &ClusterBenchmarkSpec, placement: &Placement) -> Result<Self, Unpriced> {
        let counts = Counts::of_spec(spec);
        let (mut all, mut unpriced) = (Self::default(), Unpriced::new());
        for pool in desired::pools(spec) {
            let Some(hourly) = of_type(placement, &pool.instance_type, addressing(placement, pool.role)) else {
                unpriced.insert(pool.instance_type);
                continue;
            };
            let of_pool = hourly.safe().saturating_mul(u64::from(counts.of(&pool.name)));
            all.hourly = all.hourly.saturating_add(of_pool);
            if pool.role == Role::Worker {
                let least = u64::try_from(LEAST_SECONDS).unwrap_or(0);
                all.relaunch = all.relaunch.saturating_add(part_of_hour(of_pool, least));
            }
        }
        if spec.balancer.kind == BalancerKind::Application {
            all.balancer = front::safe(placement);
            all.hourly = all.hourly.saturating_add(all.balancer);
        }
        if unpriced.is_empty() { Ok(all) } else { Err(unpriced) }
    }

    /// What is kept back of a budget.
    fn reserve(&self, world: &World) -> u64 {
        let relaunches = u64::from(launches(&world.object.spec) - 1).saturating_mul(self.relaunch);
        self.for_time(teardown(world)).saturating_add(relaunches).saturating_add(self.balancer)
    }

    /// So long of everything.
    fn for_time(&self, time: SignedDuration) -> u64 {
        part_of_hour(self.hourly, u64::try_from(time.as_secs()).unwrap_or(0))
    }

    /// What is still to be paid at the most, if everything goes on for `time`.
    fn coming(&self, world: &World, placement: &Placement, now: Timestamp, time: SignedDuration) -> u64 {
        let relaunches = i64::from(launches(&world.object.spec)) - 1 - placement.relaunches;
        let relaunches = u64::try_from(relaunches).unwrap_or(0).saturating_mul(self.relaunch);
        let instances = Self { hourly: self.hourly - self.balancer, ..*self };
        let balancer = if self.balancer > 0 { front::coming(placement, now, time) } else { 0 };
        instances.for_time(time).saturating_add(relaunches).saturating_add(balancer)
    }

    /// How long a budget lasts.
    fn lasts(&self, world: &World, max: u64) -> SignedDuration {
        until_spent(max.saturating_sub(self.reserve(world)), self.hourly)
    }
}

/// Whole seconds until so much is spent by what costs so much an hour.
fn until_spent(usd_micros: u64, hourly: u64) -> SignedDuration {
    let seconds = (u128::from(usd_micros) * 3_600).checked_div(u128::from(hourly)).unwrap_or(u128::from(u32::MAX));
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX).min(i64::from(u32::MAX)))
}

/// The budget of a spec, in millionths of a US dollar.
fn max_of(spec: &ClusterBenchmarkSpec) -> Option<u64> {
    spec.budget.as_ref().and_then(|budget| usd::parse(&budget.max_usd))
}

/// The placement with the expiry that its budget pays. Refused where a price is not known, or where the run would not fit.
pub fn settle(world: &World, placement: Placement) -> Result<Placement, NoPlacement> {
    let spec = &world.object.spec;
    let (Some(max), Some(budget)) = (max_of(spec), &spec.budget) else { return Ok(placement) };
    let full = match Full::of(spec, &placement) {
        Ok(full) => full,
        Err(unpriced) => return without_prices(&unpriced, &placement),
    };
    let lasts = full.lasts(world, max);
    let runs = i32::try_from(launches(spec)).unwrap_or(i32::MAX);
    // What is later than the last call is not measured any more, and the workers of each launch boot.
    let of_launch = duration::least(spec, duration::fewest_rounds(spec)).saturating_add(boot(world));
    let least = of_launch.saturating_mul(runs).saturating_add(world.settings.last_call);
    // What ends earlier is paid for its minimum.
    let least = least.max(SignedDuration::from_secs(LEAST_SECONDS) - teardown(world));
    if lasts < least {
        let enough = usd::text(full.reserve(world).saturating_add(full.for_time(least)));
        let fields = if runs > 1 { "load.launches or load.rounds" } else { "load.rounds" };
        return refused(
            Reason::OverBudget,
            format!(
                "budget.maxUsd {} pays {} min of {} USD an hour; this run takes at least {} min: raise it to {enough}, or lower {fields}",
                budget.max_usd,
                lasts.as_mins(),
                usd::text(full.hourly),
                minutes_up(least),
            ),
        );
    }
    let paid = Timestamp::from_second((world.now + lasts).as_second()).ok();
    let expires_at = [paid, placement.expires_at.as_ref().map(|at| at.0)].into_iter().flatten().min().map(Time);
    Ok(Placement { expires_at, max_usd: budget.max_usd.clone(), ..placement })
}

/// How long the budget of the placement pays for the spec. `None`: it has none, or a price is not known.
pub(crate) fn lasts(world: &World, placement: &Placement) -> Option<SignedDuration> {
    let max = usd::parse(&placement.max_usd)?;
    let spec = &world.object.spec;
    Full::of(spec, placement).ok().map(|full| full.lasts(world, max))
}

/// When everything ends: by the timers of the instances, or earlier by the operator, if more is there than the budget pays
/// until then. It was lowered, or added; or it was raised, more was launched, and then it was lowered.
pub fn expiry(world: &World, placement: &Placement) -> Option<Timestamp> {
    let timers = placement.expires_at.as_ref()?.0;
    Some(lowered(world, placement).map_or(timers, |at| at.min(timers)))
}

/// Whether a budget is less than the one that the timers keep.
fn is_less(placement: &Placement, max: u64) -> bool {
    usd::parse(&placement.max_usd).is_none_or(|placed| placed > max)
}

/// When the budget is spent but for the teardown, if what is there goes on. `None`: there is no budget, nothing is there, or
/// a price is not known.
fn lowered(world: &World, placement: &Placement) -> Option<Timestamp> {
    let max = max_of(&world.object.spec)?;
    let lines = &world.object.status.launches;
    let (spent, hourly) = (so_far(placement, lines, world.now), hourly_of_budget(placement, lines));
    if hourly == 0 || !spent.unpriced.is_empty() {
        return None;
    }
    // What the timers keep, instances that are replaced may use a part of.
    let teardown = if is_less(placement, max) { teardown(world) } else { shortest_teardown(world) };
    let ending = part_of_hour(hourly, u64::try_from(teardown.as_secs()).unwrap_or(0));
    let kept = ending.saturating_add(front::unused(placement, world.now));
    let left = max.saturating_sub(spent.of_budget()).saturating_sub(kept);
    Some(world.now + until_spent(left, hourly))
}

/// Why the operator cannot end earlier what a budget does not pay: what is spent is not known.
pub(crate) fn unknown(world: &World, placement: &Placement) -> Option<(Reason, String)> {
    let max = max_of(&world.object.spec)?;
    let unpriced = so_far(placement, &world.object.status.launches, world.now).unpriced;
    let is_unkept = is_less(placement, max) && !unpriced.is_empty();
    is_unkept.then(|| (Reason::PriceUnknown, without_price(&unpriced, &placement.region)))
}

/// Whether the budget was lowered, or added: it may be spent at once, and then the run had no time yet to come home.
pub(crate) fn is_lowered(world: &World, placement: &Placement) -> bool {
    max_of(&world.object.spec).is_some_and(|max| is_less(placement, max))
}

/// The placement that says that the budget is spent, if it is.
pub(crate) fn spent(world: &World, placement: &Placement) -> Option<Placement> {
    let is_spent = lowered(world, placement).is_some_and(|at| world.now >= at);
    let at = Timestamp::from_second(world.now.as_second()).ok().filter(|_| is_spent)?;
    Some(Placement { budget_spent_at: Some(Time(at)), ..placement.clone() })
}

/// Why nothing more is launched: what is there and what is missing would cost more than the budget until the instances end
/// themselves. `lines` is the ledger as it is now.
pub(crate) fn unpaid(world: &World, placement: &Placement, lines: &[Launch]) -> Option<(Reason, String)> {
    let spec = &world.object.spec;
    let (max, budget) = (max_of(spec)?, spec.budget.as_ref()?);
    let full = match Full::of(spec, placement) {
        Ok(full) => full,
        Err(unpriced) if is_unasked(&unpriced, placement) => {
            return Some((Reason::Pending, format!("the price of {} is asked for", of(&unpriced))));
        }
        Err(unpriced) => return Some((Reason::PriceUnknown, without_price(&unpriced, &placement.region))),
    };
    let spent = so_far(placement, lines, world.now).of_budget();
    let left = placement.expires_at.as_ref()?.0.duration_since(world.now).max(SignedDuration::ZERO);
    let coming = full.coming(world, placement, world.now, left.saturating_add(shortest_teardown(world)));
    let all = spent.saturating_add(coming);
    (all > max).then(|| {
        let message = format!(
            "budget.maxUsd {}: {} are spent, and {} USD an hour until the instances end themselves in {} min would make it {}: raise it to that, or lower clusters[].count; what is missing or is to be replaced waits until the budget pays it",
            budget.max_usd,
            usd::text(spent),
            usd::text(full.hourly),
            minutes_up(left),
            usd::text(all),
        );
        (Reason::OverBudget, message)
    })
}

/// What a budget does not cover, where the spec asks for queues; empty: it covers all.
pub(crate) fn uncovered(spec: &ClusterBenchmarkSpec) -> &'static str {
    let stops = spec.clusters.iter().any(|cluster| starts_and_stops(spec, &cluster.name));
    match (&spec.budget, spec.balancer.kind) {
        (Some(_), BalancerKind::Queue) if stops => {
            "; budget.maxUsd covers instances, volumes and addresses, which end by their timers: instances that are stopped then, whose volumes are paid, queues and bucket are ended by the operator alone, and calls of SQS and S3 are not counted"
        }
        (Some(_), BalancerKind::Queue) => {
            "; budget.maxUsd covers instances, volumes and addresses, which end by their timers: queues and bucket are ended by the operator alone, and calls of SQS and S3 are not counted"
        }
        _ => "",
    }
}

/// What became of a budget that was changed; empty: nothing was.
pub(crate) fn changed(world: &World, placement: &Placement) -> String {
    let spec = &world.object.spec;
    let timers = placement.expires_at.as_ref().map(|at| at.0);
    let ends_earlier = expiry(world, placement) < timers && max_of(spec).is_some_and(|max| !is_less(placement, max));
    let early = if ends_earlier {
        "; more is there than budget.maxUsd pays until the timers of the instances: the operator ends them earlier"
    } else {
        ""
    };
    let (placed, asked) = (usd::parse(&placement.max_usd), max_of(spec));
    let max_usd = spec.budget.as_ref().map(|budget| budget.max_usd.as_str()).unwrap_or_default();
    let end = || placement.expires_at.as_ref().map_or("never".to_owned(), |at| at.0.to_string());
    match (placed, asked) {
        (Some(placed), Some(asked)) if asked > placed => format!(
            "; budget raised from {} to {max_usd}: the instances keep their timers, which end at {}{early}",
            placement.max_usd,
            end()
        ),
        (Some(_), None) => format!(
            "; budget of {} removed: the instances keep their timers, which end at {}",
            placement.max_usd,
            end()
        ),
        (Some(placed), Some(asked)) if asked < placed => format!(
            "; budget lowered from {} to {max_usd}: the operator ends the instances earlier, their timers do not",
            placement.max_usd
        ),
        (None, Some(_)) => format!(
            "; budget of {max_usd} added: the operator ends the instances when it is spent, their timers do not, and end at {}",
            end()
        ),
        _ => early.to_owned(),
    }
}

fn without_price(types: &Unpriced, region: &str) -> String {
    format!(
        "budget.maxUsd: there is no price for {} in {region}, so what it pays cannot be told: give the operator one (--prices), choose another type, or remove budget",
        of(types)
    )
}

fn of(types: &Unpriced) -> String {
    types.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether no source was asked for one of them yet: many ask at the same time.
fn is_unasked(types: &Unpriced, placement: &Placement) -> bool {
    types.iter().any(|name| price::placed(placement, name).is_none())
}

fn without_prices(types: &Unpriced, placement: &Placement) -> Result<Placement, NoPlacement> {
    if is_unasked(types, placement) {
        let message = format!("the price of {} is asked for", of(types));
        return Err(NoPlacement::Unknown(Unknown { failure: Failure::NotYetVisible, message }));
    }
    refused(Reason::PriceUnknown, without_price(types, &placement.region))
}

fn minutes_up(time: SignedDuration) -> i64 {
    time.as_secs().max(0).saturating_add(59) / 60
}

/// What the end of all that is there costs.
pub(crate) fn ending(world: &World, placement: &Placement, lines: &[Launch], now: Timestamp) -> u64 {
    let time = teardown(world);
    let instances = part_of_hour(hourly_of_instances(placement, lines), u64::try_from(time.as_secs()).unwrap_or(0));
    let balancer = if front::is_there(placement) { front::coming(placement, now, time) } else { 0 };
    instances.saturating_add(balancer)
}

/// What everything can cost until it ends by itself, of which `spent` is spent, without minimums that are to be lived yet. `None`: a price is not known.
pub(crate) fn at_most(world: &World, placement: &Placement, spent: u64, now: Timestamp) -> Option<u64> {
    let spec = &world.object.spec;
    let full = Full::of(spec, placement).ok()?;
    let left = expiry(world, placement)?.duration_since(now).max(SignedDuration::ZERO);
    Some(spent.saturating_add(full.coming(world, placement, now, left.saturating_add(teardown(world)))))
}
