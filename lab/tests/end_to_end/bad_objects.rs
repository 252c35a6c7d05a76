//! Objects that the API server refuses, with a sentence that names the field; and what it tells about the fields.

use serde_json::{Value, json};

use crate::bad_specs::{cases, with};
use crate::bench::{Bench, condition, object, spec};
use crate::lab::{Lab, shared};
use crate::{bad_budgets, bad_comparisons, bad_networks, bad_queues, bad_scaling, bad_searches, bad_workers};

/// Sent as `kubectl create --dry-run=server`.
fn dry_run(lab: &Lab, document: &Value) -> Result<String, String> {
    let arguments = ["create", "--dry-run=server", "--output=json", "--filename=-"];
    lab.try_kubectl(&arguments, &document.to_string())
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
    for spec in bad_workers::good() {
        dry_run(lab, &object("good", spec)).expect("programs of users");
    }
    for spec in bad_searches::good() {
        dry_run(lab, &object("good", spec)).expect("searches");
    }
    let others = bad_networks::cases().into_iter().chain(bad_comparisons::cases()).chain(bad_budgets::cases());
    let others = others
        .chain(bad_queues::cases())
        .chain(bad_scaling::cases())
        .chain(bad_searches::cases())
        .chain(bad_workers::cases());
    for (case, spec, words) in cases().into_iter().chain(others) {
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

/// What a tool such as Argo CD compares: the file laid over what the server holds. A default inside an element of an
/// atomic list would make every later apply of the same file a change.
#[test]
fn the_server_adds_nothing_to_an_element_of_a_list() {
    let Some(lab) = shared("elements of lists") else { return };
    let given = json!([{ "cluster": "two", "fasterThan": "one", "percent": 5 }]);
    let created = dry_run(lab, &object("plain", with(|spec| spec["load"]["thresholds"] = given.clone()))).unwrap();
    let created: Value = serde_json::from_str(&created).unwrap();
    assert_eq!(created["spec"]["load"]["thresholds"], given);
}

#[test]
fn every_sample_is_accepted() {
    let Some(lab) = shared("samples") else { return };
    for sample in [
        include_str!("../../../manifests/samples/micro-vs-large.yaml"),
        include_str!("../../../manifests/samples/poisson.yaml"),
        include_str!("../../../manifests/samples/types.yaml"),
        include_str!("../../../manifests/samples/generators.yaml"),
        include_str!("../../../manifests/samples/free-plan.yaml"),
        include_str!("../../../manifests/samples/application.yaml"),
        include_str!("../../../manifests/samples/queue.yaml"),
        include_str!("../../../manifests/samples/scaling.yaml"),
        include_str!("../../../manifests/samples/cloudwatch.yaml"),
        include_str!("../../../manifests/samples/versions.yaml"),
        include_str!("../../../manifests/samples/per-dollar.yaml"),
        include_str!("../../../manifests/samples/capacity.yaml"),
        include_str!("../../../manifests/samples/budget.yaml"),
        include_str!("../../../manifests/samples/fastapi.yaml"),
        include_str!("../../../manifests/samples/flask.yaml"),
        include_str!("../../../manifests/samples/container.yaml"),
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
    let cases: [(&str, Value, &str); 5] = [
        ("region", json!("eu-west-2"), "create it in the other region"),
        ("network", json!({ "subnetIds": ["subnet-0bee"] }), "network cannot be changed: delete the benchmark"),
        ("image", json!({ "id": "ami-0123" }), "image cannot be changed: delete the benchmark"),
        ("lifecycle", json!({ "maxLifetimeSeconds": 3600 }), "lifecycle.maxLifetimeSeconds cannot be changed"),
        ("worker", json!({ "update": "InPlace" }), "worker.update cannot be changed: instances are launched for"),
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

/// With InPlace an edit launches nothing: what only a launch could change is refused, with the way out.
#[test]
fn what_cannot_reach_workers_in_place_cannot_be_changed() {
    let Some(lab) = shared("fields in place") else { return };
    let archive = json!({ "url": "https://example.test/app.tar", "sha256": "0".repeat(64) });
    let placed = with(|spec| {
        // It does not exist, so nothing is launched.
        spec["network"] = json!({ "subnetIds": ["subnet-0bad"] });
        spec["worker"] = json!({
            "update": "InPlace", "port": 8000, "archive": archive, "packages": ["python3"], "command": ["./serve"],
        });
        spec["clusters"][1]["worker"] = json!({ "archive": archive, "command": ["./serve"] });
    });
    let bench = Bench::apply(lab, "in-place-fields", placed.clone());
    type Edit<'a> = &'a dyn Fn(&mut Value);
    let edit = |change: Edit<'_>| {
        let mut changed = placed.clone();
        change(&mut changed);
        let arguments = ["apply", "--namespace", "in-place-fields", "--dry-run=server", "--filename=-"];
        lab.try_kubectl(&arguments, &object("in-place-fields", changed).to_string())
    };
    let (port, kind) = ("worker.port: with worker.update InPlace", "worker.archive: with worker.update InPlace");
    let packages = "worker.packages: with worker.update InPlace";
    let refused: [(&str, Edit<'_>); 6] = [
        (port, &|spec| spec["worker"]["port"] = json!(9000)),
        (packages, &|spec| spec["worker"]["packages"] = json!(["python3", "jq"])),
        (packages, &|spec| _ = spec["worker"].as_object_mut().unwrap().remove("packages")),
        (packages, &|spec| spec["clusters"][1]["worker"]["packages"] = json!(["jq"])),
        (kind, &|spec| spec["worker"] = json!({ "update": "InPlace", "port": 8000, "work": { "profile": "Echo" } })),
        (kind, &|spec| spec["clusters"][1]["worker"] = json!({ "work": { "profile": "Echo" } })),
    ];
    for (words, change) in refused {
        let refusal = edit(change).unwrap_err();
        assert!(refusal.contains("spec.worker") && refusal.contains(words), "{words}: {refusal}");
        assert!(refusal.contains("or delete the benchmark and create it again"), "{refusal}");
    }
    let accepted: [Edit<'_>; 5] = [
        &|spec| spec["worker"]["archive"]["sha256"] = json!("1".repeat(64)),
        &|spec| spec["worker"]["setup"] = json!(["make"]),
        &|spec| spec["worker"]["command"] = json!(["./serve", "--verbose"]),
        &|spec| spec["clusters"][1]["worker"]["environment"] = json!([{ "name": "A", "value": "1" }]),
        // Another cluster is another launch.
        &|spec| {
            spec["clusters"][1] = json!({
                "name": "three", "instanceType": "t2.large", "count": 1, "worker": { "work": { "profile": "Echo" } },
            });
        },
    ];
    for change in accepted {
        edit(change).unwrap();
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
    assert_eq!(titles, ["NAME", "PHASE", "INSTANCES", "PROGRESS", "QUEUE", "RESULT", "COST", "AGE"]);
    assert!(narrow.contains("Stalled"), "{narrow}");
    let wide = lab.kubectl("get clusterbenchmarks --namespace columns --output=wide");
    assert!(
        ["REGION", "REASON", "HOURLY"].iter().all(|title| wide.contains(title)) && wide.contains("UnknownSubnet"),
        "{wide}"
    );
    assert!(wide.contains(condition(&seen, "Ready").2.as_str()), "{wide}");
    assert!(lab.kubectl("get benchmarks --namespace columns").contains("columns"), "the category");
    bench.delete();
}
