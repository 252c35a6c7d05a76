//! The chart, rendered by the real helm and judged by the real API server. Needs the helm that `cargo xtask test` provides.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::bench::{Bench, spec};
use crate::lab::{Lab, shared, skipped, until};

pub(crate) const NAMESPACE: &str = "clusterbenchmark-system";
const EVERYTHING: &str = "ci/everything-values.yaml";

/// One test at a time: they ask about, make and delete objects of the same names.
static ALONE: Mutex<()> = Mutex::new(());

/// helm and the chart, beside a lab.
pub(crate) struct Helm {
    pub(crate) lab: &'static Lab,
    path: OsString,
    _alone: MutexGuard<'static, ()>,
}

impl Helm {
    /// With the lab that most tests share.
    fn find(test: &str) -> Option<Self> {
        Self::beside(shared(test)?, test, &ALONE)
    }

    pub(crate) fn beside(lab: &'static Lab, test: &str, alone: &'static Mutex<()>) -> Option<Self> {
        let path = std::env::var_os("CLUSTERBENCHMARK_HELM");
        if path.is_none() {
            skipped(
                test,
                "CLUSTERBENCHMARK_HELM is not set; use `cargo xtask test`, which builds helm where there is Go",
            );
        }
        Some(Self { lab, path: path?, _alone: alone.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.lab.program(Path::new(&self.path));
        for variable in ["HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"] {
            command.env(variable, self.lab.directory().join("helm"));
        }
        command.args(arguments).output().unwrap()
    }

    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        crate::lab::text(arguments, &self.run(arguments))
    }

    pub(crate) fn complains(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    fn rendered(&self, more: &[&str]) -> Vec<Value> {
        let chart = chart();
        let fixed = ["template", "clusterbenchmark", chart.to_str().unwrap(), "--namespace", NAMESPACE];
        documents(&self.says(&[&fixed, more].concat()))
    }

    fn everything(&self, more: &[&str]) -> Vec<Value> {
        let values = chart().join(EVERYTHING);
        self.rendered(&[&["--values", values.to_str().unwrap()], more].concat())
    }
}

/// A benchmark for which nothing is launched.
pub(crate) fn paused() -> Value {
    let mut spec = spec(6, 1000);
    spec["paused"] = true.into();
    spec
}

pub(crate) fn chart() -> PathBuf {
    std::path::absolute("../charts/clusterbenchmark").unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let documents = text.split("\n---").map(|document| serde_norway::from_str::<Option<Value>>(document).unwrap());
    documents.flatten().collect()
}

fn kind(document: &Value) -> &str {
    document["kind"].as_str().unwrap()
}

/// kubectl's answer to all of them, which changes nothing.
fn judged(lab: &Lab, documents: &[Value], namespace: &str) -> String {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": documents }).to_string();
    let words =
        ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-", "--namespace", namespace];
    lab.try_kubectl(&words, &list).unwrap_or_else(|complaint| panic!("{complaint}"))
}

#[test]
fn what_is_rendered_is_accepted_by_the_api_server() {
    let Some(helm) = Helm::find("chart") else { return };
    let values = chart().join(EVERYTHING);
    // A namespace without a release: a Job that a refused uninstallation left behind could not be changed.
    let namespace = ["--namespace", "judged"];
    helm.lab.kubectl("create namespace judged");
    for more in [&[][..], &["--values", values.to_str().unwrap()]] {
        let said = helm.says(&[&["lint", "--strict", chart().to_str().unwrap()], more].concat());
        assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{said}");
        let all = helm.rendered(&[more, &namespace].concat());
        // Those of the Prometheus operator, whose definitions nobody has here.
        let (foreign, ours): (Vec<Value>, Vec<Value>) =
            all.into_iter().partition(|one| one["apiVersion"] == "monitoring.coreos.com/v1");
        assert_eq!(foreign.len(), more.len());
        let said = judged(helm.lab, &ours, "judged");
        assert_eq!(said.lines().filter(|line| line.ends_with("(server dry run)")).count(), ours.len(), "{said}");
    }
}

#[test]
fn switches_make_what_they_name_and_nothing_else() {
    let Some(helm) = Helm::find("chart switches") else { return };
    let kinds = |documents: &[Value]| {
        let mut kinds: Vec<String> = documents.iter().map(|one| kind(one).to_owned()).collect();
        kinds.sort();
        kinds.join(" ")
    };
    assert_eq!(
        kinds(&helm.rendered(&[])),
        "ClusterRole ClusterRole ClusterRole ClusterRoleBinding CustomResourceDefinition CustomResourceDefinition Deployment Job \
         Role RoleBinding ServiceAccount"
    );
    let nothing = ["rbac.create=false", "rbac.aggregate=false", "serviceAccount.create=false", "crds.install=false"];
    let nothing = nothing.iter().flat_map(|value| ["--set", value]).collect::<Vec<_>>();
    assert_eq!(kinds(&helm.rendered(&[&nothing[..], &["--set", "uninstallGuard=false"]].concat())), "Deployment");
    let everything = kinds(&helm.everything(&nothing[..4]));
    assert_eq!(
        everything,
        "ConfigMap ConfigMap CustomResourceDefinition CustomResourceDefinition Deployment Job NetworkPolicy PodMonitor PrometheusRule \
         ServiceAccount ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"
    );
}

/// Whether all that is said is so. An API server adds defaults to what it is given, and leaves empty strings out.
fn holds(said: &Value, is: &Value) -> bool {
    match (said, is) {
        (Value::Object(said), Value::Object(is)) => {
            said.iter().all(|(key, said)| is.get(key).map_or(said == "", |is| holds(said, is)))
        }
        (Value::Array(said), Value::Array(is)) => {
            said.len() == is.len() && said.iter().zip(is).all(|(said, is)| holds(said, is))
        }
        _ => said == is,
    }
}

#[test]
fn a_lab_applies_what_the_chart_makes_of_its_values() {
    let Some(helm) = Helm::find("chart of the lab") else { return };
    let values = helm.lab.state().join("values.yaml");
    let rendered = helm.rendered(&["--values", values.to_str().unwrap(), "--show-only", "templates/deployment.yaml"]);
    let mut applied = helm.lab.get(&format!("deployment/operator --namespace {NAMESPACE}")).unwrap();
    assert!(holds(&rendered[0], &applied), "{:#}\n{:#}", rendered[0], applied);
    applied["spec"]["template"]["spec"]["containers"][0]["env"][0]["name"] = "OTHER".into();
    assert!(!holds(&rendered[0], &applied));
}

#[test]
fn a_misspelt_value_is_refused_by_name() {
    let Some(helm) = Helm::find("chart values") else { return };
    let chart = chart();
    for (value, said) in [
        (
            "imagee.tag=1",
            "at '/imagee': value must be 'left out, as there is no value of this name: `helm show values` lists",
        ),
        ("image.repo=x", "at '/image/repo': value must be 'left out"),
        ("metrics.podmonitor.enabled=true", "at '/metrics/podmonitor': value must be 'left out"),
        ("replicas=2", "at '/replicas': value must be 'left out"),
        ("programs.sha256.worker.amd64=0", "at '/programs/sha256/worker/amd64': value must be 'left out"),
        ("controlSources={0.0.0.0/0}", "at '/controlSources/0': '0.0.0.0/0' does not match"),
        ("crds.keep=no", "at '/crds/keep': got string, want boolean"),
        ("programs.baseUrl=https://example.com", "at '/programs/sha256': minProperties"),
        ("programs.delivery=push", "at '/programs/delivery': value must be one of 'Push', 'Pull'"),
        (
            "programs.baseUrl=https://x,programs.sha256.worker.x86_64=@",
            "programs.baseUrl: nobody fetches from there with programs.delivery Push",
        ),
        ("aws.roleArn=clusterbenchmark", "at '/aws/roleArn'"),
        ("limits.enabled=true", "limits.enabled without a limit: set limits.instanceTypes or limits.maxInstances"),
        ("env[0].name=AWS_REGION", "env: AWS_REGION is set by another value of this chart"),
    ] {
        let value = value.replace('@', &"0".repeat(64));
        let complaint = helm.complains(&["template", "a", chart.to_str().unwrap(), "--set", &value]);
        assert!(complaint.contains(said), "{value}: {complaint}");
    }
}

#[test]
fn the_definitions_are_those_of_the_manifest_and_are_kept() {
    let Some(helm) = Helm::find("chart definitions") else { return };
    let manifest = documents(include_str!("../../../manifests/crds.yaml"));
    let definitions = |more: &[&str]| {
        let mut all = helm.rendered(more);
        all.retain(|one| kind(one) == "CustomResourceDefinition");
        all
    };
    let mut kept = definitions(&[]);
    for definition in &mut kept {
        let annotations = definition["metadata"].as_object_mut().unwrap().remove("annotations").unwrap();
        assert_eq!(annotations, json!({ "helm.sh/resource-policy": "keep" }));
    }
    assert_eq!(kept, manifest);
    assert_eq!(definitions(&["--set", "crds.keep=false"]), manifest);
}

/// The namespace refuses every pod that is not restricted (Pod Security Standards).
#[test]
fn its_pods_are_restricted() {
    let Some(helm) = Helm::find("chart pods") else { return };
    let lab = helm.lab;
    lab.kubectl("create namespace restricted");
    lab.kubectl("label namespace restricted pod-security.kubernetes.io/enforce=restricted");
    lab.kubectl("create serviceaccount operator --namespace restricted");
    for documents in [helm.rendered(&[]), helm.everything(&[])] {
        for owner in documents.iter().filter(|one| ["Deployment", "Job"].contains(&kind(one))) {
            let mut pod = owner["spec"]["template"].clone();
            pod["apiVersion"] = "v1".into();
            pod["kind"] = "Pod".into();
            pod["metadata"]["name"] = format!("of-{}", kind(owner).to_lowercase()).into();
            let said = judged(lab, std::slice::from_ref(&pod), "restricted");
            assert!(said.contains("serverside-applied"), "{said}");
            pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
            let words = ["create", "--dry-run=server", "--filename=-", "--namespace", "restricted"];
            let complaint = lab.try_kubectl(&words, &pod.to_string()).unwrap_err();
            assert!(complaint.contains("violates PodSecurity"), "{complaint}");
        }
    }
}

#[test]
fn limits_hold_for_new_specs_and_let_go_of_what_exists() {
    let Some(helm) = Helm::find("chart limits") else { return };
    let lab = helm.lab;
    let paused = paused();
    let before = Bench::apply(lab, "limits", paused.clone());
    let selector = r#"limits={"enabled":true,"instanceTypes":["c6i.large","t2.micro"],"maxInstances":5,
        "namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"limits"}}}"#;
    let mut policy = helm.rendered(&["--show-only", "templates/limits.yaml", "--set-json", selector]);
    policy.reverse(); // the binding is the one that makes it hold
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": policy }).to_string();
    lab.try_kubectl(&["apply", "--filename=-"], &list).unwrap();

    let tried = |clusters: Value| {
        let mut spec = paused.clone();
        spec["clusters"] = clusters;
        let object = json!({ "apiVersion": "clusterbench.dev/v1alpha1", "kind": "ClusterBenchmark",
            "metadata": { "name": "tried", "namespace": "limits" }, "spec": spec });
        lab.try_kubectl(&["create", "--dry-run=server", "--filename=-"], &object.to_string())
    };
    let one = |instance_type: &str, count: u32| {
        let of = |name: &str| json!({ "name": name, "instanceType": instance_type, "count": count });
        json!([of("one"), of("two")])
    };
    // A policy holds a moment after it was made.
    until("another type is refused", || tried(one("t2.large", 1)).is_err());
    let complaint = tried(one("t2.large", 1)).unwrap_err();
    assert!(
        complaint
            .contains("instance type t2.large is not allowed here: choose one of c6i.large, t2.micro for clusters"),
        "{complaint}"
    );
    let complaint = tried(one("t2.micro", 2)).unwrap_err();
    assert!(
        complaint.contains("6 instances with those in front and the generators, and 5 are allowed here"),
        "{complaint}"
    );
    tried(one("t2.micro", 1)).unwrap();
    // What was there before breaks a limit: it may be labelled, and its finalizer goes.
    lab.kubectl("label clusterbenchmark/limits --namespace limits touched=yes");
    before.delete();
    lab.kubectl("delete validatingadmissionpolicybinding/clusterbenchmark-limits validatingadmissionpolicy/clusterbenchmark-limits");
}

/// An image may be of one architecture only: where the operator is kept to its nodes, the guard is too.
#[test]
fn the_guard_is_placed_as_the_operator_is() {
    let Some(helm) = Helm::find("placed") else { return };
    let everything = helm.everything(&[]);
    let pod = |name: &str| &everything.iter().find(|one| kind(one) == name).unwrap()["spec"]["template"]["spec"];
    let (operator, guard) = (pod("Deployment"), pod("Job"));
    for field in
        ["nodeSelector", "affinity", "tolerations", "imagePullSecrets", "serviceAccountName", "securityContext"]
    {
        assert!(!operator[field].is_null(), "{field} is in {EVERYTHING}");
        assert_eq!(operator[field], guard[field], "{field}");
    }
}

/// `operator guard` as the hook starts it: with its account, and without AWS.
fn guard(lab: &Lab) -> (Option<i32>, String) {
    let binaries = std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap();
    let mut guard = lab.program(&Path::new(&binaries).join("operator"));
    guard.arg("guard").env("KUBECONFIG", lab.operator_kubeconfig()).env_remove("AWS_ENDPOINT_URL");
    let output = guard.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_guard_names_who_would_be_left_behind() {
    let Some(lab) = shared("guard") else { return };
    let bench = Bench::apply(lab, "guarded", paused());
    let (code, said) = guard(lab);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("without the operator nobody ends what they run in AWS"), "{said}");
    assert!(said.contains("kubectl delete clusterbenchmarks --all --all-namespaces"), "{said}");
    bench.delete();
}
