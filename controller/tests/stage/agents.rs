//! Balancers and generators as worlds with state: they exist as long as an instance of the simulation runs at their
//! address, start empty with it, and take time for what they do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use cloudsim::SharedSim;
use jiff::{SignedDuration, Timestamp};
use planner::ports::{AgentError, Agents, InstanceState, Recipient, ReportBytes};
use wire::*;

use crate::stage::chaos::{Chaos, Departure, InFlight};
use crate::stage::judge::{Judge, Through};
use crate::stage::loaders::FakeLoaders;
use crate::stage::measured::Members;
use crate::stage::runs::{FakeRun, LONG_RUN};
use crate::stage::schedule::{AgentFault, Schedule, Site};
use crate::stage::sight::Sight;
use crate::stage::starters::Starters;
use crate::stage::tier::Tier;
use crate::stage::work::Book;

/// How long things take.
#[derive(Clone, Copy)]
pub(crate) struct Freshness {
    /// From running to answering.
    pub(crate) boot: SignedDuration,
    /// Length of a run.
    pub(crate) run: SignedDuration,
    /// Difference between instances of one type, as the standard deviation of the logarithm of their speed. `None`: all
    /// that is measured is found valid, and says the same.
    pub(crate) spread: Option<f64>,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { boot: SignedDuration::from_secs(20), run: SignedDuration::from_secs(60), spread: None }
    }
}

#[derive(Default)]
pub(super) struct Agent {
    pub(super) version: u64,
    pub(super) membership: Membership,
    pub(super) book: Book,
    pub(super) runs: BTreeMap<String, FakeRun>,
}

#[derive(Clone)]
pub(crate) struct FakeAgents {
    pub(super) sim: SharedSim,
    /// State by instance id: a replaced instance starts with nothing.
    pub(super) agents: Arc<Mutex<BTreeMap<String, Agent>>>,
    /// Names of runs that were started for the first time, for checks.
    pub(crate) started: Arc<Mutex<Vec<String>>>,
    pub(crate) chaos: Chaos,
    pub(super) tier: Tier,
    pace: Freshness,
    in_flight: InFlight,
    pub(super) judge: Judge,
    schedule: Schedule,
    /// Until then nobody answers: no agent, to no operator.
    silent_until: Arc<AtomicI64>,
    /// Number of the generator that hands out no report; -1: every one does.
    withheld: Arc<AtomicI64>,
    /// Instances whose program never starts.
    ruined: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) starters: Starters,
    pub(crate) loaders: FakeLoaders,
}

impl FakeAgents {
    pub(crate) fn new(
        sim: SharedSim,
        pace: Freshness,
        in_flight: InFlight,
        (judge, schedule): (Judge, Schedule),
    ) -> Self {
        Self {
            sim,
            agents: Arc::default(),
            started: Arc::default(),
            chaos: Chaos::default(),
            tier: Tier::default(),
            pace,
            in_flight,
            judge,
            schedule,
            silent_until: Arc::default(),
            withheld: Arc::new(AtomicI64::new(-1)),
            ruined: Arc::default(),
            starters: Starters::default(),
            loaders: FakeLoaders::default(),
        }
    }

    /// The program of this instance does not start, or has died.
    pub(crate) fn ruin(&self, id: &str) {
        self.ruined.lock().unwrap().insert(id.to_owned());
        self.judge.dies(id);
    }

    /// This generator, counted from 0, hands out no report from now on.
    pub(crate) fn withhold(&self, generator: i64) {
        self.withheld.store(generator, Ordering::Relaxed);
    }

    /// Nobody answers for so long.
    pub(crate) fn silence(&self, seconds: i64) {
        self.silent_until.store(self.sim.now().as_second() + seconds, Ordering::Relaxed);
    }

    pub(crate) fn client(&self, chaos: Chaos, sight: Sight) -> Self {
        Self { chaos, tier: self.tier.seen_by(sight), ..self.clone() }
    }

    pub(super) fn silent_until(&self) -> Timestamp {
        Timestamp::from_second(self.silent_until.load(Ordering::Relaxed)).unwrap()
    }

    /// Runs that are on take very long.
    pub(crate) fn lengthen_runs(&self) {
        self.agents
            .lock()
            .unwrap()
            .values_mut()
            .flat_map(|agent| agent.runs.values_mut())
            .for_each(|run| run.length = LONG_RUN);
    }

    /// Runs that are on.
    pub(crate) fn running(&self) -> usize {
        let agents = self.agents.lock().unwrap();
        agents.values().flat_map(|agent| agent.runs.values()).filter(|run| !run.is_over(self.sim.now())).count()
    }

