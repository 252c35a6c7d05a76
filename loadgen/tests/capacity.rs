//! Searches on servers with slots, live: what is found, what ends a way, and what is told.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts"
)]

mod support;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use loadgen::search::{Estimate, Objective, Round, Seen as SeenStep};
use loadgen::{Measurement, Progress, Runs, Settings, measure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Backend, FakeBalancer, Reply, Seen, is_measured, reasons, settings, spec, status};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use wire::{
    GateKind, Health, Judging, Metric, Report, RoundOutcome, RunSpec, RunState, Search, StepOutcome, Target, Validity,
    WayOutcome,
};

/// Answers take so long: long beside what a busy machine adds.
const WORK: Duration = Duration::from_millis(100);

/// A server with one queue in front of its slots.
async fn slots(slots: usize, work: Duration) -> Backend {
    let free = Mutex::new(vec![Instant::now(); slots]);
    Backend::start(move |_, _| {
        let mut free = free.lock().unwrap();
        let now = Instant::now();
        let first = free.iter_mut().min().unwrap();
        *first = (*first).max(now) + work;
        Reply::Fine { backend: "i-1", boot: "a", after: *first - now }
    })
    .await
}

fn search(targets: Vec<Target>, rounds: u32, at_most: Duration, most: Option<u32>) -> RunSpec {
    let objective =
        wire::Objective { metric: Metric::P99, at_most_micros: at_most.as_micros() as u64, max_failed_per_mille: 1 };
    RunSpec {
        search: Some(Search { objective, most_requests_per_second: most, sizing: None }),
        judging: Judging { metric: Metric::Capacity, ..Judging::default() },
        ..spec(targets, rounds, Vec::new())
    }
}

/// Everything takes a second instead of ten.
fn short() -> Settings {
    let mut settings = settings();
    settings.search.alone_seconds = 1;
    settings.search.between_alone = Duration::from_millis(50);
    settings.search.most_seconds = 1;
    settings.search.step_seconds = Some(1);
    settings.search.slots = 4;
    // The machine of a test has other work: what is late there is no concern of these tests.
    settings.search.gates = &[GateKind::Sent, GateKind::GeneratorLimit];
    settings.search.most_lost_per_mille = 1000;
    settings
}

async fn measured(spec: &RunSpec, settings: &Settings) -> Measurement {
    let progress = Progress::new(spec.rounds.count);
    measure(spec, settings, &progress, |_| (), std::future::pending()).await.unwrap()
}

/// Users that wait before the first round are answered; what a step sends gets this reply.
fn in_steps(reply: Reply) -> impl Fn(usize, &Seen) -> Reply {
    let before = Mutex::new(None);
    move |_, seen| {
        let seed = seen.seed.split('-').next().unwrap_or_default().to_owned();
        let is_before = *before.lock().unwrap().get_or_insert_with(|| seed.clone()) == seed;
        if is_before { Reply::Fine { backend: "i-1", boot: "a", after: WORK } } else { reply.clone() }
    }
}

