//! The course of a real run: it adds up to what the report says, and knows what belongs to which round.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::time::Duration;

use loadgen::{Progress, measure};
use support::{Backend, FINE, Reply, closed_loop, report, settings, spec};
use wire::{Arrivals, ClusterReport, Columns, OpenLoop, Phase, Report, RoundOutcome, Series, Span, SpanKind, Stop};

fn sum(columns: Option<&Columns>) -> [u64; 5] {
    columns.unwrap().rows().fold([0; 5], |sum, row| {
        let new = [row.sent, row.answered, row.failed, row.open_at_end, row.load_micros];
        std::array::from_fn(|index| sum[index] + new[index])
    })
}

fn of(spans: &[&Span]) -> [u64; 4] {
    spans.iter().fold([0; 4], |sum, span| {
        let new = [span.sent, span.answered, span.failed, span.open_at_end];
        std::array::from_fn(|index| sum[index] + new[index])
    })
}

/// Every request that the report counts is in the series, and what it does not count is in there as what it was.
fn assert_adds_up(report: &Report) {
    assert_eq!(report.series.len(), report.run.targets.len());
    for (series, cluster) in report.series.iter().zip(&report.clusters) {
        assert_eq!(series.cluster, cluster.cluster);
        let seconds = sum(series.seconds.as_ref());
        assert_eq!(seconds, sum(series.minutes.as_ref()), "minutes are their seconds");
        let all: Vec<&Span> = series.spans.iter().collect();
        assert_eq!(seconds[..4], of(&all), "everything is in a span");
        assert_eq!(seconds[0], series.sent);
        let kind = |kind| series.spans.iter().filter(|span| span.kind == kind).collect::<Vec<_>>();
        let answered = |one: &ClusterReport| stats::answered(one);
        let whole = |one: &ClusterReport| [answered(one), one.failures.total(), one.open_at_end];
        assert_eq!(of(&kind(SpanKind::Counted))[1..], whole(cluster), "spans that count are the totals");
        let warm_up = of(&kind(SpanKind::WarmUp));
        assert_eq!(warm_up[1..].iter().sum::<u64>(), cluster.warmup_requests);
        for (attempt, round) in report.rounds.iter().enumerate() {
            let Some(measured) = round.clusters.iter().find(|one| one.cluster == series.cluster) else { continue };
            let is_it = |span: &&Span| span.attempt == Some(attempt as u32) && span.kind != SpanKind::Pause;
            let span = series.spans.iter().find(is_it).unwrap();
            assert_eq!(of(&[span])[1..], whole(measured), "round {}", round.round);
            assert_eq!(
                (span.round, span.kind == SpanKind::Counted),
                (round.round, round.outcome == RoundOutcome::Counted)
            );
        }
        assert_eq!(series.start.as_second() % 60, 0, "a UTC minute");
        let begun = report.started_at.duration_since(series.start).as_secs();
        assert!((-5..70).contains(&begun), "the start is the minute in which the first request was sent: {begun}");
    }
}

fn rounds_of(report: &Report, cluster: &str) -> Series {
    report.series.iter().find(|one| one.cluster == cluster).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_warm_up_failures_and_a_pause_adds_up_and_the_pause_is_a_gap() {
    let backend = Backend::start(|number, request| match number % 10 {
        9 => Reply::Status(503),
        8 if request.path == "/b" => Reply::HalfABody,
        _ => FINE,
    })
    .await;
    let phases = vec![closed_loop(3, 40), Phase::Pause { seconds: 2 }, closed_loop(2, 20)];
    let mut run = spec(vec![backend.target("a"), backend.target("b")], 2, phases);
    run.warmup_requests = 15;
    let report = report(&run, &settings()).await;
    assert_adds_up(&report);
    let cluster = &report.clusters[0];
    let series = rounds_of(&report, "a");
    assert_eq!((cluster.requests, series.sent), (120, 15 + 120));
    // Warm-up is no part of the report's load time: the rest of the steps is, to the microsecond.
    let loaded: u64 = sum(series.seconds.as_ref())[4];
    assert!(loaded > cluster.load_micros, "{loaded} of {}", cluster.load_micros);
    let pauses: Vec<&Span> = series.spans.iter().filter(|span| span.kind == SpanKind::Pause).collect();
    assert_eq!(pauses.len(), 2);
    for pause in pauses {
        assert!((2000..4000).contains(&(pause.to_millis - pause.from_millis)), "{pause:?}");
        // The second within it that is whole is no step of either cluster.
        let within = u32::try_from(pause.from_millis.div_ceil(1000)).unwrap();
        assert!(report.series.iter().all(|one| !one.seconds.as_ref().unwrap().at.contains(&within)), "{pause:?}");
    }
    let members: Vec<(&str, u64)> = series
        .minutes
        .as_ref()
        .unwrap()
        .members
        .iter()
        .map(|one| (one.id.as_str(), one.answers.iter().sum()))
        .collect();
    let (unnamed, named) = (members[0], members[1]);
    assert_eq!(
        (unnamed.0, named.0, unnamed.1 + named.1),
        ("", "i-1", 135),
        "each answer by who gave it, warm-up included"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn load_time_is_that_of_the_rounds_to_the_microsecond() {
    let backend = Backend::fine().await;
    let load = OpenLoop {
        arrivals: Arrivals::Poisson,
        requests_per_second: 200,
        stop: Stop::DurationSeconds(1),
        ramp: None,
        max_connections: None,
    };
    let run = spec(vec![backend.target("a")], 2, vec![Phase::OpenLoop(load), closed_loop(1, 5)]);
    let report = report(&run, &settings()).await;
    assert_adds_up(&report);
    let (series, cluster) = (&report.series[0], &report.clusters[0]);
    let [sent, .., load] = sum(series.seconds.as_ref());
    assert_eq!((sent, load), (cluster.sent, cluster.load_micros));
    let seconds = series.seconds.as_ref().unwrap();
    assert!(seconds.load_micros.iter().all(|load| *load <= 1_000_000), "{:?}", seconds.load_micros);
    assert!(
        seconds.rows().all(|row| row.answered == 0 || row.p50_micros <= row.p99_micros && row.p50_micros.is_some())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voided_round_and_one_that_was_cut_are_marked() {
    // The member restarts in the first round, and the third hangs.
    let backend = Backend::start(|number, _| match number {
        0..5 => FINE,
        25 => Reply::Silence,
        _ => Reply::Fine { backend: "i-1", boot: "b", after: Duration::ZERO },
    })
    .await;
    let run = spec(vec![backend.target("c")], 5, vec![closed_loop(1, 10)]);
    let progress = Progress::new(5);
    let abort = async {
        while backend.seen().len() < 26 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Threads tell what they did when a second is over.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        "aborted".to_owned()
    };
    let report = measure(&run, &settings(), &progress, |_| (), abort).await.unwrap().report().unwrap();
    assert_adds_up(&report);
    let spans: Vec<_> =
        report.series[0].spans.iter().map(|span| (span.kind, span.round, span.attempt, span.sent)).collect();
    let expected =
        [(SpanKind::Voided, 1, Some(0), 10), (SpanKind::Counted, 1, Some(1), 10), (SpanKind::Unfinished, 2, None, 6)];
    assert_eq!(spans, expected);
    assert_eq!((report.clusters[0].requests, report.series[0].sent), (10, 26), "counted on the way: all of them");
}
