//! Specs with queues and files that the API server must refuse.

use serde_json::{Value, json};

use crate::bad_specs::with;

fn balancer(of: Value) -> Value {
    with(|spec| spec["balancer"] = of)
}

fn queue(more: Value) -> Value {
    let mut of = json!({ "kind": "Queue", "queue": { "instanceProfile": "clusterbench-queue" } });
    for (key, value) in more.as_object().into_iter().flatten() {
        of[key] = value.clone();
    }
    balancer(of)
}

fn request(of: Value) -> Value {
    with(|spec| spec["load"]["request"] = of)
}

/// The same request, behind queues.
fn asked(of: Value) -> Value {
    let mut spec = queue(json!({}));
    spec["load"]["request"] = of;
    spec
}

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let profile = |name: &str| queue(json!({ "queue": { "instanceProfile": name } }));
    let url = "http://mirror.example/clusterbenchmark/corpus.tar";
    let corpus = |sha256: &str| json!({ "url": url, "sha256": sha256 });
    let files = corpus(&"0".repeat(64));
    let arn = "arn:aws:iam::111122223333:instance-profile/x";
    vec![
        (
            "queues for another kind",
            balancer(json!({ "queue": { "instanceProfile": "x" } })),
            &["spec.balancer", "balancer.queue is for kind Queue"],
        ),
        (
            "queues without a profile",
            balancer(json!({ "kind": "Queue" })),
            &["spec.balancer", "needs balancer.queue.instanceProfile", "docs/iam-instance-policy.json"],
        ),
        ("an ARN of a profile", profile(arn), &["instanceProfile", "not its ARN"]),
        ("a profile without a name", profile(""), &["instanceProfile"]),
        (
            "a policy for workers that take",
            queue(json!({ "policy": "RoundRobin" })),
            &["spec.balancer", "balancer.policy is for kind Custom: remove it"],
        ),
        (
            "a shared path of queues",
            queue(json!({ "shared": { "path": "/" } })),
            &["spec.balancer", "balancer.shared is for kinds Custom and Application"],
        ),
        (
            "one attempt, which a lost receive may be",
            queue(json!({ "queue": { "instanceProfile": "x", "attempts": 1 } })),
            &["spec.balancer.queue.attempts", "greater than or equal to 2"],
        ),
        (
            "a header that does not get through queues",
            asked(json!({ "headers": [
                { "name": "content-Type", "value": "image/jpeg" },
                { "name": "Accept", "value": "text/plain" },
            ] })),
            &["spec.load", "load.request.headers: behind queues only Content-Type", "balancer.kind Custom"],
        ),
        (
            "a status that is no answer of a queue",
            asked(json!({ "expectStatus": 503 })),
            &["spec.load", "load.request.expectStatus: behind queues", "set one below 500"],
        ),
        (
            "a cluster with the name of the front",
            with(|spec| spec["clusters"][0]["name"] = json!("front")),
            &["spec.clusters[0]", "front and generator are names of our own pools"],
        ),
        ("files that are got", request(json!({ "corpus": files })), &["request.corpus", "method POST or PUT"]),
        (
            "files and a body",
            request(json!({ "method": "POST", "body": "x", "corpus": files })),
            &["request.corpus", "remove body and expectBody"],
        ),
        (
            "files without a hash",
            request(json!({ "method": "POST", "corpus": corpus("abc") })),
            &["sha256", "64 lower-case hexadecimal digits"],
        ),
        (
            "no time for an answer",
            with(|spec| spec["load"]["timeoutSeconds"] = json!(0)),
            &["spec.load.timeoutSeconds", "greater than or equal to 1"],
        ),
    ]
}
