//! CloudWatch on the wire, which is Smithy RPC v2 in CBOR: series that are whole or fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use planner::ports::{Datapoint, MetricQuery, Metrics, Minutes};

use super::*;

/// Just enough of CBOR (RFC 8949) to write answers.
fn text(text: &str) -> Vec<u8> {
    [&head(3, text.len() as u64), text.as_bytes()].concat()
}

fn head(major: u8, count: u64) -> Vec<u8> {
    match u8::try_from(count) {
        Ok(small @ 0..24) => vec![major << 5 | small],
        _ => [&[major << 5 | 26][..], &u32::try_from(count).unwrap().to_be_bytes()].concat(),
    }
}

fn list(items: Vec<Vec<u8>>) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

fn map(fields: Vec<(&str, Vec<u8>)>) -> Vec<u8> {
    let items: Vec<u8> = fields.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [head(5, fields.len() as u64), items].concat()
}

fn number(value: f64) -> Vec<u8> {
    [&[0xfb][..], &value.to_be_bytes()].concat()
}

fn time(second: i64) -> Vec<u8> {
    [head(6, 1), head(0, second.unsigned_abs())].concat()
}

const FROM: i64 = 1_800_000_000;

fn result(id: &str, status: &str, minutes: std::ops::Range<i64>) -> Vec<u8> {
    map(vec![
        ("Id", text(id)),
        ("Label", text("RequestCount")),
        ("Timestamps", list(minutes.clone().map(|minute| time(FROM + 60 * minute)).collect())),
        ("Values", list(minutes.map(|minute| number(minute as f64 + 0.5)).collect())),
        ("StatusCode", text(status)),
    ])
}

fn page(results: Vec<Vec<u8>>, next: Option<&str>) -> Vec<u8> {
    let mut fields = vec![("MetricDataResults", list(results))];
    fields.extend(next.map(|next| ("NextToken", text(next))));
    fields.push(("Messages", list(Vec::new())));
    map(fields)
}

fn query(statistic: &str) -> MetricQuery {
    MetricQuery {
        metric: "RequestCount".into(),
        statistic: statistic.into(),
        load_balancer: "app/cb-1/1".into(),
        target_group: Some("targetgroup/cb-1/1".into()),
    }
}

fn minutes() -> Minutes {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    Minutes { from: at(FROM), to: at(FROM + 600) }
}

fn counted(found: &[Datapoint]) -> Vec<(i64, f64)> {
    found.iter().map(|point| ((point.at.as_second() - FROM) / 60, point.value)).collect()
}

fn occurrences(of: &str, body: &[u8]) -> usize {
    body.windows(of.len()).filter(|window| *window == of.as_bytes()).count()
}

/// Region that does not repeat reads.
fn once(fake: &Fake) -> Arc<Region> {
    aws(fake).with_patience(Patience { read_attempts: 1, ..Patience::default() }).region("eu-west-1")
}

#[tokio::test]
async fn series_are_read_over_all_pages() {
    let fake = Fake::start(|before, _| {
        let body = match before {
            0 => page(vec![result("q0", "PartialData", 0..3), result("q1", "Complete", 0..0)], Some("next")),
            _ => page(vec![result("q0", "Complete", 3..5)], None),
        };
        Reply::Unframed(200, body)
    })
    .await;
    let found = region(&fake).metrics(&[query("Sum"), query("p99")], &minutes()).await.unwrap();
    assert_eq!(counted(&found[0]), [(0, 0.5), (1, 1.5), (2, 2.5), (3, 3.5), (4, 4.5)]);
    assert_eq!((found.len(), counted(&found[1])), (2, vec![]));
    let bodies = fake.bodies();
    assert_eq!(bodies.len(), 2);
    for (path, body) in &bodies {
        assert_eq!(path, "/service/GraniteServiceVersion20100801/operation/GetMetricData");
        for part in ["AWS/ApplicationELB", "app/cb-1/1", "targetgroup/cb-1/1", "TimestampAscending", "p99"] {
            assert_ne!(occurrences(part, body), 0, "{part}");
        }
    }
    assert_eq!([&bodies[0].1, &bodies[1].1].map(|body| occurrences("NextToken", body)), [0, 1]);
}

