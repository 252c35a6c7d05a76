//! Pictures of a run, read as the XML that they are.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use report::{Picture, pictures};
use wire::{
    CloudWatch, CloudWatchCluster, CloudWatchState, Columns, Environment, MetricPoints, MetricUnit, QueueColumns,
    REPORT_SCHEMA, Report, Row, RunSpec, Series, Span, SpanKind, Validity,
};

fn start() -> Timestamp {
    "2026-11-29T09:59:00Z".parse().unwrap()
}

/// A report of these series and nothing else.
fn of(series: Vec<Series>) -> Report {
    Report {
        schema: REPORT_SCHEMA.into(),
        run: RunSpec::default(),
        started_at: start(),
        finished_at: start(),
        validity: Validity::Valid,
        reasons: Vec::new(),
        gates: Vec::new(),
        environment: Environment::default(),
        clusters: Vec::new(),
        rounds: Vec::new(),
        series,
        comparisons: Vec::new(),
        further_comparisons: Vec::new(),
        thresholds: Vec::new(),
        self_test: None,
        cost: None,
        summary: String::new(),
        verdict: String::new(),
    }
}

fn row(at: u32, sent: u64, micros: u64) -> Row {
    Row {
        at,
        sent,
        answered: sent,
        load_micros: 1_000_000,
        mean_micros: Some(micros),
        p50_micros: Some(micros - 100),
        p99_micros: Some(3 * micros),
        ..Row::default()
    }
}

fn span(kind: SpanKind, round: u32, from: u64, to: u64) -> Span {
    Span {
        kind,
        round,
        attempt: round.checked_sub(1),
        from_millis: from * 1000,
        to_millis: to * 1000,
        ..Span::default()
    }
}

fn series(cluster: &str, seconds: Vec<Row>, minutes: Vec<Row>, spans: Vec<Span>) -> Series {
    let sent = seconds.iter().map(|row| row.sent).sum();
    let (seconds, minutes) = (Some(Columns::of(1, seconds)), Some(Columns::of(60, minutes)));
    Series { cluster: cluster.into(), members: 4, sent, start: start(), seconds, minutes, queue: None, spans }
}

/// Two clusters in turn, with a pause in the first one's round.
fn tiny() -> Report {
    let pause = span(SpanKind::Pause, 1, 62, 64);
    let one = vec![row(60, 100, 2000), row(61, 120, 2500), row(64, 110, 2200)];
    let spans = vec![pause, span(SpanKind::Counted, 1, 60, 65)];
    let other = vec![row(66, 200, 1500), row(67, 210, 1600)];
    of(vec![
        series("a", one, vec![row(1, 330, 2200)], spans),
        series("b", other, vec![row(1, 410, 1550)], vec![span(SpanKind::Counted, 1, 66, 68)]),
    ])
}

/// An hour of minutes, but for the tenth to the nineteenth.
fn hour() -> Report {
    let minutes = (0..60).filter(|at| !(10..20).contains(at)).map(|at| row(at, 600 + u64::from(at), 2000)).collect();
    let seconds = (0..3600).filter(|at| !(600..1200).contains(at)).map(|at| row(at, 10, 2000)).collect();
    of(vec![series("a", seconds, minutes, vec![span(SpanKind::Pause, 1, 600, 1200)])])
}

fn points(metric: &str, statistic: &str, unit: MetricUnit, values: &[(u32, u64)]) -> MetricPoints {
    let (at, values) = values.iter().copied().unzip();
    MetricPoints { metric: metric.into(), statistic: statistic.into(), unit, at, values }
}

