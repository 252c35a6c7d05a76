//! [`Store`] on a real API server.

use api::{BenchmarkReport, ClusterBenchmark, FINALIZER, Status};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use planner::world::Finalizer;
use serde_json::json;

use crate::store::{Store, StoreError};

/// Field manager of our writes.
const MANAGER: &str = "clusterbench-operator";

#[derive(Clone)]
pub struct KubernetesStore {
    client: Client,
}

impl KubernetesStore {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    fn benchmarks(&self, object: &ClusterBenchmark) -> Api<ClusterBenchmark> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }
}

impl Store for KubernetesStore {
    async fn get(&self, namespace: &str, name: &str) -> Result<Option<ClusterBenchmark>, StoreError> {
        let api: Api<ClusterBenchmark> = Api::namespaced(self.client.clone(), namespace);
        api.get_opt(name).await.map_err(failed)
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
        let api: Api<BenchmarkReport> = Api::namespaced(self.client.clone(), &report.namespace().unwrap_or_default());
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match api.create(&parameters, report).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
            Err(error) => Err(failed(error)),
        }
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
