//! Simulated campaigns: how often equal clusters are called different, and how often a real gap is found.
//!
//! The noise is what cloud measurements show: every round shifts both clusters by 5 %, a slow drift (AR(1), 4 %, phi
//! 0.8) runs through the measurements in the order they are made, and 4 % are independent.

mod support;

use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stats::compare;
use support::pairs;
use wire::{Direction, RoundReport};

const CAMPAIGNS: u32 = 2000;
const ROUNDS: usize = 20;
const SEED: u64 = 20_261_122;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// One campaign of shuffled rounds in which `cluster2` is `log_gap` faster.
fn campaign(rng: &mut ChaCha8Rng, log_gap: f64) -> Vec<RoundReport> {
    const PHI: f64 = 0.8;
    let mut drift = 0.04 * normal(rng);
    let medians: Vec<(u64, u64)> = (0..ROUNDS)
        .map(|_| {
            let shift = 0.05 * normal(rng);
            let mut order = [0, 1];
            order.shuffle(rng);
            let mut logs = [0.0, -log_gap];
            for position in order {
                drift = PHI * drift + 0.04 * (1.0 - PHI * PHI).sqrt() * normal(rng);
                logs[position] += shift + drift + 0.04 * normal(rng);
            }
            let micros = logs.map(|log| (1_000_000.0 * log.exp()) as u64);
            (micros[0], micros[1])
        })
        .collect();
    pairs(&medians)
}

/// Shares of campaigns that say faster and slower.
fn directions(log_gap: f64) -> (f64, f64) {
    println!("seed {SEED}");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut faster, mut slower) = (0, 0);
    for _ in 0..CAMPAIGNS {
        match compare(&campaign(&mut rng, log_gap), &["cluster1", "cluster2"])[0].direction {
            Direction::Faster => faster += 1,
            Direction::Slower => slower += 1,
            Direction::NoDifferenceShown => (),
            Direction::Undecided => panic!("20 rounds without failures always decide"),
        }
    }
    (f64::from(faster) / f64::from(CAMPAIGNS), f64::from(slower) / f64::from(CAMPAIGNS))
}

#[test]
fn equal_clusters_are_rarely_called_different() {
    let (faster, slower) = directions(0.0);
    println!("faster {faster}, slower {slower}");
    assert!((0.035..=0.065).contains(&(faster + slower)), "{} of campaigns are wrong", faster + slower);
}

#[test]
fn a_gap_of_five_percent_is_found_in_twenty_rounds() {
    let (faster, slower) = directions(0.05f64.ln_1p());
    println!("faster {faster}, slower {slower}");
    assert!((0.82..=0.97).contains(&faster), "found in {faster}");
    assert!(slower < 0.001, "called slower in {slower}");
}

proptest! {
    #[test]
    fn swapping_the_clusters_negates_the_estimate(
        medians in prop::collection::vec((1u64..10_000_000, 1u64..10_000_000), 1..25),
    ) {
        let rounds = pairs(&medians);
        let there = &compare(&rounds, &["cluster1", "cluster2"])[0];
        let back = &compare(&rounds, &["cluster2", "cluster1"])[0];
        let log = |percent: f64| (percent / 100.0).ln_1p();
        let (there_log, back_log) = (log(there.faster_percent.unwrap()), log(back.faster_percent.unwrap()));
        prop_assert!((there_log + back_log).abs() < 1e-9, "{} and {}", there_log, back_log);
        let mirrored = match there.direction {
            Direction::Faster => Direction::Slower,
            Direction::Slower => Direction::Faster,
            same => same,
        };
        prop_assert_eq!(back.direction, mirrored);
    }

    #[test]
    fn the_order_of_rounds_does_not_matter(
        medians in prop::collection::vec((1u64..10_000_000, 1u64..10_000_000), 1..25),
    ) {
        let reversed: Vec<_> = medians.iter().rev().copied().collect();
        prop_assert_eq!(
            compare(&pairs(&medians), &["cluster1", "cluster2"]),
            compare(&pairs(&reversed), &["cluster1", "cluster2"])
        );
    }
}
