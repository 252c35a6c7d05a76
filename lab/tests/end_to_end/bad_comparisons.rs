//! Specs that compare by what their load does not show, which the API server must refuse.

use serde_json::{Value, json};

use crate::bad_specs::with;

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "requests per dollar under a fixed rate",
            with(|spec| {
                spec["load"]["comparison"] = json!({ "metric": "RequestsPerUsd" });
                spec["load"]["phases"] = fixed_rate();
            }),
            &[
                "spec.load",
                "comparison.metric: RequestsPerUsd needs closed loops",
                "give every phase arrivals ClosedLoop",
            ],
        ),
        (
            "a limit on requests per dollar under a fixed rate",
            with(|spec| {
                spec["load"]["thresholds"] = json!([{ "cluster": "one", "metric": "RequestsPerUsd", "atLeast": 1 }]);
                spec["load"]["phases"] = fixed_rate();
            }),
            &["spec.load", "thresholds: metric RequestsPerUsd needs closed loops"],
        ),
        (
            "the cost of answers that went through no queue",
            with(|spec| spec["load"]["comparison"] = json!({ "metric": "UsdMicrosPerThousand" })),
            &["spec.load", "metric UsdMicrosPerThousand", "set balancer.kind Queue"],
        ),
        (
            "a limit on the cost of answers that went through no queue",
            with(|spec| {
                let limit = json!({ "cluster": "one", "metric": "UsdMicrosPerThousand", "atMost": 1 });
                spec["load"]["thresholds"] = json!([limit]);
            }),
            &["spec.load", "metric UsdMicrosPerThousand", "choose RequestsPerUsd or another metric"],
        ),
        (
            "requests per dollar behind queues",
            queued(|spec| spec["load"]["comparison"] = json!({ "metric": "RequestsPerUsd" })),
            &["spec.load", "choose UsdMicrosPerThousand, which counts them"],
        ),
        (
            "the cost of answers by several generators",
            queued(|spec| {
                spec["load"]["comparison"] = json!({ "metric": "UsdMicrosPerThousand" });
                spec["load"]["generator"] = json!({ "count": 2 });
                spec["load"]["phases"] = fixed_rate();
            }),
            &["spec.load", "generator.count", "UsdMicrosPerThousand", "set count 1"],
        ),
        (
            "a scaled cluster and several generators",
            queued(|spec| {
                spec["clusters"][0]["scaling"] = scaling();
                spec["load"]["generator"] = json!({ "count": 2 });
                spec["load"]["phases"] = fixed_rate();
            }),
            &["spec.load", "load.generator.count", "remove scaling"],
        ),
        (
            "a scaled cluster and several launches",
            queued(|spec| {
                spec["clusters"][0]["scaling"] = scaling();
                spec["load"]["launches"] = json!(2);
            }),
            &["spec.load", "load.launches", "other instances in each round already"],
        ),
        (
            "a cluster that scales from nothing, and requests that fail before it has booted",
            queued(|spec| {
                spec["clusters"][0]["scaling"] = scaling();
                spec["load"].as_object_mut().unwrap().remove("timeoutSeconds");
            }),
            &["spec.load", "load.timeoutSeconds", "such as 600"],
        ),
    ]
}

/// A good spec behind queues, changed.
fn queued(change: impl FnOnce(&mut Value)) -> Value {
    with(|spec| {
        spec["balancer"] = json!({ "kind": "Queue", "queue": { "instanceProfile": "clusterbench-queue" } });
        (spec["load"]["timeoutSeconds"], spec["load"]["rounds"]) = (json!(600), json!(6));
        change(spec);
    })
}

fn scaling() -> Value {
    json!({ "policy": "QueueDepth", "messagesPerInstance": 5 })
}

fn fixed_rate() -> Value {
    json!([{ "arrivals": "Poisson", "requestsPerSecond": 9, "durationSeconds": 9 }])
}
