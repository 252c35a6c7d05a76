//! What the API server refuses, with a sentence that names the field, and what it tells about the fields.

use serde_json::{Value, json};

use crate::bench::{Bench, condition, object, spec};
use crate::lab::{Lab, shared};

/// Sent as `kubectl create --dry-run=server`.
fn dry_run(lab: &Lab, document: &Value) -> Result<String, String> {
    let arguments = ["create", "--dry-run=server", "--output=json", "--filename=-"];
    lab.try_kubectl(&arguments, &document.to_string())
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
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

/// Name of the case, its spec, and what the refusal must say.
fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
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
            &["spec.clusters[0]", "balancer and generator are names of our own pools, choose another"],
        ),
        (
            "no instance type",
            with(|spec| spec["clusters"][0]["instanceType"] = json!("T2 micro")),
            &["spec.clusters[0].instanceType", "should match"],
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
            "a header that is two",
            with(|spec| spec["load"]["request"] = json!({ "headers": [{ "name": "a", "value": "1\r\nb: 2" }] })),
            &["spec.load.request.headers[0].value", "should match"],
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
            "our work by another program",
            with(|spec| {
                spec["worker"] = json!({ "work": { "profile": "Echo" },
                    "artifactUrl": "http://127.0.0.1/worker", "artifactSha256": sha256 });
            }),
            &["spec.worker", "work is for our own worker, remove it when artifactUrl is set"],
        ),
        (
            "open to the internet",
            with(|spec| spec["network"] = json!({ "ingressCidrs": ["0.0.0.0/0"] })),
            &[
                "spec.network.ingressCidrs",
                "each entry is an IPv4 network such as 203.0.113.0/24",
                "the whole internet is not accepted",
            ],
        ),
        (
            "no CIDR",
            with(|spec| spec["network"] = json!({ "ingressCidrs": ["203.0.113.300/24"] })),
            &["spec.network.ingressCidrs", "each entry is an IPv4 network such as 203.0.113.0/24"],
        ),
        (
            "bits behind the prefix",
            with(|spec| spec["network"] = json!({ "ingressCidrs": ["203.0.113.7/24"] })),
            &["spec.network.ingressCidrs", "without bits set behind the prefix"],
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
            &["spec.clusters[0]", "balancer and generator are names of our own pools, choose another"],
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
            &["spec.tags", "keys under clusterbench.dev/ and aws: are reserved, choose another key"],
        ),
    ]
}

#[test]
fn bad_objects_are_refused_with_a_sentence_that_names_the_field() {
    let Some(lab) = shared("bad objects") else { return };
    dry_run(lab, &object("good", spec(6, 1000))).expect("the object that all cases change is a good one");
    let limits = json!([
        { "cluster": "one", "atMost": 5000 },
        { "cluster": "two", "metric": "RequestsPerSecond", "atLeast": 1 },
        { "cluster": "two", "metric": "P99Micros", "fasterThan": "one", "percent": -5 },
    ]);
    let all = with(|spec| (spec["load"]["thresholds"], spec["load"]["selfTest"]) = (limits, json!(true)));
    dry_run(lab, &object("good", all)).expect("thresholds and the self-test");
    for (case, spec, words) in cases() {
        let refusal = dry_run(lab, &object("bad", spec)).err().unwrap_or_else(|| panic!("{case}: accepted"));
        for word in words {
            assert!(refusal.contains(word), "{case}: {word:?} is not in {refusal}");
        }
    }
    let forty_one = "a".repeat(41);
    let refusal = dry_run(lab, &object(&forty_one, spec(6, 1000))).unwrap_err();
    assert!(refusal.contains("metadata.name has more than 40 characters"), "{refusal}");
    dry_run(lab, &object(&"a".repeat(40), spec(6, 1000))).unwrap();
}

#[test]
fn every_sample_is_accepted() {
    let Some(lab) = shared("samples") else { return };
    for sample in [
        include_str!("../../../manifests/samples/micro-vs-large.yaml"),
        include_str!("../../../manifests/samples/poisson.yaml"),
        include_str!("../../../manifests/samples/types.yaml"),
        include_str!("../../../manifests/samples/generators.yaml"),
    ] {
        let accepted = lab.try_kubectl(&["apply", "--dry-run=server", "--filename", "-"], sample);
        assert!(accepted.as_ref().is_ok_and(|text| text.contains("(server dry run)")), "{accepted:?}");
    }
}

