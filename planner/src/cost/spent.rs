//! Cost of a ledger, as a pure function of its lines: instances with their minimum, volumes, addresses, the load balancer.
//!
//! n x max(60 s, end - launch) x (price + volumes + address), from EC2's own time of the launch to when the end was seen.
//! EC2 bills from `running` to `shutting-down` (EC2 user guide, "Instance lifecycle"), so this is never too little.

use std::collections::BTreeSet;

use api::{Launch, Placement};
use jiff::Timestamp;

use super::front;
use super::hourly::{self, Hourly};
use crate::prices::small_change;
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
    /// It may have been less: surplus credits, or an end that was not seen when it happened.
    pub is_at_most: bool,
    /// Types that were launched and have no price.
    pub unpriced: BTreeSet<String>,
}

impl Spent {
    /// What was certainly spent, as far as ends were seen.
    pub fn certain(&self) -> u64 {
        self.usd_micros.saturating_sub(self.surplus_usd_micros)
    }

    fn add(&mut self, placement: &Placement, line: &Launch, now: Timestamp) {
        let Some(seconds) = seconds(line, now) else { return };
        let Some(Hourly { certain, surplus }) = hourly::of_line(placement, line) else {
            self.unpriced.insert(line.instance_type.clone());
            return;
        };
        let instances = u64::try_from(line.count).unwrap_or(0);
        let surplus = part_of_hour(surplus.saturating_mul(instances), seconds);
        let certain = part_of_hour(certain.saturating_mul(instances), seconds);
        self.usd_micros = self.usd_micros.saturating_add(certain).saturating_add(surplus);
        self.surplus_usd_micros = self.surplus_usd_micros.saturating_add(surplus);
        self.is_at_most |= surplus > 0 || line.bound == AT_MOST;
    }
}

/// All that was spent until `now`, by the lines and by what the placement remembers of former ones.
pub fn so_far(placement: &Placement, lines: &[Launch], now: Timestamp) -> Spent {
    let mut spent = Spent {
        usd_micros: u64::try_from(placement.spent_usd_micros).unwrap_or(0).saturating_add(front::cost(placement, now)),
        is_at_most: placement.spent_bound == AT_MOST,
        // What is not kept any more had the types of the placement.
        unpriced: placement.prices.iter().filter(|price| price.hourly_usd_micros.is_none()).map(named).collect(),
        ..Spent::default()
    };
    lines.iter().for_each(|line| spent.add(placement, line, now));
    spent
}

fn named(price: &api::PlacedPrice) -> String {
    price.instance_type.clone()
}

/// An hour of all that is there, surplus credits of types that are always busy in it. What has no price is not in it.
pub fn hourly_now(placement: &Placement, lines: &[Launch]) -> u64 {
    let of_line = |line: &Launch| {
        let instances = u64::try_from(line.instance_ids.len()).unwrap_or(0);
        hourly::of_line(placement, line).map_or(0, |hourly| hourly.at_most().saturating_mul(instances))
    };
    let instances = lines.iter().map(of_line).fold(0, u64::saturating_add);
    instances.saturating_add(if front::is_there(placement) { small_change::LOAD_BALANCER_HOUR } else { 0 })
}

/// The placement after these lines were taken out of the ledger: what they cost stays. In the same status, so it is added
/// once, whoever dies when.
pub fn without(placement: Placement, dropped: &[Launch], now: Timestamp) -> Placement {
    let mut spent = Spent::default();
    dropped.iter().for_each(|line| spent.add(&placement, line, now));
    let all = u64::try_from(placement.spent_usd_micros).unwrap_or(0).saturating_add(spent.usd_micros);
    let spent_bound = if spent.is_at_most { AT_MOST.to_owned() } else { placement.spent_bound.clone() };
    Placement { spent_usd_micros: i64::try_from(all).unwrap_or(i64::MAX), spent_bound, ..placement }
}

/// Seconds of each instance of a line that are paid. `None`: none of them was ever seen.
fn seconds(line: &Launch, now: Timestamp) -> Option<u64> {
    let launched = line.launched_at.as_ref()?.0;
    let ended = line.ended_at.as_ref().filter(|_| ledger::is_over(line)).map_or(now, |at| at.0);
    let seconds = ended.as_second().saturating_sub(launched.as_second()).max(LEAST_SECONDS);
    u64::try_from(seconds).ok()
}

/// So many seconds of what costs so much an hour, rounded up.
pub fn part_of_hour(hourly: u64, seconds: u64) -> u64 {
    let micros = (u128::from(hourly) * u128::from(seconds)).div_ceil(3_600);
    u64::try_from(micros).unwrap_or(u64::MAX)
}
