//! The effects of a plan. This file and those beside it are all that know every action: its name, what it concerns, what it
//! needs from its surroundings, its words, and the port that carries it out.

mod carry_out;
mod kind;
mod words;

use std::collections::BTreeSet;

use api::ConditionType;
use jiff::Timestamp;
use wire::{Application, CloudWatch, Membership, RunSpec};

use crate::failure::CloudError;
use crate::ports::{
    self, BucketRequest, GroupRequest, LaunchRequest, ListenerRequest, LoadBalancerRequest, QueueRequest, Recipient,
    Refused, Rule, RuleRequest, TargetGroupAttributes, TargetGroupRequest,
};
use crate::run_key::RunKey;

pub use kind::Kind;

/// An action and why it is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub action: Action,
    /// The arithmetic of the decision, for the story, the log and the event: "3 wanted, 1 alive, 1 coming".
    pub because: String,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    AddFinalizer,
    RemoveFinalizer,
    CreateGroup(GroupRequest),
    AuthorizeIngress {
        group_id: String,
        name: String,
        rule: Rule,
    },
    RevokeIngress {
        group_id: String,
        name: String,
        rule: Rule,
    },
    DeleteGroup {
        id: String,
        name: String,
    },
    CreateLoadBalancer(LoadBalancerRequest),
    CreateTargetGroup(TargetGroupRequest),
    /// Sets how a target group spreads its requests, and how long a target may finish.
    SetAttributes {
        arn: String,
        name: String,
        to: TargetGroupAttributes,
    },
    /// The listener of the load balancer with this name.
    CreateListener {
        name: String,
        request: ListenerRequest,
    },
    /// A rule of the load balancer with this name.
    CreateRule {
        name: String,
        request: RuleRequest,
    },
    DeleteRule {
        arn: String,
        name: String,
        priority: u32,
    },
    RegisterTargets {
        arn: String,
        name: String,
        ids: BTreeSet<String>,
    },
    DeregisterTargets {
        arn: String,
        name: String,
        ids: BTreeSet<String>,
    },
    DeleteLoadBalancer {
        arn: String,
        name: String,
    },
    DeleteTargetGroup {
        arn: String,
        name: String,
    },
    CreateQueue(QueueRequest),
    /// Deletes a queue with all that is in it.
    DeleteQueue {
        url: String,
        name: String,
    },
    CreateBucket(BucketRequest),
    /// Deletes what is in a bucket of this account, or a part of it.
    EmptyBucket {
        name: String,
        account: String,
    },
    DeleteBucket {
        name: String,
        account: String,
    },
    /// Asks whether a launch would be taken. Makes nothing.
    Rehearse(LaunchRequest),
    Launch(LaunchRequest),
    Terminate(BTreeSet<String>),
    /// Starts instances that are stopped. Makes no instance.
    Start(BTreeSet<String>),
    /// Stops instances, which keep their volumes.
    Stop(BTreeSet<String>),
    SetMembership {
        control: String,
        instance_id: String,
        expect: String,
        to: Membership,
    },
    /// Has workers run another application, through the agent that reaches them.
    UpdateWorkers {
        control: String,
        instance_id: String,
        recipients: Vec<Recipient>,
        to: Application,
        /// Until when they may obey: what was planned later knows more.
        not_after: Timestamp,
    },
    /// Brings a program to the loader at `control`; where there are members, to theirs through the agent there.
    Deliver {
        control: String,
        instance_id: String,
        /// Its hash.
        program: String,
        /// Id of each, and IP address and port of its loader.
        members: Vec<(String, String)>,
    },
    StartRun {
        control: String,
        instance_id: String,
        run: Box<RunSpec>,
    },
    /// Fetch the report, store it as a BenchmarkReport, and summarise it.
    CollectReport {
        control: String,
        run: RunKey,
        sha256: String,
    },
    /// Make one report of those of all launches of a run.
    JoinParts {
        run: RunKey,
        /// SHA-256 of each, in the order of the launches.
        reports: Vec<String>,
    },
    /// Adds CloudWatch's account of a run to its BenchmarkReport.
    RecordMetrics {
        /// Name of the BenchmarkReport.
        report: String,
        account: Box<CloudWatch>,
    },
    /// Has a run wait when its round has ended; it keeps what it measured.
    HoldRun {
        control: String,
        instance_id: String,
        name: String,
    },
    /// Lets a run go on that is held.
    ResumeRun {
        control: String,
        instance_id: String,
        name: String,
    },
    /// Stops a run that is on. It keeps its report.
    StopRun {
        control: String,
        instance_id: String,
        name: String,
    },
    /// Forgets a run that has ended, if its report is the one that is recorded: a call that comes late may meet another
    /// run of the same name.
    ForgetRun {
        control: String,
        instance_id: String,
        name: String,
        report_sha256: String,
    },
}

impl From<Action> for Effect {
    fn from(action: Action) -> Self {
        Self { action, because: String::new() }
    }
}

/// An action that was tried, and its result.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub action: Action,
    pub because: String,
    pub result: Result<Done, CloudError>,
}

