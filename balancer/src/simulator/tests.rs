//! The simulator against what is known exactly.

use super::bounds::{self, Bound};
use super::ideal::Ideal;
use super::*;
use crate::policy::{LeastRequests, Nanos, Policy, RoundRobin};

const SEEDS: std::ops::Range<u64> = 0..8;

/// Mean and p99 in service times over all seeds.
fn average(scenario: &Scenario, policy: impl Fn() -> Box<dyn Policy>) -> Bound {
    let runs: Vec<_> = SEEDS.map(|seed| simulate(scenario, policy().as_mut(), seed)).collect();
    let service = scenario.service.0 as f64 * runs.len() as f64;
    let mean = runs.iter().map(Measured::mean).sum::<f64>() / service;
    Bound { mean, p99: runs.iter().map(|run| run.quantile(0.99)).sum::<f64>() / service }
}

fn check(name: &str, measured: Bound, bound: Bound) {
    let (mean, p99) = (measured.mean / bound.mean, measured.p99 / bound.p99);
    println!("{name}: mean {mean:.4} p99 {p99:.4} of the closed form");
    assert!((mean - 1.0).abs() < 0.01 && (p99 - 1.0).abs() < 0.01, "{name}: {measured:?} {bound:?}");
}

#[test]
fn queues_are_those_of_the_closed_forms() {
    let equal = |members: usize, slots, utilisation| {
        let mut scenario = Scenario::poisson(vec![Station::slots(slots); members], utilisation);
        scenario.requests = 400_000;
        scenario
    };
    let scenario = equal(1, 1, 0.7);
    check("M/M/1", average(&scenario, || Box::new(LeastRequests)), bounds::random(0.7));
    for (members, slots, utilisation) in [(1, 8, 0.8), (8, 1, 0.7), (4, 1, 0.8)] {
        let scenario = equal(members, slots, utilisation);
        let measured = average(&scenario, || Box::new(Ideal::of(&scenario)));
        check("M/M/k", measured, bounds::central_queue(members as u32 * slots, utilisation));
    }
    let scenario = equal(8, 1, 0.7);
    check("E_k/M/1", average(&scenario, || Box::new(RoundRobin::default())), bounds::round_robin(8, 0.7));
    // Processor sharing on one core: the mean of M/M/1, whatever the demand.
    let mut scenario = Scenario::poisson(vec![Station::cores(1)], 0.7);
    (scenario.requests, scenario.demand) = (400_000, Demand::Bimodal(10.0));
    let mean = average(&scenario, || Box::new(LeastRequests)).mean / bounds::random(0.7).mean;
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
}

#[test]
fn nothing_is_lost_and_littles_law_holds_to_the_nanosecond() {
    let mut stations = vec![Station::slots(1), Station::slots(3), Station::cores(2), Station::cores(1)];
    stations[1].drift = Some(Drift { phi: 0.9, sigma: 1.0 });
    let mut scenario = Scenario::poisson(stations, 0.9);
    (scenario.requests, scenario.warmup, scenario.retries) = (20_000, 0, true);
    scenario.round_trip = Nanos(700_001);
    scenario.changes = vec![
        (Nanos(1_000_000_000), 0, Change::Fails { share: 0.5, after: Nanos(1_000_000) }),
        (Nanos(2_000_000_000), 1, Change::Speed(0.0)),
        (Nanos(4_000_000_000), 1, Change::Speed(1.0)),
        (Nanos(5_000_000_000), 2, Change::Leaves),
        (Nanos(9_000_000_000), 2, Change::Joins),
        (Nanos(9_500_000_000), 3, Change::Slots(4)),
    ];
    let run = simulate(&scenario, &mut LeastRequests, 1);
    assert_eq!((run.arrived, run.answered, run.responses.len()), (20_000, 20_000, 20_000));
    assert_eq!(run.sent, run.shares.iter().sum::<u64>());
    assert!(run.sent > run.arrived && run.failed_attempts > run.failed && run.failed > 0, "{:?}", run.shares);
    assert_eq!(run.area, run.sojourns);
    assert_eq!(simulate(&scenario, &mut LeastRequests, 1).responses, run.responses);
    assert_ne!(simulate(&scenario, &mut LeastRequests, 2).responses, run.responses);
}
