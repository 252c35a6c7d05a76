//! CloudWatch: what passed through load balancers, by minute.

use std::collections::BTreeMap;

use cloudsim::cloudwatch::{
    GetMetricData, ListMetrics, Metric, MetricDataQuery, NAMESPACE, Passed, ScanBy, Served, StatusCode,
};
use cloudsim::{LoadBalancing, Outcome, Settings, Sim, Span};

use crate::world::{at, code, exact, sim};

const BALANCER: &str = "app/cb-one/50dc6c495c0c9188";
const GROUP: &str = "targetgroup/cb-group/73e2d6bc24d8a067";

/// The first second of a minute, after the beginning of the test.
const MINUTE: i64 = 0;

fn metric(name: &str, group: Option<&str>) -> Metric {
    let mut dimensions = BTreeMap::from([("LoadBalancer".to_owned(), BALANCER.to_owned())]);
    dimensions.extend(group.map(|group| ("TargetGroup".to_owned(), group.to_owned())));
    Metric { namespace: NAMESPACE.into(), name: name.into(), dimensions }
}

fn query(id: &str, name: &str, statistic: &str) -> MetricDataQuery {
    let (id, statistic) = (id.to_owned(), statistic.to_owned());
    MetricDataQuery { id, metric: metric(name, Some(GROUP)), period: 60, statistic, label: None }
}

fn request(queries: Vec<MetricDataQuery>, from: i64, to: i64) -> GetMetricData {
    GetMetricData {
        queries,
        start: at(from),
        end: at(to),
        scan_by: ScanBy::TimestampAscending,
        max_datapoints: None,
        next_token: None,
    }
}

/// Values of one query by second.
fn values(sim: &mut Sim, name: &str, statistic: &str, from: i64, to: i64, second: i64) -> Vec<(i64, f64)> {
    let asked = request(vec![query("q", name, statistic)], from, to);
    let answer = sim.cloudwatch(at(second)).get_metric_data(&asked).unwrap();
    assert_eq!(answer.results[0].status, StatusCode::Complete);
    let since = |point: &cloudsim::cloudwatch::Point| point.at.duration_since(at(0)).as_secs();
    answer.results[0].points.iter().map(|point| (since(point), point.value)).collect()
}

/// So many answers in so many milliseconds each, of a group of four targets.
fn pass(sim: &mut Sim, second: i64, count: usize, millis: f64) {
    for _ in 0..count {
        let served = Served { target_group: GROUP.into(), targets: 4, answer: Some((200, millis / 1000.0)) };
        let passed = Passed {
            at: at(second),
            load_balancer: BALANCER.into(),
            served: Some(served),
            elb_status: None,
            is_rejected: false,
        };
        sim.cloudwatch(at(second)).passed(&passed);
    }
}

#[test]
fn counters_are_ones_and_the_count_per_target_is_its_sum() {
    assert_eq!(at(MINUTE).as_second() % 60, 0);
    let mut sim = sim(exact());
    pass(&mut sim, 5, 40, 2.0);
    pass(&mut sim, 125, 8, 4.0);
    let mut of = |name: &str, statistic: &str| values(&mut sim, name, statistic, 0, 180, 300);
    // A minute without traffic has no point.
    assert_eq!(of("RequestCount", "Sum"), [(0, 40.0), (120, 8.0)]);
    for statistic in ["Average", "Minimum", "Maximum"] {
        assert_eq!(of("RequestCount", statistic), [(0, 1.0), (120, 1.0)], "{statistic}");
    }
    assert_eq!(of("RequestCountPerTarget", "Sum"), [(0, 10.0), (120, 2.0)], "the mean per target");
    assert_eq!(of("RequestCountPerTarget", "Average"), [(0, 0.25), (120, 0.25)]);
    assert_eq!(of("TargetResponseTime", "Average"), [(0, 0.002), (120, 0.004)]);
    assert_eq!(of("TargetResponseTime", "SampleCount"), [(0, 40.0), (120, 8.0)]);
    assert_eq!(of("TargetResponseTime", "p99"), [(0, 0.002), (120, 0.004)]);
    assert_eq!(of("HTTPCode_Target_2XX_Count", "Sum"), [(0, 40.0), (120, 8.0)]);
    assert_eq!(of("HTTPCode_Target_5XX_Count", "Sum"), []);
}

#[test]
fn what_no_target_was_chosen_for_is_no_request() {
    let mut sim = sim(exact());
    let passed = |served, elb_status| Passed {
        at: at(0),
        load_balancer: BALANCER.into(),
        served,
        elb_status,
        is_rejected: false,
    };
    let broken = Served { target_group: GROUP.into(), targets: 1, answer: None };
    sim.cloudwatch(at(0)).passed(&passed(None, None));
    sim.cloudwatch(at(0)).passed(&passed(Some(broken), Some(502)));
    sim.cloudwatch(at(0)).passed(&Passed { is_rejected: true, ..passed(None, Some(503)) });
    sim.cloudwatch(at(0)).hosts(BALANCER, GROUP, at(0), 3, 1);
    sim.cloudwatch(at(0)).hosts(BALANCER, GROUP, at(10), 4, 0);
    let total = |name: &str, group| sim.truth().cloudwatch.total(&metric(name, group));
    assert_eq!((total("RequestCount", None), total("RequestCount", Some(GROUP))), (1.0, 1.0));
    assert_eq!((total("HTTPCode_ELB_5XX_Count", None), total("HTTPCode_ELB_502_Count", None)), (2.0, 1.0));
    assert_eq!((total("RejectedConnectionCount", None), total("TargetResponseTime", None)), (1.0, 0.0));
    assert_eq!(values(&mut sim, "HealthyHostCount", "Minimum", 0, 60, 60), [(0, 3.0)]);
}

