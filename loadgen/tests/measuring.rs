//! Real requests against backends that behave as told: every request is counted once, and as what it was.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use loadgen::{Progress, Schedule, measure};
use stats::Latencies;
use support::{Backend, FINE, Reply, closed_loop, reasons, report, settings, spec, verdict};
use wire::{ClosedLoop, Direction, Failures, Looks, Phase, Report, Stop, Validity};

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_sent_and_counted_once() {
    let backend = Backend::fine().await;
    let mut run = spec(vec![backend.target("cluster1")], 3, vec![closed_loop(8, 100), closed_loop(1, 7)]);
    run.warmup_requests = 20;
    let report = report(&run, &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!(cluster.requests, 3 * 107);
    assert_eq!(cluster.failures, Failures::default());
    assert_eq!(Latencies::decode(&cluster.histograms.response).unwrap().count(), 3 * 107);
    assert_eq!(cluster.members.len(), 1);
    assert_eq!((cluster.members[0].id.as_str(), cluster.members[0].share_per_mille), ("i-1", 1000));
    assert!(cluster.requests_per_second > 0 && cluster.latency.p50_micros <= cluster.latency.max_micros);
    let seen = backend.seen();
    assert_eq!(seen.len(), 20 + 3 * 107, "warm-up and rounds, no request more");
    assert!(seen.iter().all(|request| request.path == "/cluster1"));
    let connections: BTreeSet<usize> = seen.iter().map(|request| request.connection).collect();
    assert!(connections.len() <= 8, "{} connections for 8 users: they are kept", connections.len());
    assert_eq!(reasons(&report), [] as [&str; 0]);
}

/// Whoever is plainly faster is known to be at the first look; no round more is measured and paid for.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_decides_itself_ends_at_the_look_that_decides() {
    let after =
        |millis| move |_: usize, _: &_| Reply::Fine { backend: "i-1", boot: "a", after: Duration::from_millis(millis) };
    let (slow, fast) = (Backend::start(after(12)).await, Backend::start(after(3)).await);
    let mut run = spec(vec![slow.target("a"), fast.target("b")], 40, vec![closed_loop(2, 10)]);
    run.judging.looks = Looks::Auto;
    let report = report(&run, &settings()).await;
    assert_eq!((report.rounds.len(), reasons(&report)), (10, Vec::new()));
    assert_eq!(report.comparisons[0].direction, Direction::Faster, "{}", report.summary);
    // The level of one of three looks: alone it would be 95 %.
    assert!(verdict(&report).is_none_or(|verdict| verdict.contains("98.0 %")), "{}", report.verdict);
}

