//! One benchmark from the first pass to the last, with everything that can happen in between, and what must hold
//! after every step, from the simulation's own truth.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use api::{BalancerKind, ClusterBenchmarkSpec, FINALIZER};
use cloudsim::{Policy, Principal, SharedSim, Sim};
use controller::{Decisions, Metrics, Next, PassError, Reconciler};
use jiff::{SignedDuration, Timestamp};
use planner::ports::Architecture;
use planner::world::{Artifacts, Delivery, OwnAddresses, Settings};

use crate::stage::agents::{FakeAgents, Freshness};
use crate::stage::bill::Bill;
use crate::stage::chaos::{Chaos, InFlight, Moment};
use crate::stage::cloud::{Credentials, Lie, Mortal};
use crate::stage::judge::{Broken, Judge, Rule};
use crate::stage::kubernetes::{MemoryStore, Writes};
use crate::stage::schedule::Schedule;
use crate::stage::sight::Sight;
use crate::stage::story;

type Loop = Reconciler<MemoryStore, Mortal, FakeAgents>;
type Pass = Pin<Box<dyn Future<Output = Result<Next, PassError>> + Send>>;
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) const EPOCH: i64 = 1_800_000_000;
/// Soonest that a loop looks again.
const SOON: Duration = Duration::from_millis(200);