fn cloud_watch(clusters: &[&str]) -> CloudWatch {
    let cluster = |name: &&str| CloudWatchCluster {
        cluster: (*name).into(),
        target_group: String::new(),
        metrics: vec![
            points("RequestCount", "Sum", MetricUnit::Count, &[(2, 598), (3, 604)]),
            points("RequestCountPerTarget", "Sum", MetricUnit::Thousandths, &[(2, 149_500), (3, 151_000)]),
            points("RequestCountPerTarget", "Average", MetricUnit::Thousandths, &[(2, 250), (3, 250)]),
            points("TargetResponseTime", "Average", MetricUnit::Micros, &[(2, 1940), (3, 1950)]),
            points("TargetResponseTime", "p99", MetricUnit::Micros, &[(2, 5000), (3, 5100)]),
        ],
    };
    CloudWatch {
        state: CloudWatchState::Complete,
        start: "2026-11-29T09:58:00Z".parse().unwrap(),
        minutes: 62,
        clusters: clusters.iter().map(cluster).collect(),
        ..CloudWatch::default()
    }
}

/// What a document holds, by a parser that refuses what is not well-formed.
#[derive(Default)]
struct Seen {
    tags: BTreeMap<String, usize>,
    text: Vec<String>,
    /// `d` of the paths of each named line.
    lines: BTreeMap<String, String>,
    root: Vec<(String, String)>,
    /// Names of all attributes.
    attributes: BTreeSet<String>,
    /// Marks of clusters on their lines and beside their names.
    marks: usize,
}

fn attributes(tag: &BytesStart<'_>) -> Vec<(String, String)> {
    let attribute = |one: quick_xml::events::attributes::Attribute<'_>| {
        let name = one.key.as_ref().to_owned();
        (name, quick_xml::escape::unescape(&one.value).unwrap().into_owned())
    };
    tag.attributes().map(|one| attribute(one.unwrap())).collect()
}

fn seen(svg: &str) -> Seen {
    let mut reader = Reader::from_str(svg);
    let (mut seen, mut words, mut is_line) = (Seen::default(), String::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                let name = tag.name().as_ref().to_owned();
                let all = attributes(&tag);
                seen.attributes.extend(all.iter().map(|(key, _)| key.clone()));
                if name == "svg" {
                    seen.root = all.clone();
                }
                let is_mark = all.iter().any(|(key, value)| key == "class" && value.starts_with("mark "));
                seen.marks += usize::from(is_mark);
                if name == "path" && is_line {
                    let d = all.iter().find(|(key, _)| key == "d").unwrap().1.clone();
                    seen.lines.insert(seen.text.last().unwrap().clone(), d);
                    is_line = false;
                }
                is_line |= name == "g";
                *seen.tags.entry(name).or_default() += 1;
                words.clear();
            }
            Event::Text(text) => words += &text,
            Event::GeneralRef(reference) => {
                words += &quick_xml::escape::unescape(&format!("&{};", &*reference)).unwrap();
            }
            Event::End(_) => {
                if !words.trim().is_empty() {
                    seen.text.push(std::mem::take(&mut words));
                }
            }
            Event::Eof => return seen,
            other => panic!("{other:?}"),
        }
    }
}

/// How many pieces a line has, and how many points.
fn pieces_and_points(d: &str) -> (usize, usize) {
    (d.matches('M').count(), d.matches(['M', 'L']).count())
}

#[test]
fn a_short_run_is_drawn_by_second_with_every_point_and_its_gaps() {
    let [requests, per_target, times] = pictures(&tiny(), None).unwrap();
    assert_eq!([requests.file, per_target.file, times.file], ["requests.svg", "per-target.svg", "response-time.svg"]);
    let requests = seen(&requests.svg);
    assert_eq!(pieces_and_points(&requests.lines["a"]), (2, 3), "the pause is a gap");
    assert_eq!(pieces_and_points(&requests.lines["b"]), (1, 2));
    assert_eq!(requests.marks, 5 + 2, "so few points are shown, and a mark of each cluster in the legend");
    assert!(requests.text.iter().any(|text| text == "requests/s") && requests.text.iter().any(|text| text == "pause"));
    assert!(requests.text.iter().any(|text| text == "10:00:05"), "{:?}", requests.text);
    let per_target = seen(&per_target.svg);
    assert_eq!(per_target.lines.keys().collect::<Vec<_>>(), ["a, of 4 targets", "b, of 4 targets"]);
    let names: Vec<String> = seen(&times.svg).lines.into_keys().collect();
    assert_eq!(names, ["a, mean", "a, p50", "a, p99", "b, mean", "b, p50", "b, p99"]);
}

