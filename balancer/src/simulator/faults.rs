//! Scenarios about what happens when a member goes wrong: 8 members, 500 requests per second, 70 % of what they can.

use super::bounds;
use super::outcome::Measured;
use super::scenario::{Arrivals, Change, Scenario, Station};
use crate::policy::Nanos;

/// Moment at which it happens.
pub const ONSET: Nanos = Nanos(20_000_000_000);
const RATE: f64 = 500.0;

/// One row: something happens to station 0.
#[derive(Clone, Debug)]
pub struct Fault {
    pub name: &'static str,
    pub scenario: Scenario,
    /// p99 in nanoseconds that is possible after it, by closed form.
    pub new_bound: f64,
}

/// The questions that a run is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// Failed attempts in the first 1, 10 and 30 seconds.
    pub failed_attempts: [f64; 3],
    /// Clients that got a failure.
    pub failed_clients: f64,
    /// Attempts sent to station 0 in the first two seconds.
    pub sent: f64,
    /// p99 of what arrived in the first 20 seconds, in nanoseconds.
    pub p99: f64,
}

/// All rows.
pub fn faults() -> Vec<Fault> {
    let after = |seconds: f64| Nanos(ONSET.0 + (seconds * 1e9) as u64);
    let fails = |share| Change::Fails { share, after: Nanos(1_000_000) };
    let freezes = || vec![(ONSET, 0, Change::Speed(0.0)), (after(2.0), 0, Change::Speed(1.0))];
    let restarts = vec![
        (ONSET, 0, fails(1.0)),
        (after(5.0), 0, fails(0.0)),
        (after(5.0), 0, Change::Speed(1.0 / 3.0)),
        (after(10.0), 0, Change::Speed(1.0)),
    ];
    let slows = |speed| vec![(ONSET, 0, Change::Speed(speed))];
    let joins = vec![(ONSET, 0, Change::Joins), (after(10.0), 0, Change::Speed(1.0))];
    let mut rows = vec![
        fault("8 x 1, one answers 500 in 1 ms", 1, vec![(ONSET, 0, fails(1.0))]),
        fault("8 x 2, one answers 500 in 1 ms", 2, vec![(ONSET, 0, fails(1.0))]),
        fault("8 x 1, one fails 30 %", 1, vec![(ONSET, 0, fails(0.3))]),
        fault("8 x 1, one restarts: refuses 5 s, then 3 x slower 5 s", 1, restarts),
        fault("8 x 1, one frozen 2 s", 1, freezes()),
        fault("8 x 2, one frozen 2 s", 2, freezes()),
        fault("8 x 8, one frozen 2 s", 8, freezes()),
        fault("8 x 1, one 5 x slower", 1, slows(0.2)),
        fault("8 x 1, one 10 x slower", 1, slows(0.1)),
        fault("8 x 2, one 10 x slower", 2, slows(0.1)),
    ];
    let mut cold = fault("8 x 1, the eighth joins cold: 3 x slower 10 s", 1, joins);
    (cold.scenario.stations[0].is_member, cold.scenario.stations[0].speed) = (false, 1.0 / 3.0);
    rows.push(cold);
    rows
}

fn fault(name: &'static str, slots: u32, changes: Vec<(Nanos, usize, Change)>) -> Fault {
    let mut scenario = Scenario::poisson(vec![Station::slots(slots); 8], 0.7);
    scenario.arrivals = Arrivals::Poisson { per_second: RATE };
    scenario.service = Nanos((0.7 * 8.0 * f64::from(slots) / RATE * 1e9) as u64);
    (scenario.requests, scenario.warmup) = ((RATE * 50.0) as u64, 0);
    (scenario.retries, scenario.keeps_attempts, scenario.changes) = (true, true, changes);
    // Without station 0: what it still does is little or nothing.
    let bound = bounds::central_queue(7 * slots, 0.7 * 8.0 / 7.0);
    Fault { name, new_bound: bound.p99 * scenario.service.0 as f64, scenario }
}

/// The answers of the run, each figure one run's share of an average over so many.
pub fn course(run: &Measured, runs: u64) -> Course {
    let runs = runs as f64;
    let within = |sent: Nanos, seconds: u64| sent >= ONSET && sent.since(ONSET).0 < seconds * 1_000_000_000;
    let failed = |seconds| {
        let failed = run.attempts.iter().filter(|one| !one.succeeded && within(one.sent, seconds));
        failed.count() as f64 / runs
    };
    let mut responses: Vec<u64> =
        run.timeline.iter().filter(|(arrived, _)| within(*arrived, 20)).map(|(_, response)| *response).collect();
    responses.sort_unstable();
    let p99 = responses.get(responses.len() * 99 / 100).map_or(f64::NAN, |response| *response as f64);
    Course {
        failed_attempts: [1, 10, 30].map(failed),
        failed_clients: run.failed as f64 / runs,
        sent: run.attempts.iter().filter(|one| one.station == 0 && within(one.sent, 2)).count() as f64 / runs,
        p99: p99 / runs,
    }
}

impl Course {
    /// Sum of shares.
    pub fn and(self, other: Self) -> Self {
        let add = |index: usize| self.failed_attempts[index] + other.failed_attempts[index];
        Self {
            failed_attempts: [add(0), add(1), add(2)],
            failed_clients: self.failed_clients + other.failed_clients,
            sent: self.sent + other.sent,
            p99: self.p99 + other.p99,
        }
    }
}
