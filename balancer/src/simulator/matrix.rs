//! The scenarios that policies are compared in.

use super::bounds::{self, Bound};
use super::scenario::{Arrivals, Change, Demand, Drift, Scenario, Station};
use super::streams::{Name, normal, stream};
use crate::policy::{Nanos, Parallelism};

/// The standard that the figures of a cell are divided by.
#[derive(Clone, Copy, Debug)]
pub enum Standard {
    /// [`super::ideal::Ideal`] on the same requests.
    Ideal,
    /// A closed form, in service times.
    ClosedForm(Bound),
}

/// One row of the matrix.
#[derive(Clone, Debug)]
pub struct Cell {
    pub name: &'static str,
    pub scenario: Scenario,
    pub standard: Standard,
    /// The ablation shows it.
    pub is_ablated: bool,
}

/// So many equal stations.
pub fn equal(count: usize, station: &Station) -> Vec<Station> {
    vec![station.clone(); count]
}

/// Stations of one slot at this speed.
pub fn at_speed(count: usize, speed: f64) -> Vec<Station> {
    equal(count, &Station { speed, ..Station::slots(1) })
}

fn slots(count: usize, slots: u32) -> Vec<Station> {
    equal(count, &Station::slots(slots))
}

fn cores(count: usize, cores: u32) -> Vec<Station> {
    equal(count, &Station::cores(cores))
}

/// Stations of `slots` that are declared to have another number.
fn told(count: usize, slots: u32, hint: Option<Parallelism>) -> Vec<Station> {
    equal(count, &Station { hint, ..Station::slots(slots) })
}

fn drifting(mut stations: Vec<Station>) -> Vec<Station> {
    stations.iter_mut().for_each(|station| station.drift = Some(Drift { phi: 0.98, sigma: 1.0 }));
    stations
}

fn poisson(stations: Vec<Station>, utilisation: f64) -> Scenario {
    Scenario::poisson(stations, utilisation)
}

fn with_demand(stations: Vec<Station>, utilisation: f64, demand: Demand) -> Scenario {
    Scenario { demand, ..poisson(stations, utilisation) }
}

fn closed(stations: Vec<Station>, users: u32, think: Nanos) -> Scenario {
    Scenario { arrivals: Arrivals::Closed { users, think }, ..poisson(stations, 0.9) }
}

/// Every station's speed is redrawn each `step`: exp(x - sigma^2/2) with x an autoregression of .98 and sigma .5.
fn wandering(step: Nanos) -> Scenario {
    const SIGMA: f64 = 0.5;
    let mut scenario = poisson(slots(8, 1), 0.7);
    let end = scenario.requests as f64 / (0.7 * scenario.capacity_per_second()) * 1e9;
    for station in 0..8 {
        let mut random = stream(1, Name::Drift(station as u64));
        let mut x = SIGMA * normal(&mut random);
        for number in 0..(end / step.0 as f64) as u64 {
            x = 0.98 * x + SIGMA * (1.0f64 - 0.98 * 0.98).sqrt() * normal(&mut random);
            let speed = Change::Speed((x - SIGMA * SIGMA / 2.0).exp());
            scenario.changes.push((Nanos(number * step.0), station, speed));
        }
    }
    scenario.changes.sort_by_key(|(when, ..)| *when);
    scenario
}

fn far(share: f64) -> Scenario {
    let mut scenario = poisson(slots(8, 1), 0.9);
    scenario.round_trip = Nanos((scenario.service.0 as f64 * share) as u64);
    scenario
}

/// All of eight stations fail this share of their requests at once.
fn failing(station: u32, share: f64) -> Scenario {
    let fails = Change::Fails { share, after: Nanos(1_000_000) };
    let changes = (0..8).map(|number| (Nanos(0), number, fails)).collect();
    Scenario { retries: true, changes, ..poisson(slots(8, station), 0.7) }
}