#[tokio::test]
async fn five_hundred_queries_go_in_a_call_and_none_in_none() {
    let fake = Fake::start(|before, _| {
        let count = [500, 500, 1][before];
        Reply::Unframed(200, page((0..count).map(|at| result(&format!("q{at}"), "Complete", 0..1)).collect(), None))
    })
    .await;
    let region = region(&fake);
    let queries: Vec<_> = (0..1_001).map(|_| query("Sum")).collect();
    assert_eq!(region.metrics(&queries, &minutes()).await.unwrap().len(), 1_001);
    let asked: Vec<_> = fake.bodies().iter().map(|(_, body)| occurrences("MetricName", body)).collect();
    assert_eq!(asked, [500, 500, 1]);
    assert_eq!(region.metrics(&[], &minutes()).await, Ok(vec![]));
    let none = Minutes { to: minutes().from, ..minutes() };
    assert_eq!(region.metrics(&[query("Sum")], &none).await, Ok(vec![vec![]]));
    assert_eq!(fake.bodies().len(), 3);
}

#[tokio::test]
async fn no_cut_series_is_believed() {
    let whole = page(vec![result("q0", "Complete", 0..4), result("q1", "Complete", 0..2)], None);
    let (bytes, length) = (whole.clone(), whole.len());
    let fake = Fake::start(move |before, _| Reply::Unframed(200, bytes[..before].to_vec())).await;
    let region = once(&fake);
    let queries = [query("Sum"), query("p99")];
    for cut in 0..length {
        let error = region.metrics(&queries, &minutes()).await.expect_err("a cut answer");
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Malformed"), "cut at {cut}: {error}");
        assert!(error.message.len() < 400, "{error}");
    }
    assert_eq!(region.metrics(&queries, &minutes()).await.unwrap()[0].len(), 4);
}

#[tokio::test]
async fn a_series_shorter_than_promised_is_not_believed() {
    // Text, for the fake; every byte of it is a byte of this answer as well.
    let whole = "\u{1}".repeat(64);
    let fake = Fake::start(move |before, _| Reply::Short(whole.clone(), before * 8)).await;
    let region = once(&fake);
    for _ in 0..8 {
        let error = region.metrics(&[query("Sum")], &minutes()).await.unwrap_err();
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Truncated"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_answer_of_cloudwatch_is_unreachable() {
    let refusal = map(vec![("__type", text("com.amazonaws.cloudwatch#SomethingNew")), ("message", text("words"))]);
    let message = map(vec![("Code", text("MaxMetricsExceeded")), ("Value", text("Maximum number of allowed metrics"))]);
    let partly =
        map(vec![("MetricDataResults", list(vec![result("q0", "Complete", 0..1)])), ("Messages", list(vec![message]))]);
    let twice = page(vec![result("q0", "Complete", 0..1)], Some("again"));
    let trailing = [page(vec![result("q0", "Complete", 0..1)], None), vec![0]].concat();
    let rows = [
        (200, b"<html><body>It works!</body></html>".to_vec(), "Malformed"),
        (200, trailing, "Malformed"),
        (200, map(vec![]), "Incomplete"),
        (200, page(vec![result("q0", "InternalError", 0..0)], None), "InternalError"),
        (200, page(vec![result("q0", "PartialData", 0..1)], None), "PartialData"),
        (200, partly, "Incomplete"),
        (200, twice, "Paging"),
        (400, refusal, "SomethingNew"),
        (503, b"<html><body>503 Service Unavailable</body></html>".to_vec(), "Http503"),
        (502, Vec::new(), "Http502"),
    ];
    for (status, body, code) in rows {
        let answer = body.clone();
        let fake = Fake::start(move |_, _| Reply::Unframed(status, answer.clone())).await;
        let error = once(&fake).metrics(&[query("Sum")], &minutes()).await.expect_err(code);
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, code), "{status}: {error}");
        assert!(error.message.len() < 400 && !error.message.contains('<'), "{error}");
    }
}

#[tokio::test]
async fn reads_of_series_are_repeated_and_counted() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let fake = Fake::start(|before, _| match before {
        0 => Reply::Reset,
        1 => Reply::Unframed(503, Vec::new()),
        _ => Reply::Unframed(200, page(vec![result("q0", "Complete", 0..1)], None)),
    })
    .await;
    let count = move |action: &str, _| {
        assert_eq!(action, "GetMetricData");
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let found = aws(&fake).counting(count).region("eu-west-1").metrics(&[query("Sum")], &minutes()).await.unwrap();
    assert_eq!((found[0].len(), calls.load(Ordering::SeqCst), fake.bodies().len()), (1, 3, 3));
}
