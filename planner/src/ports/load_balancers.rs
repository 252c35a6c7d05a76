//! Application Load Balancers: the balancer, its target groups, its listener with rules, and the targets.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;

use super::Answer;
use crate::owner::Tags;

/// Names of all load balancers and target groups that an operator makes begin with this. ELBv2 lists have no filter by
/// tag (API reference, DescribeLoadBalancers), so the name says whose tags are worth asking for.
pub const NAME_PREFIX: &str = "cb-";

/// Application Load Balancers and target groups (ELBv2).
///
/// ELBv2 has no client token: the name is the token. A create call of a name that exists with the same settings answers
/// the existing one, whoever's it is, so a success proves no ownership; lists and tags do.
pub trait LoadBalancers {
    /// All application load balancers of the region whose name begins with [`NAME_PREFIX`], with their tags.
    fn load_balancers(&self) -> impl Future<Output = Answer<Vec<LoadBalancer>>> + Send;

    /// All target groups of the region whose name begins with [`NAME_PREFIX`], with their tags.
    fn target_groups(&self) -> impl Future<Output = Answer<Vec<TargetGroup>>> + Send;

    /// The listeners of a load balancer with all their rules but the default one.
    ///
    /// *Errors*: `NotFound` when the load balancer is not there, or not visible to this call yet.
    fn listeners(&self, load_balancer_arn: &str) -> impl Future<Output = Answer<Vec<Listener>>> + Send;

    /// Attributes of a target group.
    ///
    /// *Errors*: `NotFound` when it is not there, or not visible to this call yet.
    fn attributes(&self, target_group_arn: &str) -> impl Future<Output = Answer<TargetGroupAttributes>> + Send;

    /// All registered targets, those included that are draining.
    ///
    /// *Errors*: `NotFound` when the target group is not there, or not visible to this call yet.
    fn targets(&self, target_group_arn: &str) -> impl Future<Output = Answer<Vec<Target>>> + Send;

    /// *Errors*: `AlreadyExists` when one of this name has other settings; `QuotaReached`; `TooLate` = it was not sent.
    fn create_load_balancer(&self, request: &LoadBalancerRequest) -> impl Future<Output = Answer<()>> + Send;

    /// *Errors*: `AlreadyExists` when one of this name has other settings; `QuotaReached`; `TooLate` = it was not sent.
    fn create_target_group(&self, request: &TargetGroupRequest) -> impl Future<Output = Answer<()>> + Send;

    /// Sets both attributes. Idempotent.
    fn set_attributes(
        &self,
        target_group_arn: &str,
        to: &TargetGroupAttributes,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// A listener for HTTP that answers 404 to what no rule takes. One with equal settings is a success.
    ///
    /// *Errors*: `AlreadyExists` when the port has another listener.
    fn create_listener(&self, request: &ListenerRequest) -> impl Future<Output = Answer<()>> + Send;

    /// *Errors*: `AlreadyExists` when the priority is taken: an earlier call may have made this very rule.
    fn create_rule(&self, request: &RuleRequest) -> impl Future<Output = Answer<()>> + Send;

    /// A rule that does not exist (any more) is a success.
    fn delete_rule(&self, rule_arn: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Registers instances; registered ones are no error, and one that is draining serves again.
    ///
    /// *Errors*: `Rejected` (`InvalidTarget`) when one of them does not run.
    fn register(&self, target_group_arn: &str, instance_ids: &[String]) -> impl Future<Output = Answer<()>> + Send;

    /// Takes instances out; those that are not registered are no error.
    fn deregister(&self, target_group_arn: &str, instance_ids: &[String]) -> impl Future<Output = Answer<()>> + Send;

    /// Takes listeners and rules with it. One that does not exist (any more) is a success.
    fn delete_load_balancer(&self, arn: &str) -> impl Future<Output = Answer<()>> + Send;

    /// One that does not exist (any more) is a success.
    ///
    /// *Errors*: `DependencyViolation` (`ResourceInUse`) while a rule or a listener names it.
    fn delete_target_group(&self, arn: &str) -> impl Future<Output = Answer<()>> + Send;
}

/// A load balancer, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// ARN; its last parts `app/NAME/ID` are the dimension `LoadBalancer` of its CloudWatch metrics.
    pub arn: String,
    /// Name, unique in account and region among application and network load balancers.
    pub name: String,
    /// State.
    pub state: LoadBalancerState,
    /// Why it is in this state, in AWS's words.
    pub state_reason: Option<String>,
    /// DNS name. To be resolved only when it is active: asked for too early, its absence is cached.
    pub dns_name: String,
    /// Whether it is reached from the internet.
    pub scheme: Scheme,
    /// Id of its VPC.
    pub vpc_id: String,
    /// Ids of its subnets, one in each of its zones.
    pub subnet_ids: Vec<String>,
    /// Ids of its security groups.
    pub group_ids: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// All its tags.
    pub tags: Tags,
}

/// State of a load balancer (API reference, LoadBalancerState).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoadBalancerState {
    /// It is being set up.
    Provisioning,
    /// It routes traffic.
    Active,
    /// It routes traffic, and lacks resources to scale.
    ActiveImpaired,
    /// It could not be set up.
    Failed,
}

impl LoadBalancerState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Provisioning, Self::Active, Self::ActiveImpaired, Self::Failed];

    /// ELBv2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::ActiveImpaired => "active_impaired",
            Self::Failed => "failed",
        }
    }

    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == word)
    }
}

/// Who reaches a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Its nodes have private addresses only.
    Internal,
    /// Its nodes have public addresses.
    InternetFacing,
}

