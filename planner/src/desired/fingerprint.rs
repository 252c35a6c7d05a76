//! Fingerprints of a spec: over what instances are launched with, and over what is measured. Where one changes,
//! instances are replaced, or another run is due.

use api::{ClusterBenchmarkSpec, PlacedImage, PlacedSubnet, Placement};
use serde::Serialize;
use wire::sha256_hex;

use super::artifacts::is_in_place;
use super::pools::PoolSpec;
use super::programs::{Program, environment, program, whereabouts};
use super::queue::{queues, uses_queues};
use super::role::Role;

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
    environment: Vec<(&'static str, String)>,
    artifact: Option<[&'a str; 2]>,
    /// Absent at first, so that a new operator replaces nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    relaunches: Option<i64>,
    /// Absent where workers are replaced, for the same reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'a str>,
    /// Absent where no queue is behind: what instances reach theirs with, and what their pullers are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<BehindQueues<'a>>,
}

#[derive(Serialize)]
struct BehindQueues<'a> {
    instance_profile: &'a str,
    puller: Vec<(&'static str, String)>,
}

/// Revision of a pool's instances. What is updated in place, program and work, is no part of it.
pub(super) fn revision(
    spec: &ClusterBenchmarkSpec,
    placement: &Placement,
    pool: &PoolSpec,
    subnet: &PlacedSubnet,
    image: &PlacedImage,
) -> String {
    let is_worker = pool.role == Role::Worker;
    let has_starter = is_worker && is_in_place(spec);
    let essence = Essence {
        instance_type: &pool.instance_type,
        image: &image.id,
        subnet: &subnet.subnet_id,
        addressing: &placement.addressing,
        public_key: &placement.public_key,
        version: &placement.version,
        role: pool.role.program(),
        port: if is_worker { spec.worker.port } else { 0 },
        environment: if has_starter { whereabouts(spec, pool) } else { environment(spec, placement, pool) },
        artifact: match program(spec, &pool.name) {
            Program::Users { url, sha256 } if is_worker && !has_starter => Some([url, sha256]),
            _ => None,
        },
        relaunches: Some(placement.relaunches).filter(|count| is_worker && *count > 0),
        update: has_starter.then_some("InPlace"),
        queues: queues(spec, placement).filter(|_| uses_queues(spec, pool.role)).map(|queues| BehindQueues {
            instance_profile: queues.instance_profile(),
            puller: if is_worker { queues.of_puller(pool) } else { Vec::new() },
        }),
    };
    digest(&essence)[..16].to_owned()
}

/// SHA-256 over all that is measured. Another value makes another run due; fields at their default are left out, so
/// that a later version with more fields does not measure again. How a program reached the workers changes nothing of it.
pub fn measured_sha256(spec: &ClusterBenchmarkSpec) -> String {
    #[derive(Serialize)]
    struct Measured<'a> {
        version: u32,
        clusters: &'a [api::Cluster],
        #[serde(skip_serializing_if = "is_default")]
        worker: &'a api::Worker,
        #[serde(skip_serializing_if = "is_default")]
        balancer: &'a api::Balancer,
        load: api::Load,
    }
    let worker = api::Worker { update: api::Update::default(), max_unavailable_percent: None, ..spec.worker.clone() };
    // Who may read about the members changes nothing of what is measured.
    let balancer = api::Balancer { public_status: false, ..spec.balancer.clone() };
    // Given or not, the median is the same threshold.
    let mut load = spec.load.clone();
    load.thresholds.iter_mut().for_each(|threshold| _ = threshold.metric.get_or_insert_default());
    digest(&Measured { version: 1, clusters: &spec.clusters, worker: &worker, balancer: &balancer, load })
}

fn is_default<T: Default + PartialEq>(value: &&T) -> bool {
    **value == T::default()
}

fn digest<T: Serialize>(value: &T) -> String {
    // These are plain structs: serialisation cannot fail. An empty document would only cause another run.
    sha256_hex(&serde_json::to_vec(value).unwrap_or_default())
}
