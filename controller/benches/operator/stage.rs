//! Many benchmarks, one operator, one simulated region, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use api::{BenchmarkReport, ClusterBenchmark, FINALIZER, Status};
use cloudsim::{SharedSim, Sim};
use controller::{Metrics, Next, Reconciler, Store, StoreError};
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use planner::ports::{AgentError, Agents, Architecture, Recipient, ReportBytes};
use planner::world::{Artifacts, Delivery, Finalizer, OwnAddresses, Settings};
use tokio::time::Instant;
use wire::*;

/// The same as in `controller::run`.
const CONCURRENCY: usize = 64;
const EPOCH: i64 = 1_800_000_000;
/// Length of a run.
const RUN: SignedDuration = SignedDuration::from_secs(60);

type Applications = Result<BTreeMap<String, Said>, AgentError>;
type Loop = Reconciler<Server, SharedSim, AgentsOfAll>;

pub(crate) struct Stage {
    pub(crate) reconciler: Arc<Loop>,
    pub(crate) server: Server,
    pub(crate) sim: SharedSim,
    metrics: Metrics,
    names: Vec<String>,
    /// When each is looked at next.
    due: BTreeSet<(Instant, usize)>,
    pub(crate) passes: u64,
}

impl Stage {
    pub(crate) fn new(seed: u64, knobs: cloudsim::Settings, size: usize) -> Self {
        let begun = Instant::now();
        let clock = Arc::new(move || {
            let passed = i64::try_from(begun.elapsed().as_millis()).unwrap();
            Timestamp::from_millisecond(EPOCH * 1000 + passed).unwrap()
        });
        let metrics = Metrics::default();
        let counted = metrics.clone();
        let sim = SharedSim::new(Sim::new(seed, knobs).unwrap(), clock.clone())
            .counting(move |action, failure| counted.count_call(action, failure));
        let names: Vec<String> = (0..size).map(|number| format!("bench-{number}")).collect();
        let server = Server::new(&names, clock());
        let agents = AgentsOfAll { clock: clock.clone(), all: Arc::default() };
        let reconciler = Reconciler::new(server.clone(), sim.clone(), agents, settings(), clock, metrics.clone());
        let due = (0..size).map(|index| (begun, index)).collect();
        Self { reconciler: Arc::new(reconciler), server, sim, metrics, names, due, passes: 0 }
    }

    /// Runs passes like kube's controller: so many passes at a time, each object again when it asked for it. How long it took
    /// until `done`; `None` when the time was over first.
    pub(crate) async fn play(&mut self, at_most: Duration, done: impl Fn(&Self) -> bool) -> Option<Duration> {
        let begun = Instant::now();
        let mut running = FuturesUnordered::new();
        let ended = loop {
            let now = Instant::now();
            while running.len() < CONCURRENCY && self.due.first().is_some_and(|(at, _)| *at <= now) {
                let (_, index) = self.due.pop_first().unwrap();
                if !self.server.lock().objects.contains_key(&self.names[index]) {
                    self.reconciler.forget("default", &self.names[index]);
                    continue;
                }
                let (reconciler, name) = (self.reconciler.clone(), self.names[index].clone());
                running.push(async move { (index, reconciler.pass("default", &name).await) });
            }
            let next = self.due.first().map_or(now + Duration::from_secs(1), |(at, _)| *at).max(now);
            let wake = if running.len() < CONCURRENCY { next } else { now + Duration::from_secs(3600) };
            tokio::select! {
                biased;
                Some((index, ended)) = running.next(), if !running.is_empty() => {
                    self.passes += 1;
                    let after = match ended {
                        Ok(Next::After(after)) => after,
                        Ok(Next::Gone) => continue,
                        Err(error) => panic!("{}: {error}", self.names[index]),
                    };
                    // kube debounces; a look that follows at once costs at least a millisecond.
                    self.due.insert((Instant::now() + after.max(Duration::from_millis(1)), index));
                    if self.passes.is_multiple_of(64) && done(self) {
                        break Some(begun.elapsed());
                    }
                }
                () = tokio::time::sleep_until(wake) => {
                    if done(self) {
                        break Some(begun.elapsed());
                    }
                }
            }
            if begun.elapsed() > at_most {
                break None;
            }
        };
        // Those that are on come to their end.
        while let Some((index, _)) = running.next().await {
            self.passes += 1;
            self.due.insert((Instant::now(), index));
        }
        ended
    }

    /// Edits the spec of every benchmark, before it is looked at for the first time.
    pub(crate) fn edit(&self, edit: impl Fn(&mut api::ClusterBenchmarkSpec)) {
        self.server.lock().objects.values_mut().for_each(|object| edit(&mut object.spec));
    }

