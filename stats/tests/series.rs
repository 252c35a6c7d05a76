//! Series of a run in its report: how parts are joined, how long they may be, and what CloudWatch's count is held against.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use stats::{Material, count_checks, document, join_generators, join_launches, report};
use support::sample::material;
use support::schema::violations;
use wire::{
    CloudWatch, CloudWatchCluster, CloudWatchState, Columns, CountOutcome, MemberColumn, MetricPoints, MetricUnit,
    QueueColumns, REPORT_LIMIT_BYTES, Report, RoundOutcome, Row, RunMember, Series, Slice, Span, SpanKind, Target,
};

/// Seconds of a load that begins at this second of this minute: 10 sent and 9 answered in each.
fn series(cluster: &str, minute: i64, from: u32, seconds: u32, micros: u64) -> Series {
    let row = |at: u32| Row {
        at,
        sent: 10,
        answered: 9,
        failed: 1,
        load_micros: 1_000_000,
        mean_micros: Some(micros),
        p50_micros: Some(micros),
        p99_micros: Some(2 * micros),
        ..Row::default()
    };
    let rows: Vec<Row> = (from..from + seconds).map(row).collect();
    let count = u64::from(seconds);
    let member = MemberColumn { id: "i-1".into(), answers: vec![9 * count] };
    let minutes =
        Row { at: 0, sent: 10 * count, answered: 9 * count, failed: count, load_micros: 1_000_000 * count, ..rows[0] };
    let span = |kind, attempt| Span {
        kind,
        round: u32::from(attempt == Some(0)),
        attempt,
        from_millis: u64::from(from) * 1000,
        to_millis: u64::from(from + seconds) * 1000,
        sent: 10 * count,
        answered: 9 * count,
        failed: count,
        open_at_end: 0,
    };
    Series {
        cluster: cluster.into(),
        members: 0,
        sent: 10 * count,
        start: Timestamp::from_second(minute * 60).unwrap(),
        seconds: Some(Columns::of(1, rows)),
        minutes: Some(Columns { members: vec![member], ..Columns::of(60, [minutes]) }),
        queue: None,
        spans: vec![span(SpanKind::WarmUp, None), span(SpanKind::Counted, Some(0))],
    }
}

fn part(series: Vec<Series>) -> Material {
    let mut material = material(2, 6, 100);
    material.series = series;
    material
}

fn of_both(minute: i64, from: u32, seconds: u32, micros: u64) -> Vec<Series> {
    ["cluster1", "cluster2"].map(|name| series(name, minute, from, seconds, micros)).to_vec()
}

fn counts(columns: Option<&Columns>) -> [u64; 4] {
    columns.unwrap().rows().fold([0; 4], |sum, row| {
        [sum[0] + row.sent, sum[1] + row.answered, sum[2] + row.failed, sum[3] + row.load_micros]
    })
}

#[test]
fn generators_are_added_step_by_step_and_quantiles_are_not() {
    let half = |index, minute, from, micros| {
        let mut material = part(of_both(minute, from, 5, micros));
        material.spec.slice = Slice { index, count: 2 };
        report(material).unwrap()
    };
    // The second generator began two seconds later, and counts from the minute before.
    let mut halves = [half(0, 1000, 10, 1000), half(1, 999, 72, 3000)];
    halves[1].series.iter_mut().flat_map(|one| &mut one.minutes).for_each(|minutes| minutes.at[0] = 1);
    halves[1].rounds[0].outcome = RoundOutcome::Voided;
    let whole = join_generators(&halves).unwrap();
    let one = &whole.series[0];
    assert_eq!((one.cluster.as_str(), one.sent, one.start.as_second()), ("cluster1", 100, 999 * 60));
    let rows: Vec<Row> = one.seconds.as_ref().unwrap().rows().collect();
    let shown: Vec<_> =
        rows.iter().map(|row| (row.at, row.sent, row.load_micros, row.mean_micros, row.p50_micros)).collect();
    let (alone, both) = ((10, Some(1000)), (20, Some(2000)));
    assert_eq!(shown[0], (70, alone.0, 1_000_000, alone.1, Some(1000)));
    assert_eq!(shown[2], (72, both.0, 1_000_000, both.1, None), "the mean of both, and the median of neither");
    assert_eq!((shown.len(), shown[6].4), (7, Some(3000)));
    let minutes = one.minutes.as_ref().unwrap();
    assert_eq!((&minutes.at[..], &minutes.members[0].answers[..]), (&[1][..], &[90][..]));
    assert!(whole.environment.notes.iter().any(|note| note.contains("quantiles of several cannot be added up")));
    let counted = one.spans.iter().filter(|span| span.attempt == Some(0)).collect::<Vec<_>>();
    assert_eq!(counted.len(), 1, "one round, measured by both: {:?}", one.spans);
    assert_eq!((counted[0].kind, counted[0].sent), (SpanKind::Voided, 100), "voided by one, void for all");
    assert_eq!((counted[0].from_millis, counted[0].to_millis), (70_000, 77_000));
}