impl Outcome {
    pub fn new(effect: impl Into<Effect>, result: Result<Done, CloudError>) -> Self {
        let Effect { action, because } = effect.into();
        Self { action, because, result }
    }
}

#[derive(Clone, Debug)]
pub enum Done {
    Ok,
    /// Some of it is left: the same again.
    Partly,
    /// All but these.
    Terminated(Vec<Refused>),
    Launched(Vec<ports::Instance>),
    Collected(Box<Collected>),
}

impl Done {
    /// Instances that the cloud did not terminate.
    pub fn refused(&self) -> &[Refused] {
        match self {
            Self::Terminated(refused) => refused,
            Self::Ok | Self::Partly | Self::Launched(_) | Self::Collected(_) => &[],
        }
    }
}

/// A report that is stored.
#[derive(Clone, Debug)]
pub struct Collected {
    pub report: wire::Report,
    /// Whether the run came to its end.
    pub state: wire::RunState,
    /// Name of the BenchmarkReport.
    pub name: String,
    pub sha256: String,
}

/// The part of the world that an action changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Concern {
    /// The Kubernetes object.
    Object,
    /// Security groups.
    Network,
    /// Instances.
    Compute,
    /// What stands in front of the members, before it can serve.
    Front,
    /// The members or targets, and the way to them.
    Balancing,
    /// Runs and their reports.
    Measuring,
}

impl Concern {
    /// The condition that says what went wrong. The object itself has none: the next pass tries again.
    pub fn condition(self) -> Option<ConditionType> {
        match self {
            Self::Object => None,
            Self::Network | Self::Front | Self::Compute => Some(ConditionType::Provisioned),
            Self::Balancing => Some(ConditionType::Deployed),
            Self::Measuring => Some(ConditionType::Measured),
        }
    }
}

/// The calls of the cloud that an account may make a second, by kind: each kind has a bucket of its own (EC2 developer
/// guide, "Request throttling"; ELB API throttling of its user guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota<'a> {
    /// RunInstances, and the instances of it. The same token is the same launch.
    Launches {
        token: &'a str,
        instances: u32,
    },
    /// RunInstances with DryRun: a call of it too, that makes nothing.
    Rehearsals,
    Groups,
    Rules,
    Terminations,
    /// StartInstances and StopInstances.
    Starts,
    /// Changes of load balancers, target groups, listeners, rules and targets.
    Balancing,
    /// Changes of queues and buckets.
    Queues,
}

/// What an action does to a resource that is created by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByName<'a> {
    pub name: &'a str,
    /// One kind of change may be refused and another one allowed.
    pub kind: Kind,
    pub deed: Deed<'a>,
}

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed<'a> {
    Create,
    Change { id: &'a str },
    Delete { id: &'a str },
}

/// What the loop has to know of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature<'a> {
    pub kind: Kind,
    pub concern: Concern,
    /// Whether lists of the cloud look otherwise afterwards.
    pub changes_lists: bool,
    /// Whether it pays, destroys or lets go. Lists from before the object was read do not suffice for that.
    pub is_grave: bool,
    /// Whether it makes a thing that has to be in the ledger first.
    pub creates: bool,
    /// Whether the stage that measures goes on to plan it while `spec.paused` is true: it only brings home what was measured, or
    /// begins nothing.
    pub while_paused: bool,
    pub quota: Option<Quota<'a>>,
}

impl<'a> Nature<'a> {
    const fn of(kind: Kind, concern: Concern) -> Self {
        Self { kind, concern, changes_lists: false, is_grave: false, creates: false, while_paused: false, quota: None }
    }

    const fn lists(self, quota: Quota<'a>) -> Self {
        Self { changes_lists: true, quota: Some(quota), ..self }
    }

    const fn counted(self, quota: Quota<'a>) -> Self {
        Self { quota: Some(quota), ..self }
    }

    const fn grave(self) -> Self {
        Self { is_grave: true, ..self }
    }

    const fn creating(self) -> Self {
        Self { is_grave: true, creates: true, ..self }
    }

    const fn while_paused(self) -> Self {
        Self { while_paused: true, ..self }
    }
}

