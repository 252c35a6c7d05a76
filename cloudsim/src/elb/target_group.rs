//! Target groups, as values, and requests for them.

use std::collections::BTreeMap;

use planner::owner::Tags;
use planner::ports::HealthCheck;

use crate::engine::audit::Origin;
use crate::engine::query::PageRequest;

/// Attributes by key, such as `deregistration_delay.timeout_seconds`.
pub type Attributes = BTreeMap<String, String>;

/// A target group for HTTP/1.1 and instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    pub arn: String,
    pub origin: Origin,
    pub name: String,
    pub port: u16,
    pub vpc_id: String,
    pub health_check: HealthCheck,
    pub attributes: Attributes,
    /// Load balancers with a rule that names it, as the reader sees them. Filled in answers only.
    pub load_balancer_arns: Vec<String>,
    /// Answered by DescribeTags only.
    pub tags: Tags,
}

/// Key of the attribute that says how long a target that was taken out is shown as draining.
pub const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
/// Key of the attribute that says how requests are spread.
pub const ALGORITHM: &str = "load_balancing.algorithm.type";

impl TargetGroup {
    /// `targetgroup/NAME/ID`: the dimension `TargetGroup` of its metrics.
    pub fn dimension(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    pub(crate) fn deregistration_delay_seconds(&self) -> u64 {
        self.attributes.get(DEREGISTRATION_DELAY).and_then(|seconds| seconds.parse().ok()).unwrap_or(300)
    }
}

/// A CreateTargetGroup request for protocol HTTP, HTTP1 and target type `instance`; the health check is HTTP on the
/// port of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTargetGroup {
    pub name: String,
    pub port: u16,
    pub vpc_id: String,
    /// What the request leaves out: see [`default_health_check`].
    pub health_check: HealthCheck,
    pub tags: Tags,
}

/// The health check of a target group whose request says nothing of it (API reference, CreateTargetGroup).
pub fn default_health_check() -> HealthCheck {
    HealthCheck {
        path: "/".into(),
        interval_seconds: 30,
        timeout_seconds: 5,
        healthy_count: 5,
        unhealthy_count: 2,
        statuses: "200".into(),
    }
}

/// A DescribeTargetGroups request: of a load balancer, by ARN, by name, or everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeTargetGroups {
    pub load_balancer_arn: Option<String>,
    pub arns: Vec<String>,
    pub names: Vec<String>,
    pub page: PageRequest,
}