impl Scheme {
    /// ELBv2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::InternetFacing => "internet-facing",
        }
    }
}

/// A target group, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// ARN; its last part `targetgroup/NAME/ID` is the dimension `TargetGroup` of its CloudWatch metrics.
    pub arn: String,
    /// Name, unique in account and region.
    pub name: String,
    /// Port of the targets.
    pub port: u16,
    /// Id of its VPC.
    pub vpc_id: String,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// Load balancers that route to it.
    pub load_balancer_arns: Vec<String>,
    /// All its tags.
    pub tags: Tags,
}

/// Health check of a target group, HTTP on the port of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// Path that is asked.
    pub path: String,
    /// Seconds from one check to the next: 5 to 300.
    pub interval_seconds: u32,
    /// Seconds until a check has failed: 2 to 120.
    pub timeout_seconds: u32,
    /// Successes in a row after which an unhealthy target is healthy: 2 to 10. A new one needs one.
    pub healthy_count: u32,
    /// Failures in a row after which a target is unhealthy: 2 to 10.
    pub unhealthy_count: u32,
    /// Statuses of a success, such as `200-499`.
    pub statuses: String,
}

/// Attributes of a target group that we set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TargetGroupAttributes {
    /// How requests are spread.
    pub algorithm: Algorithm,
    /// How long a target that was taken out is shown as draining.
    pub deregistration_delay_seconds: u32,
}

/// How a target group spreads its requests (`load_balancing.algorithm.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Each target in turn, for each node.
    RoundRobin,
    /// The target with the fewest requests in flight, for each node.
    LeastOutstandingRequests,
    /// Any target.
    WeightedRandom,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RoundRobin, Self::LeastOutstandingRequests, Self::WeightedRandom];

    /// ELBv2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastOutstandingRequests => "least_outstanding_requests",
            Self::WeightedRandom => "weighted_random",
        }
    }

    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == word)
    }
}

/// A listener and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// ARN.
    pub arn: String,
    /// Port that it takes requests on.
    pub port: u16,
    /// Its rules in the order of their priority, without the default one.
    pub rules: Vec<ListenerRule>,
}

/// A rule of a listener: requests to one of its paths go to its target groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerRule {
    /// ARN.
    pub arn: String,
    /// Rules are tried from the lowest number on; the first match counts.
    pub priority: u32,
    /// Patterns of its path condition, sorted. Empty: it has none, and is not ours.
    pub paths: Vec<String>,
    /// Weight of each target group, by ARN. Empty: it does something else than to forward.
    pub forward: BTreeMap<String, u32>,
}

/// A registered target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Id of the instance.
    pub instance_id: String,
    /// State.
    pub state: TargetState,
    /// Reason code, such as `Target.Timeout`.
    pub reason: Option<String>,
    /// The reason in AWS's words.
    pub description: Option<String>,
}

/// State of a target (API reference, TargetHealth).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetState {
    /// It is being registered, or its first checks are on.
    Initial,
    /// It serves.
    Healthy,
    /// Its checks failed.
    Unhealthy,
    /// It gets no traffic: no rule names its group, its zone is not enabled, or it does not run.
    Unused,
    /// It was taken out and finishes what it has; shown so for the whole delay.
    Draining,
    /// Its checks are off, or a word that this version does not know.
    Unavailable,
}

impl TargetState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Initial, Self::Healthy, Self::Unhealthy, Self::Unused, Self::Draining, Self::Unavailable];

    /// ELBv2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unused => "unused",
            Self::Draining => "draining",
            Self::Unavailable => "unavailable",
        }
    }

    /// A word that this version does not know serves nobody for certain.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == word).unwrap_or(Self::Unavailable)
    }
}

/// A CreateLoadBalancer call, for type `application` and addresses of IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerRequest {
    /// At most 32 letters, digits and inner hyphens.
    pub name: String,
    /// Who reaches it.
    pub scheme: Scheme,
    /// Ids of subnets in at least two zones.
    pub subnet_ids: Vec<String>,
    /// Ids of its security groups.
    pub group_ids: Vec<String>,
    /// Tags that are written in the same call.
    pub tags: Tags,
    /// Last moment of the call, see [`super::LaunchRequest`].
    pub not_after: Timestamp,
}

/// A CreateTargetGroup call, for HTTP/1.1 and instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupRequest {
    /// At most 32 letters, digits and inner hyphens.
    pub name: String,
    /// Port of the targets.
    pub port: u16,
    /// Id of the VPC.
    pub vpc_id: String,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// Tags that are written in the same call.
    pub tags: Tags,
    /// Last moment of the call, see [`super::LaunchRequest`].
    pub not_after: Timestamp,
}

/// A CreateListener call, for HTTP, whose default action is a fixed 404 in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// Port that it takes requests on.
    pub port: u16,
    /// Tags that are written in the same call.
    pub tags: Tags,
    /// Last moment of the call, see [`super::LaunchRequest`].
    pub not_after: Timestamp,
}

/// A CreateRule call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRequest {
    /// The listener.
    pub listener_arn: String,
    /// Unique in the listener, 1 to 50,000.
    pub priority: u32,
    /// Patterns of its path condition, at most five values with wildcards.
    pub paths: Vec<String>,
    /// Weight of each target group, by ARN.
    pub forward: BTreeMap<String, u32>,
    /// Tags that are written in the same call.
    pub tags: Tags,
    /// Last moment of the call, see [`super::LaunchRequest`].
    pub not_after: Timestamp,
}
