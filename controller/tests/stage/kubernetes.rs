//! One object on an API server in memory, with the rules that matter: resource versions, uids, finalizers, namespaces
//! that end, answers that are lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use api::{BenchmarkReport, ClusterBenchmark, ClusterBenchmarkSpec, FINALIZER, Status};
use controller::{Store, StoreError};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use planner::Event;
use planner::effect::Kind;
use planner::world::Finalizer;
use serde::{Deserialize, Serialize};

use crate::stage::chaos::{Chaos, Departure, InFlight};
use crate::stage::judge::{Judge, Rule};
use crate::stage::schedule::{Schedule, Site};
use crate::stage::sight::Sight;

/// What happens to a call to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoreFault {
    /// No answer, no effect.
    Unavailable,
    /// It took effect, and the answer is lost.
    LostAnswer,
    /// Somebody else wrote a label in between.
    Conflict,
}

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) object: Option<ClusterBenchmark>,
    pub(crate) reports: BTreeMap<String, BenchmarkReport>,
    pub(crate) namespace_ends: bool,
    /// What happens to the next calls; `None`: nothing.
    pub(crate) faults: VecDeque<Option<StoreFault>>,
    pub(crate) faults_met: Vec<StoreFault>,
    pub(crate) writes: u64,
    /// Effects as events told them, for the story.
    pub(crate) told: Vec<(Timestamp, String)>,
    version: u64,
}

/// Clones are clients of the same server.
#[derive(Clone)]
pub(crate) struct MemoryStore {
    server: Arc<Mutex<Server>>,
    pub(crate) chaos: Chaos,
    pub(crate) sight: Sight,
    in_flight: InFlight,
    judge: Judge,
    schedule: Schedule,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    writes: Writes,
    /// Another benchmark, which lives.
    neighbour: ClusterBenchmark,
}

/// Whether a write looks at what it was made from. Only a mutant's does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Writes {
    #[default]
    Seeing,
    Blind,
}

impl MemoryStore {
    pub(crate) fn new(
        spec: ClusterBenchmarkSpec,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        in_flight: InFlight,
        (judge, schedule): (Judge, Schedule),
    ) -> Self {
        let mut object = ClusterBenchmark::new("bench", spec);
        object.metadata = ObjectMeta {
            name: Some("bench".into()),
            namespace: Some("default".into()),
            uid: Some("uid-1".into()),
            generation: Some(1),
            resource_version: Some("1".into()),
            creation_timestamp: Some(Time(clock())),
            ..ObjectMeta::default()
        };
        let mut neighbour = object.clone();
        (neighbour.metadata.name, neighbour.metadata.uid) = (Some("neighbour".into()), Some("uid-2".into()));
        object.status = Some(Status { observed_generation: Some(-1), ..Status::default() });
        let server = Server { object: Some(object), version: 1, ..Server::default() };
        let server = Arc::new(Mutex::new(server));
        Self {
            server,
            chaos: Chaos::default(),
            sight: Sight::default(),
            in_flight,
            judge,
            schedule,
            clock,
            writes: Writes::Seeing,
            neighbour,
        }
    }

    pub(crate) fn client(&self, chaos: Chaos, sight: Sight, writes: Writes) -> Self {
        Self { chaos, sight, writes, ..self.clone() }
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.server().object.as_ref().and_then(|object| object.status.clone())
    }

