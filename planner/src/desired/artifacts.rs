//! The programs of a pool's instances: which of ours it needs, where each comes from, and, where workers are updated in
//! place, what their starters are to run.

use api::{ClusterBenchmarkSpec, Placement, Service, ServiceKind, Update};
use wire::{Application, Archive};

use super::no_recipe::NoRecipe;
use super::payload::Payload;
use super::pools::PoolSpec;
use super::programs::{Program, environment, program};
use super::queue::{PULLER, is_behind_queues};
use super::role::Role;
use crate::world::{Delivery, World};

/// The parent of a worker's program, where it can be replaced in place.
const STARTER: &str = "starter";

/// Whether another program or work reaches the workers that run, without a launch.
pub fn is_in_place(spec: &ClusterBenchmarkSpec) -> bool {
    spec.worker.update == Update::InPlace
}

/// Our programs that instances of a pool may need, whatever stands in front. In place the program may become ours later.
pub fn artifacts(spec: &ClusterBenchmarkSpec, pool: &PoolSpec) -> &'static [&'static str] {
    match pool.role {
        Role::Worker if is_in_place(spec) => &[STARTER, "worker", PULLER],
        Role::Worker if !program(spec, &pool.name).is_ours() => &[PULLER],
        Role::Worker => &["worker", PULLER],
        Role::Balancer => &["balancer"],
        Role::Front => &["front"],
        Role::Generator => &["loadgen"],
    }
}

/// Whether a program is only for benchmarks behind queues, which this one is not: it may become one later, and an operator
/// that has no such program can do without.
pub fn is_spare(spec: &ClusterBenchmarkSpec, program: &str) -> bool {
    !is_behind_queues(spec) && [Role::Front.program(), PULLER].contains(&program)
}

/// Whether instances have to reach something outside of their subnet to boot or to work: programs that are not brought, or what
/// the spec asks for.
pub fn needs_way_out(world: &World) -> bool {
    world.settings.artifacts.delivery != Delivery::Push || fetched(&world.object.spec).is_some()
}

/// The field of a spec for which instances have to reach something outside of their subnet: programs, packages and images,
/// queues, or a corpus.
pub fn fetched(spec: &ClusterBenchmarkSpec) -> Option<String> {
    let of_workers = || {
        spec.clusters.iter().enumerate().find_map(|(index, cluster)| {
            let Program::Users(service) = program(spec, &cluster.name) else { return None };
            let field = fetched_by(&service)?;
            Some(if cluster.worker.is_some() { format!("clusters[{index}].{field}") } else { field.to_owned() })
        })
    };
    if is_behind_queues(spec) {
        return Some("balancer.kind".to_owned());
    }
    of_workers().or_else(|| spec.load.request.corpus.is_some().then(|| "load.request.corpus".to_owned()))
}

/// The field of a worker for which its instances have to.
fn fetched_by(service: &Service<'_>) -> Option<&'static str> {
    match service.kind {
        ServiceKind::File { .. } => Some("worker.artifactUrl"),
        ServiceKind::Archive(_) => Some("worker.archive"),
        ServiceKind::Container(_) => Some("worker.container"),
        ServiceKind::Ours(_) | ServiceKind::Preinstalled(_) => {
            (!service.packages.is_empty()).then_some("worker.packages")
        }
    }
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Artifact<'a> {
    Users { url: &'a str, sha256: &'a str },
    Ours { program: &'static str, sha256: &'a str },
}

impl Artifact<'_> {
    /// Where it is fetched. `None`: it is brought.
    pub(super) fn url(&self, delivery: &Delivery) -> Option<String> {
        match (self, delivery) {
            (Self::Users { url, .. }, _) => Some((*url).to_owned()),
            (Self::Ours { .. }, Delivery::Push) => None,
            (Self::Ours { program, sha256 }, Delivery::Pull { base_url }) => {
                Some(format!("{}/{sha256}/{program}", base_url.trim_end_matches('/')))
            }
        }
    }

    pub(super) fn sha256(&self) -> &str {
        match self {
            Self::Users { sha256, .. } | Self::Ours { sha256, .. } => sha256,
        }
    }
}

