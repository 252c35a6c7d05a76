//! Settings of worker, balancer and generator, as environment, on the wire, and as lines of a report.

use api::{BalancerKind, ClusterBenchmarkSpec, Distribution, Policy, WorkProfile};

use super::pools::{PoolSpec, generators};
use super::role::Role;

/// Environment of a pool's program.
pub(super) fn environment(spec: &ClusterBenchmarkSpec, pool: &PoolSpec) -> Vec<(&'static str, String)> {
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
    let balancer = match spec.balancer.kind {
        BalancerKind::Custom => format!("balancer: {}, {:?}", spec.balancer.instance_type, spec.balancer.policy),
        BalancerKind::Application => {
            let application = spec.balancer.application.clone().unwrap_or_default();
            let (algorithm, delay) = (application.algorithm, application.deregistration_delay_seconds);
            format!("balancer: Application Load Balancer, {algorithm:?}, deregistration delay {delay} s")
        }
    };
    let several = Some(generators(spec)).filter(|count| *count > 1).map(|count| format!("{count} x "));
    let generator = format!("generator: {}{}", several.unwrap_or_default(), spec.load.generator.instance_type);
    vec![worker, balancer, generator]
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
