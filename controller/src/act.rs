//! The effects of a plan, carried out all at the same time. There is no retry here: the loop is the retry.

use std::time::Duration;

use api::ClusterBenchmark;
use futures::future::join_all;
use planner::effect::{Action, Collected, Done, Effect, Outcome};
use planner::ports::{Agents, Cloud, Regions};
use planner::status::results;
use planner::world::Finalizer;
use planner::{CloudError, Failure, Plan, World};

use crate::reconciler::Reconciler;
use crate::report::{self, Of};
use crate::store::{Store, StoreError};

/// Longer than any call below a port may take, so that it only ends what hangs.
const PATIENCE: Duration = Duration::from_secs(90);

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    /// *Cancellation*: any action may or may not have happened; the next pass tells.
    pub(crate) async fn act(&self, stored: &ClusterBenchmark, world: &World, plan: &Plan) -> Vec<Outcome> {
        if plan.effects.is_empty() {
            return Vec::new();
        }
        let cloud = self.cloud(world.region());
        let one = async |effect: &Effect| {
            let Effect { action, because } = effect;
            let result = tokio::time::timeout(PATIENCE, self.carry_out(&*cloud, stored, world, action));
            let result = result.await.unwrap_or_else(|_| {
                Err(CloudError::new(
                    Failure::Unreachable,
                    "Timeout",
                    format!("no answer within {} s", PATIENCE.as_secs()),
                ))
            });
            let name = action.name();
            match &result {
                Ok(done) => {
                    tracing::info!(action = name, because, "done");
                    for one in done.refused() {
                        tracing::warn!(id = one.id, failure = ?one.error.failure, error = %one.error, "not terminated");
                    }
                }
                Err(error) => {
                    tracing::warn!(action = name, because, failure = ?error.failure, %error, "failed");
                }
            }
            self.metrics.action(name, result.as_ref().err().map(|error| error.failure));
            if let Ok(Done::Launched(instances)) = &result {
                self.metrics.launched(instances.len());
            }
            Outcome::of(world, effect.clone(), result)
        };
        join_all(plan.effects.iter().map(one)).await
    }

    /// Through the port behind it, or, where it is about the object or its reports, through the store.
    async fn carry_out<C: Cloud>(
        &self,
        cloud: &C,
        stored: &ClusterBenchmark,
        world: &World,
        action: &Action,
    ) -> Result<Done, CloudError> {
        let finalizer = async |to| self.store.set_finalizer(stored, to).await.map(|()| Done::Ok).map_err(store_failed);
        let collected = |one: Collected| Done::Collected(Box::new(one));
        match action {
            Action::AddFinalizer => finalizer(Finalizer::Present).await,
            Action::RemoveFinalizer => finalizer(Finalizer::Absent).await,
            Action::CollectReport { control, run, sha256 } => {
                self.collect(stored, world, control, run, sha256).await.map(collected)
            }
            Action::JoinParts { run, reports } => self.join(stored, world, run, reports).await.map(collected),
            Action::RecordMetrics { report, account } => self.record_metrics(stored, report, account).await,
            other => other.carry_out(cloud, &self.agents).await.unwrap_or_else(|| {
                let message = format!("nothing carries out {}: a defect, please report it", other.name());
                Err(CloudError::new(Failure::Rejected, "NotCarriedOut", message))
            }),
        }
    }

    /// CloudWatch's account beside the report, with its count of requests against ours. Repeating it changes nothing.
    async fn record_metrics(
        &self,
        stored: &ClusterBenchmark,
        name: &str,
        account: &wire::CloudWatch,
    ) -> Result<Done, CloudError> {
        let object = self.store.get_report(stored, name).await.map_err(store_failed)?;
        let object = object.ok_or_else(|| {
            CloudError::new(Failure::NotFound, "ReportGone", format!("BenchmarkReport {name} was deleted"))
        })?;
        if object.spec.cloud_watch.is_some() {
            return Ok(Done::Ok);
        }
        let text = report::with_checks(&object, account)?;
        self.store.add_cloud_watch(&object, &text).await.map_err(store_failed)?;
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
        let bytes = self.agents.report(control, &run.name()).await?;
        let report = report::checked(&bytes, sha256)?;
        let of = if run.is_in_parts() { Of::Part } else { Of::Run };
        let known = world.runs.as_ref().and_then(|runs| runs.known());
        let state = known.and_then(|runs| runs.get(&run.name())?.as_ref()).map(|status| status.state);
        let state = state.unwrap_or(wire::RunState::Aborted);
        let result = match results::why_void(world, run, &report.run) {
            // Nothing of it counts: who lists the reports sees that.
            Some(why) => results::void_result(&why),
            None => results::result(state, &report).1,
        };
        let name = self.store_report(stored, world, (run, of), (&report, &result), bytes, sha256).await?;
        Ok(Collected { report, state, name, sha256: sha256.to_owned() })
    }

    /// Under the name that it answers with.
    async fn store_report(
        &self,
        stored: &ClusterBenchmark,
        world: &World,
        about: (&planner::RunKey, Of),
        (report, result): (&wire::Report, &str),
        bytes: Vec<u8>,
        sha256: &str,
    ) -> Result<String, CloudError> {
        let place = world.object.status.placement.as_ref();
        let object = report::object(stored, place, about, (report, result), bytes, sha256)?;
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
        let slices = (1..=run.launches).flat_map(|launch| {
            (1..=run.generators).map(move |generator| planner::RunKey { launch, generator, ..run.clone() })
        });
        for (slice, sha256) in slices.zip(parts) {
            let name = report::name(stored, run, sha256);
            let part = self.store.get_report(stored, &name).await.map_err(store_failed)?;
            let part = part.and_then(|part| report::checked(part.spec.report.as_bytes(), sha256).ok());
            reports.push(part.ok_or_else(|| report::gone(&report::part(&slice), &name))?);
        }
        let (report, bytes) = report::joined(run, &reports)?;
        let sha256 = wire::sha256_hex(&bytes);
        let state = wire::RunState::Finished;
        let (_, result) = results::result(state, &report);
        let name = self.store_report(stored, world, (run, Of::Run), (&report, &result), bytes, &sha256).await?;
        Ok(Collected { report, state, name, sha256 })
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