#[test]
fn launches_follow_each_other() {
    let launch = |minute| report(part(of_both(minute, 10, 5, 1000))).unwrap();
    let whole = join_launches(&[launch(1000), launch(1007)]).unwrap();
    let one = &whole.series[1];
    assert_eq!((one.sent, counts(one.seconds.as_ref())), (100, [100, 90, 10, 10_000_000]));
    assert_eq!(one.minutes.as_ref().unwrap().at, [0, 7]);
    assert_eq!(one.seconds.as_ref().unwrap().at, [10, 11, 12, 13, 14, 430, 431, 432, 433, 434]);
    assert!(one.seconds.as_ref().unwrap().p50_micros.iter().all(Option::is_some), "no step is of both");
    let rounds: Vec<_> = one.spans.iter().map(|span| (span.kind, span.attempt, span.round)).collect();
    let of_launch = |attempt, round| [(SpanKind::WarmUp, None, 0), (SpanKind::Counted, Some(attempt), round)];
    assert_eq!(rounds, [of_launch(0, 1), of_launch(6, 7)].concat());
    assert!(whole.environment.notes.iter().all(|note| !note.contains("series")), "{:?}", whole.environment.notes);
}

/// Two looks at the queue of each cluster, by one of several generators or by the only one.
fn with_queues(minute: i64, slice: Slice) -> Report {
    let mut series = of_both(minute, 10, 5, 1000);
    for one in &mut series {
        let [waiting, taken, running] = [vec![3, 1], vec![1, 2], vec![1, 1]];
        one.queue =
            Some(QueueColumns { at_millis: vec![10_000, 12_000], waiting, taken, running, starting: Vec::new() });
    }
    let mut material = part(series);
    material.spec.slice = slice;
    report(material).unwrap()
}

#[test]
fn queues_of_launches_follow_each_other_and_generators_saw_the_same_one() {
    let queue = |whole: &Report| whole.series[1].queue.clone().unwrap();
    let launch = |minute| with_queues(minute, Slice::default());
    let launches = queue(&join_launches(&[launch(1000), launch(1007)]).unwrap());
    assert_eq!(launches.at_millis, [10_000, 12_000, 430_000, 432_000]);
    assert_eq!((&launches.waiting[..], launches.starting.len()), (&[3, 1, 3, 1][..], 0));
    let generators =
        queue(&join_generators(&[0, 1].map(|index| with_queues(1000, Slice { index, count: 2 }))).unwrap());
    assert_eq!((&generators.at_millis[..], &generators.waiting[..]), (&[10_000, 12_000][..], &[3, 1][..]));
    let mut lacks = launch(1007);
    lacks.series[1].queue = None;
    assert_eq!(join_launches(&[launch(1000), lacks]).unwrap().series[1].queue, None);
}

