//! The port behind each action.

use std::collections::BTreeSet;

use super::{Action, Done};
use crate::failure::{CloudError, Failure};
use crate::ports::{AgentError, Agents, Cloud};

impl Action {
    /// Carries the action out through the port behind it. `None`: it concerns the object and its reports, which only the
    /// store holds.
    ///
    /// *Cancellation*: it may or may not have happened; the next pass tells.
    pub async fn carry_out<C: Cloud, A: Agents>(&self, cloud: &C, agents: &A) -> Option<Result<Done, CloudError>> {
        let done = |result: Result<(), CloudError>| result.map(|()| Done::Ok);
        let told = |result: Result<(), AgentError>| done(result.map_err(CloudError::from));
        Some(match self {
            Self::AddFinalizer
            | Self::RemoveFinalizer
            | Self::CollectReport { .. }
            | Self::JoinParts { .. }
            | Self::RecordMetrics { .. } => return None,
            Self::CreateGroup(request) => done(cloud.create_group(request).await.map(drop)),
            Self::AuthorizeIngress { group_id, rule, .. } => done(cloud.authorize_ingress(group_id, rule).await),
            Self::RevokeIngress { group_id, rule, .. } => done(cloud.revoke_ingress(group_id, rule).await),
            Self::DeleteGroup { id, .. } => done(cloud.delete_group(id).await),
            Self::CreateLoadBalancer(request) => done(cloud.create_load_balancer(request).await),
            Self::CreateTargetGroup(request) => done(cloud.create_target_group(request).await),
            Self::SetAttributes { arn, to, .. } => done(cloud.set_attributes(arn, to).await),
            Self::CreateListener { request, .. } => done(cloud.create_listener(request).await),
            Self::CreateRule { request, .. } => done(cloud.create_rule(request).await),
            Self::DeleteRule { arn, .. } => done(cloud.delete_rule(arn).await),
            Self::RegisterTargets { arn, ids, .. } => done(cloud.register(arn, &listed(ids)).await),
            Self::DeregisterTargets { arn, ids, .. } => done(cloud.deregister(arn, &listed(ids)).await),
            Self::DeleteLoadBalancer { arn, .. } => done(cloud.delete_load_balancer(arn).await),
            Self::DeleteTargetGroup { arn, .. } => done(cloud.delete_target_group(arn).await),
            Self::CreateQueue(request) => done(cloud.create_queue(request).await),
            Self::DeleteQueue { url, .. } => done(cloud.delete_queue(url).await),
            Self::CreateBucket(request) => done(cloud.create_bucket(request).await),
            Self::EmptyBucket { name, account } => {
                let is_empty = cloud.empty_bucket(name, account).await;
                is_empty.map(|is_empty| if is_empty { Done::Ok } else { Done::Partly })
            }
            Self::DeleteBucket { name, account } => done(cloud.delete_bucket(name, account).await),
            Self::Rehearse(request) => done(cloud.rehearse(request).await),
            Self::Launch(request) => cloud.launch(request).await.map(Done::Launched),
            Self::Terminate(ids) => cloud.terminate(&listed(ids)).await.map(Done::Terminated),
            Self::Start(ids) => done(cloud.start(&listed(ids)).await),
            Self::Stop(ids) => done(cloud.stop(&listed(ids)).await),
            Self::SetMembership { control, instance_id, expect, to } => {
                told(agents.set_membership(control, instance_id, expect, to).await)
            }
            Self::UpdateWorkers { control, instance_id, recipients, to, not_after } => {
                told(agents.update_workers(control, instance_id, recipients, to, *not_after).await)
            }
            Self::Deliver { control, instance_id, program, members } => {
                told(agents.deliver(control, instance_id, program, members).await)
            }
            Self::StartRun { control, instance_id, run } => told(agents.start_run(control, instance_id, run).await),
            Self::HoldRun { control, instance_id, name } => told(agents.hold_run(control, instance_id, name).await),
            Self::ResumeRun { control, instance_id, name } => told(agents.resume_run(control, instance_id, name).await),
            Self::StopRun { control, instance_id, name } => told(agents.stop_run(control, instance_id, name).await),
            Self::ForgetRun { control, instance_id, name, report_sha256 } => {
                told(agents.forget_run(control, instance_id, name, report_sha256).await)
            }
        })
    }
}

fn listed(ids: &BTreeSet<String>) -> Vec<String> {
    ids.iter().cloned().collect()
}

impl From<AgentError> for CloudError {
    fn from(error: AgentError) -> Self {
        let (failure, code) = match error {
            AgentError::Unreachable { .. } | AgentError::Loading { .. } => (Failure::Unreachable, "ControlUnreachable"),
            AgentError::Conflict => (Failure::NotYetVisible, "Conflict"),
            AgentError::Refused { .. } => (Failure::Rejected, "Refused"),
        };
        Self::new(failure, code, error.to_string())
    }
}
