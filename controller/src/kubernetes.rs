//! [`Store`] on a real API server.

use std::time::Duration;

use api::{BenchmarkReport, ClusterBenchmark, FINALIZER, Status};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::events::{self, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt};
use planner::world::Finalizer;
use planner::{Event, Severity};
use serde_json::json;

use crate::store::{Store, StoreError};

/// Field manager of our writes, and who reports events.
const MANAGER: &str = "clusterbench-operator";
/// What an event may hold a pass up.
const EVENT_PATIENCE: Duration = Duration::from_secs(5);
/// The name of an event is that of its object, a dot and 16 digits, and names have at most 253 characters.
const LONGEST_NAME: usize = 253 - 17;

#[derive(Clone)]
pub struct KubernetesStore {
    client: Client,
    recorder: Recorder,
}

impl KubernetesStore {
    pub fn new(client: Client) -> Self {
        let recorder = recorder(client.clone());
        Self { client, recorder }
    }

    fn reports(&self, object: &impl ResourceExt) -> Api<BenchmarkReport> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }

    fn benchmarks(&self, object: &ClusterBenchmark) -> Api<ClusterBenchmark> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }
}

impl Store for KubernetesStore {
    async fn get(&self, namespace: &str, name: &str) -> Result<Option<ClusterBenchmark>, StoreError> {
        let api: Api<ClusterBenchmark> = Api::namespaced(self.client.clone(), namespace);
        found(api.get(name).await, name)
    }

    async fn set_finalizer(&self, object: &ClusterBenchmark, to: Finalizer) -> Result<(), StoreError> {
        let mut finalizers = object.finalizers().to_vec();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if to == Finalizer::Present {
            finalizers.push(FINALIZER.to_owned());
        }
        // A merge patch replaces the whole list: the resource version makes that safe, the uid that it is this object.
        let patch = json!({ "metadata": {
            "uid": object.metadata.uid,
            "resourceVersion": object.metadata.resource_version,
            "finalizers": finalizers,
        }});
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.benchmarks(object).patch(&object.name_any(), &parameters, &Patch::Merge(&patch)).await.map_err(failed)?;
        Ok(())
    }

    async fn put_status(&self, object: &ClusterBenchmark, status: &Status) -> Result<ClusterBenchmark, StoreError> {
        let mut next = object.clone();
        next.metadata.managed_fields = None;
        next.status = Some(status.clone());
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        self.benchmarks(object).replace_status(&object.name_any(), &parameters, &next).await.map_err(failed)
    }

    async fn put_report(&self, report: &BenchmarkReport) -> Result<(), StoreError> {
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match self.reports(report).create(&parameters, report).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn get_report(&self, object: &ClusterBenchmark, name: &str) -> Result<Option<BenchmarkReport>, StoreError> {
        found(self.reports(object).get(name).await, name)
    }

    async fn add_cloud_watch(&self, report: &BenchmarkReport, account: &str) -> Result<(), StoreError> {
        let patch = json!({ "spec": { "cloudWatch": account } });
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.reports(report).patch(&report.name_any(), &parameters, &Patch::Merge(&patch)).await.map_err(failed)?;
        Ok(())
    }

    async fn publish(&self, object: &ClusterBenchmark, events: &[Event]) {
        publish(&self.recorder, &object.object_ref(&()), events).await;
    }
}

pub(crate) fn recorder(client: Client) -> Recorder {
    Recorder::new(client, Reporter { controller: MANAGER.to_owned(), instance: None })
}

/// Tells people about an object, if that can be done.
pub(crate) async fn publish(recorder: &Recorder, about: &ObjectReference, events: &[Event]) {
    if about.name.as_ref().is_some_and(|name| name.len() > LONGEST_NAME) {
        return;
    }
    for event in events {
        let event = events::Event {
            type_: match event.severity {
                Severity::Normal => EventType::Normal,
                Severity::Warning => EventType::Warning,
            },
            reason: event.reason.clone(),
            note: Some(event.note.clone()),
            action: event.action.clone(),
            secondary: None,
        };
        match tokio::time::timeout(EVENT_PATIENCE, recorder.publish(&event, about)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(reason = event.reason, error = %chain(&error), "no event"),
            Err(_) => tracing::debug!(reason = event.reason, "no event in time"),
        }
    }
}

/// What a read says. Where the resource itself is not served (yet), nothing is known of its objects.
fn found<T>(answer: Result<T, kube::Error>, name: &str) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let named = status.details.as_ref().is_some_and(|details| details.name == name);
            if named { Ok(None) } else { Err(StoreError::Failed(status.message.clone())) }
        }
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: kube::Error) -> StoreError {
    match error {
        kube::Error::Api(status) => match status.code {
            409 => StoreError::Conflict,
            404 => StoreError::Gone,
            403 => StoreError::Forbidden(status.message.clone()),
            _ => StoreError::Failed(status.message.clone()),
        },
        other => StoreError::Failed(chain(&other)),
    }
}

/// An error with its causes, once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