#[test]
fn a_part_that_lacks_series_leaves_the_whole_without_and_it_is_said() {
    let launch = |series| report(part(series)).unwrap();
    let whole = || launch(of_both(1000, 10, 5, 1000));
    let old = join_launches(&[whole(), launch(Vec::new())]).unwrap();
    assert!(old.series.is_empty());
    assert!(old.environment.notes.iter().any(|note| note.contains("the whole run has no series, because")));
    let mut long = whole();
    long.series.iter_mut().for_each(|one| one.seconds = None);
    let joined = join_launches(&[whole(), long]).unwrap();
    assert!(joined.series.iter().all(|one| one.seconds.is_none() && one.minutes.is_some() && one.sent == 100));
    assert!(joined.environment.notes.iter().any(|note| note.contains("no series by second, because")));
}

/// Six hours of seconds on each of two clusters.
fn long() -> Report {
    let hours: u32 = 6 * 3600;
    let mut series = of_both(1000, 0, hours, 123_456);
    for one in &mut series {
        let minute =
            |at: u32| Row { at, sent: 600, answered: 540, failed: 60, load_micros: 60_000_000, ..Row::default() };
        one.minutes = Some(Columns::of(60, (0..hours / 60).map(minute)));
    }
    report(part(series)).unwrap()
}

#[test]
fn seconds_are_given_up_first_and_it_is_said() {
    let long = long();
    assert!(serde_json::to_vec(&long).unwrap().len() > REPORT_LIMIT_BYTES);
    let stored = document(long.clone()).unwrap();
    assert!(stored.len() <= REPORT_LIMIT_BYTES, "{}", stored.len());
    let read: Report = serde_json::from_slice(&stored).unwrap();
    assert_eq!(
        read.environment.notes,
        ["the series by second were left out, those by minute are there: the report was too long"]
    );
    assert!(read.series.iter().all(|one| one.seconds.is_none()));
    assert_eq!((&read.series[0].minutes, &read.rounds), (&long.series[0].minutes, &long.rounds), "nothing else is");
}

#[test]
fn minutes_are_given_up_before_what_is_known_of_rounds() {
    let mut long = long();
    let minute = |at: u32| Row { at, sent: u64::MAX, answered: u64::MAX, load_micros: u64::MAX, ..Row::default() };
    long.series[0].minutes = Some(Columns::of(60, (0..20_000).map(minute)));
    let read: Report = serde_json::from_slice(&document(long.clone()).unwrap()).unwrap();
    assert_eq!(read.environment.notes.len(), 2, "{:?}", read.environment.notes);
    assert!(read.series.iter().all(|one| one.minutes.is_none()));
    assert_eq!(
        (read.rounds, read.series[0].sent, &read.series[0].spans),
        (long.rounds, long.series[0].sent, &long.series[0].spans)
    );
}

#[test]
fn series_are_what_the_committed_schema_says() {
    let mut series = of_both(1000, 10, 3, 1000);
    series[0].seconds.as_mut().unwrap().p99_micros[1] = None;
    series[1].spans.push(Span { kind: SpanKind::Pause, ..Span::default() });
    series[1].queue = Some(QueueColumns { starting: vec![1], at_millis: vec![1], ..QueueColumns::default() });
    let document: Value = serde_json::from_slice(&document(report(part(series)).unwrap()).unwrap()).unwrap();
    assert_eq!(document["series"][1]["minutes"]["members"][0]["answers"][0], 27);
    let schema = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
    assert_eq!(violations(&schema, &document), [] as [String; 0]);
}

#[test]
fn members_are_those_that_the_run_names_or_else_those_that_answer() {
    let members = |change: fn(&mut Material)| {
        let mut material = part(of_both(1000, 0, 5, 1000));
        change(&mut material);
        report(material).unwrap().series.iter().map(|one| one.members).collect::<Vec<_>>()
    };
    assert_eq!(members(|_| ()), [4, 4], "members that told what they are");
    assert_eq!(members(|material| material.environment.clusters.clear()), [1, 1], "members that answered");
    let named = |material: &mut Material| {
        let member = |id: &str| RunMember { cluster: "cluster1".into(), id: id.into(), address: "10.0.0.1:80".into() };
        material.spec.members = ["i-1", "i-2", "i-3"].map(member).to_vec();
        material.spec.targets[1].url = material.spec.targets[0].url.clone();
    };
    assert_eq!(members(named), [3, 3], "cluster2 is the twin of cluster1");
}

