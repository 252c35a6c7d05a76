//! A cloud as bad as EC2 can be, an operator that is killed again and again, a control plane that goes away: exactly
//! what was asked for is launched, one run is recorded, nothing is left.
//!
//! `SEED=7 cargo xtask test lab unkind` repeats the moments and the chance of a run, `DEATHS=20` makes more of them, and
//! `cargo xtask soak` as many as there is time for.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::bench::{Bench, runs};
use crate::lab::{Lab, unkind};

/// Benchmarks of which each meets at least one death of the operator, unless `DEATHS` says otherwise.
const ROUNDS: usize = 6;
/// Benchmarks at the same time.
const LANES: usize = 3;
/// Four and four workers, a balancer, a generator.
const INSTANCES: usize = 10;
/// From the creation of a benchmark to its result it takes about this long here; deaths are spread over that, and over
/// the beginning of its deletion.
const LIFE_MILLIS: u64 = 12_000;
const DELETION_MILLIS: u64 = 4_000;
/// Benchmarks that may be on their way out while the next one is measured.
const BEING_DELETED: usize = 2;

/// Lag and relapses (up to 2.5 s), throttling of half the buckets, lost and late answers, server errors.
const KNOBS: [&str; 12] = [
    "lag=0..1s",
    "relapse=2%",
    "relapse-by=0..1s",
    "throttling=on",
    "others=50%",
    "throttled=2%",
    "lost-answer=4%",
    "lost-request=2%",
    "late-execution=2%",
    "late-by=0..2s",
    "http-503-after-effect=1%",
    "truncated=1%",
];

fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let seed = match std::env::var("SEED") {
            Ok(seed) => seed.parse().expect("SEED is a number"),
            Err(_) => rand::random::<u32>().into(),
        };
        say(&format!("unkind lab: SEED={seed}"));
        seed
    })
}

/// How many benchmarks meet a death.
fn rounds() -> usize {
    std::env::var("DEATHS").map_or(ROUNDS, |rounds| rounds.parse().expect("DEATHS is a number"))
}

/// Not through `eprintln!`: the test runner would swallow it.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// The lab with its knobs turned, once.
fn bad_day(test: &str) -> Option<&'static Lab> {
    static TURNED: OnceLock<()> = OnceLock::new();
    let lab = unkind(test)?;
    TURNED.get_or_init(|| {
        let seed = seed().to_string();
        let words = [&["chaos"], &KNOBS[..], &["--seed", &seed]].concat();
        let said = lab.run(&words);
        assert!(!said.contains("note:"), "the operator of this lab is not patient enough: {said}");
    });
    Some(lab)
}

fn spec() -> Value {
    json!({
        "clusters": [
            { "name": "one", "instanceType": "t2.micro", "count": 4 },
            { "name": "two", "instanceType": "t2.large", "count": 4 },
        ],
        "worker": { "work": { "profile": "Sleep", "meanMicros": 2000 } },
        "load": {
            "rounds": 2,
            "warmupRequests": 10,
            "phases": [{ "arrivals": "ClosedLoop", "concurrency": 4, "requests": 50 }],
        },
    })
}

/// What is true of a benchmark at its end, whoever died meanwhile.
fn exactly_once(bench: &Bench) {
    let seen = bench.ready();
    bench.launched(INSTANCES);
    let pools = bench.only_running();
    let launched = pools.values().map(Vec::len).sum::<usize>();
    assert_eq!((launched, pools["one"].len(), pools["two"].len()), (INSTANCES, 4, 4), "{pools:?}");
    assert_eq!((runs(&seen).len(), bench.reports().len()), (1, 1), "{seen:#}");
    assert_eq!(bench.outcomes(&seen), ["Valid"], "{seen:#}");
}

/// What is true once the object is gone.
fn nothing_more(bench: &Bench) {
    bench.gone();
    bench.launched(INSTANCES);
    assert_eq!(bench.reports().len(), 1, "the result stays");
}

#[test]
fn operators_die_at_random_moments_and_ten_instances_are_launched_each_time() {
    let Some(lab) = bad_day("deaths") else { return };
    let begun = Instant::now();
    // Several at a time: a death in one lane is one more for whatever the others are at.
    let deaths: usize = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|lane| scope.spawn(move || live_and_die(lab, lane))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    });
    say(&format!(
        "unkind lab: {} rounds, {deaths} deaths, {} instances launched, {:.0} s",
        rounds(),
        rounds() * INSTANCES,
        begun.elapsed().as_secs_f64()
    ));
}

/// One lane's share of the rounds; how often it killed the operator.
fn live_and_die(lab: &'static Lab, lane: usize) -> usize {
    let mut random = StdRng::seed_from_u64(seed() + lane as u64);
    let (mut leaving, mut deaths): (Vec<Bench>, usize) = (Vec::new(), 0);
    for round in (lane..rounds()).step_by(LANES) {
        let count = random.random_range(1..=2);
        let mut moments: Vec<u64> = (0..count).map(|_| random.random_range(0..LIFE_MILLIS)).collect();
        moments.sort_unstable();
        let in_deletion = random.random_bool(0.3).then(|| random.random_range(0..DELETION_MILLIS));
        let bench = Bench::apply(lab, &format!("deaths-{round}"), spec());
        let born = Instant::now();
        for moment in &moments {
            std::thread::sleep(Duration::from_millis(*moment).saturating_sub(born.elapsed()));
            lab.kill("operator");
        }
        exactly_once(&bench);
        let ready_in = born.elapsed().as_secs_f64();
        bench.ask_deletion();
        if let Some(moment) = in_deletion {
            std::thread::sleep(Duration::from_millis(moment));
            lab.kill("operator");
        }
        deaths += moments.len() + usize::from(in_deletion.is_some());
        say(&format!(
            "unkind lab: round {}/{}: killed at {moments:?} ms, in deletion {in_deletion:?}, ready in {ready_in:.1} s",
            round + 1,
            rounds()
        ));
        leaving.push(bench);
        if leaving.len() > BEING_DELETED {
            nothing_more(&leaving.remove(0));
        }
    }
    leaving.iter().for_each(nothing_more);
    deaths
}

#[test]
fn an_endpoint_that_answers_503_for_half_a_minute_delays_and_changes_nothing() {
    let Some(lab) = bad_day("503") else { return };
    let bench = Bench::apply(lab, "unavailable", spec());
    bench.launch_is_written_down();
    let begun = Instant::now();
    lab.run(&["chaos", "endpoint-unavailable=30s"]);
    lab.kill("operator");
    // What status says is in words that a person understands, and nothing is given up.
    bench.wait_until("it says that AWS does not answer", |object| {
        object["status"]["conditions"].to_string().contains("503") || begun.elapsed() > Duration::from_secs(30)
    });
    exactly_once(&bench);
    assert!(begun.elapsed() > Duration::from_secs(30), "it was ready while nobody answered");
    bench.ask_deletion();
    nothing_more(&bench);
}

#[test]
fn a_control_plane_that_is_killed_and_comes_back_changes_nothing() {
    let Some(lab) = bad_day("killed control plane") else { return };
    let bench = Bench::apply(lab, "control-plane", spec());
    bench.launch_is_written_down();
    lab.kill("kube-apiserver");
    lab.kill("operator");
    bench.wait_until("instances run", |object| {
        object["status"]["instances"].as_array().is_some_and(|all| !all.is_empty())
    });
    lab.kill("etcd");
    lab.kill("kube-apiserver");
    exactly_once(&bench);
    bench.ask_deletion();
    lab.kill("kube-apiserver");
    nothing_more(&bench);
}
