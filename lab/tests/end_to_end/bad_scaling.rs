//! Specs with clusters that follow their queue and that the API server must refuse.

use serde_json::{Value, json};

use crate::bad_specs::with;

fn scaled(scaling: Value) -> Value {
    with(|spec| {
        spec["balancer"] = json!({ "kind": "Queue", "queue": { "instanceProfile": "clusterbench-queue" } });
        spec["load"]["timeoutSeconds"] = json!(600);
        spec["clusters"][0]["scaling"] = scaling;
    })
}

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let depth = |more: Value| {
        let mut of = json!({ "policy": "QueueDepth", "messagesPerInstance": 5 });
        for (key, value) in more.as_object().into_iter().flatten() {
            of[key] = value.clone();
        }
        of
    };
    let mut generators = scaled(depth(json!({})));
    generators["load"]["generator"] = json!({ "count": 2 });
    let mut hurried = scaled(depth(json!({})));
    hurried["load"].as_object_mut().expect("a load").remove("timeoutSeconds");
    let target = |seconds: u32| scaled(json!({ "policy": "LatencyTarget", "targetSeconds": seconds, "min": 1 }));
    let mut patient = target(30);
    patient["load"].as_object_mut().expect("a load").remove("timeoutSeconds");
    let without_queue = with(|spec| spec["clusters"][0]["scaling"] = depth(json!({})));
    let mut launches = scaled(depth(json!({})));
    launches["load"]["launches"] = json!(3);
    vec![
        ("scaling without a queue", without_queue, &["spec.clusters", "set balancer.kind Queue, or remove scaling"]),
        ("scaling and launches", launches, &["spec.load", "remove launches, or remove scaling"]),
        ("scaling and two generators", generators, &["spec.load", "set count 1, or remove scaling"]),
        ("from none without patience", hurried, &["spec.load", "load.timeoutSeconds: it is needed"]),
        (
            "a target at which requests fail",
            target(600),
            &["spec.clusters", "scaling.targetSeconds must be less than load.timeoutSeconds", "lower targetSeconds"],
        ),
        (
            "a target at which requests fail by themselves",
            patient,
            &["spec.clusters", "30 seconds without it", "raise load.timeoutSeconds"],
        ),
        (
            "more as the fewest than as the most",
            scaled(depth(json!({ "min": 99 }))),
            &["spec.clusters[0]", "lower min, or raise count"],
        ),
        ("no target", scaled(json!({ "policy": "LatencyTarget" })), &["scaling.targetSeconds: it is needed"]),
        (
            "a target of a depth",
            scaled(depth(json!({ "targetSeconds": 5 }))),
            &["for policy LatencyTarget, and for no other"],
        ),
        ("no depth", scaled(json!({ "policy": "QueueDepth" })), &["scaling.messagesPerInstance: it is needed"]),
        (
            "a policy that is none",
            scaled(json!({ "policy": "Guess" })),
            &["spec.clusters[0].scaling.policy", "LatencyTarget", "QueueDepth"],
        ),
        ("a pool that is none", scaled(depth(json!({ "pool": "Spot" }))), &["scaling.pool", "StartStop"]),
    ]
}
