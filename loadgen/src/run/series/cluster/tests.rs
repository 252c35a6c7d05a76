use proptest::prelude::*;

use super::*;
use crate::engine::recording::{Failure, Tally};

/// 09:59:00 of a day.
const MINUTE: u64 = 29_000_000 * 60;

/// What a thread tells of one second: answers of so many microseconds, and so many failures.
fn second(utc_second: u64, answers: &[u64], failures: u64) -> Second {
    let mut tally = Tally { sent: answers.len() as u64 + failures, ..Tally::default() };
    answers.iter().for_each(|micros| tally.response.record(*micros));
    (0..failures).for_each(|_| tally.failed(Failure::Timeout));
    let members = vec![(Arc::from(&b"i-1"[..]), answers.len() as u64)];
    Second {
        thread: 0,
        number: 0,
        utc_second,
        tally,
        counts: true,
        members,
        sends: Vec::new(),
        is_over: true,
        is_last: false,
    }
}

fn rows(columns: Option<&Columns>) -> Vec<Row> {
    columns.unwrap().rows().collect()
}

#[test]
fn a_load_over_the_turn_of_a_minute_is_in_both_and_a_pause_is_a_gap() {
    let mut series = ClusterSeries::default();
    series.begin(1);
    // From 09:59:58.5 to 10:00:00.25, then a pause, then a quarter of a second 10:00:03.
    series.add(&second(MINUTE + 58, &[1000; 5], 0));
    series.add(&second(MINUTE + 59, &[2000; 10], 2));
    series.add(&second(MINUTE + 60, &[4000; 3], 0));
    series.close_before(MINUTE + 60);
    series.loaded((MINUTE + 58) * NANOS_PER_SECOND + 500_000_000, 1_750_000_000);
    series.paused((MINUTE + 60) * NANOS_PER_SECOND + 250_000_000, (MINUTE + 63) * NANOS_PER_SECOND);
    series.add(&second(MINUTE + 63, &[], 1));
    series.loaded((MINUTE + 63) * NANOS_PER_SECOND, 250_000_000);
    series.end();
    series.settle(4, RoundOutcome::Voided);
    assert_eq!(series.first_second(), Some(MINUTE + 58));
    let series = series.into_series("a", MINUTE);
    assert_eq!(series.start.to_string(), Timestamp::from_second(MINUTE as i64).unwrap().to_string());
    let seconds = rows(series.seconds.as_ref());
    let shown: Vec<_> =
        seconds.iter().map(|row| (row.at, row.sent, row.answered, row.failed, row.load_micros)).collect();
    assert_eq!(
        shown,
        [(58, 5, 5, 0, 500_000), (59, 12, 10, 2, 1_000_000), (60, 3, 3, 0, 250_000), (63, 1, 0, 1, 250_000)],
        "seconds 61 and 62 are not there; 63 is, and nobody answered"
    );
    assert_eq!(seconds.iter().map(|row| row.p50_micros.is_some()).collect::<Vec<_>>(), [true, true, true, false]);
    let minutes = rows(series.minutes.as_ref());
    let shown: Vec<_> =
        minutes.iter().map(|row| (row.at, row.sent, row.answered, row.failed, row.load_micros)).collect();
    assert_eq!(shown, [(0, 17, 15, 2, 1_500_000), (1, 4, 3, 1, 500_000)]);
    // 5 of 1 ms and 10 of 2 ms: of all of the minute, not of the medians of its seconds.
    assert_eq!(minutes[0].p50_micros.map(|micros| micros / 100), Some(20));
    assert_eq!(minutes[0].mean_micros.map(|micros| micros / 10), Some(166));
    assert_eq!(series.minutes.as_ref().unwrap().members[0].answers, [15, 3]);
    let spans: Vec<_> =
        series.spans.iter().map(|span| (span.kind, span.attempt, span.from_millis, span.to_millis)).collect();
    assert_eq!(spans, [(SpanKind::Pause, Some(4), 60_250, 63_000), (SpanKind::Voided, Some(4), 58_500, 63_250)]);
    assert_eq!((series.spans[1].sent, series.spans[1].failed, series.sent), (21, 3, 21));
}

