//! Workers that the API server must refuse, each with the words of its refusal.

use serde_json::{Value, json};

use crate::bad_specs::with;

fn archive() -> Value {
    json!({ "url": "https://example.test/app.tar.gz", "sha256": "0".repeat(64) })
}

fn container() -> Value {
    json!({ "image": format!("public.ecr.aws/x/app@sha256:{}", "0".repeat(64)) })
}

fn worker(worker: Value) -> Value {
    with(|spec| spec["worker"] = worker)
}

/// An application that is a good one, changed.
fn application(change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = json!({ "archive": archive(), "command": ["python3", "app.py"] });
    change(&mut changed);
    worker(changed)
}

/// Workers that are accepted: what the cases below change.
pub(crate) fn good() -> Vec<Value> {
    let all = json!({
        "port": 8000,
        "archive": archive(),
        "packages": ["python3.11-pip", "g++"],
        "setup": ["echo \"$HOME\" | tee a; b='c'"],
        "command": [".v/bin/serve", "", "a b\n\t$x %n \"'\\", "ä"],
        "environment": [{ "name": "A_1", "value": "a\nb" }, { "name": "B", "value": "" }],
        "health": { "path": "/ready", "status": 204 },
    });
    let unit = json!({ "preinstalled": { "unit": "app@1.service" }, "health": { "path": "/" } });
    let mut of_image = worker(unit.clone());
    of_image["image"] = json!({ "id": "ami-0123456789abcdef0" });
    let mut of_one = with(|spec| spec["clusters"][0]["worker"] = all.clone());
    _ = of_one["clusters"][0]["worker"].as_object_mut().map(|own| own.remove("port"));
    let of_file = json!({
        "artifactUrl": "http://127.0.0.1/worker", "artifactSha256": "0".repeat(64),
        "environment": [{ "name": "A", "value": "1" }],
    });
    let mut in_place = all.clone();
    in_place["update"] = json!("InPlace");
    vec![
        worker(in_place),
        worker(all),
        of_image,
        of_one,
        worker(json!({ "container": container(), "command": ["serve"] })),
        worker(of_file),
    ]
}

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    const ONE_KIND: &str = "work, artifactUrl, archive, container and preinstalled are five kinds of programs: set one of them and remove the others";
    const IN_PLACE: &str = "InPlace is for work, artifactUrl and archive; container and preinstalled reach workers by new instances: remove update";
    let long = |length| "x".repeat(length);
    vec![
        (
            "our work by another program",
            worker(
                json!({ "work": { "profile": "Echo" }, "artifactUrl": "http://127.0.0.1/worker", "artifactSha256": "0".repeat(64) }),
            ),
            &["spec.worker", ONE_KIND],
        ),
        (
            "an archive and a container",
            application(|worker| worker["container"] = container()),
            &["spec.worker", ONE_KIND],
        ),
        (
            "a container and our work in one cluster",
            with(|spec| {
                spec["clusters"][1]["worker"] = json!({ "work": { "profile": "Echo" }, "container": container() })
            }),
            &["spec.clusters[1].worker", ONE_KIND],
        ),
        (
            "an archive without its hash",
            application(|worker| worker["archive"] = json!({ "url": "https://example.test/a" })),
            &["spec.worker.archive.sha256", "Required value"],
        ),
        (
            "an archive that nobody starts",
            worker(json!({ "archive": archive() })),
            &["spec.worker", "archive needs command, the program and its arguments, such as [python3, app.py]"],
        ),
        (
            "a command of our worker",
            worker(json!({ "command": ["python3"] })),
            &["spec.worker", "command starts an archive, or is the arguments of a container"],
        ),
        (
            "setup of a container",
            worker(json!({ "container": container(), "setup": ["true"] })),
            &["spec.worker", "setup runs in the directory of an archive: set archive, or remove setup"],
        ),
        (
            "packages of our worker",
            worker(json!({ "packages": ["jq"] })),
            &["spec.worker", "packages are installed for an archive: set archive, or remove packages"],
        ),
        (
            "variables of our worker",
            worker(json!({ "environment": [{ "name": "A", "value": "1" }] })),
            &["spec.worker", "environment is for artifactUrl, archive and container"],
        ),
        (
            "a container by its tag",
            worker(json!({ "container": { "image": "public.ecr.aws/x/app:latest" } })),
            &["spec.worker.container.image", "name the image by its digest"],
        ),
        (
            "an archive in S3",
            application(|worker| worker["archive"]["url"] = json!("s3://bucket/app.tar")),
            &["spec.worker.archive.url", "of an object in S3 write its https address"],
        ),
        (
            "an option for a package",
            application(|worker| worker["packages"] = json!(["--nogpgcheck"])),
            &["spec.worker.packages", "the name of a package of the image's repositories"],
        ),
        (
            "two lines as one",
            application(|worker| worker["setup"] = json!(["true\nfalse"])),
            &["spec.worker.setup", "one line of shell without control characters: make several entries"],
        ),
        (
            "an assignment as a program",
            application(|worker| worker["command"] = json!(["A=1", "python3"])),
            &["spec.worker.command", "it does not begin with - and holds no ="],
        ),
        (
            "a command with an escape",
            application(|worker| worker["command"] = json!(["python3", "\u{1b}[2J"])),
            &["spec.worker.command", "words hold no control characters"],
        ),
        (
            "a variable of ours",
            application(|worker| worker["environment"] = json!([{ "name": "LISTEN", "value": "1" }])),
            &["spec.worker.environment[0].name", "instances set this variable themselves"],
        ),
        (
            "a variable with a hyphen",
            application(|worker| worker["environment"] = json!([{ "name": "A-B", "value": "1" }])),
            &["spec.worker.environment[0].name", "letters, digits and _, and no digit first"],
        ),
        (
            "a variable twice",
            application(|worker| {
                worker["environment"] = json!([{ "name": "A", "value": "1" }, { "name": "A", "value": "2" }])
            }),
            &["spec.worker.environment", "a variable is set twice, set each once"],
        ),
        (
            "a unit that is none",
            worker(json!({ "preinstalled": { "unit": "../app.service" } })),
            &["spec.worker.preinstalled.unit", "a systemd service that the image has, such as app.service"],
        ),
        (
            "a unit of an image that is not named",
            worker(json!({ "preinstalled": { "unit": "app.service" } })),
            &["spec.worker", "the unit is one of an image of your own: set image.id"],
        ),
        (
            "a unit of one cluster, by a family of images",
            with(|spec| {
                spec["clusters"][0]["worker"] = json!({ "preinstalled": { "unit": "app.service" } });
                spec["image"] = json!({ "alias": "al2023" });
            }),
            &["spec.worker", "the unit is one of an image of your own: set image.id"],
        ),
        (
            "a container in place",
            worker(json!({ "container": container(), "update": "InPlace" })),
            &["spec.worker", IN_PLACE],
        ),
        (
            "a unit of the image in place",
            with(|spec| {
                spec["worker"] = json!({ "preinstalled": { "unit": "app.service" }, "update": "InPlace" });
                spec["image"] = json!({ "id": "ami-0123456789abcdef0" });
            }),
            &["spec.worker", IN_PLACE],
        ),
        (
            "a container of one cluster in place",
            with(|spec| {
                spec["worker"] = json!({ "update": "InPlace" });
                spec["clusters"][0]["worker"] = json!({ "container": container() });
            }),
            &["spec.worker", IN_PLACE],
        ),
        (
            "a status that no load balancer of AWS takes for healthy",
            with(|spec| {
                spec["worker"] = json!({ "health": { "path": "/ready", "status": 503 } });
                spec["balancer"] = json!({ "kind": "Application" });
            }),
            &["spec.worker", "takes statuses from 200 to 499 for healthy"],
        ),
        (
            "a check of no path",
            worker(json!({ "health": { "path": "ready" } })),
            &["spec.worker.health.path", "a slash and then letters"],
        ),
        (
            "too many words",
            application(|worker| worker["command"] = json!(vec!["a"; 33])),
            &["spec.worker.command", "at most 32 items"],
        ),
        (
            "too long a line",
            application(|worker| worker["setup"] = json!([long(1025)])),
            &["spec.worker.setup[0]", "Too long: may not be more than 1024"],
        ),
        (
            "too many packages",
            application(|worker| worker["packages"] = json!(vec!["a"; 17])),
            &["spec.worker.packages", "at most 16 items"],
        ),
    ]
}
