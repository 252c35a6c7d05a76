//! One benchmark from the first pass to the last, with everything that can happen in between, and what must hold
//! after every step, from the simulation's own truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::{ClusterBenchmarkSpec, FINALIZER};
use cloudsim::{SharedSim, Sim};
use controller::{Metrics, Next, Reconciler};
use jiff::{SignedDuration, Timestamp};
use planner::ports::{Architecture, InstanceState};
use planner::world::{Artifacts, Settings};
use planner::{desired, owner};

use crate::agents::FakeAgents;
use crate::chaos::{Chaos, Moment, Mortal};
use crate::kubernetes::MemoryStore;

type Loop = Reconciler<MemoryStore, Mortal<SharedSim>, FakeAgents>;

pub(crate) const EPOCH: i64 = 1_800_000_000;

pub(crate) fn settings() -> Settings {
    let seconds = SignedDuration::from_secs;
    let artifact = |name: &str| ((name.to_owned(), Architecture::X86_64), "a".repeat(64));
    Settings {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        region: "eu-west-1".into(),
        artifacts: Artifacts {
            version: "1".into(),
            base_url: "https://artifacts.example".into(),
            sha256: BTreeMap::from([artifact("worker"), artifact("balancer"), artifact("loadgen")]),
        },
        public_key: "key".into(),
        control_sources: vec!["10.0.0.0/8".into()],
        settle: seconds(300),
        proof_gap: seconds(60),
        launch_window: seconds(120),
        boot_deadline: seconds(900),
        refusal_pause: seconds(60),
    }
}

pub(crate) fn spec(clusters: &[(&str, &str, i32)]) -> ClusterBenchmarkSpec {
    let clusters: Vec<_> = clusters
        .iter()
        .map(|(name, kind, count)| serde_json::json!({ "name": name, "instanceType": kind, "count": count }))
        .collect();
    serde_json::from_value(serde_json::json!({
        "clusters": clusters,
        "load": { "phases": [{ "arrivals": "ClosedLoop", "concurrency": 10, "requests": 100 }] },
    }))
    .unwrap()
}

pub(crate) struct Play {
    pub(crate) sim: SharedSim,
    pub(crate) store: MemoryStore,
    pub(crate) agents: FakeAgents,
    clock: Arc<AtomicI64>,
    /// The operators that are alive; each remembers on its own.
    operators: Vec<(Loop, Chaos)>,
    /// The most instances that each pool was ever allowed to have at the same time, since its last quiet moment.
    allowed: BTreeMap<String, usize>,
    results: BTreeMap<String, String>,
    pub(crate) passes: usize,
    pub(crate) crashes: usize,
}

impl Play {
    pub(crate) fn new(seed: u64, knobs: cloudsim::Settings, spec: ClusterBenchmarkSpec, operators: usize) -> Self {
        let clock = Arc::new(AtomicI64::new(EPOCH * 1000));
        let read = clock.clone();
        let now = Arc::new(move || Timestamp::from_millisecond(read.load(Ordering::SeqCst)).unwrap());
        let sim = SharedSim::new(Sim::new(seed, knobs).unwrap(), now.clone());
        let store = MemoryStore::new(spec, now());
        let agents = FakeAgents::new(sim.clone());
        let mut play = Self {
            sim,
            store,
            agents,
            clock,
            operators: Vec::new(),
            allowed: BTreeMap::new(),
            results: BTreeMap::new(),
            passes: 0,
            crashes: 0,
        };
        play.operators = (0..operators).map(|_| play.operator()).collect();
        play
    }

    fn operator(&self) -> (Loop, Chaos) {
        let chaos = Chaos::default();
        let clock = self.clock.clone();
        let reconciler = Reconciler::new(
            self.store.client(chaos.clone()),
            Mortal { inner: self.sim.clone(), chaos: chaos.clone() },
            self.agents.client(chaos.clone()),
            settings(),
            Arc::new(move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap()),
            Metrics::default(),
        );
        (reconciler, chaos)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sim.now()
    }

    pub(crate) fn wait(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.clock.fetch_add(millis, Ordering::SeqCst);
        let now = self.now();
        self.sim.lock().advance(now);
    }

    /// The next operator to act dies at the `nth` effect from now, in whatever pass that is.
    pub(crate) fn doom(&self, nth: u32, moment: Moment) {
        self.operators[0].1.strike_at(nth, moment);
    }

    /// One pass of one operator that dies at its `nth` effect, if it comes so far; how long it wants to sleep.
    pub(crate) async fn pass(&mut self, operator: usize, death: Option<(u32, Moment)>) -> Result<Duration, String> {
        match death {
            Some((nth, moment)) => self.operators[operator].1.strike_at(nth, moment),
            None => self.operators[operator].1.calm(),
        }
        self.pass_on(operator).await
    }

