//! The part of a spec that stands in front of the clusters: our balancer, an Application Load Balancer, or queues.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// What stands in front of the clusters.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.application) || has(self.kind) && self.kind == 'Application'").message("balancer.application is for kind Application: set balancer.kind, or remove it"),
    validation = Rule::new("!has(self.queue) || has(self.kind) && self.kind == 'Queue'").message("balancer.queue is for kind Queue: set balancer.kind, or remove it"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Queue' || has(self.queue)").message("balancer.kind Queue needs balancer.queue.instanceProfile, the instance profile with which front and workers reach their queues and their bucket: docs/iam-instance-policy.json is the policy of its role"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Queue' || self.policy == 'ShortestExpectedDelay'").message("balancer.policy is for kind Custom: remove it, workers take from a queue when they are free"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Queue' || !has(self.publicStatus) || !self.publicStatus").message("balancer.publicStatus is for kind Custom: remove it, the front's status is on its control port"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Queue' || !has(self.shared)").message("balancer.shared is for kinds Custom and Application: remove it, every cluster has queues of its own"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Application' || self.policy == 'ShortestExpectedDelay'").message("balancer.policy is for kind Custom: remove it, and set balancer.application.algorithm"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Application' || self.instanceType == 'c6i.large'").message("balancer.instanceType is for kinds Custom and Queue: remove it, AWS chooses the machines of an Application Load Balancer"),
    validation = Rule::new("!has(self.kind) || self.kind != 'Application' || !has(self.publicStatus) || !self.publicStatus").message("balancer.publicStatus is for kind Custom: remove it, an Application Load Balancer answers no questions about its targets"),
)]
pub struct Balancer {
    /// Custom is our own balancer on an instance of its own; Application is an Application Load Balancer of AWS; Queue is a
    /// front on an instance of its own that puts each request into a queue, from which the workers take. Between Custom and
    /// Application it may be changed and the workers stay; for Queue they are launched anew.
    #[serde(default, skip_serializing_if = "BalancerKind::is_default")]
    pub kind: BalancerKind,
    /// How requests are spread over the members of a cluster. For kind Custom.
    #[serde(default)]
    pub policy: Policy,
    /// Instance type of the balancer, or of the front. Choose one that is not burstable, or its credits are measured too. For
    /// kinds Custom and Queue.
    #[serde(default = "not_burstable")]
    #[schemars(length(min = 3, max = 32))]
    #[x_kube(validation = rules::instance_type())]
    pub instance_type: String,
    /// Settings of the Application Load Balancer. For kind Application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
    /// Settings of the queues. For kind Queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// A path at which the members of all clusters serve together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// Whether whoever may send requests may also read GET /status: members, shares and expected times. For kind Custom.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public_status: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A path at which the members of all clusters serve together: kind Custom sends each request by its policy, kind Application
/// to each cluster as often as it has members.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::no_shared_page_of_a_worker())]
pub struct Shared {
    /// The path, such as /. The programs of the workers are told it as SHARED_PATH, and a change replaces the workers.
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::shared_path())]
    pub path: String,
    /// Whether it is measured like a cluster. It is none: nothing is said of whether it is faster than one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub measured: bool,
}

/// What stands in front of the clusters.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum BalancerKind {
    #[default]
    Custom,
    Application,
    Queue,
}

impl BalancerKind {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The spelling of spec and status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Custom => "Custom",
            Self::Application => "Application",
            Self::Queue => "Queue",
        }
    }
}

/// Settings of an Application Load Balancer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Internal: reached from inside the VPC alone. InternetFacing: reached over public addresses too, from
    /// network.ingressCidrs; the generators use them as well.
    #[serde(default, skip_serializing_if = "Scheme::is_default")]
    pub scheme: Scheme,
    /// How each target group spreads its requests: RoundRobin, LeastOutstandingRequests or WeightedRandom.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How long a target that is taken out may finish what it has.
    #[serde(default = "deregistration_delay")]
    #[schemars(range(min = 0, max = 3600))]
    pub deregistration_delay_seconds: i32,
    /// How targets are checked.
    #[serde(default)]
    pub health_check: HealthCheck,
}

