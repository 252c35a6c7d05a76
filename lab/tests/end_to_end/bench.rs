//! A benchmark in a namespace of its own: what its user sees, and what the cloud knows of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wire::{Report, sha256_hex};

use crate::lab::{Lab, PATIENCE, until};
use crate::machine;

/// Between looks at the object.
const POLL_INTERVAL: Duration = Duration::from_millis(150);
/// A whole benchmark, while others run beside it on two processors.
const WHOLE_RUN: Duration = Duration::from_secs(240);
/// Lines of the operator's log and of the cloud's story that a failure shows.
const TAIL: usize = 25;

/// Requests to each cluster in a round of [`spec`].
pub(crate) const REQUESTS: u64 = 100;

/// Two clusters of one instance each, balancer and generator.
pub(crate) const INSTANCES: usize = 4;

pub(crate) struct Bench {
    pub(crate) lab: &'static Lab,
    /// Name of the object and of its namespace.
    pub(crate) name: String,
}

/// An instance as the cloud knows it.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) id: String,
    pub(crate) pool: String,
    pub(crate) state: String,
}

/// One instance against one of twice its vCPUs; `micros` of waiting make the length of a round: with 5,000 a round
/// takes about 0.75 s.
pub(crate) fn spec(rounds: u32, micros: u32) -> Value {
    json!({
        "clusters": [
            { "name": "one", "instanceType": "t2.micro", "count": 1 },
            { "name": "two", "instanceType": "t2.large", "count": 1 },
        ],
        "worker": { "work": { "profile": "Sleep", "meanMicros": micros } },
        "load": {
            "rounds": rounds,
            "warmupRequests": 10,
            "phases": [{ "arrivals": "ClosedLoop", "concurrency": 4, "requests": REQUESTS }],
        },
    })
}

/// The condition of this type: (status, reason, message).
pub(crate) fn condition(object: &Value, kind: &str) -> (String, String, String) {
    let all = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = all.iter().find(|one| one["type"] == kind);
    found.map(|one| (text(&one["status"]), text(&one["reason"]), text(&one["message"]))).unwrap_or_default()
}

/// Whether the condition holds for the spec as it is now.
pub(crate) fn holds(object: &Value, kind: &str) -> bool {
    let all = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let now = &object["metadata"]["generation"];
    all.iter().any(|one| one["type"] == kind && one["status"] == "True" && one["observedGeneration"] == *now)
}

/// What the failure says that a busy machine cannot bring about: the gate does not try such a test again.
const BROKEN: &str = "broken rule";

/// Runs in status, oldest first.
pub(crate) fn runs(object: &Value) -> Vec<Value> {
    object["status"]["runs"].as_array().cloned().unwrap_or_default()
}

/// Rounds done of the run that is on.
pub(crate) fn rounds_done(object: &Value) -> Option<u32> {
    let is_on = condition(object, "Measured").1 == "Running";
    object["status"]["progress"].as_str().filter(|_| is_on)?.split_once('/')?.0.parse().ok()
}

impl Bench {
    /// Creates namespace and object.
    pub(crate) fn apply(lab: &'static Lab, name: &str, spec: Value) -> Self {
        lab.kubectl(&format!("create namespace {name}"));
        let bench = Self { lab, name: name.to_owned() };
        bench.apply_spec(spec);
        bench
    }

    pub(crate) fn apply_spec(&self, spec: Value) {
        let document = object(&self.name, spec);
        let arguments = ["apply", "--namespace", &self.name, "--filename=-"];
        self.lab.try_kubectl(&arguments, &document.to_string()).unwrap();
    }

    pub(crate) fn patch(&self, spec: Value) {
        let patch = json!({ "spec": spec }).to_string();
        let arguments =
            ["patch", "clusterbenchmark", &self.name, "--namespace", &self.name, "--type=merge", "--patch", &patch];
        self.lab.try_kubectl(&arguments, "").unwrap();
    }

