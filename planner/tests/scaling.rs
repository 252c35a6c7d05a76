//! The rules that scale a tier behind a queue, under virtual time.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts"
)]
#![allow(dead_code, reason = "the peers are for the benchmark")]

#[path = "../benches/scaling/simulator/mod.rs"]
mod simulator;

use planner::scale::rule::Rule;
use simulator::engine::MOST;
use simulator::ours::{Mistake, Ours};
use simulator::outcome::{Outcome, means};
use simulator::peers::Seed;
use simulator::twins::twins;
use simulator::{Load, Pool, run};

const SEEDS: u64 = 10;

fn play(load: Load, rule: Rule, pool: Pool) -> Vec<Outcome> {
    (0..SEEDS).map(|seed| run(load, pool, 2.0, &mut Ours::new(rule, pool), seed)).collect()
}

/// 99th percentile and thousands of instance-seconds, load by load.
type Row = [(f64, f64); 5];

/// Figures of another simulation of the same model, by another hand, for each target and pool.
const FIGURES: [(f64, Pool, Row); 3] = [
    (60.0, Pool::Launch, [(69.0, 1.2), (149.0, 3.7), (50.0, 22.0), (9.0, 40.0), (57.0, 25.0)]),
    (120.0, Pool::Launch, [(114.0, 0.5), (149.0, 3.7), (57.0, 20.0), (12.0, 38.0), (65.0, 23.0)]),
    (60.0, Pool::StartStop, [(60.0, 0.4), (119.0, 2.5), (32.0, 19.0), (8.0, 37.0), (37.0, 16.0)]),
];

#[test]
fn the_latency_target_costs_and_keeps_what_another_simulation_says() {
    for (target, pool, figures) in FIGURES {
        for (load, (p99, thousands)) in Load::ALL.into_iter().zip(figures) {
            let [seen, seconds, ..] = means(&play(load, Rule::LatencyTarget { target }, pool));
            let what = format!("{} {pool:?} {target} s: {seen:.1} s, {seconds:.0} instance-seconds", load.name());
            // The figures are rounded to a tenth of a thousand.
            let off = (seconds - thousands * 1000.0).abs();
            assert!(off <= 0.1 * thousands * 1000.0 + 50.0, "{what}");
            // Far below the target the rule saves on purpose: how far is not promised.
            assert!(seen <= p99 * 1.1 || seen < target / 4.0, "{what}");
        }
    }
}

#[test]
fn nobody_is_ended_at_work_nothing_is_lost_and_no_more_are_there_than_may_be() {
    for rule in [Rule::LatencyTarget { target: 60.0 }, Rule::QueueDepth { messages: 5 }] {
        for load in Load::ALL {
            for pool in [Pool::Launch, Pool::StartStop] {
                for one in play(load, rule, pool) {
                    assert_eq!((one.killed, one.lost), (0, 0), "{} {rule:?}", load.name());
                    assert!(one.most <= MOST, "{} {rule:?}: {} at one time", load.name(), one.most);
                    assert_eq!(one.latencies.len(), one.latencies.iter().filter(|time| **time > 0.0).count());
                }
            }
        }
    }
}

#[test]
fn a_mistake_is_seen_in_the_figures() {
    let latency = Rule::LatencyTarget { target: 60.0 };
    let rows = [
        (Mistake::InFlightUncounted, Rule::QueueDepth { messages: 1 }),
        (Mistake::StartingIgnored, latency),
        (Mistake::BurstIsRate, latency),
    ];
    for (mistake, rule) in rows {
        let is_seen = |load: Load| {
            let [p99, seconds, ..] = means(&play(load, rule, Pool::Launch));
            let mistaken = |seed| run(load, Pool::Launch, 2.0, &mut Ours::mistaken(rule, Pool::Launch, mistake), seed);
            let [seen_p99, seen, ..] = means(&(0..SEEDS).map(mistaken).collect::<Vec<_>>());
            let name = load.name();
            println!("{mistake:?}, {name}: {seen_p99:.1} s for {p99:.1}, {seen:.0} instance-seconds for {seconds:.0}");
            (seen_p99 - p99).abs() > 0.1 * p99 || (seen - seconds).abs() > 0.1 * seconds
        };
        let seen = Load::ALL.into_iter().filter(|load| is_seen(*load)).count();
        assert!(seen > 0, "{mistake:?} is seen in no load");
    }
}

/// A right rule is wrong in 5 of 100 benchmarks. Of 60 it is wrong in more than 8 once in 200 times; the seeds are always the same.
#[test]
fn two_equal_clusters_are_rarely_called_different() {
    for rule in [Rule::LatencyTarget { target: 60.0 }, Rule::QueueDepth { messages: 5 }] {
        for pool in [Pool::Launch, Pool::StartStop] {
            let found = twins(Load::Burst(100), pool, rule, 60);
            println!("{rule:?} {pool:?}: {found:?}");
            assert!(found.different <= 8, "{rule:?} {pool:?}: {found:?}");
        }
    }
}

#[test]
fn the_seeds_rule_ends_those_that_work() {
    let seed = run(Load::Burst(100), Pool::Launch, 2.0, &mut Seed { is_mended: false }, 0);
    assert!(seed.killed > 20, "{} killed: the simulation can tell", seed.killed);
}
