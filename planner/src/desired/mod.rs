//! What a spec asks for, as pools of instances, a membership and a run. Pure restatement of the spec.

pub mod user_data;

use api::{ClusterBenchmarkSpec, Distribution, PlacedImage, PlacedVolume, Placement, Policy, WorkProfile};
use jiff::Timestamp;
use serde::Serialize;
use wire::sha256_hex;

use crate::cost::credits::credits;
use crate::owner::{self, Tags};
use crate::ports::{Addressing, Credits, LaunchRequest, Volume};
use crate::world::World;
use user_data::{Control, InvalidUserData, Role, UserData};

/// Port of the balancer for requests.
pub const BALANCER_PORT: u16 = 8080;
/// Port of the control API of balancer and generator.
pub const CONTROL_PORT: u16 = 8081;
/// Pool of the balancer's instance. Cannot be the name of a cluster.
pub const BALANCER: &str = "balancer";
/// Pool of the first generator's instance. Cannot be the name of a cluster.
pub const GENERATOR: &str = "generator";
/// Image family when the spec names none.
pub const DEFAULT_IMAGE: &str = "al2023";

/// Instances for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    pub name: String,
    pub role: Role,
    pub instance_type: String,
    pub count: u32,
    /// Path of the cluster; empty for balancer and generator.
    pub path: String,
}

/// The pools of a spec: one for each cluster, the balancer, and each generator.
pub fn pools(spec: &ClusterBenchmarkSpec) -> Vec<PoolSpec> {
    let clusters = spec.clusters.iter().map(|cluster| PoolSpec {
        name: cluster.name.clone(),
        role: Role::Worker,
        instance_type: cluster.instance_type.clone(),
        count: u32::try_from(cluster.count).unwrap_or(0),
        path: cluster.path(),
    });
    let single = |name: String, role, instance_type: &str| PoolSpec {
        name,
        role,
        instance_type: instance_type.to_owned(),
        count: 1,
        path: String::new(),
    };
    let generators = (1..=generators(spec))
        .map(|number| single(generator(number), Role::Generator, &spec.load.generator.instance_type));
    clusters
        .chain([single(BALANCER.to_owned(), Role::Balancer, &spec.balancer.instance_type)])
        .chain(generators)
        .collect()
}

/// Generators that make the load together.
pub fn generators(spec: &ClusterBenchmarkSpec) -> u32 {
    u32::try_from(spec.load.generator.count).unwrap_or(1).max(1)
}

/// Pool of a generator's instance, by its number from 1: each is known by its share of the load. Cannot be the name of a
/// cluster.
pub fn generator(number: u32) -> String {
    if number > 1 { format!("{GENERATOR}-{number}") } else { GENERATOR.to_owned() }
}

/// Launches of the workers that a run measures.
pub fn launches(spec: &ClusterBenchmarkSpec) -> u32 {
    u32::try_from(spec.load.launches).unwrap_or(1).max(1)
}

/// Every instance type that a spec names, with the field that names it.
pub fn types_with_fields(spec: &ClusterBenchmarkSpec) -> Vec<(String, String)> {
    let clusters = spec
        .clusters
        .iter()
        .enumerate()
        .map(|(index, cluster)| (cluster.instance_type.clone(), format!("clusters[{index}].instanceType")));
    clusters
        .chain([
            (spec.balancer.instance_type.clone(), "balancer.instanceType".to_owned()),
            (spec.load.generator.instance_type.clone(), "load.generator.instanceType".to_owned()),
        ])
        .collect()
}

/// Name of the program that a role runs, and of its artifact.
pub fn program(role: Role) -> &'static str {
    match role {
        Role::Worker => "worker",
        Role::Balancer => "balancer",
        Role::Generator => "loadgen",
    }
}

/// Everything of a launch but its number, its token and its count.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    pub pool: &'a PoolSpec,
    /// Changes when the instances of the pool would have to be replaced to be what the spec asks for. Over what the
    /// user asked for, not over the script that we make of it: a new operator replaces nothing.
    pub revision: String,
    world: &'a World,
    placement: &'a Placement,
    image: &'a PlacedImage,
    addressing: Addressing,
    credits: Option<Credits>,
    expires_at: Timestamp,
    artifact: Artifact<'a>,
}

/// Why a recipe cannot be made now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecipe {
    #[error("instance type {0} is not known (yet)")]
    UnknownType(String),
    #[error(
        "the placement has no image for {0}: the architecture was added later; delete the benchmark and create it again"
    )]
    NoImage(&'static str),
    #[error("there is no {program} for {architecture}: choose instance types of another architecture")]
    NoArtifact { program: &'static str, architecture: &'static str },
    #[error("the placement holds no expiry")]
    NoExpiry,
    #[error("the placement has addressing {0}, which this version of the operator does not know")]
    UnknownAddressing(String),
}

