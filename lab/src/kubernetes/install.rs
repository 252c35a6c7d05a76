//! The installation into Kubernetes, from the manifests that are shipped: CRDs, RBAC, the operator's account.

use anyhow::Context;
use serde::Deserialize;

use crate::kubernetes::kubeconfig::{self, User};
use crate::kubernetes::kubectl::Kubectl;
use crate::kubernetes::served;
use crate::state::State;

const CRDS: &str = include_str!("../../../manifests/crds.yaml");
const OPERATOR: &str = include_str!("../../../manifests/operator.yaml");

pub(crate) const NAMESPACE: &str = "clusterbenchmark-system";
const ACCOUNT: &str = "operator";

/// The operator reads its token once, at its start, so the token has to outlive the lab. 30 days; a server may
/// grant less.
const TOKEN_LIFETIME: &str = "720h";

/// Applies the CRDs and waits until they are served.
pub(crate) async fn crds(kubectl: &Kubectl) -> anyhow::Result<()> {
    apply(kubectl, CRDS).await.context("manifests/crds.yaml was refused")?;
    served::wait(kubectl).await
}

/// Applies namespace, account and permissions of the operator, and writes its kubeconfig. The operator itself is
/// not deployed: the lab runs it as a process, under the same account.
pub(crate) async fn account(kubectl: &Kubectl, state: &State) -> anyhow::Result<()> {
    let permissions = without_workloads(OPERATOR).context("manifests/operator.yaml")?;
    apply(kubectl, &permissions).await.context("manifests/operator.yaml was refused")?;
    let create = ["create", "token", ACCOUNT, "--namespace", NAMESPACE, "--duration", TOKEN_LIFETIME];
    let token = kubectl.run(&create).await.context("no token for the operator")?;
    let view = kubectl.run(&["config", "view", "--raw", "--minify", "--flatten", "--output=json"]).await?;
    let (server, authority) = kubeconfig::server_of(&view).context("the kubeconfig names no server")?;
    let text = kubeconfig::text(&server, &authority, &User::Token(token.trim()));
    state.write("operator.kubeconfig", text.as_bytes())
}

/// The id that tells this Kubernetes cluster from others.
pub(crate) async fn cluster_uid(kubectl: &Kubectl) -> anyhow::Result<String> {
    let uid = kubectl.run(&["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]).await?;
    Ok(uid.trim().to_owned())
}

async fn apply(kubectl: &Kubectl, manifest: &str) -> anyhow::Result<()> {
    let arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager=lab", "--filename=-"];
    kubectl.feed(&arguments, manifest).await.map(drop)
}

/// The documents of a manifest that are not pods in some form.
fn without_workloads(manifest: &str) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let mut kept = Vec::new();
    for document in manifest.split("\n---") {
        // A document of comments only has no kind.
        let Some(Kind { kind }) = serde_norway::from_str::<Option<Kind>>(document)? else { continue };
        if !matches!(kind.as_str(), "Deployment" | "PodDisruptionBudget" | "Service") {
            kept.push(document);
        }
    }
    Ok(kept.join("\n---"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_manifest_keeps_its_permissions_and_loses_its_deployment() {
        let kept = without_workloads(OPERATOR).unwrap();
        assert!(OPERATOR.contains("kind: Deployment") && !kept.contains("kind: Deployment"));
        for kind in ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] {
            assert!(kept.contains(&format!("kind: {kind}\n")), "{kind}");
        }
    }

    #[test]
    fn documents_without_content_are_left_out() {
        let kept = without_workloads("# nothing\n---\nkind: Namespace\n---\nkind: Deployment\n").unwrap();
        assert_eq!(kept.trim(), "kind: Namespace");
    }
}
