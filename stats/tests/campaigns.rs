//! Simulated campaigns: how often equal clusters are called different, and how often a real gap is found.
//!
//! Two thousand each, for a test that takes a second; `cargo xtask bench statistics` runs ten thousand of every kind.

mod support;

use proptest::prelude::*;
use stats::{Rules, compare};
use support::auto::auto;
use support::noise::{NAMES, Noise, Order, Shape, random};
use support::pairs;
use wire::{About, Direction, Looks, Pairs, Size};

const CAMPAIGNS: u32 = 2000;
const SEED: u64 = 20_261_122;
const EQUAL: Shape<'static> = Shape { speeds: &[0.0, 0.0], rounds: 20, launches: 1, order: Order::Shuffled };
/// The second cluster is 5 % faster.
const FIVE: Shape<'static> = Shape { speeds: &[0.0, 0.048_790], ..EQUAL };

/// Share of campaigns of which `is` holds.
fn share(mut is: impl FnMut(&mut rand_chacha::ChaCha8Rng) -> bool) -> f64 {
    println!("seed {SEED}");
    let mut random = random(SEED);
    f64::from((0..CAMPAIGNS).filter(|_| is(&mut random)).count() as u32) / f64::from(CAMPAIGNS)
}

fn is_decided(direction: Direction) -> bool {
    matches!(direction, Direction::Faster | Direction::Slower)
}

#[test]
fn equal_clusters_are_rarely_called_different() {
    let rules = Rules::default();
    for noise in [Noise::DRIFT, Noise::OUTLIERS] {
        let wrong =
            share(|random| is_decided(compare(&rules, &EQUAL.campaign(&noise, random), &NAMES[..2])[0].direction));
        println!("{}: {wrong}", noise.name);
        assert!((0.035..=0.065).contains(&wrong), "{}: {wrong} of campaigns are wrong", noise.name);
    }
}

#[test]
fn a_gap_of_five_percent_is_found_in_twenty_rounds() {
    let rules = Rules::default();
    let mut slower = 0;
    let found = share(|random| {
        let direction = compare(&rules, &FIVE.campaign(&Noise::DRIFT, random), &NAMES[..2])[0].direction;
        slower += u32::from(direction == Direction::Slower);
        direction == Direction::Faster
    });
    assert!((0.82..=0.97).contains(&found), "found in {found}");
    assert!(slower <= 2, "called slower {slower} times");
}

#[test]
fn looking_three_times_is_no_more_often_wrong_and_ends_early() {
    let rules = Rules { looks: Looks::Auto, ..Rules::default() };
    let mut rounds = 0;
    let wrong = share(|random| {
        let campaign = Shape { rounds: 40, ..EQUAL }.campaign(&Noise::DRIFT, random);
        let (comparisons, used) = auto(&rules, &campaign, &NAMES[..2]);
        rounds += used;
        is_decided(comparisons[0].direction)
    });
    let mean = rounds as f64 / f64::from(CAMPAIGNS);
    println!("wrong {wrong}, {mean} rounds");
    assert!((0.03..=0.06).contains(&wrong), "{wrong}");
    assert!((15.0..=35.0).contains(&mean), "{mean}");
}

#[test]
fn a_difference_of_five_percent_is_rarely_called_equivalent() {
    let rules = Rules { looks: Looks::Auto, ..Rules::default() };
    let wrong = share(|random| {
        let campaign = Shape { rounds: 40, ..FIVE }.campaign(&Noise::DRIFT, random);
        auto(&rules, &campaign, &NAMES[..2]).0[0].size == Size::EquivalentWithin5Percent
    });
    assert!(wrong <= 0.06, "{wrong}");
}

#[test]
fn four_equal_clusters_are_together_wrong_as_rarely_as_two() {
    let shape = Shape { speeds: &[0.0; 4], ..EQUAL };
    for pairs in [Pairs::AgainstFirst, Pairs::All] {
        let rules = Rules { pairs, ..Rules::default() };
        let wrong = share(|random| {
            let comparisons = compare(&rules, &shape.campaign(&Noise::DRIFT, random), &NAMES[..4]);
            comparisons.iter().any(|one| is_decided(one.direction))
        });
        assert!((0.025..=0.065).contains(&wrong), "{pairs:?}: {wrong}");
    }
}

#[test]
fn a_claim_about_types_holds_when_the_workers_are_launched_anew() {
    let rules = Rules::default();
    let launched = Shape { launches: 10, ..EQUAL };
    let wrong = share(|random| {
        let comparison = &compare(&rules, &launched.campaign(&Noise::INSTANCES, random), &NAMES[..2])[0];
        assert_eq!((comparison.about, comparison.launches), (About::InstanceTypes, 10));
        is_decided(comparison.direction)
    });
    assert!((0.035..=0.065).contains(&wrong), "{wrong}");
    let once = share(|random| {
        let comparison = &compare(&rules, &EQUAL.campaign(&Noise::INSTANCES, random), &NAMES[..2])[0];
        assert_eq!(comparison.about, About::TheseInstances, "one launch claims nothing about types");
        is_decided(comparison.direction)
    });
    assert!(once > 0.2, "{once}: instances do differ, so one launch of equal types shows a difference often");
}

proptest! {
    #[test]
    fn swapping_the_clusters_negates_the_estimate(
        medians in prop::collection::vec((1u64..10_000_000, 1u64..10_000_000), 1..25),
    ) {
        let rounds = pairs(&medians);
        let there = &compare(&Rules::default(), &rounds, &["cluster1", "cluster2"])[0];
        let back = &compare(&Rules::default(), &rounds, &["cluster2", "cluster1"])[0];
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
            compare(&Rules::default(), &pairs(&medians), &["cluster1", "cluster2"]),
            compare(&Rules::default(), &pairs(&reversed), &["cluster1", "cluster2"])
        );
    }
}
