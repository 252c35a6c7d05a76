//! Settings of worker, balancer and generator, as environment, on the wire, and as lines of a report.

use api::{
    BalancerKind, ClusterBenchmarkSpec, Distribution, Health, Placement, Policy, Service, ServiceKind, WorkProfile,
};

use super::pools::{PoolSpec, generators};
use super::queue::queues;
use super::role::Role;

/// What serves the requests of a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Program<'a> {
    Ours { work: Option<api::Work> },
    Users(Service<'a>),
}

impl<'a> Program<'a> {
    fn new(service: Service<'a>) -> Self {
        match service.kind {
            ServiceKind::Ours(work) => Self::Ours { work },
            _ => Self::Users(service),
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours { .. })
    }

    pub fn is_archive(self) -> bool {
        matches!(self, Self::Users(Service { kind: ServiceKind::Archive(_), .. }))
    }

    /// The program as a report names it.
    pub fn described(self) -> String {
        match self {
            Self::Users(service) => described(&service),
            Self::Ours { work: Some(work) } => format!("ours, {}", work_text(&work)),
            Self::Ours { work: None } => "ours, echo".to_owned(),
        }
    }
}

/// A program of a user's own: two that differ in anything that instances are told differ here.
fn described(service: &Service<'_>) -> String {
    let Service { packages, setup, command, environment, .. } = service;
    let mut text = match service.kind {
        ServiceKind::Ours(_) => "ours".to_owned(),
        ServiceKind::File { url, sha256 } => format!("{url} sha256 {sha256}"),
        ServiceKind::Archive(archive) => format!("archive {} sha256 {}", archive.url, archive.sha256),
        ServiceKind::Container(container) => format!("container {}", container.image),
        ServiceKind::Preinstalled(preinstalled) => format!("{} of the image", preinstalled.unit),
    };
    let words = [("packages", packages), ("setup", setup), ("command", command)];
    for (name, words) in words.into_iter().filter(|(_, words)| !words.is_empty()) {
        text += &format!(", {name} {words:?}");
    }
    if !environment.is_empty() {
        let variables: Vec<String> = environment.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
        text += &format!(", environment {variables:?}");
    }
    text
}

/// The program of a cluster: its own, or that of all.
pub fn program<'a>(spec: &'a ClusterBenchmarkSpec, cluster: &str) -> Program<'a> {
    Program::new(service(spec, cluster))
}

/// What a healthy worker of a cluster answers, where the spec says it.
pub fn health<'a>(spec: &'a ClusterBenchmarkSpec, cluster: &str) -> Option<&'a Health> {
    service(spec, cluster).health
}

fn service<'a>(spec: &'a ClusterBenchmarkSpec, cluster: &str) -> Service<'a> {
    let own = spec.clusters.iter().find(|one| one.name == cluster).and_then(|one| one.worker.as_ref());
    own.map_or_else(|| spec.worker.service(), api::ClusterWorker::service)
}

/// The programs of all clusters, in their order.
pub fn programs(spec: &ClusterBenchmarkSpec) -> impl Iterator<Item = Program<'_>> {
    spec.clusters.iter().map(|cluster| program(spec, &cluster.name))
}

/// Environment of a pool's program.
pub(super) fn environment<'a>(
    spec: &'a ClusterBenchmarkSpec,
    placement: &Placement,
    pool: &PoolSpec,
) -> Vec<(&'a str, String)> {
    if pool.role == Role::Front {
        return queues(spec, placement).map(|queues| queues.of_front()).unwrap_or_default();
    }
    let mut environment: Vec<(&str, String)> = whereabouts(spec, pool);
    match program(spec, &pool.name) {
        _ if pool.role != Role::Worker => {}
        Program::Ours { work } => environment.extend(work.map(|work| ("WORK", work_text(&work)))),
        Program::Users(service) => {
            environment.extend(service.environment.iter().map(|one| (one.name.as_str(), one.value.clone())));
        }
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