impl Action {
    pub fn nature(&self) -> Nature<'_> {
        use Concern::{Balancing, Compute, Front, Measuring, Network, Object};
        let of = Nature::of;
        match self {
            Self::AddFinalizer => of(Kind::AddFinalizer, Object),
            Self::RemoveFinalizer => of(Kind::RemoveFinalizer, Object).grave(),
            Self::CreateGroup(_) => of(Kind::CreateGroup, Network).lists(Quota::Groups).creating(),
            Self::AuthorizeIngress { .. } => of(Kind::AuthorizeIngress, Network).lists(Quota::Rules),
            Self::RevokeIngress { .. } => of(Kind::RevokeIngress, Network).lists(Quota::Rules).grave(),
            Self::DeleteGroup { .. } => of(Kind::DeleteGroup, Network).lists(Quota::Groups).grave(),
            Self::CreateLoadBalancer(_) => of(Kind::CreateLoadBalancer, Front).lists(Quota::Balancing).creating(),
            Self::CreateTargetGroup(_) => of(Kind::CreateTargetGroup, Front).lists(Quota::Balancing).creating(),
            Self::DeleteLoadBalancer { .. } => of(Kind::DeleteLoadBalancer, Front).lists(Quota::Balancing).grave(),
            Self::DeleteTargetGroup { .. } => of(Kind::DeleteTargetGroup, Front).lists(Quota::Balancing).grave(),
            Self::SetAttributes { .. } => of(Kind::SetAttributes, Balancing).counted(Quota::Balancing),
            Self::CreateListener { .. } => of(Kind::CreateListener, Balancing).counted(Quota::Balancing),
            Self::CreateRule { .. } => of(Kind::CreateRule, Balancing).counted(Quota::Balancing),
            Self::DeleteRule { .. } => of(Kind::DeleteRule, Balancing).counted(Quota::Balancing),
            Self::RegisterTargets { .. } => of(Kind::RegisterTargets, Balancing).counted(Quota::Balancing),
            Self::DeregisterTargets { .. } => of(Kind::DeregisterTargets, Balancing).counted(Quota::Balancing),
            Self::CreateQueue(_) => of(Kind::CreateQueue, Front).lists(Quota::Queues).creating(),
            Self::DeleteQueue { .. } => of(Kind::DeleteQueue, Front).lists(Quota::Queues).grave(),
            Self::CreateBucket(_) => of(Kind::CreateBucket, Front).lists(Quota::Queues).creating(),
            Self::EmptyBucket { .. } => of(Kind::EmptyBucket, Front).counted(Quota::Queues).grave(),
            Self::DeleteBucket { .. } => of(Kind::DeleteBucket, Front).lists(Quota::Queues).grave(),
            Self::Rehearse(_) => of(Kind::Rehearse, Compute).counted(Quota::Rehearsals),
            Self::Launch(LaunchRequest { token, count, .. }) => {
                of(Kind::Launch, Compute).lists(Quota::Launches { token, instances: *count }).creating()
            }
            Self::Terminate(_) => of(Kind::Terminate, Compute).lists(Quota::Terminations).grave(),
            Self::Start(_) => of(Kind::Start, Compute).lists(Quota::Starts).grave(),
            Self::Stop(_) => of(Kind::Stop, Compute).lists(Quota::Starts).grave(),
            Self::SetMembership { .. } => of(Kind::SetMembership, Balancing),
            Self::UpdateWorkers { .. } => of(Kind::UpdateWorkers, Balancing),
            Self::Deliver { .. } => of(Kind::Deliver, Balancing),
            Self::StartRun { .. } => of(Kind::StartRun, Measuring),
            Self::CollectReport { .. } => of(Kind::CollectReport, Measuring).while_paused(),
            Self::JoinParts { .. } => of(Kind::JoinParts, Measuring).while_paused(),
            Self::RecordMetrics { .. } => of(Kind::RecordMetrics, Object).while_paused(),
            Self::HoldRun { .. } => of(Kind::HoldRun, Measuring).while_paused(),
            Self::ResumeRun { .. } => of(Kind::ResumeRun, Measuring),
            Self::StopRun { .. } => of(Kind::StopRun, Measuring).while_paused(),
            Self::ForgetRun { .. } => of(Kind::ForgetRun, Measuring),
        }
    }

    /// One word, for logs, events and metrics.
    pub fn name(&self) -> &'static str {
        self.nature().kind.name()
    }

    /// The resource that it creates, changes or deletes, if that has a name.
    pub fn by_name(&self) -> Option<ByName<'_>> {
        let (name, deed) = match self {
            Self::CreateGroup(request) => (&request.name, Deed::Create),
            Self::AuthorizeIngress { group_id: id, name, .. } | Self::RevokeIngress { group_id: id, name, .. } => {
                (name, Deed::Change { id })
            }
            Self::DeleteGroup { id, name } => (name, Deed::Delete { id }),
            Self::CreateLoadBalancer(request) => (&request.name, Deed::Create),
            Self::CreateTargetGroup(request) => (&request.name, Deed::Create),
            Self::SetAttributes { arn: id, name, .. }
            | Self::RegisterTargets { arn: id, name, .. }
            | Self::DeregisterTargets { arn: id, name, .. } => (name, Deed::Change { id }),
            Self::CreateListener { name, request } => (name, Deed::Change { id: &request.load_balancer_arn }),
            Self::CreateRule { name, request } => (name, Deed::Change { id: &request.listener_arn }),
            Self::DeleteRule { arn: id, name, .. } => (name, Deed::Change { id }),
            Self::DeleteLoadBalancer { arn: id, name } | Self::DeleteTargetGroup { arn: id, name } => {
                (name, Deed::Delete { id })
            }
            Self::CreateQueue(request) => (&request.name, Deed::Create),
            Self::DeleteQueue { url: id, name } => (name, Deed::Delete { id }),
            Self::CreateBucket(request) => (&request.name, Deed::Create),
            Self::EmptyBucket { name, .. } => (name, Deed::Change { id: name }),
            Self::DeleteBucket { name, .. } => (name, Deed::Delete { id: name }),
            _ => return None,
        };
        Some(ByName { name, kind: self.nature().kind, deed })
    }
}