    /// Runs that generators have not forgotten.
    pub(crate) fn kept(&self) -> usize {
        self.agents.lock().unwrap().values().map(|agent| agent.runs.len()).sum()
    }

    /// Runs that are on, on this many generators, find a target that lets nobody in.
    pub(crate) fn fail_runs(&self, generators: usize) {
        let mut agents = self.agents.lock().unwrap();
        let runs = agents.values_mut().flat_map(|agent| agent.runs.values_mut());
        runs.filter(|run| !run.is_over(self.sim.now())).take(generators).for_each(|run| run.failed = true);
    }

    /// Runs whose balancers have ended find nothing out any more.
    pub(crate) fn look_at_balancers(&self) {
        let (now, living) = (self.sim.now(), self.sim.lock().truth().ec2.live_instances());
        let is_alive = |id: &str| living.iter().any(|one| one.id == id && one.state == InstanceState::Running);
        let mut agents = self.agents.lock().unwrap();
        let runs = agents.values_mut().flat_map(|agent| agent.runs.values_mut());
        // What stands in front may be no instance.
        for run in runs.filter(|run| run.spec.balancer_control.is_some()) {
            if is_alive(&run.balancer) {
                run.balancer_alive_at = now;
            } else if run.balancer_lost_at.is_none() && !run.is_over(run.balancer_alive_at) {
                run.balancer_lost_at = Some(now);
            }
        }
    }

    fn is_up(&self, instance: &cloudsim::ec2::Instance) -> bool {
        self.is_booted(instance) && self.loaders.missing(&self.sim, &instance.id).is_empty()
    }

    /// Whether its script has come to the programs.
    pub(super) fn is_booted(&self, instance: &cloudsim::ec2::Instance) -> bool {
        instance.state == InstanceState::Running
            && self.sim.now() >= instance.launched_at + self.pace.boot
            && !self.ruined.lock().unwrap().contains(&instance.id)
    }

    /// Instances that are up.
    pub(super) fn up(&self) -> BTreeSet<String> {
        let all = self.sim.lock().truth().ec2.live_instances();
        all.into_iter().filter(|instance| self.is_up(instance)).map(|instance| instance.id.clone()).collect()
    }

    fn is_up_by_id(&self, id: &str) -> bool {
        self.up().contains(id)
    }

    pub(super) fn at<T>(
        &self,
        control: &str,
        use_it: impl FnOnce(&mut Agent, &str, Timestamp) -> T,
    ) -> Result<T, AgentError> {
        let unreachable = |why: &str| AgentError::Unreachable { url: control.into(), why: why.into() };
        if self.sim.now().as_second() < self.silent_until.load(Ordering::Relaxed) {
            return Err(unreachable("no answer"));
        }
        let Some(id) = self.booted_at(control) else { return Err(unreachable("connection refused")) };
        let missing = self.loaders.missing(&self.sim, &id);
        if !missing.is_empty() {
            return Err(AgentError::Loading { url: format!("http://{control}"), missing });
        }
        self.look_at_balancers();
        let mut agents = self.agents.lock().unwrap();
        Ok(use_it(agents.entry(id.clone()).or_default(), &id, self.sim.now()))
    }

    fn members(&self, cluster: &Cluster) -> Vec<MemberStatus> {
        let running = self.sim.lock().truth().ec2.live_instances();
        let health = |member: &Member| match running.iter().find(|instance| instance.id == member.id) {
            Some(instance) if self.is_up(instance) => Health::Healthy,
            _ => Health::Unhealthy,
        };
        let status = |member: &Member| MemberStatus {
            id: member.id.clone(),
            address: member.address.clone(),
            health: health(member),
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
        cluster.members.iter().map(status).collect()
    }
}

impl Agents for FakeAgents {
    async fn balancer_status(&self, control: &str) -> Result<BalancerStatus, AgentError> {
        self.work();
        let up = self.up();
        let asked = self.asked("balancer_status", control);
        let told = asked.and_then(|()| {
            self.at(control, |agent, id, now| {
                let (queues, in_flight) = self.tier.of_front(&agent.book, &agent.membership, &up, now);
                (id.to_owned(), agent.version, agent.membership.clone(), queues, in_flight)
            })
        });
        self.tier.hears(told.as_ref().ok().map(|(_, _, membership, ..)| membership), self.sim.now());
        let (instance_id, version, membership, queues, in_flight) = told?;
        let busy = |mut members: Vec<MemberStatus>| {
            members.iter_mut().for_each(|one| one.in_flight = in_flight.get(&one.id).copied().unwrap_or(0));
            members
        };
        let clusters = membership.clusters.iter().map(|cluster| ClusterStatus {
            name: cluster.name.clone(),
            path: cluster.path.clone(),
            policy: cluster.policy,
            requests: 0,
            failures: 0,
            members: busy(self.members(cluster)),
        });
        Ok(BalancerStatus {
            clusters: clusters.collect(),
            queues,
            instance_id,
            kernel_boot: String::new(),
            busy_per_mille: None,
            version: version.to_string(),
            membership_sha256: membership.sha256(),
            shared: None,
            departing: Vec::new(),
        })
    }