/// How instances of `pool` are launched under `placement`.
pub fn recipe<'a>(world: &'a World, placement: &'a Placement, pool: &'a PoolSpec) -> Result<Recipe<'a>, NoRecipe> {
    let spec = &world.object.spec;
    let fact =
        world.instance_type(&pool.instance_type).ok_or_else(|| NoRecipe::UnknownType(pool.instance_type.clone()))?;
    let architecture = fact.architecture.name();
    let image = placement
        .images
        .iter()
        .find(|image| image.architecture == architecture)
        .ok_or(NoRecipe::NoImage(architecture))?;
    Ok(Recipe {
        pool,
        revision: revision(spec, placement, pool, image),
        world,
        placement,
        image,
        addressing: Addressing::parse(&placement.addressing)
            .ok_or_else(|| NoRecipe::UnknownAddressing(placement.addressing.clone()))?,
        credits: credits(fact),
        expires_at: placement.expires_at.as_ref().ok_or(NoRecipe::NoExpiry)?.0,
        artifact: artifact(spec, placement, pool.role, architecture)?,
    })
}

impl Recipe<'_> {
    /// The RunInstances call of one launch. Equal arguments make equal calls, byte for byte. It may not be sent until
    /// somebody says until when.
    pub fn request(
        &self,
        group_ids: Vec<String>,
        number: i64,
        count: u32,
        token: String,
    ) -> Result<LaunchRequest, InvalidUserData> {
        let user_data = self.script()?;
        let placement = self.placement;
        Ok(LaunchRequest {
            token,
            instance_type: self.pool.instance_type.clone(),
            count,
            image_id: self.image.id.clone(),
            subnet_id: placement.subnet_id.clone(),
            group_ids,
            public_address: self.addressing,
            user_data,
            root_device: self.image.root_device.clone(),
            root_gib: u32::try_from(self.image.root_gib).unwrap_or(8),
            volumes: self.image.volumes.iter().map(volume).collect(),
            credits: self.credits,
            tags: self.tags(number),
            not_after: Timestamp::MIN,
        })
    }

    fn tags(&self, number: i64) -> Tags {
        let (object, pool) = (&self.world.object, &self.pool.name);
        let user: Tags = object.spec.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        let mut tags = self.world.owner().tags(&user);
        // For people's eyes only, nothing is looked up by it: who sets a `Name` of their own keeps it.
        tags.entry("Name".to_owned()).or_insert_with(|| format!("clusterbench {}/{pool}", object.name));
        tags.insert(owner::POOL.to_owned(), pool.clone());
        tags.insert(owner::REVISION.to_owned(), self.revision.clone());
        tags.insert(owner::LAUNCH.to_owned(), number.to_string());
        tags
    }

    fn script(&self) -> Result<String, InvalidUserData> {
        let (spec, role) = (&self.world.object.spec, self.pool.role);
        let control = Control { port: CONTROL_PORT, public_key: &self.placement.public_key };
        UserData {
            role,
            expires_at: self.expires_at,
            artifact_url: &self.artifact.url(&self.world.settings.artifacts.base_url),
            artifact_sha256: self.artifact.sha256(),
            port: match role {
                Role::Worker => u16::try_from(spec.worker.port).ok(),
                Role::Balancer => Some(BALANCER_PORT),
                Role::Generator => None,
            },
            control: (role != Role::Worker).then_some(control),
            environment: &environment(spec, self.pool),
        }
        .script()
    }
}

fn volume(placed: &PlacedVolume) -> Volume {
    Volume { device: placed.device.clone(), gib: u32::try_from(placed.gib).unwrap_or(0) }
}

/// Where a role's program comes from.
#[derive(Clone, Copy, Debug)]
enum Artifact<'a> {
    Users { url: &'a str, sha256: &'a str },
    Ours { program: &'static str, sha256: &'a str },
}

impl Artifact<'_> {
    fn url(&self, base_url: &str) -> String {
        match self {
            Self::Users { url, .. } => (*url).to_owned(),
            Self::Ours { program, sha256 } => format!("{}/{sha256}/{program}", base_url.trim_end_matches('/')),
        }
    }

    fn sha256(&self) -> &str {
        match self {
            Self::Users { sha256, .. } | Self::Ours { sha256, .. } => sha256,
        }
    }
}

fn artifact<'a>(
    spec: &'a ClusterBenchmarkSpec,
    placement: &'a Placement,
    role: Role,
    architecture: &'static str,
) -> Result<Artifact<'a>, NoRecipe> {
    if let (Role::Worker, Some(url), Some(sha256)) = (role, &spec.worker.artifact_url, &spec.worker.artifact_sha256) {
        return Ok(Artifact::Users { url, sha256 });
    }
    let program = program(role);
    let placed = placement
        .artifacts
        .iter()
        .find(|artifact| artifact.name == program && artifact.architecture == architecture)
        .ok_or(NoRecipe::NoArtifact { program, architecture })?;
    Ok(Artifact::Ours { program, sha256: &placed.sha256 })
}

