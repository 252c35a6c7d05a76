//! Clusters that grow and shrink with their queues: a burst from rest, and back to rest, whether instances are launched or started.

use serde_json::{Value, json};
use wire::{Metric, Report};

use crate::bench::{self, Bench, REQUESTS};
use crate::lab::shared;

const SAMPLE: &str = include_str!("../../../manifests/samples/scaling.yaml");

/// The value of a line of the sample.
fn of_sample(key: &str) -> &str {
    let line = SAMPLE.lines().find_map(|line| line.trim().strip_prefix(key));
    line.unwrap_or_else(|| panic!("no {key} in the sample")).trim()
}

/// A burst of 100 requests onto one cluster that has no instance at rest.
fn burst(pool: &str, rounds: u32) -> Value {
    let mut spec = bench::spec(rounds, 300_000);
    let scaling = json!({ "policy": "QueueDepth", "messagesPerInstance": 20, "pool": pool });
    spec["clusters"] = json!([{ "name": "one", "instanceType": "m5.large", "count": 3, "scaling": scaling }]);
    spec["balancer"] = json!({ "kind": "Queue", "queue": { "instanceProfile": "clusterbench-queue" } });
    let load = &mut spec["load"];
    load["timeoutSeconds"] = json!(300);
    let corpus = json!({ "url": of_sample("url:"), "sha256": of_sample("sha256:") });
    load["request"] = json!({ "method": "POST", "corpus": corpus });
    load["phases"] = json!([{ "arrivals": "ClosedLoop", "concurrency": REQUESTS, "requests": REQUESTS }]);
    load["comparison"] = json!({ "metric": "UsdMicrosPerThousand" });
    spec
}

/// States of the cluster's instances, of all that were ever made.
fn states(bench: &Bench) -> Vec<String> {
    bench.made().0.into_iter().filter(|one| one.pool == "one").map(|one| one.state).collect()
}

/// Waits for the result of one round. Returns what was seen meanwhile: the most that ran at a time.
fn measured(bench: &Bench) -> (usize, Report) {
    let mut most = 0;
    bench.wait_until("the burst is answered and all is at rest", |object| {
        let running = states(bench).iter().filter(|state| *state == "running").count();
        most = most.max(running);
        bench.is_ready(object)
    });
    let [(_, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    (most, report)
}

fn all_are_right_and_paid(report: &Report, most: usize) {
    let [cluster] = &report.clusters[..] else { panic!("{:?}", report.clusters) };
    assert_eq!((cluster.requests, cluster.right, cluster.failures.total()), (REQUESTS, Some(REQUESTS), 0));
    assert_eq!(report.rounds.len(), 1, "scaling voids nothing: {:?}", report.rounds[0].reason);
    let cost = cluster.queue_cost.unwrap();
    assert!((1..=3).contains(&most) && cost.starts >= 1 && cost.starts <= 3, "{most} {cost:?}");
    // At least a minute for each.
    assert!(cost.instance_millis >= 60_000 * cost.starts, "{cost:?}");
    assert!(cost.millis >= 60_000, "nobody is let go of before its minute is over: {cost:?}");
    // Each request is two PUTs and a GET of S3, and sent, taken, answered and deleted.
    assert!(cost.calls.s3_puts >= 2 * REQUESTS && cost.calls.s3_gets >= REQUESTS, "{cost:?}");
    assert!(cost.calls.sqs >= 3 * REQUESTS, "{cost:?}");
    assert_eq!(report.run.judging.metric, Metric::UsdMicrosPerThousand);
    assert!(cost.usd_nanos.unwrap() > cost.calls_usd_nanos.unwrap(), "{cost:?}");
}

#[test]
fn a_burst_launches_from_nothing_and_ends_all_again() {
    let Some(lab) = shared("scaling by launches") else { return };
    let bench = Bench::apply(lab, "burst-launched", burst("Launch", 1));
    let (most, report) = measured(&bench);
    all_are_right_and_paid(&report, most);
    assert!(states(&bench).iter().all(|state| state == "terminated"), "{:?}", states(&bench));
    bench.delete();
}

#[test]
fn a_burst_starts_stopped_instances_and_stops_them_again() {
    let Some(lab) = shared("scaling by start and stop") else { return };
    let bench = Bench::apply(lab, "burst-started", burst("StartStop", 1));
    let (most, report) = measured(&bench);
    all_are_right_and_paid(&report, most);
    assert_eq!(states(&bench), ["stopped"; 3], "the same three, and no others");
    bench.delete();
}