    async fn set_membership(&self, control: &str, _: &str, expect: &str, to: &Membership) -> Result<(), AgentError> {
        self.tier.tells(&self.judge, to);
        let (control, expect, to) = (control.to_owned(), expect.to_owned(), to.clone());
        self.effect("set_membership", &control.clone(), move |agents| agents.change_membership(&control, &expect, &to))
            .await
    }

    async fn loaders(&self, control: &str, _: &str, members: &[(String, String)]) -> Result<Loaders, AgentError> {
        self.asked("loaders", control)?;
        self.what_loaders_say(control, members)
    }

    async fn deliver(
        &self,
        control: &str,
        _: &str,
        program: &str,
        members: &[(String, String)],
    ) -> Result<(), AgentError> {
        let (control, program, members) = (control.to_owned(), program.to_owned(), members.to_vec());
        self.effect("deliver", &control.clone(), move |agents| agents.bring(&control, &program, &members)).await
    }

    async fn applications(
        &self,
        control: &str,
        _: &str,
        members: &[(String, String)],
    ) -> Result<BTreeMap<String, Said>, AgentError> {
        self.asked("applications", control)?;
        let now = self.at(control, |_, _, now| now)?;
        let ids = members.iter().map(|(id, _)| id);
        Ok(ids.map(|id| (id.clone(), self.starters.status(&self.sim, id, self.is_up_by_id(id), now))).collect())
    }

    async fn update_workers(
        &self,
        control: &str,
        _: &str,
        recipients: &[Recipient],
        to: &Application,
        not_after: Timestamp,
    ) -> Result<(), AgentError> {
        let (control, recipients, to) = (control.to_owned(), recipients.to_vec(), to.clone());
        self.effect("update_workers", &control.clone(), move |agents| {
            agents.order(&control, &recipients, &to, not_after)
        })
        .await
    }

    async fn run_status(&self, control: &str, id: &str) -> Result<Option<RunStatus>, AgentError> {
        self.asked("run_status", control)?;
        self.at(control, |agent, _, now| agent.runs.get(id).map(|run| run.status(now)))
    }

    async fn start_run(&self, control: &str, _: &str, run: &RunSpec) -> Result<(), AgentError> {
        self.tier.begins(&self.judge, run);
        let (control, run) = (control.to_owned(), run.clone());
        self.effect("start_run", &control.clone(), move |agents| agents.begin(&control, &run)).await
    }

    async fn hold_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let (control, id) = (control.to_owned(), id.to_owned());
        self.effect("hold_run", &control.clone(), move |agents| agents.hold(&control, &id)).await
    }

    async fn resume_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let (control, id) = (control.to_owned(), id.to_owned());
        self.effect("resume_run", &control.clone(), move |agents| agents.resume(&control, &id)).await
    }

    async fn stop_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let (control, id) = (control.to_owned(), id.to_owned());
        self.effect("stop_run", &control.clone(), move |agents| agents.stop(&control, &id)).await
    }

    async fn forget_run(&self, control: &str, _: &str, id: &str, report_sha256: &str) -> Result<(), AgentError> {
        let (control, id, sha256) = (control.to_owned(), id.to_owned(), report_sha256.to_owned());
        self.effect("forget_run", &control.clone(), move |agents| agents.forget(&control, &id, &sha256)).await
    }

    async fn report(&self, control: &str, id: &str) -> Result<ReportBytes, AgentError> {
        self.asked("report", control)?;
        let is_withheld = |run: &FakeRun| i64::from(run.spec.slice.index) == self.withheld.load(Ordering::Relaxed);
        let report = self.at(control, |agent, _, _| {
            agent.runs.get(id).filter(|run| !is_withheld(run)).map(|run| {
                let (bytes, sha256) = run.report();
                let balancer = Through { id: run.balancer.clone(), lost: run.balancer_lost_at.is_some() };
                self.judge.reports(sha256, &run.members, run.spec.start_at, balancer);
                bytes.clone()
            })
        })?;
        report.ok_or_else(|| AgentError::Refused { url: control.into(), status: 404, why: "no such run".into() })
    }
}

