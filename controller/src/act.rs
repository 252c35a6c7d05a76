//! Carries out a plan's actions, all at the same time. No retry here: the loop is the retry.

use std::time::Duration;

use api::ClusterBenchmark;
use futures::future::join_all;
use planner::ports::{AgentError, Agents, Cloud, Regions};
use planner::status::Collected;
use planner::world::Finalizer;
use planner::{Action, CloudError, Done, Failure, Outcome, Plan, World};

use crate::pass::Reconciler;
use crate::report::{self, Of};
use crate::store::{Store, StoreError};

/// Longer than any call below a port may take, so that it only ends what hangs.
const PATIENCE: Duration = Duration::from_secs(90);

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    /// *Cancellation*: any action may or may not have happened; the next look tells.
    pub(crate) async fn act(&self, stored: &ClusterBenchmark, world: &World, plan: &Plan) -> Vec<Outcome> {
        if plan.actions.is_empty() {
            return Vec::new();
        }
        let cloud = self.cloud(world.region());
        let one = async |action: &Action| {
            let effect = self.effect(&*cloud, stored, world, action);
            let result = tokio::time::timeout(PATIENCE, effect).await.unwrap_or_else(|_| {
                Err(CloudError::new(
                    Failure::Unreachable,
                    "Timeout",
                    format!("no answer within {} s", PATIENCE.as_secs()),
                ))
            });
            match &result {
                Ok(_) => tracing::info!(action = name(action), "done"),
                Err(error) => tracing::warn!(action = name(action), failure = ?error.failure, %error, "failed"),
            }
            self.metrics.action(name(action), result.as_ref().err().map(|error| error.failure));
            Outcome::of(world, action.clone(), result)
        };
        join_all(plan.actions.iter().map(one)).await
    }

    async fn effect<C: Cloud>(
        &self,
        cloud: &C,
        stored: &ClusterBenchmark,
        world: &World,
        action: &Action,
    ) -> Result<Done, CloudError> {
        match action {
            Action::AddFinalizer => self.store.set_finalizer(stored, Finalizer::Present).await.map_err(store_failed)?,
            Action::RemoveFinalizer => {
                self.store.set_finalizer(stored, Finalizer::Absent).await.map_err(store_failed)?
            }
            Action::CreateGroup(request) => cloud.create_group(request).await.map(drop)?,
            Action::Allow { group_id, rule } => cloud.allow(group_id, rule).await?,
            Action::DeleteGroup { id, .. } => cloud.delete_group(id).await?,
            Action::Rehearse(request) => cloud.rehearse(request).await?,
            Action::Launch(request) => {
                let instances = cloud.launch(request).await?;
                self.metrics.launched(instances.len());
                return Ok(Done::Launched(instances));
            }
            Action::Terminate(ids) => {
                let ids: Vec<String> = ids.iter().cloned().collect();
                let refused = cloud.terminate(&ids).await?;
                for one in &refused {
                    tracing::warn!(id = one.id, failure = ?one.error.failure, error = %one.error, "not terminated");
                }
                return Ok(Done::Terminated(refused));
            }
            Action::SetMembership { control, instance_id, expect, to } => {
                self.agents.set_membership(control, instance_id, expect, to).await.map_err(agent_failed)?;
            }
            Action::StartRun { control, instance_id, run } => {
                self.agents.start_run(control, instance_id, run).await.map_err(agent_failed)?;
            }
            Action::HoldRun { control, instance_id, name } => {
                self.agents.hold_run(control, instance_id, name).await.map_err(agent_failed)?;
            }
            Action::ResumeRun { control, instance_id, name } => {
                self.agents.resume_run(control, instance_id, name).await.map_err(agent_failed)?;
            }
            Action::StopRun { control, instance_id, name } => {
                self.agents.stop_run(control, instance_id, name).await.map_err(agent_failed)?;
            }
            Action::ForgetRun { control, instance_id, name, report_sha256 } => {
                self.agents.forget_run(control, instance_id, name, report_sha256).await.map_err(agent_failed)?;
            }
            Action::CollectReport { control, run, sha256 } => {
                return self.collect(stored, world, control, run, sha256).await.map(|c| Done::Collected(Box::new(c)));
            }
            Action::JoinParts { run, reports } => {
                return self.join(stored, world, run, reports).await.map(|c| Done::Collected(Box::new(c)));
            }
        }
        Ok(Done::Ok)
    }

    /// Fetched, checked against the hash, stored. Repeating it changes nothing.
    async fn collect(
        &self,
        stored: &ClusterBenchmark,
        world: &World,
        control: &str,
        run: &planner::RunKey,
        sha256: &str,
    ) -> Result<Collected, CloudError> {
        let bytes = self.agents.report(control, &run.name()).await.map_err(agent_failed)?;
        let report = report::checked(&bytes, sha256)?;
        let of = if run.is_in_parts() { Of::Part } else { Of::Run };
        let name = self.store_report(stored, world, (run, of), &report, bytes, sha256).await?;
        let known = world.runs.as_ref().and_then(|runs| runs.known());
        let state = known.and_then(|runs| runs.get(&run.name())?.as_ref()).map(|status| status.state);
        let state = state.unwrap_or(wire::RunState::Aborted);
        Ok(Collected { report, state, name, sha256: sha256.to_owned() })
    }

    /// Under the name that it answers with.
    async fn store_report(
        &self,
        stored: &ClusterBenchmark,
        world: &World,
        about: (&planner::RunKey, Of),
        report: &wire::Report,
        bytes: Vec<u8>,
        sha256: &str,
    ) -> Result<String, CloudError> {
        let place = world.object.status.placement.as_ref();
        let object = report::object(stored, place, about, report, bytes, sha256)?;
        self.store.put_report(&object).await.map_err(store_failed)?;
        Ok(object.metadata.name.unwrap_or_default())
    }

    /// One report of those of all parts, stored. Repeating it changes nothing.
    async fn join(
        &self,
        stored: &ClusterBenchmark,
        world: &World,
        run: &planner::RunKey,
        parts: &[String],
    ) -> Result<Collected, CloudError> {
        let mut reports = Vec::with_capacity(parts.len());
        let shares = (1..=run.launches).flat_map(|launch| {
            (1..=run.generators).map(move |generator| planner::RunKey { launch, generator, ..run.clone() })
        });
        for (share, sha256) in shares.zip(parts) {
            let name = report::name(stored, run, sha256);
            let part = self.store.get_report(stored, &name).await.map_err(store_failed)?;
            let part = part.and_then(|part| report::checked(part.spec.report.as_bytes(), sha256).ok());
            reports.push(part.ok_or_else(|| report::gone(&report::part(&share), &name))?);
        }
        let (report, bytes) = report::joined(run, &reports)?;
        let sha256 = wire::sha256_hex(&bytes);
        let name = self.store_report(stored, world, (run, Of::Run), &report, bytes, &sha256).await?;
        Ok(Collected { report, state: wire::RunState::Finished, name, sha256 })
    }
}

