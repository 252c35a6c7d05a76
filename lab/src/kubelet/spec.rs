//! A pod as the API server holds it, read strictly: a field that is not known here is refused, so that what is shipped is what
//! runs, or the lab says that it is not.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

/// Where a pod finds the token of its account, if it asks for none elsewhere (kubernetes.io, Accessing the Kubernetes API
/// from a Pod).
pub(super) const ACCOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What is known of every pod, also of one that cannot be played.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    #[serde(default)]
    pub(super) deletion_timestamp: Option<String>,
    #[serde(default)]
    pub(super) deletion_grace_period_seconds: Option<u64>,
}

impl Head {
    pub(super) fn of(pod: &Value) -> anyhow::Result<Self> {
        Deserialize::deserialize(&pod["metadata"]).context("a pod without name, namespace or uid")
    }

    pub(super) fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{}", self.namespace, self.name)
    }
}

/// Fields of type `Value` tell a scheduler or a container runtime, of which there are none, what to do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PodSpec {
    #[serde(default)]
    pub(super) service_account_name: String,
    containers: Vec<Container>,
    #[serde(default)]
    pub(super) volumes: Vec<Volume>,
    #[serde(default)]
    pub(super) restart_policy: RestartPolicy,
    #[serde(default = "thirty")]
    pub(super) termination_grace_period_seconds: u64,
    #[serde(default)]
    pub(super) node_name: String,
    #[serde(default, rename = "securityContext")]
    _security_context: Value,
    #[serde(default, rename = "serviceAccount")]
    _service_account: String,
    #[serde(default, rename = "dnsPolicy")]
    _dns_policy: String,
    #[serde(default, rename = "schedulerName")]
    _scheduler_name: String,
    #[serde(default, rename = "tolerations")]
    _tolerations: Value,
    #[serde(default, rename = "nodeSelector")]
    _node_selector: Value,
    #[serde(default, rename = "affinity")]
    _affinity: Value,
    #[serde(default, rename = "topologySpreadConstraints")]
    _topology_spread_constraints: Value,
    #[serde(default, rename = "priority")]
    _priority: Value,
    #[serde(default, rename = "priorityClassName")]
    _priority_class_name: String,
    #[serde(default, rename = "preemptionPolicy")]
    _preemption_policy: String,
    #[serde(default, rename = "enableServiceLinks")]
    _enable_service_links: Value,
    #[serde(default, rename = "imagePullSecrets")]
    _image_pull_secrets: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

/// The defaults of the API (kubernetes.io, PodSpec v1): a rendering that no API server has read has none of them.
fn thirty() -> u64 {
    30
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    #[serde(default)]
    pub(super) image_pull_policy: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<Variable>,
    #[serde(default)]
    pub(super) env_from: Vec<Source>,
    #[serde(default)]
    pub(super) volume_mounts: Vec<Mount>,
    #[serde(default)]
    pub(super) startup_probe: Option<Probe>,
    #[serde(default)]
    pub(super) liveness_probe: Option<Probe>,
    #[serde(default)]
    pub(super) readiness_probe: Option<Probe>,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default, rename = "resources")]
    _resources: Value,
    #[serde(default, rename = "securityContext")]
    _security_context: Value,
    #[serde(default, rename = "terminationMessagePath")]
    _termination_message_path: String,
    #[serde(default, rename = "terminationMessagePolicy")]
    _termination_message_policy: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    #[serde(default)]
    name: String,
    container_port: u16,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: Option<String>,
    #[serde(default)]
    pub(super) value_from: Option<ValueFrom>,
}

