//! The node as the API server sees it: registered, Ready, and with a Lease that is renewed.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::kubelet::logs::PORT;
use crate::kubelet::place::{NODE, Place};
use crate::kubelet::status::seconds;
use crate::kubernetes::api::Refused;

/// A kubelet's Lease lasts 40 s and is renewed after a quarter of that (kubernetes.io, Nodes, Heartbeats; `kubelet.go`,
/// `nodeLeaseRenewIntervalFraction`).
const LEASE_SECONDS: u64 = 40;
const RENEWED_AFTER: Duration = Duration::from_secs(10);
/// Without a change a kubelet reports its node this often (kubernetes.io, KubeletConfiguration, nodeStatusReportFrequency).
const REPORTED_AFTER: Duration = Duration::from_secs(300);
/// Before the next try, when the API server is away.
const RETRY: Duration = Duration::from_millis(200);
/// The time that a registration may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pods on a node by default (kubernetes.io, Considerations for large clusters).
const PODS: &str = "110";

/// Labels of the node, for `nodeSelector`.
pub(super) fn labels() -> Value {
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    json!({ "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture })
}

/// Registers the node and says that it is ready. Returns when that is so. An API server that is ready makes the namespace of node
/// Leases a moment later.
pub(super) async fn register(place: &Place) -> Result<(), Refused> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match register_once(place).await {
            Err(_) if Instant::now() < deadline => sleep(RETRY).await,
            registered => return registered,
        }
    }
}

async fn register_once(place: &Place) -> Result<(), Refused> {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE, "labels": labels() } });
    match place.api.create("/api/v1/nodes", &node).await {
        Ok(_) | Err(Refused::Conflict(_)) => {}
        Err(error) => return Err(error),
    }
    report(place).await?;
    // The API server taints every new node (admission plugin TaintNodesByCondition) until the node controller sees that it is
    // ready. There is none here.
    place.api.patch(&format!("/api/v1/nodes/{NODE}"), &json!({ "spec": { "taints": null } })).await?;
    renew(place).await
}

/// Keeps the node alive, for ever.
pub(super) async fn beat(place: &Place) {
    let mut since_report = Duration::ZERO;
    loop {
        sleep(RENEWED_AFTER).await;
        since_report += RENEWED_AFTER;
        while let Err(error) = renew(place).await {
            tracing::debug!(%error, "the node's Lease is not renewed");
            sleep(RETRY).await;
        }
        if since_report >= REPORTED_AFTER && report(place).await.is_ok() {
            since_report = Duration::ZERO;
        }
    }
}

async fn report(place: &Place) -> Result<(), Refused> {
    let status = status(place, Timestamp::now());
    place.api.patch(&format!("/api/v1/nodes/{NODE}/status"), &json!({ "status": status })).await.map(drop)
}

fn status(place: &Place, now: Timestamp) -> Value {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = format!("{}Ki", memory_kib().unwrap_or(1024 * 1024));
    let resources = json!({ "cpu": cores.to_string(), "memory": memory, "pods": PODS });
    let condition = |kind: &str, holds: bool, reason: &str| {
        json!({ "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason, "message": reason,
            "lastHeartbeatTime": seconds(now), "lastTransitionTime": seconds(now) })
    };
    json!({
        "capacity": resources,
        "allocatable": resources,
        "conditions": [
            condition("MemoryPressure", false, "KubeletHasSufficientMemory"),
            condition("DiskPressure", false, "KubeletHasNoDiskPressure"),
            condition("PIDPressure", false, "KubeletHasSufficientPID"),
            condition("Ready", true, "KubeletReady"),
        ],
        "addresses": [{ "type": "InternalIP", "address": place.node.address.to_string() }],
        "daemonEndpoints": { "kubeletEndpoint": { "Port": PORT } },
        "nodeInfo": {
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "the lab",
            "containerRuntimeVersion": "lab://processes", "kubeletVersion": format!("v{}-lab", env!("CARGO_PKG_VERSION")),
            "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": labels()["kubernetes.io/arch"],
        },
    })
}

fn memory_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix(" kB")?.trim().parse().ok()
}

async fn renew(place: &Place) -> Result<(), Refused> {
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    // MicroTime has exactly six digits.
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let spec = json!({ "holderIdentity": NODE, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now });
    match place.api.patch(&format!("{leases}/{NODE}"), &json!({ "spec": spec })).await {
        Err(Refused::Absent) => {
            let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": { "name": NODE, "namespace": "kube-node-lease" }, "spec": spec });
            place.api.create(leases, &lease).await.map(drop)
        }
        answer => answer.map(drop),
    }
}
