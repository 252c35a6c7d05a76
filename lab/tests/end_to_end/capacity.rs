//! A search for a capacity whose operator dies: the generator decides every rate, and nobody else does.

use std::fs;

use serde_json::{Value, json};
use wire::{RoundOutcome, RoundReport, Way, WayOutcome};

use crate::bench::{Bench, runs};
use crate::lab::{Lab, shared};

/// The operator dies in the third one, so that one begins after that.
const ROUNDS: u32 = 4;
const BEFORE: usize = 2;

/// A machine that is too busy to send in time ends a search after two rounds.
const TRIES: usize = 3;

/// Two slots (a lab gives no more than it has processors) that take 200 ms answer 10 requests/s, and half of some 8 within
/// 250 ms: work that is long beside what a busy machine adds, and the shortest steps.
fn search() -> Value {
    json!({
        "clusters": [{ "name": "one", "instanceType": "c5.xlarge", "count": 1 }],
        "worker": { "work": { "profile": "Sleep", "meanMicros": 200_000 } },
        "load": {
            "rounds": ROUNDS,
            "warmupRequests": 10,
            "search": { "objective": { "metric": "P50Micros", "atMost": 250_000 } },
        },
    })
}

#[test]
#[ignore = "takes three minutes, on a machine that sends every step in time"]
fn an_operator_that_is_killed_in_a_way_changes_no_rate_and_counts_no_round_twice() {
    let Some(lab) = shared("capacity") else { return };
    let bench = Bench::apply(lab, "capacity", search());
    let on = (1..=TRIES).find_map(|number| {
        if number > 1 {
            bench.patch(json!({ "runId": number.to_string() }));
        }
        Some((number, in_a_way(&bench)?))
    });
    let Some((tries, on)) = on else {
        println!("capacity: this machine was too busy to send any step in time");
        bench.delete();
        return;
    };
    lab.kill("operator");
    let mut journal = on.journal;
    let found: Vec<u64> = counted(&journal).filter_map(capacity).collect();
    assert_eq!(on.known, json!({ "outcome": "Found", "milliRps": median(found.clone()), "rounds": found.len() }));

    let seen = bench.wait("it is ready", |object| {
        let now = journal_of(lab, object);
        if now.len() > journal.len() {
            journal = now;
        }
        bench.is_ready(object).then(|| object.clone())
    });
    assert_eq!(bench.outcomes(&seen), vec!["Valid"; tries]);
    assert_eq!(bench.made().0.len(), 3, "a worker, the balancer, the generator");
    let (run, reports) = (runs(&seen).pop().unwrap(), bench.reports());
    assert_eq!(reports.len(), tries);
    let (_, report) = reports.iter().find(|(object, _)| object["metadata"]["name"] == run["report"]).unwrap();
    let numbers: Vec<u64> = counted(&report.rounds).map(|round| u64::from(round.round)).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "each once");
    assert!(numbers.len() > BEFORE && run["rounds"] == numbers.len(), "{run:#}");
    // What it writes after the last round it soon replaces by its report.
    let written = counted(&journal).count();
    assert!(written + 1 >= numbers.len(), "{written} of {} were seen", numbers.len());
    for (written, reported) in counted(&journal).zip(counted(&report.rounds)) {
        assert!(way(written).is_some_and(|way| !way.steps.is_empty()), "{written:#?}");
        assert_eq!((written.round, written.seed, way(written)), (reported.round, reported.seed, way(reported)));
    }
    bench.delete();
}

