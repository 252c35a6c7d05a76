//! Open loops against backends that behave as told: nothing that was planned is forgotten.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use stats::Latencies;
use support::{Backend, FINE, FakeBalancer, Reply, report, settings, spec, status};
use wire::{
    Arrivals, Connections, Failures, Health, Members, OpenLoop, Phase, RequestSpec, RoundOutcome, RunSpec, Slice, Stop,
    Validity,
};

fn open_loop(requests_per_second: u32, stop: Stop) -> OpenLoop {
    OpenLoop { arrivals: Arrivals::Constant, requests_per_second, stop, ramp: None, max_connections: None }
}

fn one_second(backend: &Backend, requests_per_second: u32) -> RunSpec {
    let load = open_loop(requests_per_second, Stop::DurationSeconds(1));
    RunSpec { drain_seconds: Some(1), ..spec(vec![backend.target("c")], 1, vec![Phase::OpenLoop(load)]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_is_sent_and_counted_once() {
    let backend = Backend::fine().await;
    let report = report(&one_second(&backend, 300), &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!((cluster.planned, cluster.sent, cluster.requests, cluster.open_at_end), (300, 300, 300, 0));
    for histogram in [&cluster.histograms.response, &cluster.histograms.service, &cluster.histograms.send_lag] {
        assert_eq!(Latencies::decode(histogram).unwrap().count(), 300);
    }
    let seeds: BTreeSet<String> = backend.seen().into_iter().map(|request| request.seed).collect();
    let round = report.rounds[0].seed;
    assert_eq!(seeds, (0..300).map(|index| format!("{round}-{index}")).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cluster_of_a_round_is_asked_the_same_and_rounds_differ() {
    let backend = Backend::fine().await;
    let load = OpenLoop { arrivals: Arrivals::Poisson, ..open_loop(100, Stop::Requests(30)) };
    let run = spec(vec![backend.target("a"), backend.target("b")], 2, vec![Phase::OpenLoop(load)]);
    let report = report(&run, &settings()).await;
    assert_eq!(report.clusters.iter().map(|cluster| cluster.planned).collect::<Vec<_>>(), [60, 60]);
    let mut asked: Vec<BTreeSet<String>> = Vec::new();
    for part in backend.seen().chunks(30) {
        asked.push(part.iter().map(|request| request.seed.clone()).collect());
    }
    assert!(asked[0] == asked[1] && asked[2] == asked[3] && asked[0] != asked[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_open_at_the_end_are_at_least_so_slow() {
    // From the 60th request on there is no answer any more.
    let backend = Backend::start(|number, _| if number < 60 { FINE } else { Reply::Silence }).await;
    let report = report(&one_second(&backend, 100), &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!((cluster.planned, cluster.requests, cluster.open_at_end), (100, 100, 40));
    assert_eq!(cluster.failures, Failures::default());
    let latency = cluster.latency;
    assert!(latency.exact(latency.p50_micros).is_some(), "60 of 100 were answered");
    assert!(latency.p90_micros.unwrap() >= 1_000_000, "at least as long as the drain: {latency:?}");
    assert!(latency.exact(latency.p90_micros).is_none() && latency.exact(latency.p99_micros).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_free_connection_waits_and_its_clock_runs() {
    let slow = Reply::Fine { backend: "i-1", boot: "a", after: Duration::from_millis(100) };
    let backend = Backend::start(move |_, _| slow.clone()).await;
    let load = OpenLoop { max_connections: Some(1), ..open_loop(50, Stop::Requests(10)) };
    let run = spec(vec![backend.target("c")], 1, vec![Phase::OpenLoop(load)]);
    let report = report(&run, &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!((cluster.requests, cluster.failures.total()), (10, 0));
    // One connection, 100 ms each, due every 20 ms: the last one waits for nine others, from 180 ms on.
    let response = Latencies::decode(&cluster.histograms.response).unwrap().quantiles(0);
    assert!(response.max_micros.unwrap() >= 800_000, "{response:?}");
    let service = Latencies::decode(&cluster.histograms.service).unwrap().quantiles(0);
    assert!(service.p50_micros.unwrap() < response.p50_micros.unwrap() / 2, "{service:?} {response:?}");
    let connections: BTreeSet<usize> = backend.seen().iter().map(|request| request.connection).collect();
    assert_eq!(connections.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_for_each_request_when_asked() {
    let backend = Backend::fine().await;
    let mut run = one_second(&backend, 50);
    run.request = RequestSpec { connections: Connections::PerRequest, ..RequestSpec::default() };
    let report = report(&run, &settings()).await;
    assert_eq!((report.clusters[0].connections, report.clusters[0].failures.total()), (50, 0));
    assert_eq!(backend.seen().iter().map(|request| request.connection).collect::<BTreeSet<_>>().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_everybody_ends_the_run_early_with_counts() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = wire::Target { cluster: "gone".into(), url: format!("http://{unused}/"), ..wire::Target::default() };
    let load = open_loop(20, Stop::DurationSeconds(3600));
    let run = spec(vec![target], 20, vec![Phase::OpenLoop(load)]);
    let progress = loadgen::Progress::new(20);
    let mut settings = settings();
    settings.give_up = Duration::from_secs(1);
    let measured = loadgen::measure(&run, &settings, &progress, |_| (), std::future::pending()).await.unwrap();
    assert!(measured.failed);
    let report = measured.report().unwrap();
    assert_eq!(report.validity, Validity::Invalid);
    assert!(report.clusters[0].failures.connect >= 18, "{:?}", report.clusters[0].failures);
    assert_eq!(report.clusters[0].failures.connect, report.clusters[0].requests);
    assert!(report.reasons[0].starts_with("gone let nobody in for 1 s ("), "{:?}", report.reasons);
    assert!(report.reasons[0].ends_with("after 1 of 20 rounds"), "{:?}", report.reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_a_stranger_is_a_wrong_one() {
    let backend = Backend::start(|number, _| {
        let backend = if number % 2 == 0 { "i-1" } else { "i-stranger" };
        Reply::Fine { backend, boot: "a", after: Duration::ZERO }
    })
    .await;
    let balancer = FakeBalancer::start(|_| Some(status(&["c"], 0, Health::Healthy))).await;
    let mut run = one_second(&backend, 40);
    run.balancer_control = Some(balancer.control());
    run.request.expect.members = Members::Known;
    let report = report(&run, &settings()).await;
    assert_eq!(report.rounds[0].outcome, RoundOutcome::Counted);
    assert_eq!(report.clusters[0].failures, Failures { wrong_answer: 20, ..Failures::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn two_generators_send_what_one_would_and_at_the_same_time() {
    let one = Backend::fine().await;
    let both = Backend::fine().await;
    let poisson = |backend: &Backend, slice, start_at| {
        let load = OpenLoop { arrivals: Arrivals::Poisson, ..open_loop(200, Stop::DurationSeconds(1)) };
        RunSpec {
            slice,
            start_at,
            drain_seconds: Some(1),
            ..spec(vec![backend.target("c")], 1, vec![Phase::OpenLoop(load)])
        }
    };
    let alone = report(&poisson(&one, Slice::default(), None), &settings()).await;
    let start_at = Some(jiff::Timestamp::now() + Duration::from_millis(500));
    let runs = [0, 1].map(|index| poisson(&both, Slice { index, count: 2 }, start_at));
    let settings = settings();
    let (first, second) = tokio::join!(report(&runs[0], &settings), report(&runs[1], &settings));
    let planned = |report: &wire::Report| report.clusters[0].planned;
    assert_eq!(planned(&first) + planned(&second), planned(&alone));
    assert!(planned(&first).abs_diff(planned(&second)) <= 1);
    let seeds = |backend: &Backend| backend.seen().into_iter().map(|request| request.seed).collect::<BTreeSet<_>>();
    assert_eq!(seeds(&one), seeds(&both), "the same requests, split");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_is_late_for_the_others_voids_its_round() {
    let backend = Backend::fine().await;
    let run = RunSpec {
        slice: Slice { index: 0, count: 2 },
        start_at: Some(jiff::Timestamp::now() - Duration::from_secs(3600)),
        ..one_second(&backend, 10)
    };
    let report = report(&run, &settings()).await;
    assert_eq!(report.rounds[0].outcome, RoundOutcome::Voided);
    assert!(report.rounds[0].reason.ends_with("late for its place in the timetable of the generators"));
    assert!(backend.seen().is_empty());
}

/// The others begin: a warm-up that takes longer than there is time for is cut, and voids nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_ends_before_the_generators_begin() {
    let backend = Backend::fine().await;
    let start = jiff::Timestamp::now() + Duration::from_secs(7);
    let run = RunSpec {
        slice: Slice { index: 0, count: 2 },
        start_at: Some(start),
        warmup_seconds: 3_000,
        drain_seconds: Some(1),
        ..one_second(&backend, 10)
    };
    let report = report(&run, &settings()).await;
    assert_eq!(report.rounds[0].outcome, RoundOutcome::Counted, "{}", report.rounds[0].reason);
    assert_eq!(report.rounds.len(), 1);
    assert!(backend.seen().len() > 5, "there was a warm-up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_warm_up_is_sent_and_counted_apart() {
    let backend = Backend::fine().await;
    let mut run = one_second(&backend, 100);
    (run.warmup_requests, run.warmup_seconds) = (15, 1);
    let report = report(&run, &settings()).await;
    assert_eq!((report.clusters[0].warmup_requests, report.clusters[0].requests), (115, 100));
    assert_eq!(backend.seen().len(), 215);
}
