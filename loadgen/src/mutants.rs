//! Each known fault of load generators is switched on, and a check that the honest generator passes must catch the
//! mutant. A check that no mutant can fail would be worth nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wire::{
    Arrivals, ClosedLoop, ClusterReport, Judging, Metric, Objective, OpenLoop, Phase, Report, RoundOutcome, Rounds,
    RunSpec, Search, Stop, Target,
};

use crate::mutant::{Mutant, Mutation};
use crate::{Progress, Settings, measure};

/// Conduct of the server for the request of this number, counted over all connections.
type Conduct = fn(usize) -> Act;

#[derive(Clone, Copy)]
enum Act {
    Answer(&'static str),
    After(Duration),
    Never,
}

const FINE: Act = Act::Answer("200 OK");

/// A server that ends with its listener's process; a thread for each connection.
fn serve(conduct: Conduct) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = count.clone();
            std::thread::spawn(move || converse(stream, &count, conduct));
        }
    });
    format!("http://{address}/")
}

fn converse(mut stream: TcpStream, count: &AtomicUsize, conduct: Conduct) -> Option<()> {
    let mut received = Vec::new();
    loop {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        received.extend_from_slice(&part[..length]);
        while let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            received.drain(..end + 4);
            let status = match conduct(count.fetch_add(1, Ordering::SeqCst)) {
                Act::Answer(status) => status,
                Act::After(pause) => {
                    std::thread::sleep(pause);
                    "200 OK"
                }
                Act::Never => loop {
                    std::thread::park();
                },
            };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok").as_bytes()).ok()?;
        }
    }
}

fn run(urls: &[String], rounds: u32, phase: Phase) -> RunSpec {
    let target = |(number, url): (usize, &String)| Target {
        cluster: format!("c{number}"),
        url: url.clone(),
        ..Target::default()
    };
    RunSpec {
        id: "mutant".into(),
        seed: 11,
        rounds: Rounds { count: rounds },
        targets: urls.iter().enumerate().map(target).collect(),
        phases: vec![phase],
        drain_seconds: Some(1),
        ..RunSpec::default()
    }
}

fn open(requests_per_second: u32, most: Option<u32>) -> Phase {
    let (arrivals, stop) = (Arrivals::Constant, Stop::DurationSeconds(1));
    Phase::OpenLoop(OpenLoop { arrivals, requests_per_second, stop, ramp: None, max_connections: most })
}

fn closed(requests: u64) -> Phase {
    Phase::ClosedLoop(ClosedLoop { concurrency: 1, stop: Stop::Requests(requests) })
}

async fn report(spec: &RunSpec, limit: Duration, mutant: Option<Mutant>) -> Report {
    let mut settings = Settings::new("generator", 1024);
    settings.request_limit = limit;
    settings.mutation = Mutation { mutant };
    (settings.search.alone_seconds, settings.search.most_seconds) = (1, 1);
    settings.search.gates = &[];
    let progress = Progress::new(spec.rounds.count);
    measure(spec, &settings, &progress, |_| (), std::future::pending()).await.unwrap().report().unwrap()
}

const LONG: Duration = Duration::from_secs(20);

/// The honest generator passes `check`, the mutant does not.
async fn caught(mutant: Mutant, spec: impl Fn() -> RunSpec, limit: Duration, check: impl Fn(&Report) -> bool) {
    let honest = report(&spec(), limit, None).await;
    assert!(check(&honest), "the honest generator fails the check: {:?}", honest.clusters);
    let faulty = report(&spec(), limit, Some(mutant)).await;
    assert!(!check(&faulty), "nobody noticed {mutant:?}: {:?}", faulty.clusters);
}

fn first(report: &Report) -> &ClusterReport {
    &report.clusters[0]
}

/// One connection, 100 requests a second, and the server stops for half a second after the tenth: half of what was
/// planned for the second had to wait. By when they were sent, one did.
fn stalls(number: usize) -> Act {
    if number == 10 { Act::After(Duration::from_millis(500)) } else { FINE }
}

