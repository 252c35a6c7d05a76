//! Programs of users under measurement: applications in Python, one beside our worker, another version of it in place of the one
//! that serves, and programs that do not come up.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::bench::{Bench, REQUESTS, condition, holds, runs, spec};
use crate::lab::{shared, skipped, until};
use crate::queues::{behind_queues, nothing_is_left};
use crate::updates::{get, requests};

const FASTAPI: &str = include_str!("../../../manifests/samples/fastapi.yaml");
const FASTAPI_NEEDS: &str = "../examples/fastapi/requirements.txt";
const FLASK: &str = include_str!("../../../manifests/samples/flask.yaml");
const FLASK_NEEDS: &str = "../examples/flask/requirements.txt";
const ROUNDS: u32 = 6;
const QUEUED_ROUNDS: u32 = 2;
const FLASK_ROUNDS: u32 = 1;

/// The spec of a sample, which is what users write.
fn of_sample(sample: &str) -> Value {
    let sample: Value = serde_norway::from_str(sample).unwrap();
    sample["spec"].clone()
}

/// Whether this machine can do what the sample's setup does.
fn has_python(test: &str) -> bool {
    let python = Command::new("/usr/bin/python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    let is_there = python.is_ok_and(|status| status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "{test}: /usr/bin/python3 with venv is missing");
        skipped(test, "there is no /usr/bin/python3 with venv (Debian: apt-get install python3-venv)");
    }
    is_there
}

/// The packages that the application needs, fetched once: each instance installs them for itself, and not all of them at the
/// same time from the internet.
fn wheels(requirements: &str) -> PathBuf {
    let hash = wire::sha256_hex(&std::fs::read(requirements).unwrap());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wheels-{}", &hash[..12]));
    if directory.exists() {
        return directory;
    }
    let part = directory.with_extension(format!("part-{}", std::process::id()));
    let script = "/usr/bin/python3 -m venv \"$1/venv\" && \
        \"$1/venv/bin/pip\" download --quiet --disable-pip-version-check --dest \"$1/all\" -r \"$2\"";
    let fetched = Command::new("bash").args(["-euc", script, "bash"]).arg(&part).arg(requirements).status().unwrap();
    assert!(fetched.success(), "pip cannot fetch what {requirements} names");
    // Another run of these tests may have been faster.
    let _ = std::fs::rename(part.join("all"), &directory);
    let _ = std::fs::remove_dir_all(part);
    directory
}

/// The worker of a sample, whose packages are installed from what was fetched; and its port.
fn installed_from_wheels(sample: &str, requirements: &str) -> (Value, Value) {
    let mut application = of_sample(sample)["worker"].clone();
    let port = application.as_object_mut().unwrap().remove("port").unwrap();
    let install = application["setup"][1].as_str().unwrap();
    let local = format!("install --no-index --find-links {} ", wheels(requirements).display());
    assert!(install.contains("pip install "), "{install}");
    application["setup"][1] = json!(install.replacen("install ", &local, 1));
    (application, port)
}