fn environment(spec: &ClusterBenchmarkSpec, pool: &PoolSpec) -> Vec<(&'static str, String)> {
    let mut environment = Vec::new();
    if pool.role == Role::Worker {
        environment.push(("CLUSTER", pool.name.clone()));
        environment.push(("CLUSTER_PATH", pool.path.clone()));
        if let Some(work) = &spec.worker.work {
            environment.push(("WORK", work_text(work)));
        }
    }
    environment
}

/// The worker's own notation, such as `sleep:exponential:2000us`.
pub fn work_text(work: &api::Work) -> String {
    let profile = match work.profile {
        WorkProfile::Echo => return "echo".to_owned(),
        WorkProfile::Sleep => "sleep",
        WorkProfile::Spin => "spin",
    };
    let distribution = match work.distribution {
        Distribution::Deterministic => "deterministic",
        Distribution::Exponential => "exponential",
        Distribution::Lognormal => "lognormal(1)",
    };
    format!("{profile}:{distribution}:{}us", work.mean_micros.unwrap_or_default())
}

/// How worker, balancer and generator are set, a line for each.
pub fn settings(spec: &ClusterBenchmarkSpec) -> Vec<String> {
    let worker = match (&spec.worker.artifact_url, &spec.worker.artifact_sha256, &spec.worker.work) {
        (Some(url), Some(sha256), _) => format!("worker: {url} sha256 {sha256}"),
        (_, _, Some(work)) => format!("worker: ours, {}", work_text(work)),
        _ => "worker: ours, echo".to_owned(),
    };
    let balancer = format!("balancer: {}, {:?}", spec.balancer.instance_type, spec.balancer.policy);
    let several = Some(generators(spec)).filter(|count| *count > 1).map(|count| format!("{count} x "));
    let generator = format!("generator: {}{}", several.unwrap_or_default(), spec.load.generator.instance_type);
    vec![worker, balancer, generator]
}

/// What makes instances of a pool different from others, for [`Recipe::revision`].
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
}

fn revision(spec: &ClusterBenchmarkSpec, placement: &Placement, pool: &PoolSpec, image: &PlacedImage) -> String {
    let is_worker = pool.role == Role::Worker;
    let essence = Essence {
        instance_type: &pool.instance_type,
        image: &image.id,
        subnet: &placement.subnet_id,
        addressing: &placement.addressing,
        public_key: &placement.public_key,
        version: &placement.version,
        role: program(pool.role),
        port: if is_worker { spec.worker.port } else { 0 },
        environment: environment(spec, pool),
        artifact: if is_worker {
            spec.worker.artifact_url.as_deref().zip(spec.worker.artifact_sha256.as_deref()).map(<[&str; 2]>::from)
        } else {
            None
        },
        relaunches: Some(placement.relaunches).filter(|count| is_worker && *count > 0),
    };
    digest(&essence)[..16].to_owned()
}

/// SHA-256 over all that is measured. Another value makes another run due; fields at their default are left out, so
/// that a later version with more fields does not measure again.
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
    // Given or not, the median is the same threshold.
    let mut load = spec.load.clone();
    load.thresholds.iter_mut().for_each(|threshold| _ = threshold.metric.get_or_insert_default());
    digest(&Measured { version: 1, clusters: &spec.clusters, worker: &spec.worker, balancer: &spec.balancer, load })
}

fn is_default<T: Default + PartialEq>(value: &&T) -> bool {
    **value == T::default()
}

fn digest<T: Serialize>(value: &T) -> String {
    // These are plain structs: serialisation cannot fail. An empty document would only cause another run.
    sha256_hex(&serde_json::to_vec(value).unwrap_or_default())
}

/// Policy on the wire.
pub fn policy(policy: Policy) -> wire::Policy {
    match policy {
        Policy::ShortestExpectedDelay => wire::Policy::ShortestExpectedDelay,
        Policy::RoundRobin => wire::Policy::RoundRobin,
        Policy::Random => wire::Policy::Random,
        Policy::LeastRequests => wire::Policy::LeastRequests,
        Policy::P2cLeastRequests => wire::Policy::P2cLeastRequests,
        Policy::PeakEwma => wire::Policy::PeakEwma,
        Policy::FastestOfTen => wire::Policy::FastestOfTen,
        Policy::ProbeEwma => wire::Policy::ProbeEwma,
        Policy::MetricThreshold => wire::Policy::MetricThreshold,
    }
}
