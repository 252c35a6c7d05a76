//! Searches for a capacity, beside each other on simulated targets in a noisy cloud: the product's, bisection by hand,
//! nighthawk's rule, a Bayesian search, and a formula from the saturated rate.
//!
//! `cargo xtask bench search`
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    reason = "small counts"
)]

#[path = "search/simulator/mod.rs"]
mod simulator;

use simulator::campaign::{Search, Worth, worth};
use simulator::noise::Cloud;
use simulator::ours::{How, search};
use simulator::scene::{BASE, SCENES, Scene, UNREACHABLE};
use simulator::{peers, truth};

const SEEDS: u64 = 100;
const EQUAL_SEEDS: u64 = 1_000;
const FASTER: f64 = 1.1;

fn row(name: &str, scene: &Scene, seeds: u64, equal_seeds: u64, search: Search<'_>) -> String {
    let truth = truth::of(scene);
    let apart = worth(scene, &Cloud::USUAL, truth, FASTER, 0..seeds, search);
    // Other seeds than those that a rule was tried with.
    let equal = worth(scene, &Cloud::USUAL, truth, 1.0, 1_000_000..1_000_000 + equal_seeds, search);
    let Worth { bias, p90, cover, ratio_bias, ratio_p90, ratio_cover, half_width, minutes, .. } = apart;
    // A search that compares nothing would never be wrong.
    assert!(apart.compared > 0.95 && equal.compared > 0.95, "{name}: {apart:?} {equal:?}");
    let different = 100.0 * equal.different;
    format!(
        "| {name} | {bias:+.1} / {p90:.1} / {cover:.2} | {ratio_bias:+.1} / {ratio_p90:.1} / {ratio_cover:.2} | {half_width:.1} | \
         {:.0} | {different:.1} % of {equal_seeds} | {minutes:.1} |",
        100.0 * apart.different
    )
}

fn main() {
    println!(
        "Two simulated targets, the second one {:.0} % faster, in a cloud whose speed wanders: the error of one capacity, against that at the speed which the cloud had on the mean (median \
         / 90th percentile of its size, %) and the share of its intervals that hold the truth; the same of the ratio; half of \
         the ratio's interval, %; searches that show the difference, %; equal targets that are called different, % of so many; minutes of \
         load on both.\n",
        100.0 * (FASTER - 1.0)
    );
    println!("| search | capacity | ratio | half | shown | equal | minutes |\n|---|---|---|---|---|---|---|");
    let ours = |how| move |scene: &Scene, servers, seed| search(scene, servers, seed, how);
    for rounds in [6, 10, 20] {
        let ours = ours(How::rounds(rounds));
        println!("{}", row(&format!("**ours**, {rounds} rounds"), &BASE, SEEDS, EQUAL_SEEDS, &ours));
    }
    let name = "**ours**, until a look after 10, 20 or 40 rounds decides";
    println!("{}", row(name, &BASE, SEEDS, EQUAL_SEEDS, &ours(How::default())));
    let usual = How { at_usual_level: true, ..How::rounds(10) };
    println!("{}", row("ours, 10 rounds, at a level of 5 %", &BASE, SEEDS, EQUAL_SEEDS, &ours(usual)));
    println!(
        "{}",
        row("by hand: double, bisect to 5 %", &BASE, SEEDS, SEEDS, &|scene, servers, _| {
            peers::bisection(scene, servers, 0.05)
        })
    );
    println!(
        "{}",
        row("nighthawk: exponential, binary to 1 %", &BASE, SEEDS, SEEDS, &|scene, servers, _| {
            peers::bisection(scene, servers, 0.01)
        })
    );
    println!("{}", row("Bayes, 24 steps", &BASE, SEEDS, SEEDS, &|scene, servers, _| peers::bayes(scene, servers)));
    println!(
        "{}",
        row("saturated rate and formula", &BASE, SEEDS, SEEDS, &|scene, servers, _| { peers::formula(scene, servers) })
    );
    for scene in &SCENES[1..] {
        let name = format!("**ours**, 10 rounds, {} (p99 <= {} ms)", scene.name, scene.limit_millis);
        println!("{}", row(&name, scene, SEEDS, 2 * SEEDS, &ours(How::rounds(10))));
    }
    let unmet = worth(&UNREACHABLE, &Cloud::USUAL, 1.0, 1.0, 0..SEEDS, &ours(How::rounds(10))).unmet;
    println!("\nOf targets whose work alone is slower than the objective, {:.0} % are called `Unmet`.", 100.0 * unmet);
}
