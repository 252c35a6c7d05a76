//! Rules that scale a tier behind a queue, beside each other under virtual time: the product's, that of this project's seed,
//! AWS target tracking, and KEDA.
//!
//! `cargo xtask bench scaling`
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts"
)]

#[path = "scaling/simulator/mod.rs"]
mod simulator;

use planner::scale::rule::Rule;
use simulator::engine::Scaler;
use simulator::ours::Ours;
use simulator::outcome::{Outcome, means};
use simulator::peers::{Always, Keda, Seed, TargetTracking};
use simulator::twins::{ROUNDS, twins};
use simulator::{Load, Pool, run};

const SEEDS: u64 = 10;
/// Benchmarks of two equal clusters.
const BENCHMARKS: u32 = 2_000;

type Make = Box<dyn Fn() -> Box<dyn Scaler>>;

fn ours(rule: Rule, pool: Pool) -> (Pool, Make) {
    (pool, Box::new(move || Box::new(Ours::new(rule, pool))))
}

fn rules() -> Vec<(&'static str, (Pool, Make))> {
    let depth = Rule::QueueDepth { messages: 5 };
    let latency = |target| Rule::LatencyTarget { target };
    vec![
        (
            "seed: one per visible, ends the first ones",
            (Pool::Launch, Box::new(|| Box::new(Seed { is_mended: false }))),
        ),
        ("seed, in flight counted, drained", (Pool::StartStop, Box::new(|| Box::new(Seed { is_mended: true })))),
        ("AWS target tracking 60 s", (Pool::Launch, Box::new(|| Box::new(TargetTracking::default())))),
        ("KEDA (5, 30 s, 300 s)", (Pool::Launch, Box::new(|| Box::new(Keda::new(false))))),
        ("KEDA (5, 5 s, 60 s)", (Pool::Launch, Box::new(|| Box::new(Keda::new(true))))),
        ("**QueueDepth** 5, Launch", ours(depth, Pool::Launch)),
        ("**QueueDepth** 5, StartStop", ours(depth, Pool::StartStop)),
        ("**LatencyTarget** 60 s, Launch", ours(latency(60.0), Pool::Launch)),
        ("**LatencyTarget** 120 s, Launch", ours(latency(120.0), Pool::Launch)),
        ("**LatencyTarget** 60 s, StartStop", ours(latency(60.0), Pool::StartStop)),
        ("20 all the time", (Pool::Launch, Box::new(|| Box::new(Always)))),
    ]
}

fn play(load: Load, (pool, make): &(Pool, Make), service: f64) -> Vec<Outcome> {
    (0..SEEDS).map(|seed| run(load, *pool, service, &mut *make(), seed)).collect()
}

fn thousands(seconds: f64) -> String {
    if seconds < 10_000.0 { format!("{:.1}k", seconds / 1000.0) } else { format!("{:.0}k", seconds / 1000.0) }
}

fn row(name: &str, rule: &(Pool, Make), service: f64) -> String {
    let cell = |load: Load| {
        let [p99, seconds, starts, killed, lost] = means(&play(load, rule, service));
        let of_the_killed = if killed > 0.0 { format!(", **{killed:.0}**") } else { String::new() };
        let of_the_lost = if lost > 0.0 { format!(", {lost:.0} lost") } else { String::new() };
        format!("{p99:.0}, {}, {starts:.0}{of_the_killed}{of_the_lost}", thousands(seconds))
    };
    format!("| {name} | {} |", Load::ALL.map(cell).join(" | "))
}

fn main() {
    let heads = Load::ALL.map(Load::name).join(" | ");
    println!(
        "Simulated, means of {SEEDS} seeds. At most 20 instances of one slot; work of 2 s, lognormal with sigma 0.5, and 0.06 s for each message; a boot takes 30 to 60 s, a start of a stopped instance 10 to 20 s; an instance is paid for from 7 s after its start, for 60 s at least.\n"
    );
    println!("99th percentile in seconds, instance-seconds, starts, **killed at work**:\n");
    println!("| rule | {heads} |\n|---|---|---|---|---|---|");
    for (name, rule) in rules() {
        println!("{}", row(name, &rule, 2.0));
    }
    let work = Load::ALL.map(|load| {
        let alone = play(load, &rules()[0].1, 2.0);
        thousands(alone.iter().map(|one| one.work).sum::<f64>() / alone.len() as f64)
    });
    println!("| the work alone | {} |", work.join(" | "));
    println!("\nThe same with work of 0.2 s, for which no rule was tuned:\n");
    println!("| rule | {heads} |\n|---|---|---|---|---|---|");
    for (name, rule) in rules().into_iter().filter(|(name, _)| name.starts_with("**") || name.starts_with("KEDA")) {
        println!("{}", row(name, &rule, 0.2));
    }
    let seconds = |index: usize, load| means(&play(load, &rules()[index].1, 2.0))[1];
    let ratios = Load::ALL.map(|load| format!("{:.2}", seconds(7, load) / seconds(4, load)));
    println!(
        "\nInstance-seconds of LatencyTarget 60 s, Launch, to those of KEDA (5, 5 s, 60 s): {}.",
        ratios.join(", ")
    );
    equal_clusters();
}

/// How often equal clusters are called different.
fn equal_clusters() {
    println!(
        "\nTwo equal clusters with the same rule, compared by the cost of right answers in {ROUNDS} rounds, {BENCHMARKS} benchmarks each: called different (5 % at most by the rule; behind it how far chance moves this share in 19 of 20 such counts), equivalent within 5 %:\n"
    );
    let loads = [Load::Burst(100), Load::Burst(1000)];
    println!("| rule | {} |\n|---|---|---|", loads.map(Load::name).join(" | "));
    for (name, rule) in [
        ("QueueDepth 5", Rule::QueueDepth { messages: 5 }),
        ("LatencyTarget 60 s", Rule::LatencyTarget { target: 60.0 }),
    ] {
        for pool in [Pool::Launch, Pool::StartStop] {
            let cell = |load: Load| {
                let found = twins(load, pool, rule, BENCHMARKS);
                let share = |count: u32| format!("{:.1} %", f64::from(count) * 100.0 / f64::from(BENCHMARKS));
                let different = f64::from(found.different) / f64::from(BENCHMARKS);
                let chance = 196.0 * (different * (1.0 - different) / f64::from(BENCHMARKS)).sqrt();
                format!("{} +- {chance:.1}, {}", share(found.different), share(found.equivalent))
            };
            println!("| {name}, {pool:?} | {} |", loads.map(cell).join(" | "));
        }
    }
}