fn cloud_watch(state: CloudWatchState, counts: &[(&str, &[u64])]) -> CloudWatch {
    let cluster = |(name, values): &(&str, &[u64])| CloudWatchCluster {
        cluster: (*name).into(),
        target_group: "targetgroup/cb/1".into(),
        metrics: vec![MetricPoints {
            metric: "RequestCount".into(),
            statistic: "Sum".into(),
            unit: MetricUnit::Count,
            at: (0..values.len() as u32).collect(),
            values: values.to_vec(),
        }],
    };
    let reason = if state == CloudWatchState::Complete { "" } else { "throttled for 10 min" };
    CloudWatch { state, reason: reason.into(), clusters: counts.iter().map(cluster).collect(), ..CloudWatch::default() }
}

#[test]
fn two_counts_are_held_against_each_other() {
    let mut report = report(part(of_both(1000, 0, 50, 1000))).unwrap();
    let told = |report: &Report, state, first: &[u64], second: &[u64]| {
        let checks = count_checks(report, &cloud_watch(state, &[("cluster1", first), ("cluster2", second)]));
        checks.into_iter().map(|check| (check.outcome, check.sentence)).collect::<Vec<_>>()
    };
    use CloudWatchState::{Complete, None, Partial};
    let said = told(&report, Complete, &[200, 300], &[490]);
    assert_eq!(
        said[0],
        (CountOutcome::Agrees, "CloudWatch counted 500 requests of cluster1, we sent 500: off by 0 %".into())
    );
    assert_eq!(
        said[1],
        (CountOutcome::Caution, "CloudWatch counted 490 requests of cluster2, we sent 500: off by 2 %".into())
    );
    assert_eq!(told(&report, Complete, &[505], &[506]).map_outcomes(), [CountOutcome::Agrees, CountOutcome::Caution]);
    assert_eq!(told(&report, Complete, &[], &[500])[0].0, CountOutcome::Caution, "no point at all is no request");
    let partial = &told(&report, Partial, &[200], &[500])[0];
    assert_eq!(partial.0, CountOutcome::Unknown);
    assert!(partial.1.ends_with("off by 60 % (throttled for 10 min)"), "{}", partial.1);
    assert_eq!(told(&report, None, &[], &[])[0].1, "CloudWatch told nothing of cluster1: throttled for 10 min");
    // Another run of the same minutes explains what is too much, and nothing that is missing.
    let shared = |first: &[u64]| {
        let account = CloudWatch { shares_minutes: true, ..cloud_watch(Complete, &[("cluster1", first)]) };
        count_checks(&report, &account).remove(0)
    };
    assert_eq!(shared(&[900]).outcome, CountOutcome::Unknown);
    assert!(shared(&[900]).sentence.ends_with("(another run was in the same minutes)"), "{:?}", shared(&[900]));
    assert_eq!(shared(&[400]).outcome, CountOutcome::Caution);
    // One cluster under two names: CloudWatch has one target group for both.
    report.run.targets[1] = Target { url: report.run.targets[0].url.clone(), ..report.run.targets[1].clone() };
    assert_eq!(told(&report, Complete, &[1000], &[500])[0].0, CountOutcome::Agrees);
    report.series.clear();
    assert_eq!(told(&report, Complete, &[500], &[500])[0].0, CountOutcome::Unknown, "nobody knows what we sent");
}