    /// One pass, under whatever doom there is.
    pub(crate) async fn pass_on(&mut self, operator: usize) -> Result<Duration, String> {
        self.passes += 1;
        let (reconciler, chaos) = &self.operators[operator];
        let ended = tokio::select! {
            biased;
            ended = reconciler.pass("default", "bench") => Some(ended),
            () = chaos.death() => None,
        };
        let next = match ended {
            Some(Ok(Next::After(wake))) => wake,
            Some(Ok(Next::Gone)) => Duration::from_secs(30),
            Some(Err(error)) => return Err(error.to_string()),
            None => {
                self.crashes += 1;
                self.operators[operator] = self.operator();
                Duration::from_secs(1)
            }
        };
        self.check()?;
        Ok(next)
    }

    /// What must hold at every moment.
    fn check(&mut self) -> Result<(), String> {
        let sim = self.sim.lock();
        let ledger = sim.ledger();
        if !ledger.foreign_touched.is_empty() {
            return Err(format!("touched what is not ours: {:?}", ledger.foreign_touched));
        }
        let mut live: BTreeMap<String, usize> = BTreeMap::new();
        for instance in sim.live_instances() {
            if instance.state != InstanceState::ShuttingDown {
                *live.entry(instance.tags[owner::POOL].clone()).or_default() += 1;
            }
        }
        let server = self.store.server();
        let Some(object) = &server.object else {
            return match live.is_empty() && ledger.groups == 0 {
                true => Ok(()),
                false => Err(format!("the object is gone, {live:?} and {} groups are left", ledger.groups)),
            };
        };
        // A pool may hold what it was allowed before an edit until that is removed, or can no longer come.
        let launches = object.status.iter().flat_map(|status| &status.launches);
        let coming: Vec<&str> =
            launches.filter(|line| planner::ledger::is_open(line)).map(|line| line.pool.as_str()).collect();
        let late = sim.late_calls() > 0;
        for pool in desired::pools(&object.spec) {
            let now = usize::try_from(pool.count).unwrap();
            let have = live.get(&pool.name).copied().unwrap_or(0);
            let before = self.allowed.get(&pool.name).copied().unwrap_or(now);
            let settled = have <= now && !late && !coming.contains(&pool.name.as_str());
            let allowed = if settled { now } else { before.max(now) };
            self.allowed.insert(pool.name.clone(), allowed);
            if have > allowed {
                return Err(format!("pool {} has {have} instances, {allowed} are allowed", pool.name));
            }
        }
        let runs = object.status.iter().flat_map(|status| &status.runs);
        for run in runs.filter(|run| run.outcome == "Valid" || run.outcome == "Invalid") {
            if !server.reports.contains_key(&run.report) {
                return Err(format!("run {} is recorded and its report {} is not stored", run.id, run.report));
            }
            let key = format!("{} {}", run.id, run.measured_sha256);
            let before = self.results.entry(key).or_insert_with(|| run.report_sha256.clone());
            if *before != run.report_sha256 {
                return Err(format!("the result of run {} changed", run.id));
            }
        }
        Ok(())
    }

    /// Results go with it; the reports stay.
    pub(crate) fn wipe_status(&mut self) {
        self.store.wipe_status();
        self.results.clear();
    }

    pub(crate) fn is_ready(&self) -> bool {
        let status = self.store.status().unwrap_or_default();
        let generation = self.store.server().object.as_ref().and_then(|object| object.metadata.generation);
        status.observed_generation == generation
            && status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
            && self.live() == status.pools.iter().map(|pool| usize::try_from(pool.desired).unwrap()).sum::<usize>()
    }

    pub(crate) fn live(&self) -> usize {
        self.sim.lock().live_instances().len()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.store.server().object.is_none()
    }

    pub(crate) fn holds_finalizer(&self) -> bool {
        let server = self.store.server();
        let finalizers = server.object.as_ref().and_then(|object| object.metadata.finalizers.clone());
        finalizers.is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == FINALIZER))
    }

    /// Passes of operator 0 without deaths until `done`; how many it took.
    pub(crate) async fn until(&mut self, at_most: usize, done: impl Fn(&Self) -> bool) -> Result<usize, String> {
        for count in 0..at_most {
            if done(self) {
                return Ok(count);
            }
            let wake = self.pass(0, None).await?;
            self.wait(wake.max(Duration::from_millis(200)));
        }
        let status = self.store.status().unwrap_or_default();
        Err(format!("not there after {at_most} passes: {}", serde_json::to_string_pretty(&status).unwrap_or_default()))
    }

    pub(crate) fn story(&self) -> String {
        self.sim.lock().story().iter().map(|line| format!("{line}\n")).collect()
    }
}
