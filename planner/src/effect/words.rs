//! The words of each action for people.

use super::Action;
use crate::owner;

impl Action {
    /// The action in words that follow "cannot".
    pub fn words(&self) -> String {
        match self {
            Self::AddFinalizer => "add the finalizer".to_owned(),
            Self::RemoveFinalizer => "remove the finalizer".to_owned(),
            Self::CreateGroup(group) => format!("create group {}", group.name),
            Self::AuthorizeIngress { group_id, rule, .. } => format!("open port {} in {group_id}", rule.from_port),
            Self::RevokeIngress { group_id, rule, .. } => format!("close port {} in {group_id}", rule.from_port),
            Self::DeleteGroup { id, .. } => format!("delete group {id}"),
            Self::CreateLoadBalancer(request) => format!("create load balancer {}", request.name),
            Self::CreateTargetGroup(request) => format!("create target group {}", request.name),
            Self::SetAttributes { name, .. } => format!("set the attributes of target group {name}"),
            Self::CreateListener { name, .. } => format!("create the listener of {name}"),
            Self::CreateRule { name, request } => {
                format!("route {} in {name}", request.paths.first().map(String::as_str).unwrap_or_default())
            }
            Self::DeleteRule { name, priority, .. } => format!("delete rule {priority} of {name}"),
            Self::RegisterTargets { name, ids, .. } => format!("register {} targets in {name}", ids.len()),
            Self::DeregisterTargets { name, ids, .. } => format!("take {} targets out of {name}", ids.len()),
            Self::DeleteLoadBalancer { name, .. } => format!("delete load balancer {name}"),
            Self::DeleteTargetGroup { name, .. } => format!("delete target group {name}"),
            Self::CreateQueue(request) => format!("create queue {}", request.name),
            Self::DeleteQueue { name, .. } => format!("delete queue {name}"),
            Self::CreateBucket(request) => format!("create bucket {}", request.name),
            Self::EmptyBucket { name, .. } => format!("empty bucket {name}"),
            Self::DeleteBucket { name, .. } => format!("delete bucket {name}"),
            Self::Rehearse(request) => format!("rehearse the launch of {} x {}", request.count, request.instance_type),
            Self::Launch(request) => {
                let pool = request.tags.get(owner::POOL).map(String::as_str).unwrap_or_default();
                format!("launch {} x {} for {pool}", request.count, request.instance_type)
            }
            Self::Terminate(ids) => format!("terminate {} instances", ids.len()),
            Self::Start(ids) => format!("start {} instances", ids.len()),
            Self::Stop(ids) => format!("stop {} instances", ids.len()),
            Self::SetMembership { .. } => "tell the balancer its members".to_owned(),
            Self::UpdateWorkers { recipients, .. } => format!("update {} workers in place", recipients.len()),
            Self::Deliver { instance_id, members, .. } if members.is_empty() => {
                format!("bring a program to {instance_id}")
            }
            Self::Deliver { instance_id, members, .. } => {
                format!("bring a program to {} workers through {instance_id}", members.len())
            }
            Self::StartRun { .. } => "start the run".to_owned(),
            Self::CollectReport { .. } => "collect the report".to_owned(),
            Self::JoinParts { .. } => "make one report of all parts".to_owned(),
            Self::RecordMetrics { report, .. } => format!("add CloudWatch's account to report {report}"),
            Self::HoldRun { .. } => "hold the run".to_owned(),
            Self::ResumeRun { .. } => "let the run go on".to_owned(),
            Self::StopRun { .. } => "stop the run".to_owned(),
            Self::ForgetRun { .. } => "clear the run away".to_owned(),
        }
    }
}