/// Where nothing is to be found, all looks are taken that the run has room for.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_decides_itself_ends_with_its_rounds() {
    // Each answer takes as long as its number says: the clusters differ from round to round and not on the whole.
    let jumps = |number: usize, _: &_| {
        let after = Duration::from_micros(1_000 + 4_000 * (number as u64 / 7 % 2));
        Reply::Fine { backend: "i-1", boot: "a", after }
    };
    let backend = Backend::start(jumps).await;
    let mut run = spec(vec![backend.target("a"), backend.target("b")], 12, vec![closed_loop(1, 7)]);
    run.judging.looks = Looks::Auto;
    let report = report(&run, &settings()).await;
    assert_eq!(report.rounds.len(), 12, "{}", report.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_of_a_round_get_the_same_seeds_and_rounds_different_ones() {
    let backend = Backend::fine().await;
    let mut run = spec(vec![backend.target("a"), backend.target("b")], 4, vec![closed_loop(3, 10), closed_loop(2, 5)]);
    run.warmup_requests = 2;
    let report = report(&run, &settings()).await;
    let schedule = Schedule::new(run.seed, 2);
    let seen = backend.seen();
    let (warm_up, rounds) = seen.split_at(4);
    let of_warm_up = |index| format!("{}-{index}", schedule.warm_up_seed());
    assert!(warm_up.iter().all(|request| [of_warm_up(0), of_warm_up(1)].contains(&request.seed)));
    for (number, round) in report.rounds.iter().enumerate() {
        let attempt = schedule.attempt(number as u32);
        assert_eq!(round.seed, attempt.seed);
        let measured: Vec<&str> = round.clusters.iter().map(|cluster| cluster.cluster.as_str()).collect();
        let planned: Vec<&str> = attempt.order.iter().map(|index| ["a", "b"][*index]).collect();
        assert_eq!(measured, planned);
        let expected: BTreeSet<String> = (0..15).map(|index| format!("{}-{index}", attempt.seed)).collect();
        for (place, cluster) in planned.iter().enumerate() {
            let part = &rounds[(number * 2 + place) * 15..][..15];
            assert!(part.iter().all(|request| request.path == format!("/{cluster}")));
            assert_eq!(part.iter().map(|request| request.seed.clone()).collect::<BTreeSet<_>>(), expected);
        }
    }
    assert_eq!(rounds.len(), 4 * 2 * 15);
    assert_eq!(report.comparisons.len(), 1);
}

async fn failures(reply: Reply, limit: Duration) -> Report {
    let backend = Backend::start(move |number, _| if number % 2 == 1 { reply.clone() } else { FINE }).await;
    let mut settings = settings();
    settings.request_limit = limit;
    let report = report(&spec(vec![backend.target("cluster1")], 1, vec![closed_loop(1, 10)]), &settings).await;
    assert_eq!(backend.seen().len(), 10, "a failed request is not sent again");
    assert_eq!(report.clusters[0].requests, 10);
    assert_eq!(
        Latencies::decode(&report.clusters[0].histograms.response).unwrap().count(),
        5,
        "only successes have a latency"
    );
    report
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_apart() {
    let five = |kind: fn(&mut Failures) -> &mut u64| {
        let mut failures = Failures::default();
        *kind(&mut failures) = 5;
        failures
    };
    let not_found = failures(Reply::Status(404), LONG).await;
    assert_eq!(not_found.clusters[0].failures, five(|f| &mut f.client_error));
    assert_eq!(not_found.clusters[0].failed_status, wire::FailedStatus::Each(404));
    let server_error = failures(Reply::Status(500), LONG).await;
    assert_eq!(server_error.clusters[0].failures, five(|f| &mut f.server_error));
    let half = failures(Reply::HalfABody, LONG).await;
    assert_eq!(half.clusters[0].failures, five(|f| &mut f.broken));
    let garbage = failures(Reply::Garbage, LONG).await;
    assert_eq!(garbage.clusters[0].failures, five(|f| &mut f.broken));
    let silence = failures(Reply::Silence, Duration::from_millis(300)).await;
    assert_eq!(silence.clusters[0].failures, five(|f| &mut f.timeout));
    // Ranks 1 to 5 are answers, 6 to 10 failures: the median is an answer, nothing above it is.
    let latency = silence.clusters[0].latency;
    assert!(latency.p50_micros.is_some());
    assert_eq!((latency.p90_micros, latency.p99_micros, latency.max_micros), (None, None, None));
    assert!(silence.clusters[0].latency_of_successes.p99_micros.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_a_failure_to_connect() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = wire::Target { cluster: "gone".into(), url: format!("http://{unused}/"), ..wire::Target::default() };
    let report = report(&spec(vec![target], 1, vec![closed_loop(4, 12)]), &settings()).await;
    assert_eq!(report.clusters[0].failures, Failures { connect: 12, ..Failures::default() });
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!(reasons(&report), ["every request to gone failed (12 connect)"]);
    assert!(verdict(&report).is_none_or(|_| report.summary == "invalid: every request to gone failed (12 connect)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_end_where_they_say() {
    for reply in [Reply::Chunked, Reply::LastAnswer, Reply::Status(302)] {
        let answer = reply.clone();
        let backend = Backend::start(move |_, _| answer.clone()).await;
        let report = report(&spec(vec![backend.target("c")], 1, vec![closed_loop(2, 10)]), &settings()).await;
        assert_eq!(report.clusters[0].failures, Failures::default(), "{reply:?}");
        assert_eq!((report.clusters[0].requests, backend.seen().len()), (10, 10), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_runs_from_the_start_to_the_end_of_the_body() {
    let wait = Duration::from_millis(50);
    let backend = Backend::start(move |_, _| Reply::Fine { backend: "i-1", boot: "a", after: wait }).await;
    let report = report(&spec(vec![backend.target("c")], 1, vec![closed_loop(5, 20)]), &settings()).await;
    let latencies = Latencies::decode(&report.clusters[0].histograms.response).unwrap();
    // Fast is impossible; how slow depends on the machine.
    assert!(latencies.quantiles(0).p50_micros.unwrap() >= 50_000);
    assert!(report.clusters[0].requests_per_second <= 100, "5 users, 50 ms each: at most 100/s");
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_counted_by_member() {
    let backend = Backend::start(|number, _| {
        let backend = if number % 4 == 0 { "i-2" } else { "i-1" };
        Reply::Fine { backend, boot: "a", after: Duration::ZERO }
    })
    .await;
    let report = report(&spec(vec![backend.target("c")], 2, vec![closed_loop(4, 100)]), &settings()).await;
    let shares: Vec<_> =
        report.clusters[0].members.iter().map(|m| (m.id.as_str(), m.requests, m.share_per_mille)).collect();
    assert_eq!(shares, [("i-1", 150, 750), ("i-2", 50, 250)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_ends_the_load_and_waits_for_what_is_open() {
    let backend =
        Backend::start(|_, _| Reply::Fine { backend: "i", boot: "a", after: Duration::from_millis(20) }).await;
    let phase = Phase::ClosedLoop(ClosedLoop { concurrency: 3, stop: Stop::DurationSeconds(1) });
    let report = report(&spec(vec![backend.target("c")], 1, vec![phase]), &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!(cluster.failures, Failures::default());
    assert_eq!(cluster.requests as usize, backend.seen().len(), "what was sent was waited for and counted");
    assert!((3..=150).contains(&cluster.requests), "{} requests in a second", cluster.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_run_keeps_the_rounds_it_finished() {
    // The second round of one request hangs.
    let backend = Backend::start(|number, _| if number == 3 { Reply::Silence } else { FINE }).await;
    let run = spec(vec![backend.target("c")], 5, vec![closed_loop(1, 3)]);
    let progress = Progress::new(5);
    let abort = async {
        while backend.seen().len() < 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        "aborted by a DELETE".to_owned()
    };
    let mut journal = Vec::new();
    let measurement =
        measure(&run, &settings(), &progress, |entry| journal.push(entry.rounds.len()), abort).await.unwrap();
    let report = measurement.report().unwrap();
    assert_eq!(journal, [1]);
    assert_eq!((report.rounds.len(), report.clusters[0].requests), (1, 3), "the open round is not counted");
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!(reasons(&report), ["aborted by a DELETE after 1 of 5 rounds"]);
    assert_eq!(progress.rounds().0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_while_idle_is_not_a_failure() {
    // The backend ends every connection with its answer, as it announced.
    let backend = Backend::start(|_, _| Reply::LastAnswer).await;
    let phases = vec![closed_loop(2, 2), Phase::Pause { seconds: 1 }, closed_loop(2, 2)];
    let report = report(&spec(vec![backend.target("c")], 1, phases), &settings()).await;
    assert_eq!(report.clusters[0].failures, Failures::default());
    assert_eq!(report.clusters[0].requests, 4);
}