/// What the calls do, when they arrive.
impl FakeAgents {
    /// A question is on its way.
    fn asked(&self, name: &'static str, control: &str) -> Result<(), AgentError> {
        self.schedule.of_agent(Site::Question(name)).map_or(Ok(()), |_| Err(unanswered(control)))
    }

    /// Sends an order on its way, as an effect of this process.
    async fn effect(
        &self,
        name: &'static str,
        control: &str,
        order: impl Fn(&Self) -> Result<(), AgentError> + Clone + Send + Sync + 'static,
    ) -> Result<(), AgentError> {
        let late = order.clone();
        let depart = |seconds| self.depart(seconds, move |agents| drop(late(agents)));
        let arrive = async {
            match self.schedule.of_agent(Site::Order(name)) {
                None => return order(self),
                Some(AgentFault::LostRequest) => {}
                Some(AgentFault::LostAnswer) => drop(order(self)),
                Some(AgentFault::Late(seconds)) => {
                    let late = order.clone();
                    self.depart(seconds, move |agents| drop(late(agents)));
                }
            }
            Err(unanswered(control))
        };
        self.chaos.effect(name, arrive, depart).await
    }

    fn order(
        &self,
        control: &str,
        recipients: &[Recipient],
        to: &Application,
        not_after: Timestamp,
    ) -> Result<(), AgentError> {
        let now = self.at(control, |_, _, now| now)?;
        // The starters check the signature.
        if now > not_after {
            return Err(AgentError::Refused {
                url: control.into(),
                status: 401,
                why: "the signature has expired".into(),
            });
        }
        let agents = self.agents.lock().unwrap();
        let memberships = agents.values().flat_map(|agent| &agent.membership.clusters);
        let served: BTreeSet<&str> =
            memberships.flat_map(|cluster| &cluster.members).map(|member| member.id.as_str()).collect();
        recipients.iter().try_for_each(|one| {
            let is_served = served.contains(one.id.as_str());
            self.starters.order(&self.sim, one, (self.is_up_by_id(&one.id), is_served), to, now)
        })
    }

    fn change_membership(&self, control: &str, expect: &str, to: &Membership) -> Result<(), AgentError> {
        self.at(control, |agent, _, _| {
            if agent.version.to_string() != expect {
                return Err(AgentError::Conflict);
            }
            agent.version += 1;
            agent.membership = to.clone();
            Ok(())
        })??;
        self.work();
        Ok(())
    }

    fn begin(&self, control: &str, run: &RunSpec) -> Result<(), AgentError> {
        let (balancer, members) = match &run.balancer_control {
            Some(asked) => {
                let met = self
                    .at(asked.trim_start_matches("http://"), |agent, id, _| (id.to_owned(), agent.membership.clone()));
                let (balancer, told) = met.unwrap_or_default();
                let ids =
                    |cluster: Cluster| (cluster.name, cluster.members.into_iter().map(|member| member.id).collect());
                (balancer, told.clusters.into_iter().map(ids).collect())
            }
            // What stands in front is no instance; members are what the document says.
            None => {
                let mut members = Members::new();
                for member in &run.members {
                    members.entry(member.cluster.clone()).or_default().push(member.id.clone());
                }
                (run.targets.first().map(|target| target.url.clone()).unwrap_or_default(), members)
            }
        };
        // What is measured makes work.
        for target in run.targets.iter().filter(|target| target.scaled) {
            self.arrive(&target.cluster, 7);
        }
        self.at(control, |agent, _, now| {
            if let Some(on) = agent.runs.values().find(|on| !on.is_over(now) && on.spec.id != run.id) {
                let why = format!("{} is on", on.spec.id);
                return Err(AgentError::Refused { url: control.into(), status: 409, why });
            }
            agent.runs.entry(run.id.clone()).or_insert_with(|| {
                self.started.lock().unwrap().push(run.id.clone());
                FakeRun {
                    spec: run.clone(),
                    started_at: now,
                    aborted: false,
                    failed: false,
                    length: self.pace.run,
                    held_since: None,
                    balancer_lost_at: balancer.is_empty().then_some(now),
                    balancer,
                    balancer_alive_at: now,
                    members,
                    spread: self.pace.spread,
                    report: OnceLock::new(),
                }
            });
            Ok(())
        })?
    }

    fn depart(&self, seconds: u64, call: impl FnOnce(&Self) + Send + 'static) -> Departure {
        let client = self.clone();
        self.in_flight.send(self.sim.now(), seconds, move || call(&client));
        Departure::Departed
    }
}

fn unanswered(control: &str) -> AgentError {
    AgentError::Unreachable { url: control.to_owned(), why: "the connection ended without an answer".to_owned() }
}