/// p50 of a stalled second: the requests due within the stall wait 250 ms on average, which is the upper half.
fn stall_is_seen(report: &Report) -> bool {
    first(report).requests == 100 && first(report).latency.p90_micros.is_some_and(|micros| micros > 300_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_starts_when_requests_are_sent_is_noticed() {
    let spec = || run(&[serve(stalls)], 1, open(100, Some(1)));
    caught(Mutant::ClockAtSendTime, spec, LONG, stall_is_seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_that_pretends_to_be_open_is_noticed() {
    // Every answer takes 50 ms: at 100 requests a second about five are open at the same time.
    let spec = || run(&[serve(|_| Act::After(Duration::from_millis(50)))], 1, open(100, None));
    caught(Mutant::ClosedLoopPretendsOpen, spec, LONG, |report| first(report).connections >= 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_that_are_skipped_when_late_are_noticed() {
    let spec = || run(&[serve(stalls)], 1, open(100, Some(1)));
    caught(Mutant::LateArrivalsSkipped, spec, LONG, |report| first(report).requests == 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_timeouts_are_noticed() {
    let spec = || run(&[serve(|number| if number % 10 == 9 { Act::Never } else { FINE })], 1, closed(20));
    let check = |report: &Report| first(report).failures.timeout == 2 && first(report).latency.p99_micros.is_none();
    caught(Mutant::TimeoutsDropped, spec, Duration::from_millis(200), check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_requests_that_are_cut_and_forgotten_are_noticed() {
    let spec = || run(&[serve(|number| if number < 60 { FINE } else { Act::Never })], 1, open(100, None));
    let check = |report: &Report| first(report).requests == 100 && first(report).open_at_end == 40;
    caught(Mutant::OpenRequestsDropped, spec, LONG, check).await;
}

fn fails_often(number: usize) -> Act {
    Act::Answer(if number.is_multiple_of(5) { "503 Busy" } else { "200 OK" })
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_left_out_of_quantiles_are_noticed() {
    let spec = || run(&[serve(fails_often)], 1, closed(50));
    caught(Mutant::FailuresLeftOut, spec, LONG, |report| first(report).latency.p90_micros.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_count_as_answers_are_noticed() {
    let spec = || run(&[serve(fails_often)], 1, closed(50));
    caught(Mutant::ErrorsAreAnswers, spec, LONG, |report| first(report).failures.server_error == 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_that_counts_is_noticed() {
    let spec = || RunSpec { warmup_requests: 7, ..run(&[serve(|_| FINE)], 2, closed(10)) };
    let check = |report: &Report| first(report).requests == 20 && first(report).warmup_requests == 7;
    caught(Mutant::WarmUpIncluded, spec, LONG, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn averaged_quantiles_are_noticed() {
    // Two rounds of ten: all of the first are slow, none of the second. The median of all is not the mean of medians.
    let slow_then_fast = |number| if number < 10 { Act::After(Duration::from_millis(40)) } else { FINE };
    let spec = || run(&[serve(slow_then_fast)], 2, closed(10));
    let check = |report: &Report| first(report).latency.p50_micros.is_some_and(|micros| micros < 15_000);
    caught(Mutant::QuantilesAveraged, spec, LONG, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_in_a_fixed_order_are_noticed() {
    let spec = || run(&[serve(|_| FINE), serve(|_| FINE)], 12, closed(1));
    let check = |report: &Report| {
        let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted);
        let first_ones: Vec<&str> = counted.map(|round| round.clusters[0].cluster.as_str()).collect();
        first_ones.contains(&"c0") && first_ones.contains(&"c1")
    };
    caught(Mutant::RoundsNotShuffled, spec, LONG, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_are_too_short_for_an_overload_to_show_are_noticed() {
    let objective = Objective { metric: Metric::P50, at_most_micros: 200_000, max_failed_per_mille: 1 };
    let spec = || RunSpec {
        phases: Vec::new(),
        search: Some(Search { objective, most_requests_per_second: Some(20), sizing: None }),
        judging: Judging { metric: Metric::Capacity, ..Judging::default() },
        ..run(&[serve(|_| Act::After(Duration::from_millis(50)))], 1, closed(1))
    };
    let check = |report: &Report| {
        let ways = report.rounds.iter().flat_map(|round| &round.clusters).filter_map(|one| one.way.as_ref());
        let millis: Vec<u64> = ways.flat_map(|way| &way.steps).map(|step| step.millis).collect();
        !millis.is_empty() && millis.iter().all(|millis| *millis >= 10_000)
    };
    caught(Mutant::StepsOfASecond, spec, LONG, check).await;
}