#[test]
fn a_long_run_is_drawn_by_minute_and_cloudwatch_is_dotted_over_it() {
    let cloud = cloud_watch(&["a"]);
    let [requests, per_target, times] = pictures(&hour(), Some(&cloud)).unwrap().map(|one| seen(&one.svg));
    assert_eq!(pieces_and_points(&requests.lines["a"]), (2, 50));
    assert_eq!(pieces_and_points(&requests.lines["a, CloudWatch RequestCount"]), (1, 2));
    // Minute 2 of CloudWatch is minute 1 of ours: nearly the same count, so nearly the same place.
    let place = |d: &str, number: usize| {
        let place = d.split(['M', 'L']).nth(number + 1).unwrap().trim();
        let (x, y) = place.split_once(' ').unwrap();
        (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())
    };
    let (ours, theirs) = (place(&requests.lines["a"], 1), place(&requests.lines["a, CloudWatch RequestCount"], 0));
    assert!((ours.0 - theirs.0).abs() < 0.2 && (ours.1 - theirs.1).abs() < 3.0, "{ours:?} {theirs:?}");
    assert_eq!(per_target.lines.len(), 3);
    assert!(per_target.lines.keys().any(|name| name.ends_with("RequestCountPerTarget Sum: the mean per target")));
    assert!(per_target.lines.keys().any(|name| name.contains("RequestCountPerTarget Average: of single samples")));
    assert!(times.lines.contains_key("a, CloudWatch TargetResponseTime p99"));
    assert!(times.text.iter().any(|text| text == "ms") && requests.text.iter().any(|text| text == "requests/min"));
}

/// One cluster has few steps and the other many: neither shows all of its points. Each cluster has its own rows in the legend.
#[test]
fn clusters_are_drawn_alike_and_stand_below_each_other_in_the_legend() {
    let steps = |count| (0..count).map(|at| row(at, 100, 2000)).collect();
    let report =
        of(vec![series("a", steps(59), Vec::new(), Vec::new()), series("b", steps(61), Vec::new(), Vec::new())]);
    let [requests, _, times] = pictures(&report, None).unwrap();
    // Some marks along the way, each cluster's own: every eighth of 59 and 61 points; and one beside each name.
    let marks = [&requests, &times].map(|one| seen(&one.svg).marks);
    assert_eq!(marks, [7 + 8 + 2, 3 * (7 + 8) + 6]);
    let place = |name: &str| {
        let line = times.svg.lines().rev().find(|line| line.ends_with(&format!(">{name}</text>"))).unwrap();
        let at = |key: &str| line.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
        (at("x"), at("y"))
    };
    let (a, a_p99, b, b_p99) = (place("a, mean"), place("a, p99"), place("b, mean"), place("b, p99"));
    assert_eq!((&a.0, &a_p99.0), (&b.0, &b_p99.0), "below each other");
    assert!(a.1 == a_p99.1 && b.1 == b_p99.1 && a.1 != b.1, "{a:?} {b:?}");
}