#[test]
fn what_is_frozen_at_the_first_launch_cannot_be_changed() {
    let Some(lab) = shared("immutable fields") else { return };
    let fixed = with(|spec| {
        spec["region"] = json!("eu-west-1");
        // It does not exist, so nothing is launched.
        spec["network"] = json!({ "subnetIds": ["subnet-0bad"] });
    });
    let bench = Bench::apply(lab, "immutable", fixed.clone());
    let cases: [(&str, Value, &str); 4] = [
        ("region", json!("eu-west-2"), "create it in the other region"),
        ("network", json!({ "subnetIds": ["subnet-0bee"] }), "network cannot be changed: delete the benchmark"),
        ("image", json!({ "id": "ami-0123" }), "image cannot be changed: delete the benchmark"),
        ("lifecycle", json!({ "maxLifetimeSeconds": 3600 }), "lifecycle.maxLifetimeSeconds cannot be changed"),
    ];
    for (field, value, words) in cases {
        let mut changed = fixed.clone();
        changed[field] = value;
        let arguments = ["apply", "--namespace", "immutable", "--dry-run=server", "--filename=-"];
        let refusal = lab.try_kubectl(&arguments, &object("immutable", changed).to_string()).unwrap_err();
        assert!(refusal.contains(&format!("spec.{field}")) && refusal.contains(words), "{field}: {refusal}");
    }
    bench.delete();
}

#[test]
fn kubectl_explains_every_field_of_a_phase_and_shows_the_columns() {
    let Some(lab) = shared("explain") else { return };
    let phases = lab.kubectl("explain clusterbenchmarks.spec.load.phases");
    for (field, description) in [
        ("arrivals", "How requests arrive"),
        ("concurrency", "Requests kept open at the same time"),
        ("requests", "The phase stops after so many requests to each cluster"),
        ("durationSeconds", "The phase stops after so many seconds"),
        ("pauseSeconds", "Seconds without any request"),
    ] {
        assert!(phases.contains(field) && phases.contains(description), "{field}: {phases}");
    }
    assert!(lab.kubectl("explain cbench.spec.clusters.count").contains("Number of instances"));

    let sample = include_str!("../../../manifests/samples/micro-vs-large.yaml");
    let arguments = ["create", "--dry-run=server", "--validate=strict", "--output=json", "--filename=-"];
    let created: Value = serde_json::from_str(&lab.try_kubectl(&arguments, sample).unwrap()).unwrap();
    let defaults = &created["spec"];
    assert_eq!(created["status"], json!({ "observedGeneration": -1 }), "kstatus: nobody has looked at it yet");
    assert_eq!(defaults["lifecycle"], json!({ "afterRun": "Keep", "maxLifetimeSeconds": 7200 }));
    assert_eq!((&defaults["load"]["rounds"], &defaults["runId"]), (&Value::Null, &json!("1")), "auto");

    // Refused by the cloud, so that there is something to print without a launch.
    let bench = Bench::apply(lab, "columns", with(|spec| spec["network"] = json!({ "subnetIds": ["subnet-0bad"] })));
    let seen = bench.wait_until("it is refused", |object| condition(object, "Accepted").0 == "False");
    let narrow = lab.kubectl("get cbench --namespace columns");
    let titles: Vec<&str> = narrow.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(titles, ["NAME", "PHASE", "INSTANCES", "PROGRESS", "RESULT", "AGE"]);
    assert!(narrow.contains("Stalled"), "{narrow}");
    let wide = lab.kubectl("get clusterbenchmarks --namespace columns --output=wide");
    assert!(wide.contains("REGION") && wide.contains("REASON") && wide.contains("UnknownSubnet"), "{wide}");
    assert!(wide.contains(condition(&seen, "Ready").2.as_str()), "{wide}");
    assert!(lab.kubectl("get benchmarks --namespace columns").contains("columns"), "the category");
    bench.delete();
}
