//! `doctor`: whether definitions, operator and permissions are as they should be, a line for each thing.

mod permissions;

use api::{ClusterBenchmark, GROUP};
use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt as _};

use self::permissions::PERMISSIONS;
use crate::access::Access;
use crate::exit::Exit;
use crate::standing::{Standing, standing};

/// Where the chart puts it.
const LABEL: &str = "app.kubernetes.io/name=clusterbenchmark-operator";
const VERSION_LABEL: &str = "app.kubernetes.io/version";
const LEASE: &str = "clusterbenchmark-operator";
/// So many seconds two clocks may differ that nobody sets.
const CLOCKS_APART: i64 = 300;

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    Fine(String),
    /// Not known, often for want of a permission.
    Open(String),
    Wrong(String),
}

pub(crate) async fn doctor(access: &Access) -> anyhow::Result<Exit> {
    let mut findings = vec![server(access).await?, definitions(access).await];
    findings.extend(operator(access).await);
    findings.extend(permissions(access).await);
    findings.extend(benchmarks(access).await);
    let mut exit = Exit::Done;
    for finding in findings {
        let (word, text) = match &finding {
            Finding::Fine(text) => ("ok   ", text),
            Finding::Open(text) => ("?    ", text),
            Finding::Wrong(text) => ("FAIL ", text),
        };
        say::line(format_args!("{word} {text}"));
        if matches!(finding, Finding::Wrong(_)) {
            exit = Exit::Error;
        }
    }
    Ok(exit)
}

async fn server(access: &Access) -> anyhow::Result<Finding> {
    let version = access.found(access.client.apiserver_version().await, "get", "version")?;
    Ok(Finding::Fine(format!("Kubernetes {}", version.git_version)))
}

async fn definitions(access: &Access) -> Finding {
    let served = access.client.list_api_group_resources(&format!("{GROUP}/v1alpha1")).await;
    match served {
        Ok(resources) => {
            let has = |kind: &str| resources.resources.iter().any(|one| one.kind == kind);
            let missing: Vec<&str> =
                ["ClusterBenchmark", "BenchmarkReport"].into_iter().filter(|kind| !has(kind)).collect();
            if missing.is_empty() {
                Finding::Fine(format!("definitions of {GROUP}/v1alpha1"))
            } else {
                Finding::Wrong(format!(
                    "{} is not defined: apply crds.yaml of the operator's version",
                    missing.join(" and ")
                ))
            }
        }
        Err(kube::Error::Api(status)) if status.code == 404 => Finding::Wrong(format!(
            "{GROUP}/v1alpha1 is not served: `helm install` brings the definitions, or kubectl apply -f crds.yaml"
        )),
        Err(error) => Finding::Open(format!("definitions: {error}")),
    }
}

async fn operator(access: &Access) -> Vec<Finding> {
    let deployments: Api<Deployment> = Api::all(access.client.clone());
    let all = match deployments.list(&ListParams::default().labels(LABEL)).await {
        Ok(all) => all.items,
        Err(error) => return vec![unread("operator", "list deployments in all namespaces", &error)],
    };
    let [deployment] = all.as_slice() else {
        let names: Vec<String> =
            all.iter().map(|one| format!("{}/{}", one.namespace().unwrap_or_default(), one.name_any())).collect();
        return vec![Finding::Wrong(if names.is_empty() {
            format!("no operator: there is no Deployment with the label {LABEL}")
        } else {
            format!(
                "{} operators ({}): they work on the same benchmarks; uninstall all but one",
                names.len(),
                names.join(", ")
            )
        })];
    };
    let namespace = deployment.namespace().unwrap_or_default();
    let version = deployment.labels().get(VERSION_LABEL).map_or("of no version", String::as_str);
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let name = format!("{namespace}/{}", deployment.name_any());
    let stands = if ready > 0 {
        Finding::Fine(format!("operator {name} {version} is ready"))
    } else {
        Finding::Wrong(format!(
            "operator {name} is not ready: kubectl logs --namespace {namespace} deployment/{}",
            deployment.name_any()
        ))
    };
    let leases: Api<Lease> = Api::namespaced(access.client.clone(), &namespace);
    let lease = match leases.get_opt(LEASE).await {
        Ok(lease) => held(lease.as_ref(), Timestamp::now()),
        Err(error) => unread(&format!("lease {LEASE}"), &format!("get leases in {namespace}"), &error),
    };
    vec![stands, lease]
}

