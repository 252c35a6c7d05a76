//! Limits of the generator's own: they are charged to nobody else, and the run says so.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use support::{Backend, FINE, Reply, closed_loop, report, settings, spec};
use wire::{Failures, GateKind, GateOutcome, GeneratorLimit, LimitHits, Report, Validity};

/// `loadgen` with a hard limit of open files, which it cannot raise.
async fn with_files(files: u32, arguments: &[&str]) -> Output {
    tokio::process::Command::new("sh")
        .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_loadgen")])
        .args(arguments)
        .env_remove("CONTROL_LISTEN")
        .output()
        .await
        .unwrap()
}

fn json(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"))
}

/// What the gate about limits says, of every target.
fn limits(result: &Value) -> Vec<(String, String)> {
    let gates = result["gates"].as_array().unwrap().iter().filter(|gate| gate["kind"] == "GeneratorLimit");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    gates.map(|gate| (text(&gate["outcome"]), text(&gate["reason"]))).collect()
}

fn gate(report: &Report) -> (GateOutcome, &str) {
    let gate = report.gates.iter().find(|gate| gate.kind == GateKind::GeneratorLimit).unwrap();
    (gate.outcome, gate.reason.as_str())
}

/// Connections that are kept for the next round of one URL are files that the other one needs.
#[tokio::test(flavor = "multi_thread")]
async fn connections_to_one_url_leave_files_for_those_to_the_next() {
    let (a, b) = (Backend::fine().await, Backend::fine().await);
    let urls = [format!("a={}", a.url("/")), format!("b={}", b.url("/"))];
    let load = ["--closed-loop", "100", "--requests", "300", "--rounds", "2", "--json"];
    let result = json(&with_files(200, &[&["compare", &urls[0], &urls[1]], &load[..]].concat()).await);
    assert_eq!((&result["failed"], &result["requests"]), (&0.into(), &(2 * 2 * 300).into()), "{}", result["failures"]);
    assert!(limits(&result).iter().all(|(outcome, _)| outcome == "Passed"), "{:?}", limits(&result));
}

/// Where all fit, connections are kept from round to round.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_where_files_suffice_for_all() {
    let (a, b) = (Backend::fine().await, Backend::fine().await);
    let urls = [format!("a={}", a.url("/")), format!("b={}", b.url("/"))];
    let load = ["--closed-loop", "8", "--requests", "100", "--rounds", "3", "--json"];
    let result = json(&with_files(200, &[&["compare", &urls[0], &urls[1]], &load[..]].concat()).await);
    for backend in [&a, &b] {
        let connections = backend.seen().iter().map(|request| request.connection).max().unwrap() + 1;
        assert!(connections <= 8, "{connections} connections for 8 users");
    }
    assert_eq!(result["failed"], 0);
}

fn slow() -> Reply {
    Reply::Fine { backend: "i-1", boot: "a", after: Duration::from_millis(500) }
}

/// Nobody asked for that queue, and the server knows nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_only_the_generators_limit_made_is_not_valid() {
    let backend = Backend::start(|_, _| slow()).await;
    let url = backend.url("/");
    let output = with_files(100, &["run", "--url", &url, "--rate", "200", "--duration", "1s", "--json"]).await;
    let result = json(&output);
    assert_eq!((output.status.code(), &result["validity"]), (Some(3), &"Invalid".into()));
    let waited = result["clusters"][0]["waited"].as_u64().unwrap();
    assert!(waited > 50, "{waited}");
    let [(outcome, reason)] = &limits(&result)[..] else { panic!("one target") };
    assert_eq!(outcome, "Failed");
    let said = format!("url1: {waited} requests met a limit of the generator, not of what it measures: {waited} found");
    assert!(reason.starts_with(&said) && reason.contains("ulimit -Hn"), "{reason}");
}

/// A queue that was asked for is what is measured, and it is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_asked_for_is_said_and_is_no_limit() {
    let backend = Backend::start(|_, _| slow()).await;
    let url = backend.url("/");
    let load = ["--rate", "50", "--requests", "20", "--max-connections", "10"];
    let result = json(&with_files(100, &[&["run", "--url", &url, "--json"], &load[..]].concat()).await);
    assert_eq!(limits(&result), [("Passed".to_owned(), String::new())]);
    let waited = result["clusters"][0]["waited"].as_u64().unwrap();
    assert!(waited > 0 && result["clusters"][0]["generatorLimits"].is_null(), "{waited}");
    let text = String::from_utf8(with_files(100, &[&["run", "--url", &url], &load[..]].concat()).await.stdout).unwrap();
    assert!(text.contains(" waited for a free connection (--max-connections)\n"), "{text}");
}

/// Files that somebody takes away while load is on: a request that finds none is no failure of the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_finds_no_file_left_is_no_failure_of_the_server() {
    let pid = Arc::new(AtomicI32::new(0));
    let generator = pid.clone();
    let backend = Backend::start(move |number, _| {
        if number == 2 {
            let pid = loop {
                match Pid::from_raw(generator.load(Ordering::SeqCst)) {
                    Some(pid) => break pid,
                    None => std::thread::yield_now(),
                }
            };
            prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(3), maximum: Some(3) }).unwrap();
        }
        FINE
    })
    .await;
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["run", "--url", &backend.url("/"), "--closed-loop", "1", "--requests", "10", "--new-connections"])
        .arg("--json")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    pid.store(child.id().unwrap() as i32, Ordering::SeqCst);
    let output = child.wait_with_output().await.unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &result["failed"], &result["requests"]), (Some(3), &0.into(), &3.into()));
    assert_eq!(result["clusters"][0]["generatorLimits"][0]["limit"], "OpenFiles");
    assert_eq!(result["clusters"][0]["generatorLimits"][0]["requests"], 7);
    assert!(limits(&result)[0].1.contains("(EMFILE)"), "{:?}", limits(&result));
}

/// The kernel lets nobody connect to a broadcast address: no packet leaves, and no server is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_way_to_it_is_no_server_that_refuses() {
    let target =
        wire::Target { cluster: "nowhere".into(), url: "http://127.255.255.255:9/".into(), ..wire::Target::default() };
    let run = spec(vec![target], 1, vec![closed_loop(2, 6)]);
    let report = report(&run, &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!((cluster.failures, cluster.requests), (Failures::default(), 0));
    assert_eq!(cluster.generator_limits, [LimitHits { limit: GeneratorLimit::Route, requests: 6 }]);
    assert_eq!((report.validity, gate(&report).0), (Validity::Invalid, GateOutcome::Failed));
    assert!(gate(&report).1.contains("found no way to the address"), "{:?}", report.reasons);
}

/// For ever: the run ends, and does not say that somebody let nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_cannot_connect_at_all_ends_the_run_and_says_so() {
    let target =
        wire::Target { cluster: "nowhere".into(), url: "http://127.255.255.255:9/".into(), ..wire::Target::default() };
    let mut settings = settings();
    settings.give_up = Duration::from_millis(300);
    let report = report(&spec(vec![target], 5, vec![closed_loop(1, 1_000_000)]), &settings).await;
    assert_eq!((report.validity, report.rounds.len()), (Validity::Invalid, 1));
    assert!(
        report.reasons[0].starts_with("the generator could not connect to nowhere for 0 s"),
        "{:?}",
        report.reasons
    );
    assert!(report.reasons.iter().any(|reason| reason.contains("found no way to the address")), "{:?}", report.reasons);
}
