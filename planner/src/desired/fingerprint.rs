//! Fingerprints of a spec: over what instances are launched with, and over what is measured. Where one changes,
//! instances are replaced, or another run is due.

use api::{
    Archive, ClusterBenchmarkSpec, Container, PlacedImage, PlacedSubnet, Placement, Preinstalled, Service, ServiceKind,
};
use serde::Serialize;
use wire::sha256_hex;

use super::artifacts::is_in_place;
use super::pools::PoolSpec;
use super::programs::{Program, environment, health, program, whereabouts};
use super::queue::{queues, uses_queues};
use super::role::{Role, addressing};

/// What makes instances of a pool different from others, for [`revision`].
#[derive(Serialize)]
struct Essence<'a> {
    instance_type: &'a str,
    image: &'a str,
    subnet: &'a str,
    addressing: &'a str,
    public_key: &'a str,
    version: &'a str,
    role: &'a str,
    port: i32,
    environment: Vec<(&'a str, String)>,
    artifact: Option<[&'a str; 2]>,
    /// Absent where the program is one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Application<'a>>,
    /// Absent at first, so that a new operator replaces nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    relaunches: Option<i64>,
    /// Absent where workers are replaced, for the same reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'a str>,
    /// Absent where a starter is told no archive: what was installed for one, and the sandbox that it has, reach nobody who runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<&'a [String]>,
    /// Absent where no queue is behind: what instances reach theirs with, and what their pullers are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<BehindQueues<'a>>,
}

/// A program of a user's own that is more than one file.
#[derive(Serialize)]
struct Application<'a> {
    archive: Option<&'a Archive>,
    container: Option<&'a Container>,
    preinstalled: Option<&'a Preinstalled>,
    packages: &'a [String],
    setup: &'a [String],
    command: &'a [String],
}

impl<'a> Application<'a> {
    fn new(Service { kind, packages, setup, command, .. }: Service<'a>) -> Option<Self> {
        let none = Self { archive: None, container: None, preinstalled: None, packages, setup, command };
        match kind {
            ServiceKind::Ours(_) | ServiceKind::File { .. } => None,
            ServiceKind::Archive(archive) => Some(Self { archive: Some(archive), ..none }),
            ServiceKind::Container(container) => Some(Self { container: Some(container), ..none }),
            ServiceKind::Preinstalled(preinstalled) => Some(Self { preinstalled: Some(preinstalled), ..none }),
        }
    }
}

#[derive(Serialize)]
struct BehindQueues<'a> {
    instance_profile: &'a str,
    puller: Vec<(&'static str, String)>,
}

/// Revision of a pool's instances. What is updated in place, program and work, is no part of it; whether the program is an
/// archive is, with its packages.
pub(super) fn revision(
    spec: &ClusterBenchmarkSpec,
    placement: &Placement,
    pool: &PoolSpec,
    subnet: &PlacedSubnet,
    image: &PlacedImage,
) -> String {
    let is_worker = pool.role == Role::Worker;
    let has_starter = is_worker && is_in_place(spec);
    let users = match program(spec, &pool.name) {
        Program::Users(service) if is_worker && !has_starter => Some(service),
        _ => None,
    };
    let packages = match program(spec, &pool.name) {
        Program::Users(Service { kind: ServiceKind::Archive(_), packages, .. }) if has_starter => Some(packages),
        _ => None,
    };
    let essence = Essence {
        instance_type: &pool.instance_type,
        image: &image.id,
        subnet: &subnet.subnet_id,
        addressing: addressing(placement, pool.role).map_or(&placement.addressing, |addressing| addressing.name()),
        public_key: &placement.public_key,
        version: &placement.version,
        role: pool.role.program(),
        port: if is_worker { spec.worker.port } else { 0 },
        environment: if has_starter { whereabouts(spec, pool) } else { environment(spec, placement, pool) },
        artifact: users.and_then(|service| match service.kind {
            ServiceKind::File { url, sha256 } => Some([url, sha256]),
            _ => None,
        }),
        application: users.and_then(Application::new),
        relaunches: Some(placement.relaunches).filter(|count| is_worker && *count > 0),
        update: has_starter.then_some("InPlace"),
        packages,
        queues: queues(spec, placement).filter(|_| uses_queues(spec, pool.role)).map(|queues| BehindQueues {
            instance_profile: queues.instance_profile(),
            puller: if is_worker { queues.of_puller(pool, health(spec, &pool.name)) } else { Vec::new() },
        }),
    };
    digest(&essence)[..16].to_owned()
}