/// The same application, which knows nothing of queues: it gets the upload that the client sent, and its answer is the one
/// that the client gets.
#[test]
fn fastapi_behind_queues_answers_every_file_right_and_nothing_is_left() {
    let Some(lab) = shared("fastapi behind queues") else { return };
    if !has_python("fastapi behind queues") {
        return;
    }
    let (application, port) = installed_from_wheels(FASTAPI, FASTAPI_NEEDS);
    let mut wanted = behind_queues(spec(QUEUED_ROUNDS, 1000));
    wanted["load"]["request"]["corpus"]["field"] = json!("inputFile");
    wanted["clusters"] = json!([{ "name": "fastapi", "instanceType": "t2.medium", "count": 2 }]);
    wanted["worker"] = application;
    wanted["worker"]["port"] = port;
    // The puller takes any answer below 500 to GET /health.
    wanted["worker"].as_object_mut().unwrap().remove("health");
    let bench = Bench::apply(lab, "fastapi-queued", wanted);
    let seen = bench.ready();
    let [(object, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    let stored: Value = serde_json::from_str(object["spec"]["report"].as_str().unwrap()).unwrap();
    let (cluster, wanted) = (&report.clusters[0], REQUESTS * u64::from(QUEUED_ROUNDS));
    assert_eq!((cluster.requests, cluster.failures.total()), (wanted, 0));
    assert_eq!(stored["clusters"][0]["right"], wanted);
    println!("{} of {wanted} answers of FastAPI are right", stored["clusters"][0]["right"]);
    nothing_is_left(&bench, &seen["status"]["placement"]["queue"]);
}

#[test]
fn fastapi_under_uvicorn_is_compared_with_our_worker() {
    let Some(lab) = shared("fastapi") else { return };
    if !has_python("fastapi") {
        return;
    }
    let mut wanted = spec(ROUNDS, 1000);
    let (application, port) = installed_from_wheels(FASTAPI, FASTAPI_NEEDS);
    wanted["clusters"] = json!([
        { "name": "ours", "instanceType": "t2.medium", "count": 1, "path": "/cluster1" },
        { "name": "fastapi", "instanceType": "t2.medium", "count": 1, "path": "/cluster2", "worker": application },
    ]);
    wanted["worker"] = json!({ "port": port });
    let bench = Bench::apply(lab, "fastapi", wanted);
    let seen = bench.ready();
    let [(_, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    for cluster in &report.clusters {
        let answered = (cluster.requests, cluster.failures.total());
        assert_eq!(answered, (REQUESTS * u64::from(ROUNDS), 0), "{}", cluster.cluster);
    }
    let document = serde_json::to_string(&report).unwrap();
    for word in ["archive http://mirror.example/clusterbenchmark/fastapi.tar sha256 ", "ours, echo"] {
        assert!(document.contains(word), "{word} is not in {document}");
    }
    let result = seen["status"]["result"].as_str().unwrap();
    assert!(result.contains("fastapi") || bench.is_disturbed(), "{result}");
    println!("{result}");
    bench.delete();
}

/// The sample as users have it, but for one instance of each cluster and a short load.
#[test]
fn flask_under_gunicorn_answers_at_the_paths_of_both_clusters_and_nothing_is_left() {
    let Some(lab) = shared("flask") else { return };
    if !has_python("flask") {
        return;
    }
    let (application, port) = installed_from_wheels(FLASK, FLASK_NEEDS);
    let mut wanted = spec(FLASK_ROUNDS, 1000);
    wanted["clusters"] = of_sample(FLASK)["clusters"].clone();
    for cluster in wanted["clusters"].as_array_mut().unwrap() {
        cluster["count"] = json!(1);
    }
    wanted["worker"] = application;
    wanted["worker"]["port"] = port;
    let bench = Bench::apply(lab, "flask", wanted);
    let seen = bench.ready();
    let [(_, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    for cluster in &report.clusters {
        let answered = (cluster.requests, cluster.failures.total());
        assert_eq!(answered, (REQUESTS * u64::from(FLASK_ROUNDS), 0), "{}", cluster.cluster);
    }
    let document = serde_json::to_string(&report).unwrap();
    let word = "archive http://mirror.example/clusterbenchmark/flask.tar sha256 ";
    assert!(document.contains(word), "{word} is not in {document}");
    let result = seen["status"]["result"].as_str().unwrap();
    assert!(!result.is_empty(), "{}", bench.story(&seen));
    println!("{result}");

    let endpoint = seen["status"]["balancer"]["endpoint"].as_str().unwrap();
    let address = endpoint.trim_start_matches("http://").trim_end_matches(":8080");
    let pools = bench.only_running();
    for (path, pool, name) in [("/cluster1", "cluster1", "Cluster 1"), ("/cluster2", "cluster2", "Cluster 2")] {
        let body = get(address, path).unwrap();
        let wanted = format!("{name} - Instance {} is responding now!", pools[pool][0]);
        assert!(pools[pool].len() == 1 && body.contains(&wanted), "{path}: {body}, not {wanted}");
    }
    bench.delete();
}

const NOT_HEARD: &str = "other-port";

/// What is wrong with a program of a user: a name, what is changed, and what the condition says of it.
type Wrong = (&'static str, fn(&mut Value), &'static str);

const WRONG: [Wrong; 5] = [
    (
        "failing-setup",
        |worker| worker["setup"] = json!(["true", "echo looking; echo 'no matching distribution' >&2; exit 3"]),
        "worker.setup[1]: Result=exit-code, ExecMainStatus=3; it said: no matching distribution",
    ),
    (
        "other-archive",
        |worker| worker["archive"]["sha256"] = json!("0".repeat(64)),
        "put the right file there, or set worker.artifactSha256 or worker.archive.sha256 to the hash of the one that is there",
    ),
    (
        "lacking-package",
        |worker| worker["packages"] = json!(["no-such-package"]),
        "worker.packages: no-such-package cannot be installed",
    ),
    (
        "ending-command",
        |worker| worker["command"] = json!(["bash", "-c", "echo 'cannot open my database' >&2; exit 7"]),
        "exit-code, status=7; it said: cannot open my database",
    ),
    (
        NOT_HEARD,
        |worker| worker["command"] = json!(["sleep", "1000"]),
        "mend the program or how it is started (worker.command, where it has one), or set worker.port to the port that it listens on",
    ),
];

/// Each stalls after as many launches as a pool may have, or as soon as its health is lacking for as long as a boot may take; all beside
/// each other.
#[test]
fn a_program_that_does_not_come_up_stalls_with_its_last_line_or_the_way_out() {
    let Some(lab) = shared("wrong programs") else { return };
    let apply = |(name, change, said): Wrong| {
        let mut wanted = spec(ROUNDS, 1000);
        let mut application = of_sample(FASTAPI)["worker"].clone();
        (application["setup"], application["packages"]) = (json!(["true"]), json!(["bash"]));
        change(&mut application);
        wanted["worker"] = application;
        wanted["clusters"].as_array_mut().unwrap().truncate(1);
        (Bench::apply(lab, name, wanted), said)
    };
    let benches = WRONG.map(apply);
    for (bench, said) in &benches {
        let seen = bench.wait_until("it is stalled", |object| holds(object, "Stalled"));
        for kind in ["Stalled", "Ready"] {
            assert!(condition(&seen, kind).2.contains(said), "{kind}: {seen:#}");
        }
        // What boots and is not heard is found by its health, or as a launch too many.
        let is_said = |kind: &str| condition(&seen, kind).2.contains(said);
        assert!(is_said("Provisioned") || bench.name == NOT_HEARD && is_said("Deployed"), "{seen:#}");
    }
    for (bench, _) in benches {
        bench.delete();
    }
}

const PATH: &str = "/cluster1";

/// Whether the next answers, more than there are workers, all have this word.
fn all_say(address: &str, word: &str) -> bool {
    (0..6).all(|_| get(address, PATH).is_ok_and(|body| body.contains(word)))
}

/// What somebody does who deploys an application again and again: its new version reaches the instances that run while its users
/// send requests, and one that cannot be set up changes nothing.
#[test]
fn another_version_of_fastapi_reaches_the_same_workers_and_no_request_fails() {
    let Some(lab) = shared("fastapi in place") else { return };
    if !has_python("fastapi in place") {
        return;
    }
    let (mut application, port) = installed_from_wheels(FASTAPI, FASTAPI_NEEDS);
    let setup = |version: &str| {
        let mut lines = application["setup"].as_array().unwrap().clone();
        // An answer says which version gives it.
        lines.push(json!(format!(
            "sed -i 's/is responding now/is version {version}/' app.py; grep -q 'version {version}' app.py"
        )));
        json!(lines)
    };
    let [one, two] = ["one", "two"].map(setup);
    let mut failing = two.clone();
    failing.as_array_mut().unwrap().push(json!("echo looking; echo no matching distribution >&2; exit 3"));
    (application["setup"], application["port"], application["update"]) = (one, port, json!("InPlace"));
    let mut wanted = spec(QUEUED_ROUNDS, 1000);
    wanted["clusters"] = json!([{ "name": "app", "instanceType": "t2.medium", "count": 2, "path": PATH }]);
    wanted["worker"] = application;
    let bench = Bench::apply(lab, "fastapi-in-place", wanted);
    let seen = bench.ready();
    let before = bench.only_running();
    assert_eq!(before["app"].len(), 2, "{before:?}");
    let endpoint = seen["status"]["balancer"]["endpoint"].as_str().unwrap();
    let address = endpoint.trim_start_matches("http://").trim_end_matches(":8080");
    until("all answer", || all_say(address, "version one"));

    let is_over = AtomicBool::new(false);
    let (count, failed) = std::thread::scope(|scope| {
        let requests = scope.spawn(|| requests(address, &[PATH], &is_over));
        // The loop ends with whatever goes wrong here, so that the test does.
        let course = catch_unwind(AssertUnwindSafe(|| {
            bench.patch(json!({ "runId": "two", "worker": { "setup": two } }));
            let seen = bench.ready();
            assert!(all_say(address, "version two"), "{}", bench.story(&seen));
            assert_eq!(runs(&seen).last().unwrap()["id"], "two");

            bench.patch(json!({ "runId": "failing", "worker": { "setup": failing } }));
            let seen = bench.wait_until("it is stalled", |object| holds(object, "Stalled"));
            let (_, reason, message) = condition(&seen, "Deployed");
            let line = "worker.setup[3]: exit status: 3; it said: no matching distribution";
            assert!(reason == "UpdateFailed" && message.contains(line), "{}", bench.story(&seen));
            assert!(all_say(address, "version two"), "{}", bench.story(&seen));

            bench.patch(json!({ "runId": "back", "worker": { "setup": two } }));
            let seen = bench.ready();
            assert_eq!(runs(&seen).last().unwrap()["id"], "back");
        }));
        is_over.store(true, Ordering::Relaxed);
        let requests = requests.join().unwrap();
        course.unwrap_or_else(|panic| resume_unwind(panic));
        requests
    });
    assert_eq!(failed, Vec::<String>::new(), "of {count} requests");
    assert!(count > 100, "{count}");
    println!("{count} requests while two workers were updated, and none failed");
    assert_eq!(bench.only_running(), before, "nothing was launched");
    bench.delete();
}