    pub(crate) fn all_ready(&self) -> bool {
        self.server.lock().objects.values().all(|object| {
            let conditions = object.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        })
    }

    /// Phases with counts, and one message, of what is not ready.
    pub(crate) fn worst(&self) -> String {
        let server = self.server.lock();
        let mut phases: BTreeMap<String, usize> = BTreeMap::new();
        for object in server.objects.values() {
            *phases.entry(object.status.clone().and_then(|status| status.phase).unwrap_or_default()).or_default() += 1;
        }
        let message = server.objects.values().find_map(|object| {
            let conditions = &object.status.as_ref()?.conditions;
            conditions.iter().find(|c| c.type_ == "Ready" && c.status != "True").map(|c| c.message.clone())
        });
        format!("{phases:?}: {message:?}")
    }

    pub(crate) fn metrics_text(&self) -> String {
        self.metrics.text()
    }

    /// Deletes it, like a user.
    pub(crate) fn delete(&self, name: &str) {
        let now = self.sim.now();
        let object = self.server.lock().objects[name].clone();
        let marked = self.server.write(&object, |object| {
            object.metadata.deletion_timestamp = Some(Time(now));
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
        });
        marked.unwrap();
    }

    pub(crate) fn condition(&self, name: &str, kind: &str) -> Condition {
        let server = self.server.lock();
        let conditions = &server.objects[name].status.as_ref().unwrap().conditions;
        conditions.iter().find(|condition| condition.type_ == kind).unwrap().clone()
    }

    /// Calls that arrived, by AWS's own name.
    pub(crate) fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.sim.lock().audit().calls.iter().map(|(action, count)| (action.name(), *count)).collect()
    }

    /// Ledger lines that were ever written.
    pub(crate) fn lines(&self) -> usize {
        let server = self.server.lock();
        let statuses = server.objects.values().filter_map(|object| object.status.as_ref());
        statuses.flat_map(|status| &status.pools).map(|pool| usize::try_from(pool.last_launch).unwrap()).sum()
    }

    pub(crate) fn throttled(&self) -> u64 {
        let text = self.metrics.text();
        let lines = text.lines().filter(|line| line.starts_with("clusterbench_aws_calls_total"));
        let throttled = lines.filter(|line| line.contains("Throttled"));
        throttled.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

fn settings() -> Settings {
    let seconds = SignedDuration::from_secs;
    let artifact = |name: &str| ((name.to_owned(), Architecture::X86_64), "a".repeat(64));
    Settings {
        installation: "bench".into(),
        kubernetes_cluster: "k8s-uid".into(),
        process: "operator".into(),
        region: "eu-west-1".into(),
        artifacts: Artifacts {
            version: "1".into(),
            delivery: Delivery::Pull { base_url: "https://artifacts.example".into() },
            sha256: ["worker", "starter", "balancer", "front", "puller", "loadgen"].map(artifact).into(),
        },
        public_key: "key".into(),
        control_sources: vec!["10.0.0.0/8".parse().unwrap()],
        own_addresses: OwnAddresses::default(),
        settle: seconds(300),
        proof_gap: seconds(60),
        launch_window: seconds(120),
        boot_deadline: seconds(900),
        last_call: seconds(120),
        refusal_pause: seconds(60),
        prices: planner::prices::file::PriceFile::default(),
    }
}

/// An API server in memory.
#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<Objects>>);

pub(crate) struct Objects {
    pub(crate) objects: BTreeMap<String, ClusterBenchmark>,
    version: u64,
    /// What was published, as `severity action reason about`.
    pub(crate) events: Vec<String>,
    pub(crate) definition: Definition,
    pub(crate) reads: Reads,
}

/// The installed resource definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Definition {
    Current,
    /// From before there was a ledger.
    Old,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Answered,
    Forbidden,
}