fn deregistration_delay() -> i32 {
    30
}

impl Default for Application {
    fn default() -> Self {
        Self {
            scheme: Scheme::default(),
            algorithm: Algorithm::default(),
            deregistration_delay_seconds: deregistration_delay(),
            health_check: HealthCheck::default(),
        }
    }
}

/// Settings of the queues: SQS between the front and the workers, S3 for what requests and answers hold.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Name of an instance profile of yours: front and workers reach their queues and their bucket with its role. The
    /// operator makes no roles.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = rules::instance_profile())]
    pub instance_profile: String,
    /// Seconds after which a request whose worker is gone is given to another one. A worker that lives prolongs it.
    #[serde(default = "visibility_seconds")]
    #[schemars(range(min = 5, max = 3600))]
    pub visibility_seconds: i32,
    /// How often a request is taken by a worker at most; then it is answered with 502. SQS counts, and also counts who took it and
    /// died before the program had it.
    #[serde(default = "attempts")]
    #[schemars(range(min = 2, max = 1000))]
    pub attempts: i32,
}

fn visibility_seconds() -> i32 {
    20
}

fn attempts() -> i32 {
    3
}

/// Who can reach an Application Load Balancer.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Scheme {
    #[default]
    Internal,
    InternetFacing,
}

impl Scheme {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a target group spreads its requests.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Algorithm {
    #[default]
    RoundRobin,
    LeastOutstandingRequests,
    WeightedRandom,
}

/// How targets are checked, over HTTP on the port of the service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.timeoutSeconds < self.intervalSeconds").message("healthCheck: timeoutSeconds must be less than intervalSeconds"))]
pub struct HealthCheck {
    /// Path that is asked.
    #[serde(default = "health_path")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = rules::health_path())]
    pub path: String,
    /// Seconds from one check to the next.
    #[serde(default = "health_interval")]
    #[schemars(range(min = 5, max = 300))]
    pub interval_seconds: i32,
    /// Seconds until a check has failed.
    #[serde(default = "two")]
    #[schemars(range(min = 2, max = 120))]
    pub timeout_seconds: i32,
    /// Successes in a row after which an unhealthy target is healthy again.
    #[serde(default = "two")]
    #[schemars(range(min = 2, max = 10))]
    pub healthy_count: i32,
    /// Failures in a row after which a target is unhealthy.
    #[serde(default = "two")]
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_count: i32,
    /// Statuses of a success: one, several with commas between, or a range.
    #[serde(default = "health_statuses")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::health_statuses())]
    pub statuses: String,
}

fn health_path() -> String {
    "/health".to_owned()
}

fn health_interval() -> i32 {
    5
}

fn two() -> i32 {
    2
}

fn health_statuses() -> String {
    "200-499".to_owned()
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: health_path(),
            interval_seconds: health_interval(),
            timeout_seconds: two(),
            healthy_count: two(),
            unhealthy_count: two(),
            statuses: health_statuses(),
        }
    }
}

/// Type of balancer and generator that is not burstable: credits would be measured too.
pub(crate) fn not_burstable() -> String {
    "c6i.large".to_owned()
}

impl Default for Balancer {
    fn default() -> Self {
        Self {
            kind: BalancerKind::default(),
            policy: Policy::default(),
            instance_type: not_burstable(),
            application: None,
            queue: None,
            shared: None,
            public_status: false,
        }
    }
}

/// How requests are spread. ShortestExpectedDelay sends to the member expected to answer first and holds requests back
/// while all are full; RoundRobin takes each member in turn, Random any, LeastRequests the one with the fewest requests in
/// flight, P2cLeastRequests and PeakEwma the better one of two. As students write it: FastestOfTen measures all members at
/// every tenth request and sends the rest to the fastest, ProbeEwma probes them each 2.5 s, MetricThreshold moves on when
/// one is over 70 % utilised.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Policy {
    #[default]
    ShortestExpectedDelay,
    RoundRobin,
    Random,
    LeastRequests,
    P2cLeastRequests,
    PeakEwma,
    FastestOfTen,
    ProbeEwma,
    MetricThreshold,
}