fn only_way(report: &Report, round: usize) -> &wire::Way {
    report.rounds[round].clusters[0].way.as_ref().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capacity_is_found_and_its_steps_give_the_same_rates_again() {
    let backend = slots(20, WORK).await;
    let mut settings = short();
    settings.search.step_seconds = Some(2);
    let run = search(vec![backend.target("c")], 2, 3 * WORK, None);
    let measurement = measured(&run, &settings).await;
    let report = measurement.report().unwrap();
    let alone = measurement.alone["c"];
    assert!(!alone.is_unmet && alone.requests >= 5 && alone.quantile_micros >= Some(100_000), "{alone:?}");
    let objective = Objective { at_most: 3 * WORK, slow: 0.01, failed: 0.001 };
    let mut estimate = None;
    for round in &report.rounds {
        let cluster = &round.clusters[0];
        let way = cluster.way.as_ref().unwrap();
        // 200 requests a second; steps of two seconds do not see a small overload.
        let capacity = way.capacity_milli_rps.unwrap() as f64 / 1e3;
        assert!(way.outcome == WayOutcome::Found && (120.0..300.0).contains(&capacity), "{way:?}");
        let kept = way.steps.iter().filter(|step| step.outcome == StepOutcome::Met);
        let highest = kept.max_by_key(|step| step.requests_per_second).unwrap();
        assert_eq!((cluster.requests, cluster.failures.total()), (highest.requests, highest.failed));
        assert!(
            highest.requests.abs_diff(2 * u64::from(highest.requests_per_second)) < 150,
            "without its first second"
        );
        if let Some(estimate) = &estimate {
            let mut again = Round::new(round.seed, [(0, estimate, 10_000_000)]);
            // What was not sent as planned shows nothing, and was tried once more.
            for step in way.steps.iter().filter(|step| step.outcome != StepOutcome::NotSent) {
                assert_eq!(again.next(), Some((0, step.requests_per_second)));
                let was_cut = step.outcome == StepOutcome::Cut;
                let seen = SeenStep { requests: step.requests, slow: step.slow, failed: step.failed, was_cut };
                again.tried(objective.excess(&seen));
            }
            assert_eq!(again.next(), None);
        }
        estimate.get_or_insert_with(|| Estimate::new(0.0)).learn(capacity);
    }
    assert_eq!(reasons(&report), [""; 0]);
    let spans = &report.series[0].spans;
    let steps: usize = report.rounds.iter().map(|round| round.clusters[0].way.as_ref().unwrap().steps.len()).sum();
    assert_eq!(spans.iter().filter(|span| span.round > 0).count(), steps, "the series shows each step");
    let sent: u64 = spans.iter().map(|span| span.sent).sum();
    assert_eq!(sent as usize, backend.seen().len(), "also what was not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_request_at_a_time_does_not_keep_is_unmet_and_the_others_go_on() {
    let (slow, quick) = (slots(4, Duration::from_millis(30)).await, slots(4, Duration::from_millis(1)).await);
    let at_most = Duration::from_millis(20);
    let run = search(vec![slow.target("slow")], 3, at_most, None);
    let measurement = measured(&run, &short()).await;
    assert!(measurement.alone["slow"].is_unmet && measurement.alone["slow"].slow >= 10, "{:?}", measurement.alone);
    let report = measurement.report().unwrap();
    assert_eq!((report.rounds.len(), reasons(&report)), (0, Vec::new()), "that is a result");
    assert_eq!(measurement.planned_rounds, 0);

    let both = search(vec![slow.target("slow"), quick.target("quick")], 1, at_most, Some(20));
    let measurement = measured(&both, &short()).await;
    let named: Vec<&str> =
        measurement.rounds.iter().flat_map(|round| &round.clusters).map(|one| one.cluster.as_str()).collect();
    assert_eq!(named, ["quick"]);
    assert!(measurement.alone["slow"].is_unmet && !measurement.alone["quick"].is_unmet);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_the_most_that_may_be_asked_for_is_not_asked_for_ever() {
    let backend = Backend::fine().await;
    let measurement = measured(&search(vec![backend.target("c")], 10, 3 * WORK, Some(20)), &short()).await;
    let report = measurement.report().unwrap();
    assert_eq!((measurement.planned_rounds, report.rounds.len()), (2, 2));
    let way = only_way(&report, 1);
    assert_eq!((way.outcome, way.capacity_milli_rps), (WayOutcome::AtLeast, Some(20_000)));
    assert_eq!(way.reason, "no more than 20 requests/s are asked for");
    assert_eq!(reasons(&report), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_begins_at_what_an_earlier_launch_found_and_asks_nobody_to_wait_for_it() {
    let backend = Backend::fine().await;
    let target = Target { estimate_milli_rps: Some(8_000), ..backend.target("c") };
    let measurement = measured(&search(vec![target], 1, 3 * WORK, Some(20)), &short()).await;
    let report = measurement.report().unwrap();
    let steps = &only_way(&report, 0).steps;
    // Within two rungs of 6 %, where what it answers would have shown far more than the 20 that may be asked for.
    assert!((7..=9).contains(&steps[0].requests_per_second), "{steps:?}");
    let spans = &report.series[0].spans;
    let before: u64 = spans.iter().filter(|span| span.round == 0).map(|span| span.sent).sum();
    assert_eq!(before, measurement.alone["c"].requests, "one at a time is all that was asked before");
}

/// Server and generator share this process, and both together cannot do what was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_is_the_bottleneck_is_no_capacity() {
    let backend = Backend::fine().await;
    let mut settings = short();
    settings.search.slots = 64;
    settings.search.gates = loadgen::SearchSettings::default().gates;
    let measurement = measured(&search(vec![backend.target("c")], 10, 3 * WORK, None), &settings).await;
    assert_eq!(measurement.rounds.len(), 2, "two rounds are enough");
    for round in &measurement.rounds {
        let way = round.clusters[0].way.as_ref().unwrap();
        assert_eq!(way.outcome, WayOutcome::AtLeast, "{way:?}");
        assert!(!way.reason.is_empty());
        let last: Vec<_> =
            way.steps.iter().rev().take(2).map(|step| (step.requests_per_second, step.outcome)).collect();
        assert_eq!(last, [(last[0].0, StepOutcome::NotSent); 2], "once may be chance");
        let kept = way.steps.iter().filter(|step| step.outcome == StepOutcome::Met);
        let highest = kept.map(|step| u64::from(step.requests_per_second) * 1000).max();
        assert_eq!(way.capacity_milli_rps, highest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_recover_voids_the_round() {
    let backend = Backend::start(in_steps(Reply::Silence)).await;
    let mut settings = short();
    settings.search.recovers_within = Duration::from_secs(1);
    let measurement = measured(&search(vec![backend.target("c")], 1, 3 * WORK, None), &settings).await;
    let round = &measurement.rounds[0];
    let step = round.clusters[0].way.as_ref().unwrap().steps[0];
    let rate = step.requests_per_second;
    assert_eq!(step.outcome, StepOutcome::Cut, "{step:?}");
    assert!(step.slow >= u64::from(rate) / 10 && step.millis < 1000, "open ones count when they are slow: {step:?}");
    assert_eq!(round.outcome, RoundOutcome::Voided);
    assert_eq!(
        (round.reason.as_str(), round.voided_by.as_str()),
        (&*format!("c did not recover from {rate} requests/s in 1 s"), "c")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_the_balancer_still_has_in_flight_are_waited_for() {
    // From the first request of a step on, so many looks see a request in flight: more than are made without waiting.
    let left = std::sync::Arc::new(Mutex::new(None));
    let (noted, reply) = (left.clone(), in_steps(Reply::LastAnswer));
    let backend = Backend::start(move |number, seen| {
        let reply = reply(number, seen);
        if matches!(reply, Reply::LastAnswer) {
            noted.lock().unwrap().get_or_insert(8_u64);
        }
        reply
    })
    .await;
    let looks = left.clone();
    let balancer = FakeBalancer::start(move |_| {
        let mut left = looks.lock().unwrap();
        let mut status = status(&["c"], 0, Health::Healthy);
        status.busy_per_mille = Some(900);
        status.clusters[0].members[0].in_flight = left.map_or(0, |left| left.min(1));
        *left = left.map(|left| left.saturating_sub(1));
        Some(status)
    })
    .await;
    let mut run = search(vec![backend.target("c")], 1, 3 * WORK, Some(20));
    run.balancer_control = Some(balancer.control());
    let measurement = measured(&run, &short()).await;
    assert_eq!(measurement.rounds[0].outcome, RoundOutcome::Counted, "{}", measurement.rounds[0].reason);
    assert_eq!(measurement.rounds[0].clusters[0].way.as_ref().unwrap().balancer_busy_per_mille, Some(900));
    assert_eq!(*left.lock().unwrap(), Some(0), "the step ended while a request was in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_answers_nothing_right_ends_the_run_with_its_reason() {
    let backend = Backend::start(|_, _| Reply::Status(404)).await;
    let measurement = measured(&search(vec![backend.target("c")], 1, 3 * WORK, None), &short()).await;
    assert!(measurement.failed);
    let why = measurement.aborted.as_deref().unwrap_or_default();
    assert!(why.starts_with("every request to c failed (") && why.ends_with("4xx): each answer was 404"), "{why}");
    assert_eq!(measurement.report().unwrap().validity, Validity::Invalid);
}

/// Set in the process that is killed: the directory of its runs, and the URL that it searches on.
const TO_BE_KILLED: [&str; 2] = ["LOADGEN_TEST_RUNS", "LOADGEN_TEST_URL"];

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_is_killed_in_a_way_leaves_what_it_had_found_before() {
    if let [Ok(directory), Ok(url)] = TO_BE_KILLED.map(std::env::var) {
        return search_until_killed(Path::new(&directory), url).await;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("capacity-killed-{}", std::process::id()));
    std::fs::remove_dir_all(&directory).ok();
    std::fs::create_dir_all(&directory).unwrap();
    let backend = slots(20, WORK).await;
    // This very test, as a process of its own.
    let mut process = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_generator_that_is_killed_in_a_way_leaves_what_it_had_found_before", "--nocapture"])
        .env(TO_BE_KILLED[0], &directory)
        .env(TO_BE_KILLED[1], backend.url("/"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    loop {
        let line = said.next_line().await.unwrap().expect("it ended before a way of its second round was on");
        println!("{line}");
        if line.contains("round 2 of 3") && line.contains(" kept, ") {
            break;
        }
    }
    process.start_kill().unwrap();
    assert_eq!(process.wait().await.unwrap().signal(), Some(9));

    let journal: Value = serde_json::from_slice(&std::fs::read(directory.join("run-1.run.json")).unwrap()).unwrap();
    let ways = |rounds: &Value| rounds[0]["clusters"][0]["way"].clone();
    assert_eq!(journal["rounds"].as_array().map(Vec::len), Some(1), "the round that was on is in no journal");
    // An earlier version wrote no such thing.
    let mut earlier = journal.clone();
    earlier.as_object_mut().unwrap().remove("alone");
    let former = directory.join("former");
    std::fs::create_dir_all(&former).unwrap();
    std::fs::write(former.join("run-1.run.json"), earlier.to_string()).unwrap();
    for (directory, alone) in [(&directory, &journal["alone"]["c"]), (&former, &Value::Null)] {
        let (found, _defects) = Runs::open(directory, short()).unwrap();
        assert_eq!(found.status("run-1").unwrap().state, RunState::Aborted);
        let report: Value = serde_json::from_slice(&found.report("run-1").unwrap()).unwrap();
        assert_eq!(report["reasons"][0], "the generator's process ended after 1 of 3 rounds");
        assert_eq!(report["rounds"].as_array().map(Vec::len), Some(1));
        assert_eq!(ways(&report["rounds"]), ways(&journal["rounds"]), "step by step");
        assert_eq!(&report["clusters"][0]["capacity"]["alone"], alone);
    }
    let micros = journal["alone"]["c"]["quantileMicros"].as_u64();
    assert!(micros >= Some(100_000), "one request at a time took {micros:?} us");
}

/// The process that is killed: it says what it does.
async fn search_until_killed(directory: &Path, url: String) {
    let target = Target { cluster: "c".into(), url, ..Target::default() };
    let (runs, _defects) = Runs::open(directory, short()).unwrap();
    runs.start(search(vec![target], 3, 3 * WORK, None)).await.unwrap();
    let mut said = String::new();
    while runs.status("run-1").unwrap().state == RunState::Running {
        let message = runs.status("run-1").unwrap().message;
        if message != said {
            println!("{message}");
            said = message;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The real program, which runs for a tenth of the time: its capacities must not be said to be the target's.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: cargo test --workspace --test capacity -- --ignored"]
async fn a_generator_that_is_stopped_most_of_the_time_finds_no_capacity() {
    let backend = slots(20, WORK).await;
    let url = format!("c={}", backend.url("/"));
    let mut process = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["search", "--objective", "p99 <= 300ms", "--rounds", "2", "--slots", "4", "--json", "--url", &url])
        .env_remove("CONTROL_LISTEN")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(process.id().unwrap()).unwrap()).unwrap();
    let mut stdout = process.stdout.take().unwrap();
    let interrupted = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if kill_process(pid, Signal::STOP).is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(90)).await;
            kill_process(pid, Signal::CONT).ok();
        }
    });
    let mut printed = Vec::new();
    stdout.read_to_end(&mut printed).await.unwrap();
    interrupted.abort();
    kill_process(pid, Signal::CONT).ok();
    process.wait().await.unwrap();
    let report: Report = serde_json::from_slice(&printed).unwrap();
    assert_eq!(report.rounds.len(), 2);
    for round in 0..2 {
        let way = only_way(&report, round);
        assert_eq!(way.outcome, WayOutcome::AtLeast, "{way:?}");
        assert!(way.reason.contains("late"), "{way:?}");
    }
}

/// The real program, for two URLs of which one has twice the slots: what scripts and people get of it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes three minutes: cargo test --workspace --test capacity -- --ignored"]
async fn two_urls_are_searched_and_told_with_their_ways() {
    let (small, large) = (slots(4, WORK).await, slots(8, WORK).await);
    let urls = [format!("small={}", small.url("/")), format!("large={}", large.url("/"))];
    let program = || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.env_remove("CONTROL_LISTEN");
        command
    };
    let mut search = program();
    search.args(["search", "--objective", "p50 <= 300ms", "--rounds", "1", "--slots", "4", "--json"]);
    let output = search.args(urls.iter().flat_map(|url| ["--url", url])).output().await.unwrap();
    assert!(is_measured(output.status.code()), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.validity == Validity::Valid, output.status.code() == Some(0));
    let found = |name: &str| {
        let mut clusters = report.rounds[0].clusters.iter();
        let way = clusters.find(|one| one.cluster == name).unwrap().way.as_ref().unwrap();
        way.capacity_milli_rps.unwrap() as f64 / 1e3
    };
    let (small, large) = (found("small"), found("large"));
    assert!((1.6..2.5).contains(&(large / small)), "40 and 80 requests/s, found {small} and {large}");
    let [comparison] = &report.comparisons[..] else { panic!("{:?}", report.comparisons) };
    assert_eq!((comparison.cluster.as_str(), comparison.baseline.as_str()), ("large", "small"));
    assert!(comparison.faster_percent > Some(60.0), "{comparison:?}");
    let file = std::env::temp_dir().join(format!("loadgen-searched-{}.json", std::process::id()));
    std::fs::write(&file, &output.stdout).unwrap();
    let shown = program().arg("report").arg(&file).output().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), output.status.code(), "the same exit code for the same report");
    assert!(text.contains("+ kept, x not kept") && text.contains(&report.verdict[..20]), "{text}");
}