    pub(crate) fn get(&self) -> Option<Value> {
        self.lab.get(&format!("clusterbenchmark/{0} --namespace {0}", self.name))
    }

    /// Looks at the object until `found` says something.
    pub(crate) fn wait<T>(&self, what: &str, mut found: impl FnMut(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + WHOLE_RUN;
        loop {
            let object = self.get().unwrap_or_else(|| panic!("{} is gone, waiting until {what}", self.name));
            if let Some(found) = found(&object) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{}: not within {} s: {what}\n{}",
                self.name,
                WHOLE_RUN.as_secs(),
                self.story(&object)
            );
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        self.wait(what, |object| is_so(object).then(|| object.clone()))
    }

    /// Returns as soon as the API server says that a launch is written down: it is made within milliseconds.
    pub(crate) fn launch_is_written_down(&self) {
        let words = ["get", "clusterbenchmark", &self.name, "--namespace", &self.name, "--watch", "--output=json"];
        // A watch ends when the server does.
        until("a launch is written down", || {
            let mut watch = self.lab.kubectl_command().args(words).stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
            let is_seen = lines.any(|line| line.unwrap().contains("requestSha256"));
            watch.kill().unwrap();
            watch.wait().unwrap();
            is_seen
        });
    }

    /// The object once the result that it asks for is recorded.
    pub(crate) fn ready(&self) -> Value {
        self.wait_until("it is ready", |object| self.is_ready(object))
    }

    /// Whether the result that it asks for is recorded: one that is valid, or would be but for this machine.
    pub(crate) fn is_ready(&self, object: &Value) -> bool {
        if !holds(object, "Stalled") {
            return holds(object, "Ready");
        }
        let last = runs(object).pop().filter(|_| condition(object, "Stalled").1 == "Invalid");
        let is_measured = last.is_some_and(|run| self.outcome(&run) == "Valid");
        assert!(is_measured, "{} is stalled\n{}", self.name, self.story(object));
        true
    }

    /// Outcomes of all runs of the object, oldest first, as [`Self::outcome`] has them.
    pub(crate) fn outcomes(&self, object: &Value) -> Vec<String> {
        runs(object).iter().map(|run| self.outcome(run)).collect()
    }

    /// Whether its last run is not valid, and only because of this machine.
    pub(crate) fn is_disturbed(&self) -> bool {
        let last = self.get().and_then(|object| runs(&object).pop());
        last.is_some_and(|run| run["outcome"] == "Invalid" && self.outcome(&run) == "Valid")
    }

    /// How a run ended. One that only gates of this machine keep from being valid passes for a valid one: who tests launches
    /// or requests cannot ask strangers for silence. It is said aloud.
    fn outcome(&self, run: &Value) -> String {
        let outcome = run["outcome"].as_str().unwrap_or_default();
        let reports = self.reports();
        let report = reports.iter().find(|(object, _)| object["metadata"]["name"] == run["report"]);
        let Some((_, report)) = report.filter(|_| outcome == "Invalid") else { return outcome.to_owned() };
        if !machine::is_disturbed(report) {
            return outcome.to_owned();
        }
        println!("{}: this machine was too busy for a valid run: {}", self.name, report.reasons.join("; "));
        "Valid".to_owned()
    }

    /// Returns once it runs and that many rounds are done.
    pub(crate) fn measuring(&self, rounds: u32) -> Value {
        self.wait_until(&format!("{rounds} rounds are measured"), |object| {
            assert!(!holds(object, "Ready"), "it was ready before {rounds} rounds were seen\n{}", self.story(object));
            rounds_done(object).is_some_and(|done| done >= rounds)
        })
    }

    /// Everything for a person who has to find out what went wrong.
    pub(crate) fn story(&self, object: &Value) -> String {
        let ledger = self.lab.ledger();
        let log = self.lab.run(&["logs", "operator"]);
        let own: Vec<&str> = log.lines().filter(|line| line.contains(&self.name)).collect();
        let story: Vec<&str> = ledger["story"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let tail = |lines: &[&str]| lines[lines.len().saturating_sub(TAIL)..].join("\n");
        format!(
            "status: {:#}\nmade: {:#}\nthe operator's log:\n{}\nthe cloud's story:\n{}",
            object["status"],
            ledger["benchmarks"][format!("{0}/{0}", self.name)],
            tail(&own),
            tail(&story)
        )
    }

    /// Every instance that was ever made for it, and the groups that exist.
    pub(crate) fn made(&self) -> (Vec<Truth>, Vec<String>) {
        let ledger = self.lab.ledger();
        assert_eq!(ledger["foreignTouched"], json!([]), "{BROKEN}");
        let made = &ledger["benchmarks"][format!("{0}/{0}", self.name)];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let instances = made["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
        let truth = instances.iter().map(|one| Truth {
            id: text(&one["id"]),
            pool: text(&one["pool"]),
            state: text(&one["state"]),
        });
        (truth.collect(), made["groups"].as_array().into_iter().flatten().map(text).collect())
    }

    /// Ids of all instances by pool; each of them runs, none ever ended.
    pub(crate) fn only_running(&self) -> BTreeMap<String, Vec<String>> {
        let (instances, _) = self.made();
        let mut pools: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for instance in &instances {
            assert_eq!(instance.state, "running", "{BROKEN}: {instances:?}");
            pools.entry(instance.pool.clone()).or_default().push(instance.id.clone());
        }
        pools
    }

    /// So many instances were ever made for it, and none more.
    pub(crate) fn launched(&self, instances: usize) {
        let (made, _) = self.made();
        assert_eq!(made.len(), instances, "{BROKEN}: {}: {made:?}", self.name);
    }

    /// Asks for the deletion and does not wait.
    pub(crate) fn ask_deletion(&self) {
        self.lab.kubectl(&format!("delete clusterbenchmark {0} --namespace {0} --wait=false", self.name));
    }

    /// Returns how long it took until the object was gone.
    pub(crate) fn delete(&self) -> Duration {
        let begun = Instant::now();
        self.ask_deletion();
        self.gone();
        begun.elapsed()
    }

    /// Once the object is gone, nothing of it may be left.
    pub(crate) fn gone(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(object) = self.get() {
            assert!(Instant::now() < deadline, "{} is not deleted\n{}", self.name, self.story(&object));
            std::thread::sleep(POLL_INTERVAL);
        }
        self.nothing_is_left();
    }

    /// The end of a test whose subject is what a valid run says, on a machine that gives none.
    pub(crate) fn gone_disturbed(&self) {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED the rest of {}: this machine was too busy for a valid run", self.name);
        self.delete();
    }

    pub(crate) fn nothing_is_left(&self) {
        let (instances, groups) = self.made();
        let left: Vec<&Truth> = instances.iter().filter(|one| one.state != "terminated").collect();
        assert!(left.is_empty() && groups.is_empty(), "{BROKEN}: {}: {left:?} {groups:?} are left", self.name);
        until("no process of its instances is left", || {
            instances.iter().all(|one| self.lab.processes_of(&one.id).is_empty())
        });
    }

    /// Its BenchmarkReports, each with the document in it, which is what its hash says.
    pub(crate) fn reports(&self) -> Vec<(Value, Report)> {
        let label = format!("clusterbench.dev/benchmark={}", self.name);
        let list = self.lab.get(&format!("benchmarkreports --namespace {} --selector {label}", self.name)).unwrap();
        let checked = |object: &Value| {
            let text = object["spec"]["report"].as_str().unwrap();
            assert_eq!(object["spec"]["reportSha256"], sha256_hex(text.as_bytes()));
            (object.clone(), serde_json::from_str(text).unwrap())
        };
        list["items"].as_array().unwrap().iter().map(checked).collect()
    }
}

/// A whole object.
pub(crate) fn object(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "clusterbench.dev/v1alpha1",
        "kind": "ClusterBenchmark",
        "metadata": { "name": name },
        "spec": spec,
    })
}
