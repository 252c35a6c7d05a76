//! The chart as a user has it: helm installs, upgrades and uninstalls it, the lab's kubelet runs what it makes, and a benchmark lives
//! through it. Needs the helm that `cargo xtask test` provides.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::bench::{Bench, INSTANCES, condition, runs, spec};
use crate::chart::{Helm, NAMESPACE, chart, paused};
use crate::lab::{Lab, bare, until};

const RELEASE: &str = "clusterbenchmark";
const OPERATOR: &str = "app.kubernetes.io/name=clusterbenchmark-operator";
const REPOSITORY: &str = "registry.invalid/clusterbenchmark/operator";
/// What helm and kubectl wait for at most, beside other tests.
const PATIENCE: &str = "--timeout=120s";

/// There is one release at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A release of the chart in a lab that had none.
struct Release(Helm);

impl Release {
    /// Installed from nothing; returns when helm says that the operator works.
    fn install(test: &str) -> Option<Self> {
        let release = Self(Helm::beside(bare(test)?, test, &ALONE)?);
        let begun = Instant::now();
        release.change("install", &[]);
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("{test}: helm install --wait took {:.1} s\n", begun.elapsed().as_secs_f64()).as_bytes(),
        );
        Some(release)
    }

    fn lab(&self) -> &'static Lab {
        self.0.lab
    }

    /// `install` or `upgrade`, with the values that this lab's operator needs, and more.
    fn change(&self, verb: &str, more: &[&str]) -> String {
        self.0.says(&words(verb, &self.values(), more))
    }

    fn values(&self) -> String {
        self.lab().state().join("values.yaml").to_str().unwrap().to_owned()
    }

    fn uninstall(self) {
        self.0.says(&["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", PATIENCE]);
        until("nothing of the release runs", || operators(self.lab()).is_empty() && self.pods().is_empty());
        let left = self.lab().kubectl(&format!("get deployments,jobs --namespace {NAMESPACE} --output=name"));
        assert_eq!(left, "");
        // The operator cannot give its Lease back when its permissions went with it, and the next one would wait until it has run out.
        self.lab().kubectl(&format!("delete lease clusterbenchmark-operator --namespace {NAMESPACE}"));
        let kept = self.lab().kubectl("get customresourcedefinitions --output=name");
        assert!(kept.contains("clusterbenchmarks.clusterbench.dev"), "{kept}");
    }

    /// Pods of the operator.
    fn pods(&self) -> Vec<Value> {
        let list = self.lab().get(&format!("pods --namespace {NAMESPACE} --selector {OPERATOR}"));
        list.map(|list| list["items"].as_array().unwrap().clone()).unwrap_or_default()
    }

    /// The only one.
    fn pod(&self) -> Value {
        let pods = self.pods();
        assert_eq!(pods.len(), 1, "{pods:#?}");
        pods[0].clone()
    }

    fn rollout(&self) -> String {
        self.lab().kubectl(&format!("rollout status deployment/operator --namespace {NAMESPACE} {PATIENCE}"))
    }
}

fn words<'a>(verb: &'a str, values: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    static CHART: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let chart = CHART.get_or_init(|| chart().to_str().unwrap().to_owned());
    [&[verb, RELEASE, chart, "--namespace", NAMESPACE, "--values", values, "--wait", PATIENCE], more].concat()
}

/// Processes of a lab's operator: those whose variables name its state.
fn operators(lab: &Lab) -> BTreeSet<i32> {
    let mark = format!("KUBECONFIG={}", lab.state().canonicalize().unwrap().join("pods").display());
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
    })
    .collect()
}