impl Server {
    fn new(names: &[String], now: Timestamp) -> Self {
        let object = |name: &String| {
            let spec = serde_json::json!({
                "clusters": [
                    { "name": "a", "instanceType": "t3.micro", "count": 1 },
                    { "name": "b", "instanceType": "t3.small", "count": 1 },
                ],
                "load": { "phases": [{ "arrivals": "ClosedLoop", "concurrency": 10, "requests": 100 }] },
                "lifecycle": { "maxLifetimeSeconds": 604_800 },
            });
            let mut object = ClusterBenchmark::new(name, serde_json::from_value(spec).unwrap());
            object.metadata = ObjectMeta {
                name: Some(name.clone()),
                namespace: Some("default".into()),
                uid: Some(format!("uid-{name}")),
                generation: Some(1),
                resource_version: Some("1".into()),
                creation_timestamp: Some(Time(now)),
                ..ObjectMeta::default()
            };
            object.status = Some(Status { observed_generation: Some(-1), ..Status::default() });
            (name.clone(), object)
        };
        Self(Arc::new(Mutex::new(Objects {
            objects: names.iter().map(object).collect(),
            version: 1,
            events: Vec::new(),
            definition: Definition::Current,
            reads: Reads::Answered,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap()
    }

    fn write(
        &self,
        from: &ClusterBenchmark,
        change: impl FnOnce(&mut ClusterBenchmark),
    ) -> Result<ClusterBenchmark, StoreError> {
        let mut all = self.lock();
        let (version, definition) = (all.version + 1, all.definition);
        let name = from.metadata.name.clone().unwrap();
        let object = all.objects.get_mut(&name).ok_or(StoreError::Gone)?;
        if object.metadata.resource_version != from.metadata.resource_version {
            return Err(StoreError::Conflict);
        }
        let before = object.clone();
        change(object);
        if let (Definition::Old, Some(status)) = (definition, &mut object.status) {
            status.launches.clear();
        }
        // A write that changes nothing is none.
        if *object != before {
            object.metadata.resource_version = Some(version.to_string());
        }
        let echo = object.clone();
        all.version = version;
        Ok(echo)
    }
}

impl Store for Server {
    async fn get(&self, _: &str, name: &str) -> Result<Option<ClusterBenchmark>, StoreError> {
        let all = self.lock();
        match all.reads {
            Reads::Answered => Ok(all.objects.get(name).cloned()),
            Reads::Forbidden => Err(StoreError::Forbidden("get clusterbenchmarks".into())),
        }
    }

    async fn set_finalizer(&self, object: &ClusterBenchmark, to: Finalizer) -> Result<(), StoreError> {
        let finalizers = if to == Finalizer::Present { vec![FINALIZER.to_owned()] } else { Vec::new() };
        let name = object.metadata.name.clone().unwrap_or_default();
        let written = self.write(object, |object| object.metadata.finalizers = Some(finalizers))?;
        if written.metadata.deletion_timestamp.is_some() && to == Finalizer::Absent {
            self.lock().objects.remove(&name);
        }
        Ok(())
    }

    async fn put_status(&self, object: &ClusterBenchmark, status: &Status) -> Result<ClusterBenchmark, StoreError> {
        self.write(object, |object| object.status = Some(status.clone()))
    }

    async fn put_report(&self, _: &BenchmarkReport) -> Result<(), StoreError> {
        Ok(())
    }

    /// Nothing is measured in several launches here.
    async fn get_report(&self, _: &ClusterBenchmark, _: &str) -> Result<Option<BenchmarkReport>, StoreError> {
        Ok(None)
    }

    /// Reports are not kept here.
    async fn add_cloud_watch(&self, _: &BenchmarkReport, _: &str) -> Result<(), StoreError> {
        Err(StoreError::Gone)
    }

    async fn publish(&self, object: &ClusterBenchmark, events: &[planner::Event]) {
        let name = object.metadata.name.clone().unwrap_or_default();
        let lines = events.iter().map(|event| format!("{:?} {} {} {name}", event.severity, event.action, event.reason));
        self.lock().events.extend(lines);
    }
}

/// Balancers and generators by address: up as soon as they are asked, healthy, quick.
#[derive(Clone)]
pub(crate) struct AgentsOfAll {
    clock: controller::Clock,
    all: Arc<Mutex<BTreeMap<String, Agent>>>,
}

#[derive(Default)]
struct Agent {
    version: u64,
    membership: Membership,
    runs: BTreeMap<String, (RunSpec, Timestamp)>,
}

impl AgentsOfAll {
    fn at<T>(&self, control: &str, use_it: impl FnOnce(&mut Agent, Timestamp) -> T) -> T {
        let now = (self.clock)();
        use_it(self.all.lock().unwrap().entry(control.to_owned()).or_default(), now)
    }
}

fn report(spec: &RunSpec, started_at: Timestamp) -> Vec<u8> {
    let report = Report {
        schema: REPORT_SCHEMA.into(),
        run: spec.clone(),
        started_at,
        finished_at: started_at + RUN,
        validity: Validity::Valid,
        reasons: Vec::new(),
        gates: Vec::new(),
        environment: Environment::default(),
        clusters: Vec::new(),
        rounds: Vec::new(),
        series: Vec::new(),
        comparisons: Vec::new(),
        further_comparisons: Vec::new(),
        thresholds: Vec::new(),
        self_test: None,
        cost: None,
        summary: "b 14 % faster [9, 19]".into(),
        verdict: "These instances.".into(),
    };
    serde_json::to_vec(&report).unwrap()
}

impl Agents for AgentsOfAll {
    async fn balancer_status(&self, control: &str) -> Result<BalancerStatus, AgentError> {
        Ok(self.at(control, |agent, _| BalancerStatus {
            instance_id: "i-balancer".into(),
            kernel_boot: String::new(),
            busy_per_mille: None,
            version: agent.version.to_string(),
            membership_sha256: agent.membership.sha256(),
            clusters: agent.membership.clusters.iter().map(cluster_status).collect(),
            shared: None,
            departing: Vec::new(),
            queues: Vec::new(),
        }))
    }

    async fn set_membership(&self, control: &str, _: &str, _: &str, to: &Membership) -> Result<(), AgentError> {
        self.at(control, |agent, _| {
            (agent.version, agent.membership) = (agent.version + 1, to.clone());
        });
        Ok(())
    }

    async fn loaders(&self, _: &str, _: &str, _: &[(String, String)]) -> Result<Loaders, AgentError> {
        Ok(Loaders::new())
    }

    async fn deliver(&self, control: &str, _: &str, _: &str, _: &[(String, String)]) -> Result<(), AgentError> {
        panic!("programs are fetched here, and one is brought to {control}");
    }

    async fn applications(&self, control: &str, _: &str, _: &[(String, String)]) -> Applications {
        panic!("nobody updates in place here, and {control} is asked");
    }

    async fn update_workers(
        &self,
        control: &str,
        _: &str,
        _: &[Recipient],
        _: &Application,
        _: Timestamp,
    ) -> Result<(), AgentError> {
        panic!("nobody updates in place here, and {control} is told");
    }

    async fn run_status(&self, control: &str, id: &str) -> Result<Option<RunStatus>, AgentError> {
        Ok(self.at(control, |agent, now| {
            let (spec, started_at) = agent.runs.get(id)?;
            let over = now >= *started_at + RUN;
            Some(RunStatus {
                id: id.to_owned(),
                state: if over { RunState::Finished } else { RunState::Running },
                rounds_done: if over { spec.rounds.count } else { 0 },
                rounds_total: spec.rounds.count,
                rounds_voided: 0,
                started_at: *started_at,
                message: String::new(),
                warning: String::new(),
                hold: None,
                balancer: None,
                live: Vec::new(),
                report_sha256: over.then(|| sha256_hex(&report(spec, *started_at))),
            })
        }))
    }

    async fn start_run(&self, control: &str, _: &str, run: &RunSpec) -> Result<(), AgentError> {
        self.at(control, |agent, now| {
            agent.runs.entry(run.id.clone()).or_insert((run.clone(), now));
        });
        Ok(())
    }

    async fn hold_run(&self, _: &str, _: &str, id: &str) -> Result<(), AgentError> {
        panic!("nobody pauses here, and {id} is held");
    }

    async fn resume_run(&self, _: &str, _: &str, id: &str) -> Result<(), AgentError> {
        panic!("nobody pauses here, and {id} is let go");
    }

    async fn stop_run(&self, _: &str, _: &str, id: &str) -> Result<(), AgentError> {
        panic!("nobody edits here, and {id} is stopped");
    }

    async fn forget_run(&self, control: &str, _: &str, id: &str, _: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _| drop(agent.runs.remove(id)));
        Ok(())
    }

    async fn report(&self, control: &str, id: &str) -> Result<ReportBytes, AgentError> {
        let found = self.at(control, |agent, _| agent.runs.get(id).map(|(spec, at)| report(spec, *at)));
        found.ok_or_else(|| AgentError::Refused { url: control.into(), status: 404, why: "no such run".into() })
    }
}

fn cluster_status(cluster: &Cluster) -> ClusterStatus {
    let member = |member: &Member| MemberStatus {
        id: member.id.clone(),
        address: member.address.clone(),
        health: Health::Healthy,
        in_flight: 0,
        requests: 0,
        failures: 0,
        share_per_mille: 0,
        latency_micros: None,
        losses: 0,
        boot: None,
        slots: None,
        opinion: wire::MemberOpinion::default(),
    };
    ClusterStatus {
        name: cluster.name.clone(),
        path: cluster.path.clone(),
        policy: cluster.policy,
        requests: 0,
        failures: 0,
        members: cluster.members.iter().map(member).collect(),
    }
}