/// The configuration of an operator of some version: another one brings other programs, and with them other user data.
pub(crate) fn settings(version: u32, is_pushing: bool) -> Settings {
    let seconds = SignedDuration::from_secs;
    // Who brings programs has those that instances were placed with.
    let digit = char::from_digit(9 + if is_pushing { 0 } else { version % 7 }, 16).unwrap();
    let artifact = |name: &str| ((name.to_owned(), Architecture::X86_64), digit.to_string().repeat(64));
    Settings {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        process: "operator".into(),
        region: "eu-west-1".into(),
        artifacts: Artifacts {
            version: version.to_string(),
            delivery: if is_pushing {
                Delivery::Push
            } else {
                Delivery::Pull { base_url: "https://artifacts.example".into() }
            },
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

/// The same with queues between a front and the workers.
pub(crate) fn with_queues(mut spec: ClusterBenchmarkSpec) -> ClusterBenchmarkSpec {
    set_kind(&mut spec, BalancerKind::Queue);
    spec
}

/// Another kind, with the settings that it needs.
pub(crate) fn set_kind(spec: &mut ClusterBenchmarkSpec, kind: BalancerKind) {
    let queue = api::Queue { instance_profile: "clusterbench-queue".into(), visibility_seconds: 20, attempts: 3 };
    spec.balancer.kind = kind;
    spec.balancer.queue = (kind == BalancerKind::Queue).then_some(queue);
    if kind != BalancerKind::Queue {
        // The definition refuses both together.
        spec.clusters.iter_mut().for_each(|cluster| cluster.scaling = None);
    }
}

/// What is decided with, and how answers come: the operator's own way, unless a mutant plays.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ways {
    pub(crate) decisions: Decisions,
    pub(crate) lie: Lie,
    pub(crate) writes: Writes,
    /// Whether programs are brought, and not fetched.
    pub(crate) is_pushing: bool,
}

/// A process. It remembers on its own.
pub(super) struct Operator {
    pub(super) reconciler: Arc<Loop>,
    chaos: Chaos,
    version: u32,
    /// What its sweeper remembers.
    pub(super) swept: planner::sweep::Memory,
    /// The pass in which it stands still.
    pub(super) frozen: Option<Pass>,
    /// When it goes on by itself.
    thaws_at: Option<Timestamp>,
}

pub(crate) struct Play {
    pub(crate) sim: SharedSim,
    pub(crate) store: MemoryStore,
    pub(crate) agents: FakeAgents,
    pub(crate) judge: Judge,
    pub(crate) credentials: Arc<Mutex<Credentials>>,
    pub(crate) lists_are_cut: Arc<AtomicBool>,
    pub(crate) schedule: Schedule,
    clock: Arc<AtomicI64>,
    pub(super) in_flight: InFlight,
    pub(super) operators: Vec<Operator>,
    /// How many there were so far: each has its own name.
    processes: AtomicU32,
    ways: Ways,
    /// The networks that operators are told from now on that their requests come from.
    pub(crate) control_sources: Vec<ipnet::Ipv4Net>,
    /// When instances end themselves.
    expires_at: Option<Timestamp>,
    pub(crate) bill: Bill,
    notes: Vec<(Timestamp, String)>,
    pub(crate) passes: usize,
    pub(crate) crashes: usize,
    pub(crate) freezes: usize,
}

impl Play {
    pub(crate) fn new(seed: u64, knobs: cloudsim::Settings, spec: ClusterBenchmarkSpec, operators: usize) -> Self {
        Self::with(seed, knobs, spec, operators, Freshness::default(), Ways::default())
    }

    pub(crate) fn with(
        seed: u64,
        knobs: cloudsim::Settings,
        spec: ClusterBenchmarkSpec,
        operators: usize,
        pace: Freshness,
        ways: Ways,
    ) -> Self {
        let clock = Arc::new(AtomicI64::new(EPOCH * 1000));
        let now = reader(&clock);
        let mut sim = Sim::new(seed, knobs).unwrap();
        // The policy alone would keep a sweeper from what is not its own; that lie is about our own check.
        if ways.lie != Lie::AnyInstallation {
            sim.attach_all(policies());
        }
        let sim = SharedSim::new(sim, now.clone());
        let (judge, in_flight, schedule) = (Judge::default(), InFlight::default(), Schedule::default());
        let store = MemoryStore::new(spec, now, in_flight.clone(), (judge.clone(), schedule.clone()));
        let agents = FakeAgents::new(sim.clone(), pace, in_flight.clone(), (judge.clone(), schedule.clone()));
        let mut play = Self {
            sim,
            store,
            agents,
            judge,
            credentials: Arc::default(),
            lists_are_cut: Arc::default(),
            schedule,
            clock,
            in_flight,
            operators: Vec::new(),
            processes: AtomicU32::new(0),
            ways,
            control_sources: settings(1, false).control_sources,
            expires_at: None,
            bill: Bill::default(),
            notes: Vec::new(),
            passes: 0,
            crashes: 0,
            freezes: 0,
        };
        play.operators = (0..operators).map(|_| play.operator(1)).collect();
        play
    }

    fn operator(&self, version: u32) -> Operator {
        let (chaos, sight) = (Chaos::under(self.schedule.clone()), Sight::default());
        let schedule = self.schedule.clone();
        let mut reconciler = Reconciler::new(
            self.store.client(chaos.clone(), sight.clone(), self.ways.writes),
            Mortal {
                sim: self.sim.acting_as(Principal::Operator).meeting(move |action, dry| schedule.of_cloud(action, dry)),
                chaos: chaos.clone(),
                sight: sight.clone(),
                credentials: self.credentials.clone(),
                lists_are_cut: self.lists_are_cut.clone(),
                judge: self.judge.clone(),
                lie: self.ways.lie,
            },
            self.agents.client(chaos.clone(), sight),
            Settings {
                process: format!("operator-{}", self.processes.fetch_add(1, Ordering::Relaxed)),
                control_sources: self.control_sources.clone(),
                ..settings(version, self.ways.is_pushing)
            },
            reader(&self.clock),
            Metrics::default(),
        );
        reconciler.decisions = self.ways.decisions;
        Operator {
            reconciler: Arc::new(reconciler),
            chaos,
            version,
            swept: planner::sweep::Memory::default(),
            frozen: None,
            thaws_at: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sim.now()
    }

    /// Something that the simulation's own story does not tell.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push((self.now(), what.into()));
    }

    /// Time passes: what is on its way arrives, and instances whose time has come end themselves.
    pub(crate) fn wait(&mut self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.clock.fetch_add(millis, Ordering::SeqCst);
        let now = self.now();
        self.sim.lock().advance(now);
        self.agents.look_at_balancers();
        self.agents.work();
        self.in_flight.arrive(now);
        if self.expires_at.is_some_and(|at| at <= now) {
            let mut sim = self.sim.lock();
            for instance in sim.truth().ec2.live_instances() {
                sim.ec2(now).guest_shutdown(&instance.id);
            }
        }
        // Before a pass can remove what came meanwhile.
        if let Err(broken) = self.check() {
            self.judge.remember(broken);
        }
    }

    /// The first operator is struck at its `nth` effect from now, in whatever pass that is.
    pub(crate) fn doom(&self, nth: u32, moment: Moment) {
        self.operators[0].chaos.strike_at(nth, moment);
    }

    pub(crate) fn last_effect(&self) -> &'static str {
        self.operators[0].chaos.last_effect()
    }

    /// What would have struck an operator does not.
    pub(crate) fn calm(&self, operator: usize) {
        self.operators[operator].chaos.calm();
    }

    /// Effects of the first operator so far, since it was started last.
    pub(crate) fn effects(&self) -> u32 {
        self.operators[0].chaos.effects()
    }

    /// One pass of one operator that is struck at its `nth` effect, if it comes so far; how long it wants to sleep.
    pub(crate) async fn pass(&mut self, operator: usize, strike: Option<(u32, Moment)>) -> Result<Duration, Broken> {
        match strike {
            Some((nth, moment)) => self.operators[operator].chaos.strike_at(nth, moment),
            None => self.operators[operator].chaos.calm(),
        }
        self.pass_on(operator).await
    }

    /// One pass, under whatever doom there is. An operator that stands still goes on standing.
    pub(crate) async fn pass_on(&mut self, operator: usize) -> Result<Duration, Broken> {
        let one = &self.operators[operator];
        if one.frozen.is_some() {
            let Some(at) = one.thaws_at else { return Ok(Duration::from_secs(1)) };
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            return if left.is_zero() { self.go_on_again(operator).await } else { Ok(left) };
        }
        self.passes += 1;
        let reconciler = one.reconciler.clone();
        let pass = Box::pin(async move { reconciler.pass("default", "bench").await });
        self.go_on(operator, pass).await
    }

    /// An operator that stands still goes on where it was.
    pub(crate) async fn thaw(&mut self, operator: usize) -> Result<(), Broken> {
        self.go_on_again(operator).await.map(drop)
    }

    async fn go_on_again(&mut self, operator: usize) -> Result<Duration, Broken> {
        let Some(pass) = self.operators[operator].frozen.take() else { return Ok(Duration::ZERO) };
        self.note(format!("operator {operator} goes on"));
        self.operators[operator].chaos.thaw();
        self.go_on(operator, pass).await
    }

    async fn go_on(&mut self, operator: usize, mut pass: Pass) -> Result<Duration, Broken> {
        let chaos = self.operators[operator].chaos.clone();
        let ended = tokio::select! {
            biased;
            ended = &mut pass => Some(ended),
            () = chaos.struck() => None,
        };
        let next = match ended {
            Some(Ok(Next::After(wake))) => wake,
            Some(Ok(Next::Gone)) => Duration::from_secs(30),
            Some(Err(PassError::Read(_) | PassError::Record(_))) => Duration::from_secs(1),
            None if chaos.is_frozen() => {
                self.freezes += 1;
                self.note(format!("operator {operator} stands still before {}", chaos.last_effect()));
                let stands = chaos.stands_for().and_then(|seconds| i64::try_from(seconds).ok());
                let one = &mut self.operators[operator];
                one.frozen = Some(pass);
                one.thaws_at = stands.map(|seconds| self.sim.now() + SignedDuration::from_secs(seconds));
                Duration::from_secs(1)
            }
            None => {
                self.crashes += 1;
                self.note(format!("operator {operator} dies at {}", chaos.last_effect()));
                self.operators[operator] = self.operator(self.operators[operator].version);
                Duration::from_secs(1)
            }
        };
        self.check()?;
        Ok(next)
    }

    /// One round of an operator's sweeper.
    pub(crate) async fn sweep(&mut self, operator: usize) -> Result<(), Broken> {
        let one = &mut self.operators[operator];
        if one.frozen.is_some() {
            return Ok(());
        }
        let swept = tokio::select! {
            biased;
            swept = one.reconciler.sweep("eu-west-1", &mut one.swept) => Some(swept),
            () = one.chaos.struck() => None,
        };
        if let Some(swept) = swept {
            if swept != controller::Swept::default() {
                self.note(format!("swept: {} removed, {} failed", swept.removed.len(), swept.failed.len()));
            }
        } else {
            self.crashes += 1;
            self.note(format!("operator {operator} dies while it sweeps"));
            self.operators[operator] = self.operator(self.operators[operator].version);
        }
        self.check()
    }

    /// A new process takes the place of an operator.
    pub(crate) fn replace_operator(&mut self, operator: usize, version: u32) {
        self.note(format!("operator {operator} is replaced by version {version}"));
        self.operators[operator] = self.operator(version);
    }

    /// What must hold at every moment.
    pub(crate) fn check(&mut self) -> Result<(), Broken> {
        let server = self.store.server();
        let placement =
            server.object.iter().flat_map(|object| &object.status).find_map(|status| status.placement.as_ref());
        if let Some(at) = placement.and_then(|placement| placement.expires_at.as_ref()) {
            self.expires_at = Some(at.0);
        }
        let (sim, now) = (self.sim.lock(), self.now());
        self.bill.look(&sim, &server, now)?;
        self.judge.check(&sim, &server)
    }

    /// Results go with it; the reports stay.
    pub(crate) fn wipe_status(&mut self) {
        self.store.wipe_status();
    }

    pub(crate) fn live(&self) -> usize {
        self.sim.lock().truth().ec2.live_instances().len()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.store.server().object.is_none()
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.store.server().object.as_ref().is_none_or(|object| object.metadata.deletion_timestamp.is_some())
    }

    /// Whether nobody looked at the object since its status was wiped.
    pub(crate) fn is_wiped(&self) -> bool {
        let status = self.store.status();
        status.is_none_or(|status| status.observed_generation.unwrap_or(-1) < 1)
    }

    pub(crate) fn holds_finalizer(&self) -> bool {
        let server = self.store.server();
        let mut finalizers = server.object.iter().flat_map(|object| object.metadata.finalizers.iter().flatten());
        finalizers.any(|finalizer| finalizer == FINALIZER)
    }

    pub(crate) fn phase(&self) -> String {
        let server = self.store.server();
        let status = server.object.as_ref().and_then(|object| object.status.as_ref());
        status.and_then(|status| status.phase.clone()).unwrap_or_default()
    }

    /// Passes of the first operator without deaths until `done`; how many it took.
    pub(crate) async fn until(&mut self, at_most: usize, done: impl Fn(&Self) -> bool) -> Result<usize, Broken> {
        for count in 0..at_most {
            if done(self) {
                return Ok(count);
            }
            self.step().await?;
        }
        Err(self.not_there(at_most))
    }

    /// One pass of the first operator without a death, and the sleep that it wants.
    pub(crate) async fn step(&mut self) -> Result<(), Broken> {
        let wake = self.pass(0, None).await?;
        self.wait(wake.max(SOON));
        Ok(())
    }

    /// Passes of the first operator under whatever doom there is, until it is ready.
    pub(crate) async fn survive(&mut self, at_most: usize) -> Result<(), Broken> {
        while !self.is_ready() {
            if self.passes >= at_most {
                return Err(self.not_there(at_most));
            }
            let wake = self.pass_on(0).await?;
            self.wait(wake.max(SOON));
        }
        Ok(())
    }

    pub(crate) fn not_there(&self, passes: usize) -> Broken {
        let status = self.store.status().unwrap_or_default();
        let text = serde_json::to_string_pretty(&status).unwrap_or_default();
        Broken::new(Rule::Converges, format!("not there after {passes} passes: {text}"))
    }

    /// The truth and what people and processes did, with times as seconds since the start and without ids.
    pub(crate) fn story(&self) -> String {
        let notes = [self.notes.as_slice(), &self.store.server().told].concat();
        story::tell(self.sim.lock().story(), &notes, EPOCH)
    }
}

/// The policies that users attach to the operator's role, read once.
fn policies() -> [Arc<Policy>; 3] {
    static SHIPPED: LazyLock<[Arc<Policy>; 3]> = LazyLock::new(|| {
        let Settings { installation, kubernetes_cluster, .. } = settings(1, false);
        let account = cloudsim::Settings::default().account;
        Policy::all_shipped(&account, &kubernetes_cluster, &installation).unwrap().map(Arc::new)
    });
    SHIPPED.clone()
}

fn reader(clock: &Arc<AtomicI64>) -> Clock {
    let clock = clock.clone();
    Arc::new(move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap())
}
