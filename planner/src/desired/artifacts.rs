//! The programs of a pool's instances: which of ours it needs, where each comes from, and, where workers are updated in
//! place, what their starters are to run.

use api::{ClusterBenchmarkSpec, Placement, Update};
use wire::Application;

use super::no_recipe::NoRecipe;
use super::pools::PoolSpec;
use super::programs::{Program, environment, program};
use super::queue::{PULLER, is_behind_queues};
use super::role::Role;
use crate::world::World;

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

/// Where a program comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Artifact<'a> {
    Users { url: &'a str, sha256: &'a str },
    Ours { program: &'static str, sha256: &'a str },
}

impl Artifact<'_> {
    pub(super) fn url(&self, base_url: &str) -> String {
        match self {
            Self::Users { url, .. } => (*url).to_owned(),
            Self::Ours { program, sha256 } => format!("{}/{sha256}/{program}", base_url.trim_end_matches('/')),
        }
    }

    pub(super) fn sha256(&self) -> &str {
        match self {
            Self::Users { sha256, .. } | Self::Ours { sha256, .. } => sha256,
        }
    }
}

/// What an instance of the pool fetches when it boots.
pub(super) fn booted<'a>(
    spec: &'a ClusterBenchmarkSpec,
    placement: &'a Placement,
    pool: &PoolSpec,
    architecture: &'static str,
) -> Result<Artifact<'a>, NoRecipe> {
    if pool.role == Role::Worker && is_in_place(spec) {
        return ours(placement, STARTER, architecture).ok_or(NoRecipe::NoArtifact { program: STARTER, architecture });
    }
    served(spec, placement, pool, architecture)
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
) -> Result<Artifact<'a>, NoRecipe> {
    if let (Role::Worker, Program::Users { url, sha256 }) = (pool.role, program(spec, &pool.name)) {
        return Ok(Artifact::Users { url, sha256 });
    }
    let program = pool.role.program();
    ours(placement, program, architecture).ok_or(NoRecipe::NoArtifact { program, architecture })
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
    let artifact = served(spec, placement, pool, architecture)?;
    let environment = environment(spec, placement, pool).into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(Application {
        url: artifact.url(&world.settings.artifacts.base_url),
        sha256: artifact.sha256().to_owned(),
        environment: environment.collect(),
    })
}