/// What an instance of the pool boots.
#[derive(Clone, Copy, Debug)]
pub(super) enum Booted<'a> {
    /// One executable file.
    Artifact(Artifact<'a>),
    /// A program of a user's own in another form.
    Service(Service<'a>),
}

impl Booted<'_> {
    /// The same for the user data; `url` is that of its artifact, unless it is brought.
    pub(super) fn payload<'b>(&'b self, url: Option<&'b str>) -> Payload<'b> {
        let service = match self {
            Self::Artifact(artifact) => {
                let sha256 = artifact.sha256();
                return url.map_or(Payload::Brought { sha256 }, |url| Payload::File { url, sha256 });
            }
            Self::Service(service) => service,
        };
        let Service { packages, setup, command, .. } = service;
        match service.kind {
            ServiceKind::Archive(archive) => {
                Payload::Archive { url: &archive.url, sha256: &archive.sha256, packages, setup, command }
            }
            ServiceKind::Container(container) => Payload::Container { image: &container.image, arguments: command },
            ServiceKind::Preinstalled(preinstalled) => Payload::Preinstalled { unit: &preinstalled.unit },
            ServiceKind::File { url, sha256 } => Payload::File { url, sha256 },
            // It is always an artifact; nothing has an empty hash.
            ServiceKind::Ours(_) => Payload::Brought { sha256: "" },
        }
    }

    /// Its file, if it is one of ours or of a user's.
    pub(super) fn artifact(&self) -> Option<Artifact<'_>> {
        match self {
            Self::Artifact(artifact) => Some(*artifact),
            Self::Service(_) => None,
        }
    }
}

/// What an instance of the pool boots.
pub(super) fn booted<'a>(
    spec: &'a ClusterBenchmarkSpec,
    placement: &'a Placement,
    pool: &PoolSpec,
    architecture: &'static str,
) -> Result<Booted<'a>, NoRecipe> {
    if pool.role == Role::Worker && is_in_place(spec) {
        let starter = ours(placement, STARTER, architecture);
        let starter = starter.ok_or(NoRecipe::NoArtifact { program: STARTER, architecture })?;
        return Ok(Booted::Artifact(starter));
    }
    served(spec, placement, pool, architecture)
}

/// What a starter may be told to run of ours, beside its own file.
pub(super) fn stock<'a>(placement: &'a Placement, architecture: &'static str) -> Option<Artifact<'a>> {
    ours(placement, Role::Worker.program(), architecture)
}

/// The program beside a worker that takes its requests from a queue.
pub(super) fn puller<'a>(placement: &'a Placement, architecture: &'static str) -> Result<Artifact<'a>, NoRecipe> {
    ours(placement, PULLER, architecture).ok_or(NoRecipe::NoArtifact { program: PULLER, architecture })
}

/// What serves the pool's requests, or makes them.
fn served<'a>(
    spec: &'a ClusterBenchmarkSpec,
    placement: &'a Placement,
    pool: &PoolSpec,
    architecture: &'static str,
) -> Result<Booted<'a>, NoRecipe> {
    if let (Role::Worker, Program::Users(service)) = (pool.role, program(spec, &pool.name)) {
        return Ok(match service.kind {
            ServiceKind::File { url, sha256 } => Booted::Artifact(Artifact::Users { url, sha256 }),
            _ => Booted::Service(service),
        });
    }
    let program = pool.role.program();
    let ours = ours(placement, program, architecture).ok_or(NoRecipe::NoArtifact { program, architecture })?;
    Ok(Booted::Artifact(ours))
}

fn ours<'a>(placement: &'a Placement, program: &'static str, architecture: &str) -> Option<Artifact<'a>> {
    let placed = placement
        .artifacts
        .iter()
        .find(|artifact| artifact.name == program && artifact.architecture == architecture)?;
    Some(Artifact::Ours { program, sha256: &placed.sha256 })
}

/// What the starters of a pool are to run.
pub(super) fn application_of(
    world: &World,
    placement: &Placement,
    pool: &PoolSpec,
    architecture: &'static str,
) -> Result<Application, NoRecipe> {
    let spec = &world.object.spec;
    let (url, sha256, archive) = match served(spec, placement, pool, architecture)? {
        Booted::Artifact(artifact) => {
            // A starter finds what was brought by its hash.
            let url = artifact.url(&world.settings.artifacts.delivery).unwrap_or_else(|| wire::BROUGHT.to_owned());
            (url, artifact.sha256().to_owned(), None)
        }
        Booted::Service(Service { kind: ServiceKind::Archive(archive), setup, command, .. }) => {
            let made = Archive { setup: setup.to_vec(), command: command.to_vec() };
            (archive.url.clone(), archive.sha256.clone(), Some(made))
        }
        Booted::Service(_) => return Err(NoRecipe::NotInPlace(pool.name.clone())),
    };
    let environment = environment(spec, placement, pool).into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(Application { url, sha256, environment: environment.collect(), archive })
}

/// The archive that the starters of a pool are told, with what instances have to have for it.
pub(super) fn handed_over<'a>(spec: &'a ClusterBenchmarkSpec, pool: &PoolSpec) -> Option<Booted<'a>> {
    match program(spec, &pool.name) {
        own @ Program::Users(service) if own.is_archive() => Some(Booted::Service(service)),
        _ => None,
    }
}