#[test]
fn the_newest_minute_is_incomplete_and_fills_up() {
    let lag = LoadBalancing { metric_lag: Span::seconds(0, 120), ..LoadBalancing::default() };
    let mut sim = sim(Settings { load_balancing: lag, ..exact() });
    for second in 0..60 {
        pass(&mut sim, second, 10, 1.0);
    }
    let mut at_second =
        |second| values(&mut sim, "RequestCount", "Sum", 0, 60, second).first().map_or(0.0, |one| one.1);
    let seen = [60, 90, 120, 150, 179].map(&mut at_second);
    assert!(seen[0] < 600.0 && seen.is_sorted() && seen[3] > seen[0], "{seen:?}");
    assert_eq!(at_second(180), 600.0);
}

#[test]
fn a_start_off_the_minute_gives_a_point_too_many() {
    let mut sim = sim(exact());
    for minute in 0..4 {
        pass(&mut sim, minute * 60 + 1, 1, 1.0);
    }
    let mut minutes = |from, to| values(&mut sim, "RequestCount", "Sum", from, to, 300).len();
    assert_eq!(minutes(0, 120), 2);
    assert_eq!(minutes(30, 150), 3);
    assert_eq!(minutes(60, 60 + 1), 1);
}

#[test]
fn points_come_in_pages() {
    let mut sim = sim(exact());
    for minute in 0..5 {
        pass(&mut sim, minute * 60, 1, 1.0);
    }
    let queries = vec![
        query("none", "HTTPCode_Target_5XX_Count", "Sum"),
        query("a", "RequestCount", "Sum"),
        query("b", "RequestCountPerTarget", "Sum"),
    ];
    let mut asked = GetMetricData { max_datapoints: Some(4), ..request(queries, 0, 300) };
    let mut shape = Vec::new();
    loop {
        let page = sim.cloudwatch(at(300)).get_metric_data(&asked).unwrap();
        shape.push(
            page.results
                .iter()
                .map(|one| format!("{} {} {}", one.id, one.points.len(), one.status.name()))
                .collect::<Vec<_>>(),
        );
        asked.next_token = page.next_token;
        if asked.next_token.is_none() {
            break;
        }
    }
    assert_eq!(
        shape,
        [vec!["none 0 Complete", "a 4 PartialData"], vec!["a 1 Complete", "b 3 PartialData"], vec!["b 2 Complete"]]
    );
    let newest_first = GetMetricData {
        scan_by: ScanBy::TimestampDescending,
        ..request(vec![query("a", "RequestCount", "Sum")], 0, 300)
    };
    let answer = sim.cloudwatch(at(300)).get_metric_data(&newest_first).unwrap();
    assert_eq!(answer.results[0].points[0].at, at(240));
}

#[test]
fn a_question_that_makes_no_sense_is_refused() {
    let mut sim = sim(exact());
    let one = || vec![query("q", "RequestCount", "Sum")];
    let changed = |change: &dyn Fn(&mut MetricDataQuery)| {
        let mut queries = one();
        change(&mut queries[0]);
        request(queries, 0, 60)
    };
    let rows = [
        ("no query", request(Vec::new(), 0, 60)),
        (
            "501 queries",
            request((0..501).map(|number| query(&format!("q{number}"), "RequestCount", "Sum")).collect(), 0, 60),
        ),
        ("an id twice", request([one(), one()].concat(), 0, 60)),
        ("an empty span", request(one(), 60, 60)),
        ("an id in capitals", changed(&|query| query.id = "Q".into())),
        ("half a minute", changed(&|query| query.period = 30)),
        ("no period", changed(&|query| query.period = 0)),
        ("no such statistic", changed(&|query| query.statistic = "Median".into())),
        ("no such percentile", changed(&|query| query.statistic = "p101".into())),
    ];
    for (what, asked) in rows {
        let answer: Outcome<_> = sim.cloudwatch(at(60)).get_metric_data(&asked);
        assert_eq!(code(answer), "ValidationError", "{what}");
    }
    let mut wrong_token = request(one(), 0, 60);
    wrong_token.next_token = Some("page-9".into());
    assert_eq!(code(sim.cloudwatch(at(60)).get_metric_data(&wrong_token)), "InvalidNextToken");
}

#[test]
fn metrics_are_listed_once_they_have_samples() {
    let mut sim = sim(exact());
    let of_group = ListMetrics {
        name: Some("RequestCount".into()),
        dimensions: vec![("TargetGroup".into(), None)],
        ..ListMetrics::default()
    };
    assert_eq!(sim.cloudwatch(at(0)).list_metrics(&of_group).unwrap().items, []);
    pass(&mut sim, 0, 1, 1.0);
    assert_eq!(sim.cloudwatch(at(0)).list_metrics(&of_group).unwrap().items, [metric("RequestCount", Some(GROUP))]);
}
