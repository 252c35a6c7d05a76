//! Checks that the policies' own tests share.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Ask, Candidate, MemberKey, Nanos, Pick, Policy};
use crate::simulator::{Change, Scenario, Station, simulate};

/// A generator of the given seed; the seed is printed so that a failure can be repeated.
pub(super) fn random(seed: u64) -> ChaCha8Rng {
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Idle candidates with these keys.
pub(super) fn candidates(keys: &[u64]) -> Vec<Candidate> {
    let idle = |key: &u64| Candidate { key: MemberKey(*key), in_flight: 0, parallelism: None, round_trip: Nanos(0) };
    keys.iter().map(idle).collect()
}

/// The member that one request goes to, which is neither held back nor kept for probes.
pub(super) fn placed(policy: &mut dyn Policy, candidates: &[Candidate], random: &mut ChaCha8Rng) -> usize {
    policy.arrived(Nanos(0));
    match policy.pick(Nanos(0), &Ask { candidates, parked: 1, may_hold: false }, random) {
        Pick::Send { index, .. } => index,
        other => panic!("{other:?}"),
    }
}

/// Requests of 3,000 that each of three members of one slot gets at 70 % load; the third has this speed, or fails
/// every request after a tenth of the service time.
pub(super) fn shares(policy: &mut dyn Policy, third: Option<f64>) -> [u64; 3] {
    let mut stations = vec![Station::slots(1); 3];
    stations[2].speed = third.unwrap_or(1.0);
    let mut scenario = Scenario::poisson(stations, 0.7);
    scenario.requests = 3_000;
    if third.is_none() {
        scenario.changes = vec![(Nanos(0), 2, Change::Fails { share: 1.0, after: Nanos(scenario.service.0 / 10) })];
    }
    let shares = simulate(&scenario, policy, 7).shares;
    [shares[0], shares[1], shares[2]]
}