/// What of a spec is measured; fields at their default are left out.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    clusters: &'a [api::Cluster],
    #[serde(skip_serializing_if = "is_default")]
    worker: api::Worker,
    #[serde(skip_serializing_if = "is_default")]
    balancer: api::Balancer,
    load: api::Load,
}

impl<'a> Measured<'a> {
    fn of(spec: &'a ClusterBenchmarkSpec) -> Self {
        let worker =
            api::Worker { update: api::Update::default(), max_unavailable_percent: None, ..spec.worker.clone() };
        // Who may read about the members changes nothing of what is measured.
        let balancer = api::Balancer { public_status: false, ..spec.balancer.clone() };
        // Given or not, the default is the same threshold and the same comparison. Each is written as former versions wrote it.
        let (mut load, usual) = (spec.load.clone(), spec.load.default_metric());
        load.thresholds.iter_mut().for_each(|threshold| _ = threshold.metric.get_or_insert(usual));
        load.comparison.metric.get_or_insert(usual);
        if load.comparison == (api::Comparison { metric: Some(usual), ..api::Comparison::default() }) {
            load.comparison = api::Comparison::default();
        }
        Self { version: None, clusters: &spec.clusters, worker, balancer, load }
    }
}

/// SHA-256 over all that is measured. Another value makes another run due; fields at their default are left out, so
/// that a later version with more fields does not measure again. How a program reached the workers changes nothing of it.
pub fn measured_sha256(spec: &ClusterBenchmarkSpec) -> String {
    digest(&Measured { version: Some(1), ..Measured::of(spec) })
}

/// The benchmark as YAML that can be applied, as far as it is measured: nothing in it changes while a run is on.
pub fn measured_yaml(namespace: &str, name: &str, spec: &ClusterBenchmarkSpec) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Manifest<'a> {
        api_version: &'a str,
        kind: &'a str,
        metadata: Metadata<'a>,
        spec: Measured<'a>,
    }
    #[derive(Serialize)]
    struct Metadata<'a> {
        namespace: &'a str,
        name: &'a str,
    }
    let metadata = Metadata { namespace, name };
    let (api_version, kind) = ("clusterbench.dev/v1alpha1", "ClusterBenchmark");
    // These are plain structs: serialisation cannot fail. Without it a report lacks it, and says so.
    serde_norway::to_string(&Manifest { api_version, kind, metadata, spec: Measured::of(spec) }).unwrap_or_default()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn digest<T: Serialize>(value: &T) -> String {
    // These are plain structs: serialisation cannot fail. An empty document would only cause another run.
    sha256_hex(&serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yaml_is_the_benchmark_as_far_as_it_is_measured() {
        let spec: ClusterBenchmarkSpec = serde_json::from_value(serde_json::json!({
            "runId": "7",
            "clusters": [
                { "name": "a", "instanceType": "t2.micro", "count": 4 },
                { "name": "b", "instanceType": "t2.large", "count": 4, "worker": { "work": { "profile": "Echo" } } },
            ],
            "balancer": { "kind": "Application", "publicStatus": true },
            "load": {
                "phases": [{ "arrivals": "Poisson", "requestsPerSecond": 10, "requests": 100 }, { "pauseSeconds": 5 }],
                "thresholds": [{ "cluster": "a", "atMost": 5 }],
            },
        }))
        .unwrap();
        let yaml = measured_yaml("team", "yes", &spec);
        assert!(!yaml.contains('!') && !yaml.contains("runId") && !yaml.contains("publicStatus"), "{yaml}");
        let read: serde_json::Value = serde_norway::from_str(&yaml).unwrap();
        assert_eq!((&read["metadata"]["name"], &read["kind"]), (&"yes".into(), &"ClusterBenchmark".into()));
        let again: ClusterBenchmarkSpec = serde_json::from_value(read["spec"].clone()).unwrap();
        assert_eq!(measured_sha256(&again), measured_sha256(&spec), "the same is measured:\n{yaml}");
        assert_eq!(measured_yaml("team", "yes", &again), yaml);
    }
}