/// CloudWatch counts by target group: what all members serve together is counted where it was answered.
#[test]
fn requests_to_all_members_are_held_against_the_counts_of_each_cluster() {
    let mut material = part(of_both(1000, 0, 50, 1000));
    material.spec.targets.push(Target {
        cluster: "all".into(),
        url: "http://10.0.0.1:8080/".into(),
        shared: true,
        ..Target::default()
    });
    let member = |(cluster, id): (&str, &str)| RunMember {
        cluster: cluster.into(),
        id: id.into(),
        address: "10.0.0.1:80".into(),
    };
    material.spec.members = [("cluster1", "i-1"), ("cluster2", "i-2")].map(member).to_vec();
    let mut shared = wire::Series { cluster: "all".into(), sent: 100, ..material.series[0].clone() };
    let column = |id: &str, answers: &[u64]| wire::MemberColumn { id: id.into(), answers: answers.to_vec() };
    shared.minutes.as_mut().unwrap().members = vec![column("i-1", &[40, 20]), column("i-2", &[40])];
    material.series.push(shared);
    let mut report = report(material).unwrap();
    let outcomes = |report: &Report, first, second| {
        let told = cloud_watch(CloudWatchState::Complete, &[("cluster1", &[first]), ("cluster2", &[second])]);
        count_checks(report, &told).into_iter().map(|check| check.outcome).collect::<Vec<_>>()
    };
    use CountOutcome::{Agrees, Caution, Unknown};
    assert_eq!(outcomes(&report, 560, 540), [Agrees, Agrees]);
    assert_eq!(outcomes(&report, 500, 600), [Caution, Caution]);
    assert_eq!(report.series[2].members, 2);
    // We gave up 30 of them: CloudWatch has counted each, for the target group of the one or of the other.
    report.series[2].sent = 130;
    for (first, second) in [(590, 540), (560, 570), (575, 555)] {
        assert_eq!(outcomes(&report, first, second), [Agrees, Agrees], "{first} {second}");
    }
    let told = cloud_watch(CloudWatchState::Complete, &[("cluster1", &[590]), ("cluster2", &[570])]);
    let both = count_checks(&report, &told);
    assert_eq!(both[0].outcome, Caution, "one request is not of two clusters");
    assert_eq!(
        both[0].sentence,
        "CloudWatch counted 590 requests of cluster1, we sent 560, and up to 30 of those to all members that no member answered: off by 0 %; of all clusters it counted 1160, we sent 1130: off by 2.66 %"
    );
    assert_eq!(outcomes(&report, 540, 590), [Caution, Caution], "fewer than answered, and more than were given up");
    assert_eq!(outcomes(&report, 560, 540), [Caution, Caution], "where are the 30?");
    report.series[2].minutes = None;
    assert_eq!(outcomes(&report, 560, 540), [Unknown, Unknown], "nobody knows whose answers they were");
}

trait Outcomes {
    fn map_outcomes(self) -> Vec<CountOutcome>;
}

impl Outcomes for Vec<(CountOutcome, String)> {
    fn map_outcomes(self) -> Vec<CountOutcome> {
        self.into_iter().map(|(outcome, _)| outcome).collect()
    }
}

proptest! {
    // Each makes and joins whole reports.
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Wherever the parts begin and however they overlap: the whole has the counts of all.
    #[test]
    fn nothing_is_lost_or_doubled_by_joining(parts in prop::collection::vec((0i64..5, 0u32..50, 1u32..60), 1..5)) {
        let reports: Vec<Report> = parts
            .iter()
            .map(|(minute, from, seconds)| report(part(of_both(1000 + minute, *from, *seconds, 1000))).unwrap())
            .collect();
        let all: u64 = parts.iter().map(|(_, _, seconds)| u64::from(*seconds)).sum();
        for whole in [join_launches(&reports).unwrap(), join_generators(&reports).unwrap()] {
            let one = &whole.series[0];
            prop_assert_eq!(&counts(one.seconds.as_ref())[..3], &[10 * all, 9 * all, all]);
            prop_assert_eq!(&counts(one.minutes.as_ref())[..3], &[10 * all, 9 * all, all]);
            prop_assert_eq!(one.sent, 10 * all);
            prop_assert_eq!(one.spans.iter().map(|span| span.sent).sum::<u64>(), 2 * 10 * all);
            prop_assert_eq!(one.minutes.as_ref().unwrap().members[0].answers.iter().sum::<u64>(), 9 * all);
            prop_assert!(one.seconds.as_ref().unwrap().at.is_sorted());
        }
    }
}