fn store_failed(error: StoreError) -> CloudError {
    let failure = match error {
        StoreError::Conflict | StoreError::Gone => Failure::NotYetVisible,
        StoreError::Forbidden(_) => Failure::Unauthorized,
        StoreError::Failed(_) => Failure::Unreachable,
    };
    CloudError::new(failure, "Kubernetes", error.to_string())
}

fn agent_failed(error: AgentError) -> CloudError {
    let (failure, code) = match error {
        AgentError::Unreachable { .. } => (Failure::Unreachable, "ControlUnreachable"),
        AgentError::Conflict => (Failure::NotYetVisible, "Conflict"),
        AgentError::Refused { .. } => (Failure::Rejected, "Refused"),
    };
    CloudError::new(failure, code, error.to_string())
}

/// An action in one word, for logs and metrics.
fn name(action: &Action) -> &'static str {
    match action {
        Action::AddFinalizer => "AddFinalizer",
        Action::RemoveFinalizer => "RemoveFinalizer",
        Action::CreateGroup(_) => "CreateGroup",
        Action::Allow { .. } => "Allow",
        Action::DeleteGroup { .. } => "DeleteGroup",
        Action::Rehearse(_) => "Rehearse",
        Action::Launch(_) => "Launch",
        Action::Terminate(_) => "Terminate",
        Action::SetMembership { .. } => "SetMembership",
        Action::StartRun { .. } => "StartRun",
        Action::CollectReport { .. } => "CollectReport",
        Action::JoinParts { .. } => "JoinParts",
        Action::HoldRun { .. } => "HoldRun",
        Action::ResumeRun { .. } => "ResumeRun",
        Action::StopRun { .. } => "StopRun",
        Action::ForgetRun { .. } => "ForgetRun",
    }
}
