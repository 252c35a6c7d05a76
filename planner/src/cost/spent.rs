//! Cost of a ledger, as a pure function of its lines: instances with their minimum, volumes, addresses, the load balancer.
//!
//! n x max(60 s, end - launch) x (price + volumes + address), from EC2's own time of the launch to when the end was seen.
//! EC2 bills from `running` to `shutting-down` (EC2 user guide, "Instance lifecycle"), so this is never too little.

use std::collections::BTreeSet;

use api::{Launch, Placement, UnpricedTime};
use jiff::Timestamp;

use super::credits::surplus_hour;
use super::hourly::{self, Hourly, part_of_hour};
use super::{front, surplus};
use crate::world::ledger::{self, AT_MOST};

/// Seconds of an instance that are paid at least, on Linux (AWS, "Amazon EC2 On-Demand Pricing": by the second, with a
/// minimum of 60).
pub const LEAST_SECONDS: i64 = 60;

/// Money that was spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Millionths of a US dollar, as far as prices are known.
    pub usd_micros: u64,
    /// The part of it that is an upper bound of surplus credits.
    pub surplus_usd_micros: u64,
    /// Whether runs have measured some of that.
    pub is_surplus_measured: bool,
    /// The part of it that is for the rest of a minimum: who goes on living pays nothing else for that time.
    unlived_usd_micros: u64,
    /// What a budget pays besides, because volumes and load balancers have no price of the region.
    margin_usd_micros: u64,
    /// It may have been less: surplus credits, or an end that was not seen when it happened, or is not booked yet.
    pub is_at_most: bool,
    /// Types that were launched and have no price.
    pub unpriced: BTreeSet<String>,
}

impl Spent {
    /// What was certainly spent, as far as ends were seen.
    pub fn certain(&self) -> u64 {
        self.usd_micros.saturating_sub(self.surplus_usd_micros)
    }

    /// What a budget has paid for the time until now: what is to come is counted from there.
    pub fn of_budget(&self) -> u64 {
        self.usd_micros.saturating_sub(self.unlived_usd_micros).saturating_add(self.margin_usd_micros)
    }

    fn add(&mut self, placement: &Placement, line: &Launch, now: Timestamp) {
        let Some(seconds) = seconds(line, now) else { return };
        let instances = paid(line);
        let hourly = hourly::of_line(placement, line).unwrap_or_else(|| {
            self.unpriced.insert(line.instance_type.clone());
            Hourly { certain: hourly::extras_of_line(placement, line), ..Hourly::default() }
        });
        let all = |hourly: u64, seconds: u64| part_of_hour(hourly.saturating_mul(instances), seconds);
        let surplus = surplus::of_line(line, hourly.surplus, instances, seconds);
        self.usd_micros = self.usd_micros.saturating_add(all(hourly.certain, seconds)).saturating_add(surplus);
        self.surplus_usd_micros = self.surplus_usd_micros.saturating_add(surplus);
        self.is_surplus_measured |= surplus > 0 && line.measured_surplus.is_some();
        self.margin_usd_micros = self.margin_usd_micros.saturating_add(all(hourly.margin, seconds));
        let unlived = part_of_hour(hourly.at_most().saturating_mul(ledger::living(line)), unlived(line, now));
        // It was rounded up, and with it all that is to come would be too little.
        self.unlived_usd_micros = self.unlived_usd_micros.saturating_add(unlived.saturating_sub(1));
        let has_partly_ended = line.ended_at.is_some() && !ledger::is_over(line) && ledger::living(line) < instances;
        self.is_at_most |= surplus > 0 || line.bound == AT_MOST || has_partly_ended;
    }

    /// What was booked without a price, at the one that is known now.
    fn add_priced(&mut self, placement: &Placement, unpriced: &UnpricedTime) -> bool {
        let price = hourly::price(placement, &unpriced.instance_type).and_then(|price| u64::try_from(price).ok());
        let (Some(price), Ok(seconds)) = (price, u64::try_from(unpriced.instance_seconds)) else { return false };
        let surplus = part_of_hour(surplus_hour(&unpriced.instance_type).unwrap_or(0), seconds);
        self.usd_micros = self.usd_micros.saturating_add(part_of_hour(price, seconds)).saturating_add(surplus);
        self.surplus_usd_micros = self.surplus_usd_micros.saturating_add(surplus);
        self.is_at_most |= surplus > 0;
        true
    }
}

/// Instances of a line that are not booked yet. One that was given up and is seen again is paid, too.
fn paid(line: &Launch) -> u64 {
    let rest = u64::try_from(i64::from(line.count).saturating_sub(line.booked)).unwrap_or(0);
    rest.max(ledger::living(line))
}

