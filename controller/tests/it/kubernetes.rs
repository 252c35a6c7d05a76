//! One object on an API server in memory, with the rules that matter: resource versions, uids, finalizers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use api::{BenchmarkReport, ClusterBenchmark, ClusterBenchmarkSpec, FINALIZER, Status};
use controller::{Store, StoreError};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use planner::world::Finalizer;

use crate::chaos::Chaos;

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) object: Option<ClusterBenchmark>,
    pub(crate) reports: BTreeMap<String, BenchmarkReport>,
    version: u64,
}

/// Clones are clients of the same server.
#[derive(Clone)]
pub(crate) struct MemoryStore {
    server: Arc<Mutex<Server>>,
    pub(crate) chaos: Chaos,
}

impl MemoryStore {
    pub(crate) fn new(spec: ClusterBenchmarkSpec, now: Timestamp) -> Self {
        let mut object = ClusterBenchmark::new("bench", spec);
        object.metadata = ObjectMeta {
            name: Some("bench".into()),
            namespace: Some("default".into()),
            uid: Some("uid-1".into()),
            generation: Some(1),
            resource_version: Some("1".into()),
            creation_timestamp: Some(Time(now)),
            ..ObjectMeta::default()
        };
        object.status = Some(Status { observed_generation: Some(-1), ..Status::default() });
        let server = Server { object: Some(object), version: 1, ..Server::default() };
        Self { server: Arc::new(Mutex::new(server)), chaos: Chaos::default() }
    }

    pub(crate) fn client(&self, chaos: Chaos) -> Self {
        Self { server: self.server.clone(), chaos }
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.server().object.as_ref().and_then(|object| object.status.clone())
    }

    /// As a user would.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut ClusterBenchmarkSpec)) {
        self.server().change(|object| {
            change(&mut object.spec);
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
        });
    }

    pub(crate) fn delete(&self, now: Timestamp) {
        self.server().change(|object| {
            if object.metadata.deletion_timestamp.is_none() {
                object.metadata.deletion_timestamp = Some(Time(now));
                object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
            }
        });
    }

    /// `kubectl replace` without the finalizer.
    pub(crate) fn strip_finalizer(&self) {
        self.server().change(|object| object.metadata.finalizers = None);
    }

    /// A status PUT without a body: the schema's default comes back.
    pub(crate) fn wipe_status(&self) {
        self.server().change(|object| {
            object.status = Some(Status { observed_generation: Some(-1), ..Status::default() });
        });
    }

    fn write(
        &self,
        from: &ClusterBenchmark,
        change: impl FnOnce(&mut ClusterBenchmark),
    ) -> Result<ClusterBenchmark, StoreError> {
        let mut server = self.server();
        let current = server.object.as_ref().ok_or(StoreError::Gone)?;
        if current.metadata.uid != from.metadata.uid
            || current.metadata.resource_version != from.metadata.resource_version
        {
            return Err(StoreError::Conflict);
        }
        server.change(change);
        Ok(server.object.clone().unwrap_or_else(|| from.clone()))
    }
}

impl Server {
    fn change(&mut self, change: impl FnOnce(&mut ClusterBenchmark)) {
        let Some(object) = &mut self.object else { return };
        change(object);
        self.version += 1;
        object.metadata.resource_version = Some(self.version.to_string());
        let held = object.metadata.finalizers.iter().flatten().next().is_some();
        if object.metadata.deletion_timestamp.is_some() && !held {
            self.object = None;
        }
    }
}

impl Store for MemoryStore {
    async fn get(&self, _namespace: &str, _name: &str) -> Result<Option<ClusterBenchmark>, StoreError> {
        Ok(self.server().object.clone())
    }

    async fn set_finalizer(&self, object: &ClusterBenchmark, to: Finalizer) -> Result<(), StoreError> {
        let write = async {
            let adds = to == Finalizer::Present;
            if adds && object.metadata.deletion_timestamp.is_some() {
                return Err(StoreError::Failed("finalizers cannot be added to a deleted object".into()));
            }
            let finalizers = if adds { vec![FINALIZER.to_owned()] } else { Vec::new() };
            self.write(object, |object| object.metadata.finalizers = Some(finalizers)).map(drop)
        };
        self.chaos.effect(write).await
    }

    async fn put_status(&self, object: &ClusterBenchmark, status: &Status) -> Result<ClusterBenchmark, StoreError> {
        // As the server keeps it: whatever JSON loses is lost.
        let stored = serde_json::to_value(status).and_then(serde_json::from_value);
        let stored: Status = stored.map_err(|error| StoreError::Failed(error.to_string()))?;
        let write = async { self.write(object, |object| object.status = Some(stored.clone())) };
        self.chaos.effect(write).await
    }

    async fn put_report(&self, report: &BenchmarkReport) -> Result<(), StoreError> {
        let write = async {
            let name = report.metadata.name.clone().unwrap_or_default();
            self.server().reports.entry(name).or_insert_with(|| report.clone());
            Ok(())
        };
        self.chaos.effect(write).await
    }
}
