//! Specs that the API server must refuse, each with the words of its refusal.

use serde_json::{Value, json};

use crate::bench::spec;

/// A good spec, changed.
pub(crate) fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = spec(6, 1000);
    change(&mut changed);
    changed
}

fn with_phase(phase: Value) -> Value {
    with(|spec| spec["load"]["phases"] = json!([phase]))
}

fn with_threshold(threshold: Value) -> Value {
    with(|spec| spec["load"]["thresholds"] = json!([threshold]))
}

fn application(health_check: Value) -> Value {
    json!({ "kind": "Application", "application": { "healthCheck": health_check } })
}

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let load = json!({ "arrivals": "ClosedLoop", "concurrency": 4, "requests": 10 });
    let sha256 = "0".repeat(64);
    let many = |name: &str| json!({ "name": name, "instanceType": "t2.micro", "count": 100 });
    vec![
        (
            "no instance",
            with(|spec| spec["clusters"][0]["count"] = json!(0)),
            &["spec.clusters[0].count", "greater than or equal to 1"],
        ),
        (
            "too many instances of a cluster",
            with(|spec| spec["clusters"][0]["count"] = json!(257)),
            &["spec.clusters[0].count", "less than or equal to 100"],
        ),
        (
            "too many instances in all",
            with(|spec| {
                spec["clusters"] =
                    json!([many("a"), many("b"), { "name": "c", "instanceType": "t2.micro", "count": 57 }])
            }),
            &["spec.clusters", "more than 256 instances in one benchmark, lower the counts"],
        ),
        (
            "a policy of ours for a load balancer of AWS",
            with(|spec| spec["balancer"] = json!({ "kind": "Application", "policy": "RoundRobin" })),
            &["spec.balancer", "balancer.policy is for kind Custom: remove it, and set balancer.application.algorithm"],
        ),
        (
            "an instance type for a load balancer of AWS",
            with(|spec| spec["balancer"] = json!({ "kind": "Application", "instanceType": "c6i.xlarge" })),
            &["spec.balancer", "balancer.instanceType is for kinds Custom and Queue: remove it"],
        ),
        (
            "settings of a load balancer of AWS for our own",
            with(|spec| spec["balancer"] = json!({ "application": {} })),
            &["spec.balancer", "balancer.application is for kind Application: set balancer.kind, or remove it"],
        ),
        (
            "a cluster with the name of the shared path",
            with(|spec| {
                spec["clusters"][0]["name"] = json!("shared");
                spec["balancer"] = json!({ "shared": { "path": "/" } });
            }),
            &["spec.clusters", "with balancer.shared no cluster may have the name shared"],
        ),
        (
            "a shared path that ends with a slash",
            with(|spec| spec["balancer"] = json!({ "shared": { "path": "/all/" } })),
            &["spec.balancer.shared.path", "such as / or /all, without a slash at the end"],
        ),
        (
            "a shared path where workers answer themselves",
            with(|spec| spec["balancer"] = json!({ "shared": { "path": "/health" } })),
            &["spec.balancer.shared", "workers answer /health, /metrics, /machine, /calibration themselves"],
        ),
        (
            "a shared path where a cluster is served",
            with(|spec| spec["balancer"] = json!({ "shared": { "path": "/one" } })),
            &["spec.balancer", "balancer.shared.path: a cluster is served at this path, choose another, such as /"],
        ),
        (
            "a shared path of more clusters than a load balancer of AWS spreads one over",
            with(|spec| {
                let one = |name: &str| json!({ "name": name, "instanceType": "t2.micro", "count": 1 });
                spec["clusters"] = ["a", "b", "c", "d", "e", "f"].map(one).to_vec().into();
                spec["balancer"] = json!({ "kind": "Application", "shared": { "path": "/" } });
            }),
            &["spec.balancer", "spreads one path over at most five clusters, remove some, or set balancer.kind Custom"],
        ),
        (
            "a public status of a load balancer of AWS",
            with(|spec| spec["balancer"] = json!({ "kind": "Application", "publicStatus": true })),
            &["spec.balancer", "balancer.publicStatus is for kind Custom: remove it"],
        ),
        (
            "a public status where a cluster is served",
            with(|spec| {
                spec["clusters"][0]["path"] = json!("/status");
                spec["balancer"] = json!({ "publicStatus": true });
            }),
            &["spec.balancer", "would answer at /status, where a cluster is served: set path on the cluster"],
        ),
        (
            "a public status where all clusters are served",
            with(|spec| spec["balancer"] = json!({ "publicStatus": true, "shared": { "path": "/status" } })),
            &["spec.balancer", "would answer at /status"],
        ),
        (
            "a load balancer that faces the internet and lets nobody in",
            with(|spec| {
                spec["balancer"] = json!({ "kind": "Application", "application": { "scheme": "InternetFacing" } });
            }),
            &["spec.balancer", "InternetFacing needs network.ingressCidrs, the networks that may send requests"],
        ),
        (
            "a scheme that is not known",
            with(|spec| spec["balancer"] = json!({ "kind": "Application", "application": { "scheme": "Public" } })),
            &["spec.balancer.application.scheme", "supported values: \"Internal\", \"InternetFacing\""],
        ),
        (
            "more measurements than a report holds, with a shared path",
            with(|spec| {
                spec["load"]["rounds"] = json!(750);
                spec["balancer"] = json!({ "shared": { "path": "/", "measured": true } });
            }),
            &["spec.load.rounds", "one more with a shared path that is measured"],
        ),
        (
            "a check that takes as long as it waits",
            with(|spec| spec["balancer"] = application(json!({ "intervalSeconds": 5, "timeoutSeconds": 5 }))),
            &["spec.balancer.application.healthCheck", "timeoutSeconds must be less than intervalSeconds"],
        ),
        (
            "checks too often",
            with(|spec| spec["balancer"] = application(json!({ "intervalSeconds": 4 }))),
            &["spec.balancer.application.healthCheck.intervalSeconds", "greater than or equal to 5"],
        ),
        (
            "a server error as a success",
            with(|spec| spec["balancer"] = application(json!({ "statuses": "200-500" }))),
            &["spec.balancer.application.healthCheck.statuses", "HTTP statuses from 200 to 499"],
        ),
        (
            "a program of one cluster without its hash",
            with(|spec| spec["clusters"][0]["worker"] = json!({ "artifactUrl": "https://example.test/program" })),
            &["spec.clusters[0].worker", "artifactUrl and artifactSha256 go together, set both or none"],
        ),
        ("no cluster", with(|spec| spec["clusters"] = json!([])), &["spec.clusters", "at least 1 items"]),
        (
            "one name twice",
            with(|spec| spec["clusters"][1]["name"] = json!("one")),
            &["spec.clusters", "two clusters have the same name, give each its own"],
        ),
        (
            "one path twice",
            with(|spec| spec["clusters"][1]["path"] = json!("/one")),
            &["spec.clusters", "two clusters are served at the same path, set path on one of them"],
        ),
        (
            "a cluster named like a pool of ours",
            with(|spec| spec["clusters"][0]["name"] = json!("balancer")),
            &["spec.clusters[0]", "balancer, front and generator are names of our own pools, choose another"],
        ),
        (
            "no instance type",
            with(|spec| spec["clusters"][0]["instanceType"] = json!("T2 micro")),
            &["spec.clusters[0].instanceType", "write an EC2 instance type in lower-case letters"],
        ),
        (
            "an unknown field",
            with(|spec| spec["load"]["warmUpRequests"] = json!(10)),
            &["unknown field \"spec.load.warmUpRequests\""],
        ),
        (
            "requests and seconds",
            with_phase(json!({ "arrivals": "ClosedLoop", "concurrency": 4, "requests": 10, "durationSeconds": 10 })),
            &["spec.load.phases[0]", "stops after requests or after durationSeconds: set exactly one"],
        ),
        (
            "neither requests nor seconds",
            with_phase(json!({ "arrivals": "ClosedLoop", "concurrency": 4 })),
            &["spec.load.phases[0]", "stops after requests or after durationSeconds: set exactly one"],
        ),
        (
            "a pause with concurrency",
            with(|spec| spec["load"]["phases"] = json!([load, { "pauseSeconds": 1, "concurrency": 4 }])),
            &["spec.load.phases[1]", "a pause has no other field than pauseSeconds"],
        ),
        (
            "a closed loop without concurrency",
            with_phase(json!({ "arrivals": "ClosedLoop", "requests": 10 })),
            &["spec.load.phases[0]", "ClosedLoop needs concurrency"],
        ),
        (
            "an open loop without a rate",
            with_phase(json!({ "arrivals": "Poisson", "durationSeconds": 10 })),
            &["spec.load.phases[0]", "Poisson and Constant need requestsPerSecond"],
        ),
        (
            "a closed loop with a rate",
            with_phase(json!({ "arrivals": "ClosedLoop", "concurrency": 4, "requestsPerSecond": 5, "requests": 10 })),
            &["spec.load.phases[0]", "ClosedLoop needs concurrency, and has no requestsPerSecond"],
        ),
        (
            "load and pause in one",
            with_phase(json!({ "arrivals": "ClosedLoop", "concurrency": 4, "requests": 10, "pauseSeconds": 1 })),
            &["spec.load.phases[0]", "either a load (arrivals) or a pause (pauseSeconds): set exactly one"],
        ),
        (
            "a ramp without steps",
            with_phase(
                json!({ "arrivals": "Constant", "requestsPerSecond": 1, "toRequestsPerSecond": 9, "durationSeconds": 9 }),
            ),
            &["spec.load.phases[0]", "toRequestsPerSecond and steps go together"],
        ),
        (
            "a ramp that counts requests",
            with_phase(json!({ "arrivals": "Constant", "requestsPerSecond": 1, "toRequestsPerSecond": 9, "steps": 3,
                "requests": 9 })),
            &["spec.load.phases[0]", "steps need requestsPerSecond", "and durationSeconds, which they divide"],
        ),
        (
            "a method that is none of ours",
            with(|spec| spec["load"]["request"] = json!({ "method": "CONNECT" })),
            &["spec.load.request", "CONNECT asks for a tunnel, use another method"],
        ),
        (
            "a header that the generator sets",
            with(|spec| spec["load"]["request"] = json!({ "headers": [{ "name": "Content-Length", "value": "1" }] })),
            &["spec.load.request.headers", "are set by the generator, remove them"],
        ),
        (
            "a header that the balancer would answer to",
            with(|spec| spec["load"]["request"] = json!({ "headers": [{ "name": "Max-Forwards", "value": "0" }] })),
            &["spec.load.request.headers", "the balancer would answer in a member's place, remove it"],
        ),
        (
            "a TRACE with a body",
            with(|spec| spec["load"]["request"] = json!({ "method": "TRACE", "body": "x" })),
            &["spec.load.request", "TRACE has no body, remove it or use another method"],
        ),
        (
            "a header that is two",
            with(|spec| spec["load"]["request"] = json!({ "headers": [{ "name": "a", "value": "1\r\nb: 2" }] })),
            &["spec.load.request.headers[0].value", "printable ASCII on one line"],
        ),
        (
            "compared by failures",
            with(|spec| spec["load"]["comparison"] = json!({ "metric": "FailedPerMille" })),
            &["spec.load.comparison", "FailedPerMille has no ratio, choose another metric"],
        ),
        (
            "only pauses",
            with_phase(json!({ "pauseSeconds": 1 })),
            &["spec.load.phases", "there is no load, only pauses: add a phase with arrivals"],
        ),
        (
            "arrivals that are not known",
            with_phase(json!({ "arrivals": "Sometimes", "concurrency": 4, "requests": 10 })),
            &["spec.load.phases[0].arrivals", "supported values: \"Poisson\", \"Constant\", \"ClosedLoop\""],
        ),
        (
            "an image named twice",
            with(|spec| spec["image"] = json!({ "alias": "al2023", "id": "ami-0123456789abcdef0" })),
            &["spec.image", "set exactly one of alias and id"],
        ),
        (
            "a program without its hash",
            with(|spec| spec["worker"] = json!({ "artifactUrl": "http://127.0.0.1/worker" })),
            &["spec.worker", "artifactUrl and artifactSha256 go together, set both or none"],
        ),
        (
            "sleep for how long",
            with(|spec| spec["worker"] = json!({ "work": { "profile": "Sleep" } })),
            &["spec.worker.work", "Sleep and Spin need meanMicros, Echo has none"],
        ),
        (
            "more measurements than a report holds",
            with(|spec| spec["load"]["rounds"] = json!(751)),
            &["spec.load.rounds", "more than 1500 measurements", "lower rounds"],
        ),
        (
            "more measurements than a report holds, with the self-test",
            with(|spec| (spec["load"]["rounds"], spec["load"]["selfTest"]) = (json!(750), json!(true))),
            &["spec.load.rounds", "one more with selfTest"],
        ),
        (
            "more measurements than a report holds, with launches",
            with(|spec| (spec["load"]["rounds"], spec["load"]["launches"]) = (json!(19), json!(40))),
            &["spec.load.rounds", "rounds times launches times clusters"],
        ),
        (
            "no launch",
            with(|spec| spec["load"]["launches"] = json!(0)),
            &["spec.load.launches", "greater than or equal to 1"],
        ),
        (
            "two limits in one threshold",
            with_threshold(json!({ "cluster": "one", "atMost": 5, "atLeast": 1 })),
            &["spec.load.thresholds[0]", "exactly one of atMost, atLeast and fasterThan"],
        ),
        (
            "a threshold without a limit",
            with_threshold(json!({ "cluster": "one", "metric": "P99Micros" })),
            &["spec.load.thresholds[0]", "exactly one of atMost, atLeast and fasterThan"],
        ),
        (
            "percent of a number",
            with_threshold(json!({ "cluster": "one", "atMost": 5, "percent": 3 })),
            &["spec.load.thresholds[0]", "percent goes with fasterThan"],
        ),
        (
            "faster by failures",
            with_threshold(json!({ "cluster": "one", "metric": "FailedPerMille", "fasterThan": "two" })),
            &["spec.load.thresholds[0]", "fasterThan needs another metric"],
        ),
        (
            "faster than itself",
            with_threshold(json!({ "cluster": "one", "fasterThan": "one" })),
            &["spec.load.thresholds[0]", "fasterThan names the cluster itself, name another one"],
        ),
        (
            "a threshold of a cluster that is not there",
            with_threshold(json!({ "cluster": "three", "atMost": 5 })),
            &["spec.load.thresholds", "cluster and fasterThan must be names of clusters of this benchmark"],
        ),
        (
            "a metric that is not known",
            with_threshold(json!({ "cluster": "one", "metric": "P98Micros", "atMost": 5 })),
            &["spec.load.thresholds[0].metric", "supported values: \"P50Micros\", \"P90Micros\""],
        ),
        (
            "a cluster with the name of a generator's pool",
            with(|spec| spec["clusters"][0]["name"] = json!("generator-2")),
            &["spec.clusters[0]", "balancer, front and generator are names of our own pools, choose another"],
        ),
        (
            "several generators that count requests",
            with(|spec| spec["load"]["generator"] = json!({ "count": 2 })),
            &["spec.load", "generator.count: several generators stop by the clock, give every phase durationSeconds"],
        ),
        (
            "several generators without a number of rounds",
            with(|spec| {
                spec["load"] = json!({
                    "generator": { "count": 2 },
                    "phases": [{ "arrivals": "Poisson", "requestsPerSecond": 10, "durationSeconds": 10 }],
                });
            }),
            &[
                "spec.load",
                "generator.count: several generators cannot decide together when they have seen enough, set rounds",
            ],
        ),
        (
            "more generators than users",
            with(|spec| {
                spec["load"] = json!({
                    "rounds": 6,
                    "generator": { "count": 5 },
                    "phases": [{ "arrivals": "ClosedLoop", "concurrency": 4, "durationSeconds": 10 }],
                });
            }),
            &[
                "spec.load",
                "generator.count: every generator needs a user of its own, raise concurrency or lower count",
            ],
        ),
        (
            "too many parts",
            with(|spec| {
                spec["load"] = json!({
                    "rounds": 2,
                    "launches": 20,
                    "generator": { "count": 4 },
                    "phases": [{ "arrivals": "ClosedLoop", "concurrency": 4, "durationSeconds": 10 }],
                });
            }),
            &[
                "spec.load",
                "generator.count: more than 64 parts (generators times launches) do not fit into the status",
            ],
        ),
        (
            "a tag of ours",
            with(|spec| spec["tags"] = json!([{ "key": "clusterbench.dev/pool", "value": "x" }])),
            &["spec.tags", "keys under clusterbench.dev/ and keys and values that begin with aws: are reserved"],
        ),
        (
            "a tag of AWS, in other capitals",
            with(|spec| spec["tags"] = json!([{ "key": "AWS:x", "value": "x" }])),
            &["spec.tags", "keys and values that begin with aws: are reserved, choose another"],
        ),
        (
            "a value of AWS",
            with(|spec| spec["tags"] = json!([{ "key": "x", "value": "Aws:x" }])),
            &["spec.tags", "keys and values that begin with aws: are reserved, choose another"],
        ),
        (
            "two tags of one key",
            with(|spec| {
                spec["tags"] = json!([{ "key": "a", "value": "1" }, { "key": "team", "value": "x" },
                    { "key": "team", "value": "y" }]);
            }),
            &["spec.tags[2]", "Duplicate value", "\"key\":\"team\""],
        ),
        (
            "a cluster named like a page of the worker",
            with(|spec| spec["clusters"][0]["name"] = json!("health")),
            &["spec.clusters[0]", "workers answer /health, /metrics, /machine, /calibration themselves"],
        ),
        (
            "a cluster at a page of the worker",
            with(|spec| spec["clusters"][0]["path"] = json!("/metrics")),
            &["spec.clusters[0]", "give the cluster another name or path"],
        ),
        (
            "a cluster in capitals",
            with(|spec| spec["clusters"][0]["name"] = json!("A")),
            &["spec.clusters[0].name", "lower-case letters, digits and inner hyphens, the first a letter"],
        ),
        (
            "a cluster at the root",
            with(|spec| spec["clusters"][0]["path"] = json!("/")),
            &["spec.clusters[0].path", "/ alone cannot be served"],
        ),
        (
            "a run with a time in its name",
            with(|spec| spec["runId"] = json!("2026-11-29T10:00")),
            &["spec.runId", "such as 2 or nightly-2026-11-29"],
        ),
        (
            "a program in S3",
            with(|spec| spec["worker"] = json!({ "artifactUrl": "s3://bucket/worker", "artifactSha256": sha256 })),
            &["spec.worker.artifactUrl", "of an object in S3 write its https address"],
        ),
        (
            "a hash in capitals",
            with(|spec| {
                spec["worker"] = json!({ "artifactUrl": "http://127.0.0.1/worker", "artifactSha256": "F".repeat(64) });
            }),
            &["spec.worker.artifactSha256", "64 lower-case hexadecimal digits, as sha256sum prints them"],
        ),
        (
            "a rest of workers that are replaced",
            with(|spec| spec["worker"] = json!({ "maxUnavailablePercent": 50 })),
            &["spec.worker", "maxUnavailablePercent is for update InPlace"],
        ),
        (
            "no id of an image",
            with(|spec| spec["image"] = json!({ "id": "al2023" })),
            &["spec.image.id", "for a family set alias instead"],
        ),
        (
            "no alias of an image",
            with(|spec| spec["image"] = json!({ "alias": "AL2023" })),
            &["spec.image.alias", "the name of a family of images in lower-case letters, such as al2023"],
        ),
        (
            "a balancer of no type",
            with(|spec| spec["balancer"] = json!({ "instanceType": "large" })),
            &["spec.balancer.instanceType", "family and size with a dot between, such as t2.micro"],
        ),
        (
            "a generator of no type",
            with(|spec| spec["load"]["generator"] = json!({ "instanceType": "C6I.LARGE" })),
            &["spec.load.generator.instanceType", "write an EC2 instance type in lower-case letters"],
        ),
        (
            "a method in lower-case letters",
            with(|spec| spec["load"]["request"] = json!({ "method": "get" })),
            &["spec.load.request.method", "write the method in capitals, such as GET or POST"],
        ),
        (
            "a header with its colon",
            with(|spec| spec["load"]["request"] = json!({ "headers": [{ "name": "Accept:", "value": "*/*" }] })),
            &["spec.load.request.headers[0].name", "without the colon, such as Accept"],
        ),
    ]
}
