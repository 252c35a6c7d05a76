//! A policy that is told the truth: the standard of comparison where there is no closed form.
//!
//! One central queue over all slots. With equal speeds that is M/M/k, which no policy beats; with unequal speeds a
//! request takes the fastest free slot, unless waiting for a faster one promises to be shorter (the threshold form of
//! Lin and Kumar, "Optimal control of a queueing system with two heterogeneous servers", 1984). Members that share
//! their cores get the request where (n+1)/(cores x speed) is least: nothing is won there by holding back.

use rand::Rng;

use super::scenario::{Arrivals, Discipline, Scenario};
use crate::policy::{Ask, MemberKey, Nanos, Pick, Policy};

/// Knows slots and speeds of every station (by key: the station's number), and nothing of single demands.
#[derive(Debug)]
pub struct Ideal {
    /// (slots, speed, holds)
    truth: Vec<(f64, f64, bool)>,
    /// Requests per service time.
    arrivals: f64,
}

impl Ideal {
    /// For the stations as they are at the start.
    pub fn of(scenario: &Scenario) -> Self {
        let truth = scenario.stations.iter();
        let truth = truth.map(|s| (f64::from(s.slots), s.speed, s.discipline == Discipline::Fifo));
        let per_second = match scenario.arrivals {
            Arrivals::Poisson { per_second } | Arrivals::Bursts { per_second, .. } => per_second,
            Arrivals::OnOff { high_per_second, low_per_second, .. } => (high_per_second + low_per_second) / 2.0,
            Arrivals::Closed { .. } => 0.0,
        };
        Self { truth: truth.collect(), arrivals: per_second * scenario.service.0 as f64 / 1e9 }
    }
}

impl Policy for Ideal {
    fn members(&mut self, _now: Nanos, _members: &[MemberKey]) {}

    fn pick(&mut self, _now: Nanos, ask: &Ask<'_>, _random: &mut dyn Rng) -> Pick {
        let (mut best, mut least) = (None, (f64::INFINITY, f64::INFINITY));
        for (index, candidate) in ask.candidates.iter().enumerate() {
            let (slots, speed, holds) = self.truth[candidate.key.0 as usize];
            let load = (candidate.in_flight as f64 + 1.0) / slots;
            let cost = (load.max(1.0) / speed, load);
            if !(holds && load > 1.0) && cost < least {
                (best, least) = (Some(index), cost);
            }
        }
        let until = Nanos(u64::MAX);
        let Some(index) = best else { return Pick::Hold { until } };
        let faster = ask.candidates.iter().map(|candidate| self.truth[candidate.key.0 as usize]);
        let faster = faster.filter(|(_, speed, holds)| *holds && 1.0 / speed < least.0);
        let (slots, rate) = faster.fold((0.0, 0.0), |(slots, rate), (s, speed, _)| (slots + s, rate + s * speed));
        let net = rate - self.arrivals;
        if net > 0.0 && ask.parked as f64 / net + slots / rate < least.0 {
            return Pick::Hold { until };
        }
        Pick::Send { index, note: 0 }
    }
}
