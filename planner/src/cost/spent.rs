//! Cost of a ledger, as a pure function of its lines: instances with their minimum, volumes, addresses, the load balancer.
//!
//! n x max(60 s, end - launch) x (price + volumes + address), from EC2's own time of the launch to when the end was seen.
//! EC2 bills from `running` to `shutting-down` (EC2 user guide, "Instance lifecycle"), so this is never too little.

use std::collections::BTreeSet;

use api::{Launch, Placement};
use jiff::Timestamp;

use super::front;
use super::hourly::{self, Hourly, part_of_hour};
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

    fn add(&mut self, placement: &Placement, line: &Launch, now: Timestamp) {
        let Some(seconds) = seconds(line, now) else { return };
        let Some(Hourly { certain, surplus }) = hourly::of_line(placement, line) else {
            self.unpriced.insert(line.instance_type.clone());
            return;
        };
        // One that was given up and is seen again is paid, too.
        let rest = u64::try_from(i64::from(line.count).saturating_sub(line.booked)).unwrap_or(0);
        let instances = rest.max(ledger::living(line));
        let surplus = part_of_hour(surplus.saturating_mul(instances), seconds);
        let certain = part_of_hour(certain.saturating_mul(instances), seconds);
        self.usd_micros = self.usd_micros.saturating_add(certain).saturating_add(surplus);
        self.surplus_usd_micros = self.surplus_usd_micros.saturating_add(surplus);
        let has_partly_ended = line.ended_at.is_some() && !ledger::is_over(line) && ledger::living(line) < instances;
        self.is_at_most |= surplus > 0 || line.bound == AT_MOST || has_partly_ended;
    }
}

/// All that was spent until `now`, by the lines and by what the placement remembers of former ones.
pub fn so_far(placement: &Placement, lines: &[Launch], now: Timestamp) -> Spent {
    let mut spent = Spent {
        usd_micros: u64::try_from(placement.spent_usd_micros).unwrap_or(0).saturating_add(front::cost(placement, now)),
        is_at_most: placement.spent_bound == AT_MOST,
        unpriced: placement.spent_unpriced.iter().cloned().collect(),
        ..Spent::default()
    };
    lines.iter().for_each(|line| spent.add(placement, line, now));
    spent
}

/// An hour of all that is there, surplus credits of types that are always busy in it. What has no price is not in it.
pub fn hourly_now(placement: &Placement, lines: &[Launch]) -> u64 {
    hourly_of_instances(placement, lines).saturating_add(if front::is_there(placement) {
        front::hourly(placement)
    } else {
        0
    })
}

/// The instances of it.
pub(crate) fn hourly_of_instances(placement: &Placement, lines: &[Launch]) -> u64 {
    let of_line = |line: &Launch| {
        hourly::of_line(placement, line).map_or(0, |hourly| hourly.at_most().saturating_mul(ledger::living(line)))
    };
    lines.iter().map(of_line).fold(0, u64::saturating_add)
}

/// The placement after these lines were taken out of the ledger, and after instances of those that are `kept` have ended:
/// what they cost stays, and the lines go on with the rest. In the same status, so it is added once, whoever dies when.
pub fn booked(placement: Placement, kept: &mut [Launch], dropped: &[Launch], now: Timestamp) -> Placement {
    let mut spent = Spent::default();
    dropped.iter().for_each(|line| spent.add(&placement, line, now));
    for line in kept {
        let Some(ended) = ended(line) else { continue };
        spent.add(&placement, &ended, now);
        line.booked = line.booked.saturating_add(i64::from(ended.count));
    }
    let all = u64::try_from(placement.spent_usd_micros).unwrap_or(0).saturating_add(spent.usd_micros);
    let spent_bound = if spent.is_at_most { AT_MOST.to_owned() } else { placement.spent_bound.clone() };
    let unpriced: BTreeSet<String> = placement.spent_unpriced.iter().cloned().chain(spent.unpriced).collect();
    Placement {
        spent_usd_micros: i64::try_from(all).unwrap_or(i64::MAX),
        spent_bound,
        spent_unpriced: unpriced.into_iter().collect(),
        ..placement
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

/// Seconds of each instance of a line that are paid. `None`: none of them was ever seen.
fn seconds(line: &Launch, now: Timestamp) -> Option<u64> {
    let launched = line.launched_at.as_ref()?.0;
    let ended = line.ended_at.as_ref().filter(|_| ledger::is_over(line)).map_or(now, |at| at.0);
    let seconds = ended.as_second().saturating_sub(launched.as_second()).max(LEAST_SECONDS);
    u64::try_from(seconds).ok()
}
