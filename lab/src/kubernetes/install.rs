//! The installation into Kubernetes, from the manifests that are shipped: resource definitions, permissions, the operator's account
//! and its Deployment, with the settings that a user of the chart gives as values.

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kubernetes::api::Api;
use crate::kubernetes::kubectl::Kubectl;
use crate::kubernetes::served;

const CRDS: &str = include_str!("../../../manifests/crds.yaml");
/// The chart's rendering.
const OPERATOR: &str = include_str!("../../../manifests/operator.yaml");

/// Where it is installed.
const NAMESPACE: &str = "clusterbenchmark-system";
/// The Secret with credentials of AWS; a user makes it (docs/install.md).
const CREDENTIALS: &str = "aws";

/// Applies the CRDs and waits until they are served.
pub(crate) async fn crds(kubectl: &Kubectl) -> anyhow::Result<()> {
    apply(kubectl, CRDS).await.context("manifests/crds.yaml was refused")?;
    served::wait(kubectl).await
}

/// Makes what a user brings before the chart is installed: the namespace, and credentials of AWS.
pub(crate) async fn bring(kubectl: &Kubectl, credentials: [(&str, &str); 2]) -> anyhow::Result<()> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    let credentials: Value = credentials.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": CREDENTIALS, "namespace": NAMESPACE },
        "stringData": credentials });
    let all = json!({ "apiVersion": "v1", "kind": "List", "items": [namespace, secret] });
    apply(kubectl, &all.to_string()).await.context("the operator's namespace was refused")
}

/// Values of the chart (docs/install.md), and variables.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) region: String,
    pub(crate) installation: String,
    /// Elements of `env`.
    pub(crate) variables: Vec<Value>,
}

impl Values {
    /// For `helm install --values`. JSON is YAML.
    pub(crate) fn text(&self) -> String {
        let values = json!({
            "region": self.region,
            "installation": self.installation,
            "aws": { "existingSecret": CREDENTIALS },
            "env": self.variables,
        });
        format!("{values:#}\n")
    }
}

/// The shipped manifest with values in it, and everything else as it is shipped.
pub(crate) struct Installation {
    deployment: Value,
    others: String,
}

impl Installation {
    pub(crate) fn with(values: &Values, arguments: &[String]) -> anyhow::Result<Self> {
        Self::of(OPERATOR, values, arguments).context("manifests/operator.yaml")
    }

    fn of(manifest: &str, values: &Values, arguments: &[String]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Kind {
            kind: String,
        }
        let (mut deployment, mut others) = (None, Vec::new());
        for document in manifest.split("\n---") {
            // A document of comments only has no kind.
            match serde_norway::from_str::<Option<Kind>>(document)? {
                Some(Kind { kind }) if kind == "Deployment" => deployment = Some(serde_norway::from_str(document)?),
                Some(_) => others.push(document),
                None => {}
            }
        }
        let mut deployment: Value = deployment.context("there is no Deployment in it")?;
        let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
        set(container, values);
        if !arguments.is_empty() {
            container["args"] = json!(arguments);
        }
        Ok(Self { deployment, others: others.join("\n---") })
    }

    /// Applies all of it.
    pub(crate) async fn apply(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let all = format!("{}\n---\n{}", self.others, self.deployment);
        apply(kubectl, &all).await.context("manifests/operator.yaml was refused")
    }

    /// Applies what goes before the Deployment.
    pub(crate) async fn apply_without_deployment(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        apply(kubectl, &self.others).await.context("manifests/operator.yaml was refused")
    }

    /// The Deployment's pod as the API server would have made it: with its account's token (kubernetes.io, Managing Service
    /// Accounts, "Bound service account token volume").
    pub(crate) fn pod(&self) -> Value {
        const VOLUME: &str = "kube-api-access";
        let metadata = &self.deployment["metadata"];
        let mut pod = json!({ "metadata": { "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["name"] },
            "spec": self.deployment["spec"]["template"]["spec"] });
        let mount =
            json!({ "name": VOLUME, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true });
        let volume = json!({ "name": VOLUME, "projected": { "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
        ] } });
        let spec = &mut pod["spec"];
        push(&mut spec["containers"][0]["volumeMounts"], mount);
        push(&mut spec["volumes"], volume);
        pod
    }
}

/// What the chart makes of the values.
fn set(container: &mut Value, values: &Values) {
    let named = [("AWS_REGION", &values.region), ("OPERATOR_INSTALLATION", &values.installation)];
    let variables = named.into_iter().map(|(name, value)| json!({ "name": name, "value": value }));
    for variable in variables.chain(values.variables.iter().cloned()) {
        let known = container["env"].as_array_mut().into_iter().flatten();
        match known.into_iter().find(|known| known["name"] == variable["name"]) {
            Some(known) => *known = variable,
            None => push(&mut container["env"], variable),
        }
    }
    push(&mut container["envFrom"], json!({ "secretRef": { "name": CREDENTIALS } }));
}

fn push(list: &mut Value, element: Value) {
    match list.as_array_mut() {
        Some(elements) => elements.push(element),
        None => *list = json!([element]),
    }
}

/// The id that tells this Kubernetes cluster from others.
pub(crate) async fn cluster_uid(api: &Api) -> anyhow::Result<String> {
    let namespace = api.get("/api/v1/namespaces/kube-system").await.context("kube-system cannot be read")?;
    namespace["metadata"]["uid"].as_str().map(str::to_owned).context("kube-system has no uid")
}

async fn apply(kubectl: &Kubectl, manifest: &str) -> anyhow::Result<()> {
    let arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager=lab", "--filename=-"];
    kubectl.feed(&arguments, manifest).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            region: "eu-west-3".to_owned(),
            installation: "lab".to_owned(),
            variables: vec![json!({ "name": "OPERATOR_SETTLE_SECONDS", "value": "5" })],
        }
    }

    #[test]
    fn the_shipped_deployment_gets_the_values_and_keeps_the_rest() {
        let installation = Installation::with(&values(), &["--proof-gap-seconds=1".to_owned()]).unwrap();
        let container = &installation.deployment["spec"]["template"]["spec"]["containers"][0];
        let value = |name: &str| {
            let all: Vec<&Value> =
                container["env"].as_array().unwrap().iter().filter(|one| one["name"] == name).collect();
            assert_eq!(all.len(), 1, "{name}");
            all[0]["value"].clone()
        };
        assert_eq!((value("AWS_REGION"), value("OPERATOR_INSTALLATION")), (json!("eu-west-3"), json!("lab")));
        assert_eq!((value("OPERATOR_CONTROL_SOURCES"), value("OPERATOR_SETTLE_SECONDS")), (json!(""), json!("5")));
        assert_eq!(value("POD_NAME"), Value::Null, "it is a field of the pod");
        assert_eq!(container["envFrom"], json!([{ "secretRef": { "name": "aws" } }]));
        assert_eq!(container["args"], json!(["--proof-gap-seconds=1"]));
        assert_eq!(installation.deployment["spec"]["strategy"]["type"], "Recreate");
        for kind in ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] {
            assert!(installation.others.contains(&format!("kind: {kind}\n")), "{kind}");
        }
        assert!(!installation.others.contains("kind: Deployment"));
        let pod = installation.pod();
        assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1, "the token: programs are in the image");
        let refused = Installation::of("# nothing\n---\nkind: Namespace\n", &values(), &[]).err().unwrap();
        assert!(refused.to_string().contains("no Deployment"));
    }
}
