//! Searches for a capacity that the API server must refuse, and some that it must take.

use serde_json::{Value, json};

use crate::bad_specs::with;

/// A good search, changed.
fn searching(change: impl FnOnce(&mut Value)) -> Value {
    with(|spec| {
        spec["load"].as_object_mut().unwrap().remove("phases");
        spec["load"]["search"] = json!({ "objective": { "metric": "P99Micros", "atMost": 50_000 } });
        change(spec);
    })
}

/// Searches that nothing is wrong with.
pub(crate) fn good() -> Vec<Value> {
    vec![
        searching(|_| {}),
        searching(|spec| {
            spec["load"]["search"] = json!({
                "objective": { "metric": "P999Micros", "atMost": 60_000_000, "maxFailedPerMille": 0 },
                "mostRequestsPerSecond": 20_000,
                "target": { "requestsPerSecond": 5_000, "spare": 1 },
            });
            spec["load"]["timeoutSeconds"] = json!(60);
            spec["load"]["comparison"] = json!({ "metric": "RequestsPerUsd", "pairs": "All" });
            spec["load"]["thresholds"] = json!([{ "cluster": "one", "metric": "Capacity", "atLeast": 700 }, { "cluster": "two", "fasterThan": "one" }]);
            (spec["load"]["launches"], spec["load"]["selfTest"]) = (json!(6), json!(true));
        }),
        searching(|spec| spec["balancer"] = json!({ "kind": "Application" })),
    ]
}

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "a search beside phases",
            searching(|spec| spec["load"]["phases"] = json!([{ "pauseSeconds": 1 }, closed_loop()])),
            &["spec.load", "set exactly one of phases, the load of a round, and search"],
        ),
        (
            "neither a search nor phases",
            with(|spec| _ = spec["load"].as_object_mut().unwrap().remove("phases")),
            &["spec.load", "set exactly one of phases, the load of a round, and search"],
        ),
        (
            "no phase in phases",
            with(|spec| spec["load"]["phases"] = json!([])),
            &["spec.load.phases", "should have at least 1 items"],
        ),
        (
            "an objective that is no quantile",
            searching(|spec| spec["load"]["search"]["objective"]["metric"] = json!("RequestsPerSecond")),
            &[
                "spec.load.search.objective.metric",
                "supported values: \"P50Micros\", \"P90Micros\", \"P99Micros\", \"P999Micros\"",
            ],
        ),
        (
            "an objective without a quantile",
            searching(|spec| _ = spec["load"]["search"]["objective"].as_object_mut().unwrap().remove("metric")),
            &["spec.load.search.objective.metric", "Required value"],
        ),
        (
            "an objective of no time",
            searching(|spec| spec["load"]["search"]["objective"]["atMost"] = json!(0)),
            &["spec.load.search.objective.atMost", "greater than or equal to 1"],
        ),
        (
            "an objective that no answer can miss",
            searching(|spec| spec["load"]["search"]["objective"]["atMost"] = json!(30_000_001)),
            &[
                "spec.load",
                "search.objective.atMost",
                "lower atMost, which is in microseconds, or raise timeoutSeconds",
            ],
        ),
        (
            "an objective beyond a limit of its own",
            searching(|spec| {
                spec["load"]["timeoutSeconds"] = json!(1);
                spec["load"]["search"]["objective"]["atMost"] = json!(1_000_001);
            }),
            &["spec.load", "search.objective.atMost", "a request fails after timeoutSeconds"],
        ),
        (
            "a search by several generators",
            searching(|spec| spec["load"]["generator"] = json!({ "count": 2 })),
            &["spec.load", "generator.count: a search has one generator", "set count 1"],
        ),
        (
            "capacities without a search",
            with(|spec| spec["load"]["comparison"] = json!({ "metric": "Capacity" })),
            &["spec.load", "metric Capacity is what a search finds: set search in place of phases"],
        ),
        (
            "a limit on the capacity without a search",
            with(|spec| {
                spec["load"]["thresholds"] = json!([{ "cluster": "one", "metric": "Capacity", "atLeast": 1 }]);
            }),
            &["spec.load", "metric Capacity is what a search finds", "choose another metric"],
        ),
        (
            "latencies of a search",
            searching(|spec| spec["load"]["comparison"] = json!({ "metric": "P99Micros" })),
            &["spec.load", "choose metric Capacity or RequestsPerUsd for comparison and thresholds"],
        ),
        (
            "a limit on latencies of a search",
            searching(|spec| {
                spec["load"]["thresholds"] = json!([{ "cluster": "one", "metric": "P50Micros", "atMost": 1 }]);
            }),
            &["spec.load", "choose metric Capacity or RequestsPerUsd", "set phases in place of search"],
        ),
        (
            "a search behind queues",
            searching(|spec| {
                spec["balancer"] = json!({ "kind": "Queue", "queue": { "instanceProfile": "clusterbench-queue" } });
                spec["clusters"][0]["scaling"] = json!({ "policy": "QueueDepth", "messagesPerInstance": 5 });
                spec["load"]["timeoutSeconds"] = json!(600);
            }),
            &["spec.load", "load.search: behind queues", "set balancer.kind Custom or Application and remove scaling"],
        ),
        (
            "a search of all clusters together",
            searching(|spec| spec["balancer"] = json!({ "shared": { "path": "/", "measured": true } })),
            &["spec.balancer", "balancer.shared.measured: a search is of each cluster alone"],
        ),
        (
            "no rate at all",
            searching(|spec| spec["load"]["search"]["mostRequestsPerSecond"] = json!(0)),
            &["spec.load.search.mostRequestsPerSecond", "greater than or equal to 1"],
        ),
        (
            "a target of nothing",
            searching(|spec| spec["load"]["search"]["target"] = json!({ "requestsPerSecond": 0 })),
            &["spec.load.search.target.requestsPerSecond", "greater than or equal to 1"],
        ),
        (
            "all may fail",
            searching(|spec| spec["load"]["search"]["objective"]["maxFailedPerMille"] = json!(1_000)),
            &["spec.load.search.objective.maxFailedPerMille", "less than or equal to 500"],
        ),
    ]
}

fn closed_loop() -> Value {
    json!({ "arrivals": "ClosedLoop", "concurrency": 4, "requests": 10 })
}