/// All rows.
pub fn cells() -> Vec<Cell> {
    let mixed = || [slots(4, 1), slots(4, 2)].concat();
    let speeds = || [at_speed(4, 1.0), at_speed(4, 2.0)].concat();
    let one_slow = || [at_speed(7, 1.0), at_speed(1, 0.1)].concat();
    let unknown = |mut stations: Vec<Station>| {
        stations.iter_mut().for_each(|station| station.hint = None);
        stations
    };
    let vcpus = |count| Some(Parallelism::Vcpus(count));
    let declared = |count| Some(Parallelism::Slots(count));
    let capacity = poisson(slots(8, 1), 0.9).capacity_per_second();
    let bursts = Arrivals::Bursts { per_second: 0.7 * capacity, size: 20 };
    let (high_per_second, low_per_second) = (0.96 * capacity, 0.24 * capacity);
    let on_off = Arrivals::OnOff { high_per_second, low_per_second, mean: Nanos(2_000_000_000) };
    let (wide, rare) = (Demand::Lognormal(2.0), Demand::Bimodal(100.0));
    let shown = true;
    let rows: Vec<(&'static str, bool, Scenario)> = vec![
        ("8 x 1 slot, load .3", false, poisson(slots(8, 1), 0.3)),
        ("8 x 1 slot, load .7", false, poisson(slots(8, 1), 0.7)),
        ("8 x 1 slot, load .9", shown, poisson(slots(8, 1), 0.9)),
        ("8 x 1 slot, load .95", false, poisson(slots(8, 1), 0.95)),
        ("8 x 4 slots, load .9", false, poisson(slots(8, 4), 0.9)),
        ("8 x 16 slots, load .9", false, poisson(slots(8, 16), 0.9)),
        ("4 x 1 + 4 x 2 slots, load .5", false, poisson(mixed(), 0.5)),
        ("4 x 1 + 4 x 2 slots, load .7", false, poisson(mixed(), 0.7)),
        ("4 x 1 + 4 x 2 slots, load .9", shown, poisson(mixed(), 0.9)),
        ("4 x 4 + 4 x 16 slots, load .9", shown, poisson([slots(4, 4), slots(4, 16)].concat(), 0.9)),
        ("50 x 1 + 50 x 2 slots, load .9", false, poisson([slots(50, 1), slots(50, 2)].concat(), 0.9)),
        ("100 users, 4 x 1 + 4 x 2 slots", shown, closed(mixed(), 100, Nanos(75_000_000))),
        ("4 slow + 4 twice as fast, load .3", false, poisson(speeds(), 0.3)),
        ("4 slow + 4 twice as fast, load .7", shown, poisson(speeds(), 0.7)),
        ("4 slow + 4 twice as fast, load .9", shown, poisson(speeds(), 0.9)),
        ("7 + one 10 x slower, load .3", shown, poisson(one_slow(), 0.3)),
        ("7 + one 10 x slower, load .7", shown, poisson(one_slow(), 0.7)),
        ("7 + one 10 x slower, load .9", false, poisson(one_slow(), 0.9)),
        ("8 x 1, load .7, equal demands", false, with_demand(slots(8, 1), 0.7, Demand::Deterministic)),
        ("8 x 1, load .7, lognormal 2", shown, with_demand(slots(8, 1), 0.7, wide)),
        ("8 x 1, load .7, 1 % are 100 x", shown, with_demand(slots(8, 1), 0.7, rare)),
        ("slow + fast, load .7, lognormal 2", shown, with_demand(speeds(), 0.7, wide)),
        ("slow + fast, load .9, lognormal 2", shown, with_demand(speeds(), 0.9, wide)),
        ("8 x 1, load .7, bursts of 20", false, Scenario { arrivals: bursts, ..poisson(slots(8, 1), 0.7) }),
        ("8 x 1, load .24 / .96 in turn", false, Scenario { arrivals: on_off, ..poisson(slots(8, 1), 0.6) }),
        ("8 x 1, load .7, speeds drift by request", shown, poisson(drifting(slots(8, 1)), 0.7)),
        ("8 x 4, load .7, speeds drift by request", shown, poisson(drifting(slots(8, 4)), 0.7)),
        ("8 x 1, load .7, speeds drift each 10 ms", shown, wandering(Nanos(10_000_000))),
        ("8 x 1, load .7, speeds drift each .5 s", shown, wandering(Nanos(500_000_000))),
        ("8 x 1 core shared, load .9", shown, poisson(cores(8, 1), 0.9)),
        ("4 x 1 + 4 x 2 cores shared, load .9", shown, poisson([cores(4, 1), cores(4, 2)].concat(), 0.9)),
        ("8 x 1 core shared, .9, lognormal 2", shown, with_demand(cores(8, 1), 0.9, wide)),
        ("8 x 2 cores shared, .9, lognormal 2", shown, with_demand(cores(8, 2), 0.9, wide)),
        ("8 x 1 core shared, .9, 1 % are 100 x", shown, with_demand(cores(8, 1), 0.9, rare)),
        ("8 x 2 cores shared, .9, 1 % are 100 x", false, with_demand(cores(8, 2), 0.9, rare)),
        ("8 x 1, load .7, all fail 30 %", shown, failing(1, 0.3)),
        ("8 x 2, load .7, all fail 30 %", false, failing(2, 0.3)),
        ("8 x 1, load .9, told nothing", false, poisson(unknown(slots(8, 1)), 0.9)),
        ("4 x 1 + 4 x 2, load .9, told nothing", false, poisson(unknown(mixed()), 0.9)),
        ("8 x 1, load .9, told 2", shown, poisson(told(8, 1, declared(2)), 0.9)),
        ("8 x 1, load .9, told 8", shown, poisson(told(8, 1, declared(8)), 0.9)),
        ("8 x 4, load .9, told 1", shown, poisson(told(8, 4, declared(1)), 0.9)),
        ("8 x 8, load .9, told 4", shown, poisson(told(8, 8, declared(4)), 0.9)),
        ("8 x 16, load .3, told 1", shown, poisson(told(8, 16, declared(1)), 0.3)),
        ("100 users, 4 x 16, told 1 vCPU", shown, closed(told(4, 16, vcpus(1)), 100, Nanos(1))),
    ];
    let rows = rows.into_iter().map(|(name, is_ablated, scenario)| Cell {
        name,
        scenario,
        standard: Standard::Ideal,
        is_ablated,
    });
    let closed_form = Standard::ClosedForm(bounds::central_queue(8, 0.9));
    let far = [
        ("8 x 1, load .9, round trip 3 % of S", 0.03),
        ("8 x 1, load .9, round trip 10 % of S", 0.1),
        ("8 x 1, load .9, round trip 50 % of S", 0.5),
    ]
    .map(|(name, part)| Cell { name, scenario: far(part), standard: closed_form, is_ablated: part < 0.1 });
    rows.chain(far).collect()
}

/// The cell of this name, with so many requests (a twentieth of them warm-up).
pub fn cell(name: &str, requests: u64) -> Option<Cell> {
    let mut cell = cells().into_iter().find(|cell| cell.name == name)?;
    cell.scenario.requests = requests;
    cell.scenario.warmup = requests / 20;
    Some(cell)
}