#[test]
fn every_picture_says_in_words_what_it_shows_and_brings_nothing_along() {
    for Picture { svg, .. } in pictures(&tiny(), Some(&cloud_watch(&["a", "b"]))).unwrap() {
        let seen = seen(&svg);
        let of_root = |name: &str| seen.root.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(of_root("role"), Some("img"));
        let ids = of_root("aria-labelledby").unwrap();
        assert!(ids.split(' ').all(|id| svg.contains(&format!("id=\"{id}\""))), "{ids}");
        assert!(
            seen.tags
                .keys()
                .all(|tag| ["svg", "title", "desc", "rect", "path", "g", "circle", "text"].contains(&tag.as_str())),
            "{:?}",
            seen.tags
        );
        let brings = |name: &String| name.starts_with("on") || name == "style" || name.ends_with("href");
        assert!(!seen.attributes.iter().any(brings) && !svg.contains("url("), "{:?}", seen.attributes);
        assert!(seen.text[1].contains("Pauses are shaded: 1."), "{}", seen.text[1]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn names_cannot_break_out_of_the_document() {
    let name = "</title><script>alert(1)</script> & \"a\" \u{1b}";
    let mut report = tiny();
    report.series[0].cluster = name.into();
    report.validity = Validity::Invalid;
    let [requests, ..] = pictures(&report, None).unwrap();
    let seen = seen(&requests.svg);
    assert!(!seen.tags.contains_key("script"));
    assert!(seen.lines.contains_key(&name.replace('\u{1b}', "\u{fffd}")), "{:?}", seen.lines.keys());
    assert!(seen.text.iter().any(|text| text.starts_with("NOT VALID, must not be quoted")));
}

#[test]
fn a_report_without_series_has_no_pictures() {
    assert_eq!(pictures(&of(Vec::new()), None), None);
    let mut report = tiny();
    report.series.iter_mut().for_each(|one| (one.seconds, one.minutes) = (None, None));
    assert_eq!(pictures(&report, None), None);
    let mut report = tiny();
    report.series.iter_mut().for_each(|one| one.seconds = None);
    let [requests, ..] = pictures(&report, None).unwrap();
    assert!(requests.svg.contains("requests/min"), "by minute, where there is nothing else");
}

/// Whatever a document says: well-formed, and no number that is none.
#[test]
fn strange_documents_are_drawn_or_not_and_never_break() {
    let mut report = tiny();
    let columns = report.series[0].seconds.as_mut().unwrap();
    columns.at = vec![0, u32::MAX];
    columns.sent = vec![u64::MAX];
    columns.p99_micros.clear();
    report.series[0].spans.push(Span { from_millis: u64::MAX, to_millis: 0, ..Span::default() });
    let mut cloud = cloud_watch(&["a", "x"]);
    cloud.clusters[0].metrics[0].at = vec![u32::MAX, 0];
    for Picture { svg, .. } in pictures(&report, Some(&cloud)).unwrap() {
        seen(&svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn a_picture_is_as_it_was() {
    let mut report = tiny();
    report.series.truncate(1);
    let [requests, ..] = pictures(&report, None).unwrap();
    insta::assert_snapshot!(requests.svg, @r##"
    <svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" aria-labelledby="requests-title requests-desc" viewBox="0 0 960 460" width="960" height="460" font-family="sans-serif" font-size="12" fill="#222">
    <title id="requests-title">Requests sent per second</title>
    <desc id="requests-desc">Requests sent per second, from 2026-11-29 10:00:00 to 2026-11-29 10:00:05 UTC. a: 100 to 120 requests/s. A line is broken where nothing was sent. Pauses are shaded: 1.</desc>
    <rect class="paper" width="960" height="460" fill="#fff"/>
    <text x="76" y="26" class="heading" font-size="16" font-weight="bold">Requests sent per second</text>
    <text x="76" y="44" fill="#444">the generator&#39;s own counts, warm-up and voided rounds included</text>
    <rect class="pause" x="420" y="76" width="344" height="304" fill="#000" fill-opacity="0.08"><title>pause</title></rect>
    <path class="round" d="M76 76 L76 380" stroke="#c4c4c4" stroke-dasharray="2 3"/>
    <text x="78" y="86" font-size="10" fill="#5c5c5c">1</text>
    <path class="axis" d="M76 380 L936 380" stroke="#444"/>
    <text x="70" y="384" text-anchor="end">0</text>
    <path class="grid" d="M76 329.3 L936 329.3" stroke="#e4e4e4"/>
    <text x="70" y="333.3" text-anchor="end">20</text>
    <path class="grid" d="M76 278.7 L936 278.7" stroke="#e4e4e4"/>
    <text x="70" y="282.7" text-anchor="end">40</text>
    <path class="grid" d="M76 228 L936 228" stroke="#e4e4e4"/>
    <text x="70" y="232" text-anchor="end">60</text>
    <path class="grid" d="M76 177.3 L936 177.3" stroke="#e4e4e4"/>
    <text x="70" y="181.3" text-anchor="end">80</text>
    <path class="grid" d="M76 126.7 L936 126.7" stroke="#e4e4e4"/>
    <text x="70" y="130.7" text-anchor="end">100</text>
    <path class="grid" d="M76 76 L936 76" stroke="#e4e4e4"/>
    <text x="70" y="80" text-anchor="end">120</text>
    <text x="8" y="66" fill="#444">requests/s</text>
    <path class="axis" d="M76 380 L76 385" stroke="#444"/>
    <text x="76" y="398" text-anchor="middle">10:00:00</text>
    <path class="axis" d="M248 380 L248 385" stroke="#444"/>
    <text x="248" y="398" text-anchor="middle">10:00:01</text>
    <path class="axis" d="M420 380 L420 385" stroke="#444"/>
    <text x="420" y="398" text-anchor="middle">10:00:02</text>
    <path class="axis" d="M592 380 L592 385" stroke="#444"/>
    <text x="592" y="398" text-anchor="middle">10:00:03</text>
    <path class="axis" d="M764 380 L764 385" stroke="#444"/>
    <text x="764" y="398" text-anchor="middle">10:00:04</text>
    <path class="axis" d="M936 380 L936 385" stroke="#444"/>
    <text x="936" y="398" text-anchor="end">10:00:05</text>
    <text x="506" y="416" text-anchor="middle" fill="#444">2026-11-29, UTC</text>
    <g stroke="#0072b2" fill="none"><title>a</title>
    <path class="line c0" d="M162 126.7 L334 76 M850 101.3" stroke-width="1.8"/>
    <path class="mark c0" d="M159.4 126.7a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0Z" fill="#0072b2" stroke="none"/>
    <path class="mark c0" d="M331.4 76a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0Z" fill="#0072b2" stroke="none"/>
    <path class="mark c0" d="M847.4 101.3a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0Z" fill="#0072b2" stroke="none"/>
    </g>
    <path class="line c0" d="M76 438 L104 438" stroke="#0072b2" stroke-width="1.8"/>
    <path class="mark c0" d="M87 438a3 3 0 1 0 6 0a3 3 0 1 0 -6 0Z" fill="#0072b2" stroke="none"/>
    <text x="110" y="442">a</text>
    </svg>
    "##);
}

#[test]
fn a_queue_is_drawn_over_time_and_a_silence_is_a_gap() {
    assert_eq!(report::queue_pictures(&tiny()), None);
    let mut report = tiny();
    report.series[0].queue = Some(QueueColumns {
        at_millis: vec![60_000, 61_000, 120_000],
        waiting: vec![4, 9, 0],
        taken: vec![2, 2, 1],
        running: vec![1, 2, 2],
        starting: vec![1, 0, 0],
    });
    report.series[1].queue = Some(QueueColumns { starting: Vec::new(), ..report.series[0].queue.clone().unwrap() });
    let [queue, instances] = report::queue_pictures(&report).unwrap().map(|one| seen(&one.svg));
    assert_eq!(pieces_and_points(&queue.lines["a, in the queue"]), (2, 3));
    assert_eq!(queue.lines.len(), 4);
    assert_eq!(instances.lines.keys().collect::<Vec<_>>(), ["a, at work", "a, starting", "b, at work"]);
    assert!(queue.text.iter().any(|text| text.contains("a, in the queue: 0 to 9 requests")), "{:?}", queue.text);
}