#[test]
fn the_next_load_may_begin_in_the_second_in_which_one_ended() {
    let mut series = ClusterSeries::default();
    for micros in [1000, 3000] {
        series.begin(0);
        series.add(&second(MINUTE + 5, &[micros; 10], 0));
        series.close_before(u64::MAX);
        series.end();
    }
    let series = series.into_series("a", MINUTE);
    let row = rows(series.seconds.as_ref())[0];
    assert_eq!((row.answered, row.mean_micros.map(|mean| mean / 10)), (20, Some(200)), "of both, not of the last");
}

#[test]
fn what_was_cut_is_unfinished_and_counted() {
    let mut series = ClusterSeries::default();
    series.begin(3);
    series.add(&second(MINUTE + 5, &[1000; 10], 0));
    let series = series.into_series("a", MINUTE);
    assert_eq!((series.sent, series.spans.len()), (10, 1));
    let span = &series.spans[0];
    assert_eq!((span.kind, span.round, span.attempt, span.sent), (SpanKind::Unfinished, 3, None, 10));
}

#[test]
fn invented_names_do_not_fill_the_memory() {
    let mut series = ClusterSeries::default();
    for number in 0..3000 {
        let members = vec![(Arc::from(format!("i-{number}").as_bytes()), 1)];
        series.add(&Second { members, ..second(MINUTE, &[], 0) });
    }
    assert!(series.members.len() <= MOST_MEMBERS + 1);
    assert_eq!(series.members.values().flat_map(BTreeMap::values).sum::<u64>(), 3000);
}

proptest! {
    /// However seconds are cut into pieces and spread over spans: nothing is lost, and nothing is counted twice.
    #[test]
    fn seconds_minutes_and_spans_add_up_to_the_same(
        loads in prop::collection::vec((0u64..40, prop::collection::vec((0usize..5, 0u64..3), 1..8), 1u64..5_000_000_000), 1..12)
    ) {
        let mut series = ClusterSeries::default();
        let (mut at, mut took_micros) = (MINUTE + 7, 0);
        for (number, (gap, pieces, took)) in loads.iter().enumerate() {
            at += gap;
            let starts = at * NANOS_PER_SECOND + 123_456_789;
            series.begin(number as u32);
            for (answers, failures) in pieces {
                series.add(&second(at, &vec![1000; *answers], *failures));
                series.close_before(at);
                at += 1;
            }
            series.loaded(starts, *took);
            took_micros += took / 1000;
            series.end();
            at += took / NANOS_PER_SECOND;
        }
        let series = series.into_series("a", MINUTE);
        let counts = |rows: Vec<Row>| rows.iter().fold([0; 4], |sum, row| {
            [sum[0] + row.sent, sum[1] + row.answered, sum[2] + row.failed, sum[3] + row.load_micros]
        });
        let seconds = counts(rows(series.seconds.as_ref()));
        prop_assert_eq!(seconds, counts(rows(series.minutes.as_ref())));
        let spans = series.spans.iter().fold([0; 3], |sum, span| [sum[0] + span.sent, sum[1] + span.answered, sum[2] + span.failed]);
        prop_assert_eq!(&seconds[..3], &spans[..]);
        prop_assert_eq!(seconds[0], series.sent);
        prop_assert_eq!(seconds[3], took_micros);
        let minutes = series.minutes.unwrap();
        prop_assert_eq!(minutes.members.iter().flat_map(|member| &member.answers).sum::<u64>(), seconds[1]);
        prop_assert!(minutes.at.is_sorted() && minutes.members.iter().all(|member| member.answers.len() == minutes.at.len()));
    }
}
