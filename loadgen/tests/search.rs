//! The search for a capacity, on simulated targets whose capacity is known.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts"
)]
#![allow(dead_code, reason = "the peers are for the benchmark")]
#![allow(clippy::expect_used, reason = "all of it is test code")]

#[path = "../benches/search/simulator/mod.rs"]
mod simulator;

use simulator::campaign::{Worth, worth};
use simulator::noise::Cloud;
use simulator::ours::{How, search};
use simulator::scene::{BASE, SCENES, Scene, UNREACHABLE};
use simulator::{peers, truth};

fn ours(scene: &Scene, cloud: &Cloud, faster: f64, seeds: u64, step_seconds: Option<u32>) -> Worth {
    let how = How { step_seconds, ..How::rounds(10) };
    let search = |scene: &Scene, servers, seed| search(scene, servers, seed, how);
    worth(scene, cloud, truth::of(scene), faster, 0..seeds, &search)
}

#[test]
fn the_capacity_of_many_slots_is_that_of_the_formula() {
    assert!((truth::of(&BASE) - 749.0).abs() < 2.0, "{}", truth::of(&BASE));
    let fast = truth::of(&SCENES[5]);
    assert!((700.0..800.0).contains(&fast), "fixed work queues less than random work: {fast}");
}

#[test]
fn capacities_and_their_ratio_are_near_the_truth_in_a_cloud_that_wanders() {
    let seen = ours(&BASE, &Cloud::USUAL, 1.1, 20, None);
    assert!(seen.bias.abs() <= 3.0 && seen.cover >= 0.9 && seen.compared == 1.0, "{seen:?}");
    assert!(seen.ratio_bias.abs() <= 2.0 && seen.ratio_p90 <= 8.0 && seen.ratio_cover >= 0.9, "{seen:?}");
    assert!(seen.minutes <= 14.0, "{seen:?}");
    let by_hand = |scene: &Scene, servers, _| peers::bisection(scene, servers, 0.05);
    let by_hand = worth(&BASE, &Cloud::USUAL, truth::of(&BASE), 1.1, 0..20, &by_hand);
    assert!(by_hand.ratio_p90 > 1.5 * seen.ratio_p90 && by_hand.ratio_cover < 0.6, "{by_hand:?}");
}

#[test]
fn a_quiet_machine_shows_that_the_method_itself_is_a_little_high() {
    let seen = ours(&BASE, &Cloud::QUIET, 1.1, 5, None);
    assert!((0.0..=3.5).contains(&seen.bias) && seen.ratio_p90 <= 4.0, "{seen:?}");
}

#[test]
fn steps_of_a_second_say_too_much() {
    let [right, short] = [None, Some(1)].map(|seconds| ours(&BASE, &Cloud::QUIET, 1.0, 5, seconds));
    assert!(short.bias > right.bias + 3.0, "{right:?} {short:?}");
}

#[test]
fn an_objective_that_the_work_alone_does_not_keep_is_unmet() {
    assert_eq!(ours(&UNREACHABLE, &Cloud::USUAL, 1.0, 20, None).unmet, 1.0);
    assert_eq!(ours(&BASE, &Cloud::USUAL, 1.0, 20, None).unmet, 0.0);
}
