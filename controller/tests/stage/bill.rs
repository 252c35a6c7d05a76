//! The cloud's own bill of a play: each instance from its launch until it stopped running, at the prices that were frozen, with
//! its address and, where its type is unlimited, always busy. Volumes are left out: it is never too much.

use std::collections::BTreeMap;

use api::Status;
use cloudsim::Sim;
use jiff::Timestamp;
use planner::cost::{spent, usd};
use planner::ports::InstanceState;
use planner::world::ledger;

use crate::stage::judge::{Broken, Rule};
use crate::stage::kubernetes::Server;

/// A public IPv4 address for an hour, in millionths of a US dollar.
const ADDRESS: u64 = 5_000;
/// Surplus credits of the unlimited types of scripts, always busy: two vCPUs, 70 % above the baseline, 0.05 USD.
const SURPLUS: [(&str, u64); 1] = [("t3.large", 70_000)];
/// Linux is paid for at least so long.
const LEAST: i64 = 60;

#[derive(Default)]
pub(crate) struct Bill {
    lived: BTreeMap<String, Lived>,
    prices: BTreeMap<String, u64>,
    /// Budget in force when the benchmark was placed.
    max: Option<u64>,
    is_placed: bool,
    /// Somebody took the placement away: what begins anew has a budget of its own.
    is_void: bool,
}

struct Lived {
    instance_type: String,
    launched: Timestamp,
    until: Timestamp,
    is_public: bool,
}

impl Bill {
    /// After every step.
    pub(crate) fn look(&mut self, sim: &Sim, server: &Server, now: Timestamp) -> Result<(), Broken> {
        for instance in sim.truth().ec2.listed_instances() {
            let lived = self.lived.entry(instance.id.clone()).or_insert_with(|| Lived {
                instance_type: instance.instance_type.clone(),
                launched: instance.launched_at,
                until: instance.launched_at,
                is_public: instance.network.as_ref().is_some_and(|network| network.public_address.is_some()),
            });
            if matches!(instance.state, InstanceState::Pending | InstanceState::Running) {
                lived.until = now;
            }
        }
        let placement = server.object.iter().flat_map(|object| &object.status).find_map(|one| one.placement.as_ref());
        match placement {
            Some(placement) => {
                self.is_placed = true;
                if self.max.is_none() {
                    self.max = usd::parse(&placement.max_usd);
                }
                for price in &placement.prices {
                    let micros = price.hourly_usd_micros.and_then(|micros| u64::try_from(micros).ok());
                    self.prices.extend(micros.map(|micros| (price.instance_type.clone(), micros)));
                }
            }
            None => self.is_void |= self.is_placed,
        }
        let Some(max) = self.max.filter(|_| !self.is_void) else { return Ok(()) };
        let timers = placement.and_then(|placement| placement.expires_at.as_ref()).map(|at| at.0);
        let (sum, coming) = (self.sum(), timers.map_or(0, |timers| self.coming(now, timers)));
        if sum + coming > max {
            let what = format!(
                "{sum} millionths of a dollar are spent of a budget of {max}, and {coming} more until the timers, if nobody ends anything"
            );
            return Err(Broken::new(Rule::WithinBudget, what));
        }
        Ok(())
    }

    /// What those that run will cost until their timers end them.
    fn coming(&self, now: Timestamp, timers: Timestamp) -> u64 {
        let seconds = u64::try_from(timers.duration_since(now).as_secs()).unwrap_or(0);
        let running = self.lived.values().filter(|lived| lived.until == now);
        running.map(|lived| self.hourly(lived) * seconds).sum::<u64>() / 3_600
    }

    /// Status says no less than what was spent, however often operators died.
    pub(crate) fn is_said(&self, status: &Status, now: Timestamp) -> Result<(), Broken> {
        let Some(placement) = status.placement.as_ref().filter(|_| !self.is_void) else { return Ok(()) };
        if status.launches.iter().any(ledger::is_open) {
            return Ok(());
        }
        let said = spent::so_far(placement, &status.launches, now);
        let sum = self.sum();
        if said.unpriced.is_empty() && said.usd_micros < sum {
            let what = format!("status says {} millionths of a dollar, and {sum} were spent", said.usd_micros);
            return Err(Broken::new(Rule::CostIsSaid, what));
        }
        Ok(())
    }

    fn sum(&self) -> u64 {
        let of_one = |lived: &Lived| {
            let seconds = lived.until.duration_since(lived.launched).as_secs().max(LEAST);
            self.hourly(lived) * u64::try_from(seconds).unwrap()
        };
        self.lived.values().map(of_one).sum::<u64>() / 3_600
    }

    fn hourly(&self, lived: &Lived) -> u64 {
        let price = self.prices.get(&lived.instance_type).copied().unwrap_or(0);
        let surplus = SURPLUS.iter().find(|(name, _)| *name == lived.instance_type).map_or(0, |(_, micros)| *micros);
        price + surplus + if lived.is_public { ADDRESS } else { 0 }
    }
}
