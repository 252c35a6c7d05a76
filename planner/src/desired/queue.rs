//! A tier behind queues, as instances are launched for it: environment of the front and of the puller beside each worker.

use api::{BalancerKind, ClusterBenchmarkSpec, Health, PlacedQueue, Placement, Queue};

use super::pools::PoolSpec;
use super::role::Role;
use crate::resources::name;

/// The program beside a worker's own, which takes requests from the queue.
pub(super) const PULLER: &str = "puller";

/// How long an answer may take where the spec says nothing: what the generator waits too.
const TIMEOUT_SECONDS: i32 = 30;

/// What instances of one benchmark are told of its queues.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queues<'a> {
    settings: &'a Queue,
    placed: &'a PlacedQueue,
    region: &'a str,
    timeout_seconds: i32,
}

/// The queues of a benchmark whose requests wait in some. `None`: they do not, or the placement does not name them yet.
pub(super) fn queues<'a>(spec: &'a ClusterBenchmarkSpec, placement: &'a Placement) -> Option<Queues<'a>> {
    Some(Queues {
        settings: spec.balancer.queue.as_ref().filter(|_| is_behind_queues(spec))?,
        placed: placement.queue.as_ref()?,
        region: &placement.region,
        timeout_seconds: timeout_seconds(spec),
    })
}

/// Longest time that a front waits for an answer, and a puller for its program.
pub(crate) fn timeout_seconds(spec: &ClusterBenchmarkSpec) -> i32 {
    spec.load.timeout_seconds.unwrap_or(TIMEOUT_SECONDS)
}

/// Whether requests wait in queues for the workers.
pub(super) fn is_behind_queues(spec: &ClusterBenchmarkSpec) -> bool {
    spec.balancer.kind == BalancerKind::Queue
}

/// Whether instances of a role reach queues and bucket themselves, by the role of their instance profile.
pub(super) fn uses_queues(spec: &ClusterBenchmarkSpec, role: Role) -> bool {
    is_behind_queues(spec) && matches!(role, Role::Front | Role::Worker)
}

impl<'a> Queues<'a> {
    /// Name of the instance profile.
    pub(super) fn instance_profile(&self) -> &'a str {
        &self.placed.instance_profile
    }

    /// Environment of the front. The names of the queues follow from the stem, its clusters are told by the membership.
    pub(super) fn of_front(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![("QUEUE_STEM", self.placed.stem.clone())];
        environment.extend(self.common());
        environment
    }

    /// Environment of the puller of a cluster, with what a healthy program answers where the spec says it.
    pub(super) fn of_puller(&self, pool: &PoolSpec, health: Option<&Health>) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("CLUSTER", pool.name.clone()),
            ("CLUSTER_PATH", pool.path.clone()),
            ("REQUEST_QUEUE", name::request_queue(&self.placed.stem, &pool.name)),
            ("ANSWER_QUEUE", name::answer_queue(&self.placed.stem, &pool.name)),
            ("ATTEMPTS", self.settings.attempts.to_string()),
        ];
        environment.extend(health.map(|health| ("HEALTH_PATH", health.path.clone())));
        environment.extend(health.and_then(|health| Some(("HEALTH_STATUS", health.status?.to_string()))));
        environment.extend(self.common());
        environment
    }

    fn common(&self) -> [(&'static str, String); 4] {
        [
            ("BUCKET", self.placed.bucket.clone()),
            ("VISIBILITY_SECONDS", self.settings.visibility_seconds.to_string()),
            ("TIMEOUT_SECONDS", self.timeout_seconds.to_string()),
            ("AWS_REGION", self.region.to_owned()),
        ]
    }
}