/// A cluster beside itself: 10 rounds have an interval, and what a wrong turn order or a start that is not fair would do is larger than
/// the interval is wide. That equal ones are called different is simulated a thousand times (`cargo xtask bench search`).
#[test]
#[ignore = "takes a quarter of an hour, on a machine that sends every step in time"]
fn equal_clusters_are_found_to_carry_about_the_same() {
    let Some(lab) = shared("equal") else { return };
    let cluster = |name: &str| json!({ "name": name, "instanceType": "c5.xlarge", "count": 1 });
    let bench = Bench::apply(
        lab,
        "equal",
        json!({
            "clusters": [cluster("one"), cluster("other")],
            "worker": { "work": { "profile": "Sleep", "meanMicros": 20_000, "distribution": "Exponential" } },
            "load": {
                "rounds": 10,
                "seed": seed(),
                "search": { "objective": { "metric": "P90Micros", "atMost": 100_000 } },
            },
        }),
    );
    // No wait is as long as the whole search.
    for round in 2..=10 {
        bench.wait("it goes on", |object| {
            let is_there = object["status"]["live"]["round"].as_u64().is_some_and(|now| now >= round);
            (is_there || bench.is_ready(object)).then_some(())
        });
    }
    let object = bench.wait("it is ready", |object| bench.is_ready(object).then(|| object.clone()));
    assert_eq!(bench.outcomes(&object), ["Valid"]);
    let (_, report) = bench.reports().pop().unwrap();
    let comparison = &report.comparisons[0];
    println!("equal clusters: {}", comparison.sentence);
    // A machine that is too busy to send in time finds no capacity, and says so.
    let is_found =
        report.clusters.iter().all(|one| one.capacity.as_ref().is_some_and(|found| found.milli_rps.is_some()));
    match comparison.interval_percent {
        Some([low, high]) => assert!(low < 10.0 && high > -10.0, "{comparison:#?}"),
        None => assert!(!is_found, "{comparison:#?}"),
    }
    bench.delete();
}

/// Soaks give each search one of its own.
fn seed() -> u64 {
    std::env::var("SEED").map_or(0, |text| text.parse().unwrap())
}

/// A way that is on, after its first step.
struct On {
    /// What its generator had written down.
    journal: Vec<RoundReport>,
    /// What status said of the capacity.
    known: Value,
}

/// Returns in a way of the third round. `None`: the run was over before.
fn in_a_way(bench: &Bench) -> Option<On> {
    bench.wait("a way of its third round is on", |object| {
        let (live, journal) = (&object["status"]["live"], journal_of(bench.lab, object));
        let (cluster, before) = (&live["clusters"][0], counted(&journal).count());
        let is_whole = before >= BEFORE && counted(&journal).all(|round| capacity(round).is_some());
        let is_on = is_whole && live["round"] == before + 1 && cluster["stepRequestsPerSecond"].is_number();
        if is_on {
            Some(Some(On { known: cluster["capacity"].clone(), journal }))
        } else {
            bench.is_ready(object).then_some(None)
        }
    })
}

/// Rounds that the generator has written down of the run that is on.
fn journal_of(lab: &Lab, object: &Value) -> Vec<RoundReport> {
    let instances = object["status"]["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let generator = instances.iter().find(|instance| instance["pool"] == "generator");
    let Some(generator) = generator.and_then(|instance| instance["id"].as_str()) else { return Vec::new() };
    let directory = lab.state().join("instances").join(generator).join("root/var/lib/clusterbench");
    // Before the program was started it is not there.
    let files = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let records = files.filter(|path| path.to_string_lossy().ends_with(".run.json"));
    // It may be forgotten meanwhile.
    let records = records.filter_map(|path| serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok());
    let on = records.into_iter().find(|record| record["status"]["state"] == "Running");
    let rounds = on.map(|mut record| record["rounds"].take()).filter(|rounds| !rounds.is_null());
    rounds.map(|rounds| serde_json::from_value(rounds).unwrap()).unwrap_or_default()
}

fn counted(rounds: &[RoundReport]) -> impl Iterator<Item = &RoundReport> {
    rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted)
}

fn way(round: &RoundReport) -> Option<&Way> {
    round.clusters.first()?.way.as_ref()
}

fn capacity(round: &RoundReport) -> Option<u64> {
    way(round).filter(|way| way.outcome == WayOutcome::Found)?.capacity_milli_rps
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    let count = numbers.len();
    numbers[(count - 1) / 2].midpoint(numbers[count / 2])
}