    /// Edits the spec, like a user.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut ClusterBenchmarkSpec)) {
        self.server().change(|object| {
            let before = object.spec.clone();
            change(&mut object.spec);
            if object.spec != before {
                object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
            }
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
        self.judge.wiped();
        self.server().change(|object| {
            object.status = Some(Status { observed_generation: Some(-1), ..Status::default() });
        });
    }

    /// What happens to the next call.
    fn fault(&self, site: Site) -> Option<StoreFault> {
        let scheduled = self.schedule.of_store(site);
        let mut server = self.server();
        let fault = scheduled.or_else(|| server.faults.pop_front().flatten())?;
        server.faults_met.push(fault);
        if fault == StoreFault::Conflict {
            server.change(|object| {
                object.metadata.labels.get_or_insert_default().insert("touched".into(), "yes".into());
            });
        }
        Some(fault)
    }

    /// A write of `object`'s version, as it meets the server.
    fn write(
        &self,
        (name, from): (&'static str, &ClusterBenchmark),
        change: impl FnOnce(&mut ClusterBenchmark),
    ) -> Result<ClusterBenchmark, StoreError> {
        let fault = self.fault(Site::Write(name));
        if fault == Some(StoreFault::Unavailable) {
            return Err(unavailable());
        }
        let mut server = self.server();
        let current = server.object.as_ref().ok_or(StoreError::Gone)?;
        let is_seen = current.metadata.uid == from.metadata.uid
            && current.metadata.resource_version == from.metadata.resource_version;
        if !is_seen && self.writes == Writes::Seeing {
            return Err(StoreError::Conflict);
        }
        server.change(change);
        server.writes += 1;
        let status = server.object.as_ref().and_then(|object| object.status.as_ref());
        status.inspect(|status| self.judge.written(status));
        match fault {
            Some(StoreFault::LostAnswer) => Err(unavailable()),
            _ => Ok(server.object.clone().unwrap_or_else(|| from.clone())),
        }
    }

    fn write_finalizer(&self, object: &ClusterBenchmark, to: Finalizer) -> Result<(), StoreError> {
        let adds = to == Finalizer::Present;
        if adds && object.metadata.deletion_timestamp.is_some() {
            return Err(StoreError::Failed("finalizers cannot be added to a deleted object".into()));
        }
        // An intact ledger that never held a placement goes without a look.
        let was_placed = self.status().is_some_and(|status| status.placement.is_some());
        if !adds && was_placed && self.sight.is_blind() {
            self.judge.convict(Rule::NothingBlind, "the finalizer is removed although not everything was seen");
        }
        let finalizers = if adds { vec![FINALIZER.to_owned()] } else { Vec::new() };
        self.write(("set_finalizer", object), |object| object.metadata.finalizers = Some(finalizers)).map(drop)
    }

    fn write_report(&self, report: &BenchmarkReport) -> Result<(), StoreError> {
        let fault = self.fault(Site::Write("put_report"));
        let mut server = self.server();
        let name = report.metadata.name.clone().unwrap_or_default();
        if fault == Some(StoreFault::Unavailable) {
            return Err(unavailable());
        }
        if server.namespace_ends && !server.reports.contains_key(&name) {
            return Err(StoreError::Forbidden("the namespace is being terminated".into()));
        }
        server.reports.entry(name).or_insert_with(|| report.clone());
        if fault == Some(StoreFault::LostAnswer) { Err(unavailable()) } else { Ok(()) }
    }

    /// Sends a write on its way without its sender.
    fn depart(&self, seconds: u64, write: impl FnOnce(&Self) + Send + 'static) -> Departure {
        let client = self.clone();
        self.in_flight.send((self.clock)(), seconds, move || write(&client));
        Departure::Departed
    }
}

fn unavailable() -> StoreError {
    StoreError::Failed("the API server does not answer".into())
}

impl Server {
    /// Another object of the same name, once the former is gone.
    pub(crate) fn create(&mut self, object: ClusterBenchmark) {
        assert!(self.object.is_none(), "the former is still there");
        self.object = Some(object);
        self.change(|_| {});
    }

    pub(crate) fn change(&mut self, change: impl FnOnce(&mut ClusterBenchmark)) {
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
    async fn publish(&self, _object: &ClusterBenchmark, events: &[Event]) {
        let is_effect = |event: &&Event| Kind::ALL.iter().any(|kind| kind.name() == event.reason);
        let now = (self.clock)();
        self.server().told.extend(events.iter().filter(is_effect).map(|event| (now, event.note.clone())));
    }

    async fn get(&self, _namespace: &str, name: &str) -> Result<Option<ClusterBenchmark>, StoreError> {
        match self.fault(Site::Read("get")) {
            Some(StoreFault::Unavailable | StoreFault::LostAnswer) => Err(unavailable()),
            _ if name == "bench" => {
                let object = self.server().object.clone();
                object.iter().for_each(|object| self.sight.read(object));
                Ok(object)
            }
            _ if name == "neighbour" => Ok(Some(self.neighbour.clone())),
            _ => Ok(None),
        }
    }

    async fn set_finalizer(&self, object: &ClusterBenchmark, to: Finalizer) -> Result<(), StoreError> {
        let write = async { self.write_finalizer(object, to) };
        let depart = |seconds| {
            let object = object.clone();
            self.depart(seconds, move |client| drop(client.write_finalizer(&object, to)))
        };
        self.chaos.effect("set_finalizer", write, depart).await
    }

    async fn put_status(&self, object: &ClusterBenchmark, status: &Status) -> Result<ClusterBenchmark, StoreError> {
        // That JSON loses nothing of it is a property of the planner, tested there.
        let put = |client: &Self, object: &ClusterBenchmark, status: &Status| {
            let status = status.clone();
            client.write(("put_status", object), |object| object.status = Some(status))
        };
        let depart = |seconds| {
            let (object, status) = (object.clone(), status.clone());
            self.depart(seconds, move |client| drop(put(client, &object, &status)))
        };
        self.chaos.effect("put_status", async { put(self, object, status) }, depart).await
    }

    async fn put_report(&self, report: &BenchmarkReport) -> Result<(), StoreError> {
        let depart = |seconds| {
            let report = report.clone();
            self.depart(seconds, move |client| drop(client.write_report(&report)))
        };
        self.chaos.effect("put_report", async { self.write_report(report) }, depart).await
    }

    async fn add_cloud_watch(&self, report: &BenchmarkReport, account: &str) -> Result<(), StoreError> {
        let add = |client: &Self, report: &BenchmarkReport, account: &str| {
            let fault = client.schedule.of_store(Site::Write("add_cloud_watch"));
            if fault == Some(StoreFault::Unavailable) {
                return Err(unavailable());
            }
            let mut server = client.server();
            let name = report.metadata.name.as_deref().unwrap_or_default();
            let kept = &mut server.reports.get_mut(name).ok_or(StoreError::Gone)?.spec.cloud_watch;
            // The definition's own rule.
            if kept.get_or_insert_with(|| account.to_owned()) != account {
                return Err(StoreError::Failed("cloudWatch is added once and not changed".to_owned()));
            }
            if fault == Some(StoreFault::LostAnswer) { Err(unavailable()) } else { Ok(()) }
        };
        let depart = |seconds| {
            let (report, account) = (report.clone(), account.to_owned());
            self.depart(seconds, move |client| drop(add(client, &report, &account)))
        };
        self.chaos.effect("add_cloud_watch", async { add(self, report, account) }, depart).await
    }

    async fn get_report(&self, _object: &ClusterBenchmark, name: &str) -> Result<Option<BenchmarkReport>, StoreError> {
        match self.fault(Site::Read("get_report")) {
            Some(StoreFault::Unavailable | StoreFault::LostAnswer) => Err(unavailable()),
            _ => Ok(self.server().reports.get(name).cloned()),
        }
    }
}