/// Whether an operator works, as its Lease says.
fn held(lease: Option<&Lease>, now: Timestamp) -> Finding {
    let spec = lease.and_then(|lease| lease.spec.as_ref());
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).filter(|holder| !holder.is_empty());
    let renewed = spec.and_then(|spec| Some((spec.renew_time.as_ref()?.0, spec.lease_duration_seconds?)));
    match (holder, renewed) {
        (Some(holder), Some((at, seconds))) if now.duration_since(at).as_secs() <= i64::from(seconds) => {
            Finding::Fine(format!("{holder} holds the lease"))
        }
        // This machine's clock is not the operator's.
        (Some(holder), Some((at, _))) if now.duration_since(at).as_secs() <= CLOCKS_APART => {
            let ago = now.duration_since(at).as_secs();
            Finding::Open(format!("{holder} renewed its lease {ago} s ago by this machine's clock, which may be ahead"))
        }
        (Some(holder), Some((at, _))) => {
            let ago = now.duration_since(at).as_secs();
            Finding::Wrong(format!(
                "{holder} has not renewed its lease for {ago} s: no operator works; look at its log"
            ))
        }
        _ => Finding::Wrong(format!("nobody holds the lease {LEASE}: no operator works; look at its log")),
    }
}

/// What was not to be read, with the permission where that is what is lacking.
fn unread(what: &str, permission: &str, error: &kube::Error) -> Finding {
    Finding::Open(match error {
        kube::Error::Api(status) if status.code == 403 => {
            format!("{what}: you may not {permission}, needed by `doctor`")
        }
        _ => format!("{what}: {error}"),
    })
}

/// What whoever asks may do.
async fn permissions(access: &Access) -> Vec<Finding> {
    let asked = PERMISSIONS.iter().map(|one| async move {
        let answer = may(access, one.attributes(&access.namespace)).await;
        one.finding(&access.namespace, answer)
    });
    join_all(asked).await
}

async fn may(access: &Access, attributes: ResourceAttributes) -> kube::Result<bool> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(access.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// What AWS refuses, the operator has said where it met it: the rehearsal of a launch names the statement that is missing.
async fn benchmarks(access: &Access) -> Vec<Finding> {
    let listed = match access.benchmarks().list(&ListParams::default()).await {
        Ok(listed) => listed.items,
        Err(error) => {
            let namespace = &access.namespace;
            let permission = format!("list clusterbenchmarks in {namespace}");
            return vec![unread(&format!("benchmarks in {namespace}"), &permission, &error)];
        }
    };
    let stalled: Vec<Finding> = listed.iter().filter_map(stalled).collect();
    if !stalled.is_empty() {
        return stalled;
    }
    let account = listed.iter().find_map(|one| one.status.as_ref()?.placement.as_ref());
    let place =
        account.map_or(String::new(), |place| format!(", AWS account {}, region {}", place.account_id, place.region));
    vec![Finding::Fine(format!("{} benchmarks in {}, none is stalled{place}", listed.len(), access.namespace))]
}

fn stalled(benchmark: &ClusterBenchmark) -> Option<Finding> {
    match standing(benchmark) {
        Standing::Stalled { why, .. } => Some(Finding::Wrong(format!("{}: {why}", benchmark.name_any()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lease_that_nobody_renews_is_an_operator_that_does_not_work() {
        let lease = |holder: &str| -> Lease {
            serde_json::from_value(json!({ "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15,
                "renewTime": "2026-01-01T00:00:00.000000Z" } }))
            .unwrap()
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(matches!(held(Some(&lease("a")), at("2026-01-01T00:00:15Z")), Finding::Fine(_)));
        assert!(matches!(held(Some(&lease("a")), at("2026-01-01T00:01:40Z")), Finding::Open(_)));
        let late = held(Some(&lease("a")), at("2026-01-01T00:10:00Z"));
        assert!(matches!(&late, Finding::Wrong(text) if text.contains("for 600 s")), "{late:?}");
        assert!(matches!(held(Some(&lease("")), at("2026-01-01T00:00:00Z")), Finding::Wrong(_)));
        assert!(matches!(held(None, at("2026-01-01T00:00:00Z")), Finding::Wrong(_)));
    }
}