/// All that was spent until `now`, by the lines and by what the placement remembers of former ones.
pub fn so_far(placement: &Placement, lines: &[Launch], now: Timestamp) -> Spent {
    let balancer = front::cost(placement, now);
    let mut spent = Spent {
        usd_micros: u64::try_from(placement.spent_usd_micros).unwrap_or(0).saturating_add(balancer),
        margin_usd_micros: front::margin_of_cost(placement, now),
        is_at_most: placement.spent_bound == AT_MOST,
        ..Spent::default()
    };
    for unpriced in &placement.spent_unpriced {
        if !spent.add_priced(placement, unpriced) {
            spent.unpriced.insert(unpriced.instance_type.clone());
        }
    }
    lines.iter().for_each(|line| spent.add(placement, line, now));
    spent
}

/// An hour of all that is there, surplus credits of types that are always busy in it. What has no price is not in it.
pub fn hourly_now(placement: &Placement, lines: &[Launch]) -> u64 {
    let balancer = if front::is_there(placement) { front::hourly(placement) } else { 0 };
    of_living(placement, lines, Hourly::at_most).saturating_add(balancer)
}

/// The same as a budget pays it.
pub(crate) fn hourly_of_budget(placement: &Placement, lines: &[Launch]) -> u64 {
    let balancer = if front::is_there(placement) { front::safe(placement) } else { 0 };
    of_living(placement, lines, Hourly::safe).saturating_add(balancer)
}

/// The instances of [`hourly_now`].
pub(crate) fn hourly_of_instances(placement: &Placement, lines: &[Launch]) -> u64 {
    of_living(placement, lines, Hourly::at_most)
}

fn of_living(placement: &Placement, lines: &[Launch], part: fn(Hourly) -> u64) -> u64 {
    let of_line = |line: &Launch| {
        hourly::of_line(placement, line).map_or(0, |hourly| part(hourly).saturating_mul(ledger::living(line)))
    };
    lines.iter().map(of_line).fold(0, u64::saturating_add)
}

/// The placement after these lines were taken out of the ledger, and after instances of those that are `kept` have ended:
/// what they cost stays, and the lines go on with the rest. In the same status, so it is added once, whoever dies when.
pub fn booked(mut placement: Placement, kept: &mut [Launch], dropped: &[Launch], now: Timestamp) -> Placement {
    let mut spent = Spent::default();
    let mut without: Vec<UnpricedTime> = std::mem::take(&mut placement.spent_unpriced);
    without.retain(|unpriced| !spent.add_priced(&placement, unpriced));
    let mut book = |line: &Launch| {
        spent.add(&placement, line, now);
        if hourly::of_line(&placement, line).is_none()
            && let Some(seconds) = seconds(line, now)
        {
            remember(&mut without, &line.instance_type, seconds.saturating_mul(paid(line)));
        }
    };
    dropped.iter().for_each(&mut book);
    for line in kept {
        let Some(ended) = ended(line) else { continue };
        book(&ended);
        line.booked = line.booked.saturating_add(i64::from(ended.count));
    }
    let all = u64::try_from(placement.spent_usd_micros).unwrap_or(0).saturating_add(spent.usd_micros);
    placement.spent_usd_micros = i64::try_from(all).unwrap_or(i64::MAX);
    if spent.is_at_most {
        AT_MOST.clone_into(&mut placement.spent_bound);
    }
    placement.spent_unpriced = without;
    placement
}

fn remember(all: &mut Vec<UnpricedTime>, instance_type: &str, seconds: u64) {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    match all.iter_mut().find(|one| one.instance_type == instance_type) {
        Some(one) => one.instance_seconds = one.instance_seconds.saturating_add(seconds),
        None => all.push(UnpricedTime { instance_type: instance_type.to_owned(), instance_seconds: seconds }),
    }
}

/// Those instances of a line that have ended while others live, as a line of their own. A line that may still make
/// instances has none: all of it is counted until it is closed.
fn ended(line: &Launch) -> Option<Launch> {
    if !ledger::is_closed(line) || ledger::is_over(line) || line.launched_at.is_none() {
        return None;
    }
    let living = i64::try_from(ledger::living(line)).ok()?;
    let count = i64::from(line.count).saturating_sub(line.booked).saturating_sub(living);
    let count = i32::try_from(count).ok().filter(|count| *count > 0)?;
    // Nobody saw how they went.
    let bound = if line.ended_at.is_none() { AT_MOST.to_owned() } else { line.bound.clone() };
    Some(Launch { count, booked: 0, bound, instance_ids: Vec::new(), ..line.clone() })
}

/// Seconds of the minimum of those that live that are still to come.
fn unlived(line: &Launch, now: Timestamp) -> u64 {
    let lived = line.launched_at.as_ref().map_or(LEAST_SECONDS, |at| now.as_second().saturating_sub(at.0.as_second()));
    u64::try_from(LEAST_SECONDS.saturating_sub(lived.max(0))).unwrap_or(0)
}

/// Seconds of each instance of a line that are paid. `None`: none of them was ever seen.
fn seconds(line: &Launch, now: Timestamp) -> Option<u64> {
    let launched = line.launched_at.as_ref()?.0;
    let ended = line.ended_at.as_ref().filter(|_| ledger::is_over(line)).map_or(now, |at| at.0);
    let seconds = ended.as_second().saturating_sub(launched.as_second()).max(LEAST_SECONDS);
    u64::try_from(seconds).ok()
}
