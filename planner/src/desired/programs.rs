//! Settings of worker, balancer and generator, as environment, on the wire, and as lines of a report.

use api::{BalancerKind, ClusterBenchmarkSpec, Distribution, Placement, Policy, WorkProfile};

use super::pools::{PoolSpec, generators};
use super::queue::queues;
use super::role::Role;

/// What serves the requests of a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Program<'a> {
    Ours { work: Option<api::Work> },
    Users { url: &'a str, sha256: &'a str },
}

impl<'a> Program<'a> {
    fn new(work: Option<api::Work>, url: Option<&'a String>, sha256: Option<&'a String>) -> Self {
        match url.zip(sha256) {
            Some((url, sha256)) => Self::Users { url, sha256 },
            None => Self::Ours { work },
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours { .. })
    }

    /// The program as a report names it.
    pub fn described(self) -> String {
        match self {
            Self::Users { url, sha256 } => format!("{url} sha256 {sha256}"),
            Self::Ours { work: Some(work) } => format!("ours, {}", work_text(&work)),
            Self::Ours { work: None } => "ours, echo".to_owned(),
        }
    }
}

/// The program of a cluster: its own, or that of all.
pub fn program<'a>(spec: &'a ClusterBenchmarkSpec, cluster: &str) -> Program<'a> {
    let own = spec.clusters.iter().find(|one| one.name == cluster).and_then(|one| one.worker.as_ref());
    match own {
        Some(own) => {
            Program::new(own.work.map(api::Work::from), own.artifact_url.as_ref(), own.artifact_sha256.as_ref())
        }
        None => {
            let api::Worker { work, artifact_url, artifact_sha256, .. } = &spec.worker;
            Program::new(*work, artifact_url.as_ref(), artifact_sha256.as_ref())
        }
    }
}

/// The programs of all clusters, in their order.
pub fn programs(spec: &ClusterBenchmarkSpec) -> impl Iterator<Item = Program<'_>> {
    spec.clusters.iter().map(|cluster| program(spec, &cluster.name))
}

/// Environment of a pool's program.
pub(super) fn environment(
    spec: &ClusterBenchmarkSpec,
    placement: &Placement,
    pool: &PoolSpec,
) -> Vec<(&'static str, String)> {
    if pool.role == Role::Front {
        return queues(spec, placement).map(|queues| queues.of_front()).unwrap_or_default();
    }
    let mut environment = whereabouts(spec, pool);
    if let (Role::Worker, Program::Ours { work: Some(work) }) = (pool.role, program(spec, &pool.name)) {
        environment.push(("WORK", work_text(&work)));
    }
    environment
}

/// The part of a program's environment that stays, whatever the program is.
pub(super) fn whereabouts(spec: &ClusterBenchmarkSpec, pool: &PoolSpec) -> Vec<(&'static str, String)> {
    if pool.role != Role::Worker {
        return Vec::new();
    }
    let shared = spec.balancer.shared.as_ref().map(|shared| ("SHARED_PATH", shared.path.clone()));
    let own = [("CLUSTER", pool.name.clone()), ("CLUSTER_PATH", pool.path.clone())];
    own.into_iter().chain(shared).collect()
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

/// How workers, balancer and generator are set, a line for each.
pub fn settings(spec: &ClusterBenchmarkSpec) -> Vec<String> {
    let common = program(spec, "");
    let own = spec.clusters.iter().filter(|cluster| cluster.worker.is_some());
    let own = own.map(|cluster| format!("worker of {}: {}", cluster.name, program(spec, &cluster.name).described()));
    let is_used = spec.clusters.iter().any(|cluster| cluster.worker.is_none());
    let workers = is_used.then(|| format!("worker: {}", common.described())).into_iter().chain(own);
    let balancer = match spec.balancer.kind {
        BalancerKind::Custom => format!("balancer: {}, {:?}", spec.balancer.instance_type, spec.balancer.policy),
        BalancerKind::Queue => {
            let queue = spec.balancer.queue.as_ref();
            let (visibility, attempts) = queue.map_or((0, 0), |queue| (queue.visibility_seconds, queue.attempts));
            let front = &spec.balancer.instance_type;
            format!("front: {front}, queues with a visibility of {visibility} s and {attempts} attempts")
        }
        BalancerKind::Application => {
            let application = spec.balancer.application.clone().unwrap_or_default();
            let (algorithm, delay) = (application.algorithm, application.deregistration_delay_seconds);
            let way = match application.scheme {
                api::Scheme::Internal => "",
                api::Scheme::InternetFacing => "internet-facing and reached over its public addresses, ",
            };
            format!("balancer: Application Load Balancer, {way}{algorithm:?}, deregistration delay {delay} s")
        }
    };
    let shared = spec.balancer.shared.as_ref().map(|shared| {
        format!(
            "shared path: {} of all members, {}",
            shared.path,
            if shared.measured { "measured" } else { "not measured" }
        )
    });
    let several = Some(generators(spec)).filter(|count| *count > 1).map(|count| format!("{count} x "));
    let generator = format!("generator: {}{}", several.unwrap_or_default(), spec.load.generator.instance_type);
    workers.chain([balancer]).chain(shared).chain([generator]).collect()
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
