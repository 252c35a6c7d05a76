//! Series of metrics: what passed through a load balancer of the simulation, asked for in process and over the wire.

use std::sync::Arc;

use cloud::{Aws, Patience};
use cloudsim::cloudwatch::{Action, Passed, Served};
use cloudsim::{Fault, Settings, SharedSim, Sim};
use jiff::{SignedDuration, Timestamp};
use lab::aws::{ACCESS_KEY, SECRET_KEY};
use lab::region::Region;
use planner::Failure;
use planner::ports::{Datapoint, MetricQuery, Metrics, Minutes, Regions};

const BALANCER: &str = "app/cb-one/0123456789abcdef";
const GROUPS: [&str; 2] = ["targetgroup/cb-1/0123456789abcdef", "targetgroup/cb-2/0123456789abcdef"];

/// Ten whole minutes, the last of which is over.
fn minutes() -> Minutes {
    let now = Timestamp::now().as_second();
    let at = |minute: i64| Timestamp::from_second((now / 60 + minute) * 60).unwrap();
    Minutes { from: at(-11), to: at(-1) }
}

/// Requests in the first, second and fourth minute: (minute, group, count, seconds of an answer).
const TRAFFIC: [(i64, usize, usize, f64); 4] =
    [(0, 0, 8, 0.002), (0, 1, 4, 0.004), (1, 0, 12, 0.001), (3, 1, 20, 0.008)];

fn pass(sim: &SharedSim, minutes: &Minutes) {
    let now = sim.now();
    for (minute, group, count, seconds) in TRAFFIC {
        for _ in 0..count {
            let served = Served { target_group: GROUPS[group].into(), targets: 4, answer: Some((200, seconds)) };
            sim.lock().cloudwatch(now).passed(&Passed {
                at: minutes.from + SignedDuration::from_secs(minute * 60 + 7),
                load_balancer: BALANCER.into(),
                served: Some(served),
                elb_status: None,
                is_rejected: false,
            });
        }
    }
}

fn query(metric: &str, statistic: &str, group: Option<usize>) -> MetricQuery {
    MetricQuery {
        metric: metric.into(),
        statistic: statistic.into(),
        load_balancer: BALANCER.into(),
        target_group: group.map(|group| GROUPS[group].to_owned()),
    }
}

fn settings() -> Settings {
    // Small, so that a series goes over several pages.
    Settings { page_size: 3, ..Settings::default() }
}

async fn check<M: Metrics>(who: &str, cloud: &M, minutes: &Minutes) {
    let rows: [(MetricQuery, &[(i64, f64)]); 9] = [
        (query("RequestCount", "Sum", Some(0)), &[(0, 8.0), (1, 12.0)]),
        (query("RequestCount", "Sum", Some(1)), &[(0, 4.0), (3, 20.0)]),
        (query("RequestCount", "Sum", None), &[(0, 12.0), (1, 12.0), (3, 20.0)]),
        (query("RequestCount", "Average", Some(0)), &[(0, 1.0), (1, 1.0)]),
        (query("RequestCountPerTarget", "Sum", Some(0)), &[(0, 2.0), (1, 3.0)]),
        (query("TargetResponseTime", "p99", Some(1)), &[(0, 0.004), (3, 0.008)]),
        (query("TargetResponseTime", "SampleCount", Some(1)), &[(0, 4.0), (3, 20.0)]),
        (query("HTTPCode_Target_2XX_Count", "Sum", Some(0)), &[(0, 8.0), (1, 12.0)]),
        // Nothing of the kind happened: that is known, and no point.
        (query("HTTPCode_ELB_5XX_Count", "Sum", None), &[]),
    ];
    let queries: Vec<_> = rows.iter().map(|(query, _)| query.clone()).collect();
    let found = cloud.metrics(&queries, minutes).await.unwrap_or_else(|error| panic!("{who}: {error}"));
    assert_eq!(found.len(), rows.len(), "{who}");
    let told = |point: &Datapoint| (point.at.duration_since(minutes.from).as_secs() / 60, point.value);
    for ((query, expected), found) in rows.iter().zip(&found) {
        let found: Vec<_> = found.iter().map(told).collect();
        assert_eq!(found, *expected, "{who}: {query:?}");
    }
    // A span is a span.
    let second = SignedDuration::from_secs(60);
    let later = Minutes { from: minutes.from + second, to: minutes.from + 2 * second };
    let found = cloud.metrics(&queries[..1], &later).await.unwrap();
    assert_eq!(found[0].iter().map(|point| point.value).collect::<Vec<_>>(), [12.0], "{who}");
    assert_eq!(cloud.metrics(&[], minutes).await.unwrap(), Vec::<Vec<Datapoint>>::new(), "{who}");
}

#[tokio::test]
async fn series_are_told_as_they_are() {
    let minutes = minutes();
    let sim = SharedSim::new(Sim::new(1, settings()).unwrap(), Arc::new(Timestamp::now));
    pass(&sim, &minutes);
    check("cloudsim", &sim, &minutes).await;
    let region = Region::start_for_tests(settings()).await;
    pass(&region.sim(), &minutes);
    let regions = Aws::at(&format!("http://{}", region.endpoint()), ACCESS_KEY, SECRET_KEY);
    check("lab", &*regions.region(&settings().region), &minutes).await;
}

#[tokio::test]
async fn a_series_is_whole_or_fails() {
    let minutes = minutes();
    let region = Region::start_for_tests(settings()).await;
    pass(&region.sim(), &minutes);
    let patience = Patience { read_backoff: std::time::Duration::from_millis(1), ..Patience::default() };
    let regions = Aws::at(&format!("http://{}", region.endpoint()), ACCESS_KEY, SECRET_KEY).with_patience(patience);
    let cloud = regions.region(&settings().region);
    let queries = [query("RequestCount", "Sum", None)];
    // What passes is tried again below the port.
    for fault in [Fault::LostAnswer, Fault::Throttled, Fault::Status500] {
        region.sim().lock().inject_next(Action::GetMetricData, fault);
        assert_eq!(cloud.metrics(&queries, &minutes).await.unwrap()[0].len(), 3, "{fault:?}");
    }
    for _ in 0..20 {
        region.sim().lock().inject_next(Action::GetMetricData, Fault::Truncated);
        let error = cloud.metrics(&queries, &minutes).await.unwrap_err();
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Malformed"));
    }
}