/// All operators that were alive while something was done, each of them seen alone.
fn one_at_a_time<T>(lab: &Lab, deed: impl FnOnce() -> T) -> (T, BTreeSet<i32>) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut all = BTreeSet::new();
            while !is_done.load(Ordering::Relaxed) {
                let alive = operators(lab);
                assert!(alive.len() <= 1, "two operators at a time: {alive:?}");
                all.extend(alive);
            }
            all
        });
        let done = deed();
        is_done.store(true, Ordering::Relaxed);
        (done, watching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// One result, and nothing launched twice.
fn exactly_once(bench: &Bench, runs_wanted: usize) {
    let seen = bench.ready();
    bench.only_running();
    bench.launched(INSTANCES);
    assert_eq!((runs(&seen).len(), bench.reports().len()), (runs_wanted, runs_wanted), "{seen:#}");
    assert!(bench.outcomes(&seen).iter().all(|outcome| outcome == "Valid"), "{seen:#}");
}

#[test]
fn helm_waits_for_an_operator_that_works_and_does_not_uninstall_it_under_a_benchmark() {
    let Some(release) = Release::install("release install") else { return };
    let lab = release.lab();
    let pod = release.pod();
    assert_eq!((&pod["spec"]["nodeName"], &pod["status"]["phase"]), (&json!("lab"), &json!("Running")));
    assert_eq!(condition(&pod, "Ready").0, "True");
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!((&container["ready"], &container["restartCount"]), (&json!(true), &json!(0)));
    assert!(release.rollout().contains("successfully rolled out"));
    let said = lab.kubectl(&format!("logs deployment/operator --namespace {NAMESPACE}"));
    assert!(said.contains("holds the Lease"), "{said}");
    let second = release.0.complains(&[
        "install",
        "second",
        chart().to_str().unwrap(),
        "--namespace",
        "second",
        "--create-namespace",
    ]);
    assert!(second.contains("cannot be imported into the current release"), "{second}");

    let bench = Bench::apply(lab, "uninstalled", paused());
    let refused = release.0.run(&["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", PATIENCE]);
    let complaint = format!("{}{}", String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
    assert!(!refused.status.success(), "{complaint}");
    assert!(
        complaint.contains("1 ClusterBenchmark exists (uninstalled/uninstalled): without the operator nobody ends"),
        "{complaint}"
    );
    // Nothing was removed, and the release goes on (docs/install.md).
    assert_eq!(release.pod()["metadata"]["uid"], pod["metadata"]["uid"]);
    release.0.says(&["rollback", RELEASE, "1", "--namespace", NAMESPACE, "--wait", PATIENCE]);
    assert_eq!(release.pod()["metadata"]["uid"], pod["metadata"]["uid"], "the same template, the same pod");
    bench.delete();
    release.uninstall();
}

#[test]
fn an_upgrade_in_the_middle_of_a_run_changes_the_operator_and_nothing_else() {
    let Some(release) = Release::install("release upgrade") else { return };
    let lab = release.lab();
    let bench = Bench::apply(lab, "upgraded", spec(10, 5_000));
    bench.measuring(1);
    let before = operators(lab);
    let old = release.pod();
    let (_, alive) = one_at_a_time(lab, || release.change("upgrade", &["--set", "image.tag=next"]));
    let new = release.pod();
    assert_eq!(new["spec"]["containers"][0]["image"], format!("{REPOSITORY}:next"));
    assert_ne!(new["metadata"]["uid"], old["metadata"]["uid"]);
    assert_eq!(condition(&new, "Ready").0, "True");
    assert_eq!((before.len(), alive.len()), (1, 2), "Recreate: one after the other: {alive:?}");
    assert!(release.rollout().contains("successfully rolled out"));
    exactly_once(&bench, 1);
    bench.delete();
    release.uninstall();
}

#[test]
fn a_deleted_pod_is_followed_by_another_and_the_run_goes_on() {
    let Some(release) = Release::install("release pod") else { return };
    let lab = release.lab();
    let bench = Bench::apply(lab, "bereft", spec(10, 5_000));
    bench.measuring(1);
    let old = release.pod();
    let name = old["metadata"]["name"].as_str().unwrap().to_owned();
    let before = operators(lab);
    lab.kubectl(&format!("delete pod {name} --namespace {NAMESPACE}"));
    let after = operators(lab);
    assert!(before.is_disjoint(&after), "the process is gone when kubectl says that the pod is: {before:?} {after:?}");
    release.rollout();
    assert_ne!(release.pod()["metadata"]["uid"], old["metadata"]["uid"]);
    // A process that dies in its pod is started again there.
    let pid = *operators(lab).first().unwrap();
    lab.kill("operator");
    until("the container was started again", || {
        let container = release.pod()["status"]["containerStatuses"][0].clone();
        container["restartCount"] == 1
            && container["lastState"]["terminated"]["exitCode"] == 137
            && container["ready"] == true
    });
    assert!(!operators(lab).contains(&pid));
    exactly_once(&bench, 1);
    bench.delete();
    release.uninstall();
}

#[test]
fn an_image_that_is_nowhere_is_said_and_the_way_back_works() {
    let Some(release) = Release::install("release image") else { return };
    let lab = release.lab();
    let values = release.values();
    let image = "image.repository=registry.example.com/operator";
    let upgrade = ["--set", image, "--timeout=5s"];
    let complaint = release.0.complains(&words("upgrade", &values, &upgrade));
    assert!(
        complaint.contains("operator") || complaint.contains("timed out") || complaint.contains("deadline"),
        "{complaint}"
    );
    until("the pod says what is missing", || {
        release.pods().iter().any(|pod| {
            let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
            let message = waiting["message"].as_str().unwrap_or_default();
            waiting["reason"] == "ImagePullBackOff"
                && message.contains("registry.example.com/operator")
                && message.contains(REPOSITORY)
        })
    });
    assert!(operators(lab).is_empty(), "Recreate: the old one has ended");
    let listed = lab.kubectl(&format!("get pods --namespace {NAMESPACE}"));
    assert!(listed.contains("ImagePullBackOff"), "{listed}");
    release.0.says(&["rollback", RELEASE, "1", "--namespace", NAMESPACE, "--wait", PATIENCE]);
    assert_eq!(condition(&release.pod(), "Ready").0, "True");
    release.uninstall();
}