#[allow(clippy::enum_variant_names, reason = "Kubernetes calls them so")]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum ValueFrom {
    FieldRef(Field),
    SecretKeyRef(Key),
    ConfigMapKeyRef(Key),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Field {
    pub(super) field_path: String,
    #[serde(default, rename = "apiVersion")]
    _api_version: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) key: String,
    #[serde(default)]
    pub(super) optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Source {
    SecretRef(Named),
    ConfigMapRef(Named),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
    #[serde(default)]
    pub(super) optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Mount {
    pub(super) name: String,
    pub(super) mount_path: String,
    #[serde(default, rename = "readOnly")]
    _read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Volume {
    pub(super) name: String,
    #[serde(default)]
    config_map: Option<Files>,
    #[serde(default)]
    secret: Option<SecretFiles>,
    #[serde(default)]
    projected: Option<Projected>,
}

/// Keys of an object as files; all of them unless there are items.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Files {
    pub(super) name: String,
    #[serde(default)]
    pub(super) items: Vec<Item>,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default, rename = "defaultMode")]
    _default_mode: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretFiles {
    secret_name: String,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    optional: bool,
    #[serde(default, rename = "defaultMode")]
    _default_mode: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Projected {
    sources: Vec<Projection>,
    #[serde(default, rename = "defaultMode")]
    _default_mode: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Projection {
    ServiceAccountToken(Token),
    ConfigMap(Files),
    Secret(Files),
    #[serde(rename = "downwardAPI")]
    DownwardApi(Downward),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Token {
    pub(super) path: String,
    #[serde(default = "an_hour")]
    pub(super) expiration_seconds: u64,
}

fn an_hour() -> u64 {
    3600
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Downward {
    pub(super) items: Vec<DownwardItem>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DownwardItem {
    pub(super) path: String,
    pub(super) field_ref: FieldPath,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldPath {
    pub(super) field_path: String,
}

/// Defaults: kubernetes.io, Probe v1 core.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) http_get: HttpGet,
    #[serde(default)]
    pub(super) initial_delay_seconds: u64,
    #[serde(default = "ten")]
    pub(super) period_seconds: u64,
    #[serde(default = "one")]
    pub(super) timeout_seconds: u64,
    #[serde(default = "one")]
    pub(super) success_threshold: u64,
    #[serde(default = "three")]
    pub(super) failure_threshold: u64,
}

fn ten() -> u64 {
    10
}

fn one() -> u64 {
    1
}

fn three() -> u64 {
    3
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HttpGet {
    pub(super) path: String,
    port: Value,
    #[serde(default)]
    scheme: String,
}

impl PodSpec {
    /// What runs, or what of it the lab cannot play.
    pub(super) fn of(pod: &Value) -> anyhow::Result<Self> {
        let spec = Self::deserialize(&pod["spec"]).context("the pod asks for what the lab cannot play")?;
        let [container] = &*spec.containers else {
            bail!("the pod has {} containers: the lab plays pods of one", spec.containers.len());
        };
        for probe in
            [&container.startup_probe, &container.liveness_probe, &container.readiness_probe].into_iter().flatten()
        {
            container.port_of(probe)?;
        }
        Ok(spec)
    }

    pub(super) fn container(&self) -> &Container {
        &self.containers[0]
    }
}

impl Container {
    /// The port that a probe asks, by number or by name.
    pub(super) fn port_of(&self, probe: &Probe) -> anyhow::Result<u16> {
        if !["", "HTTP"].contains(&probe.http_get.scheme.as_str()) {
            bail!("a probe by {}: the lab probes by HTTP", probe.http_get.scheme);
        }
        let port = &probe.http_get.port;
        let named = || self.ports.iter().find(|known| port.as_str() == Some(known.name.as_str()));
        let number = port.as_u64().and_then(|port| u16::try_from(port).ok());
        let found = number.or_else(|| named().map(|port| port.container_port));
        found.with_context(|| format!("a probe of the port {port}, which the container {} does not name", self.name))
    }

    /// The port that people ask.
    pub(super) fn first_port(&self) -> Option<u16> {
        self.ports.first().map(|port| port.container_port)
    }
}

impl Volume {
    /// Where its files come from.
    pub(super) fn sources(&self) -> anyhow::Result<Vec<Projection>> {
        Ok(match (&self.config_map, &self.secret, &self.projected) {
            (Some(files), None, None) => vec![Projection::ConfigMap(files.clone())],
            (None, Some(secret), None) => vec![Projection::Secret(Files {
                name: secret.secret_name.clone(),
                items: secret.items.clone(),
                optional: secret.optional,
                _default_mode: Value::Null,
            })],
            (None, None, Some(projected)) => projected.sources.clone(),
            _ => bail!("volume {}: the lab knows a configMap, a secret or projected ones", self.name),
        })
    }
}

/// Labels of the node that a pod asks for.
pub(super) fn node_selector(pod: &Value) -> BTreeMap<String, String> {
    BTreeMap::deserialize(&pod["spec"]["nodeSelector"]).unwrap_or_default()
}
