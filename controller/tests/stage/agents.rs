//! Balancers and generators as worlds with state: they exist as long as an instance of the simulation runs at their
//! address, start empty with it, and take time for what they do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use cloudsim::SharedSim;
use jiff::{SignedDuration, Timestamp};
use planner::ports::{AgentError, Agents, InstanceState, Recipient, ReportBytes};
use wire::*;

use crate::stage::chaos::{Chaos, Departure, InFlight};
use crate::stage::judge::{Judge, Through};
use crate::stage::measured::Members;
use crate::stage::runs::{FakeRun, LONG_RUN};
use crate::stage::starters::Starters;

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
struct Agent {
    version: u64,
    membership: Membership,
    runs: BTreeMap<String, FakeRun>,
}

#[derive(Clone)]
pub(crate) struct FakeAgents {
    sim: SharedSim,
    /// State by instance id: a replaced instance starts with nothing.
    agents: Arc<Mutex<BTreeMap<String, Agent>>>,
    /// Names of runs that were started for the first time, for checks.
    pub(crate) started: Arc<Mutex<Vec<String>>>,
    pub(crate) chaos: Chaos,
    pace: Freshness,
    in_flight: InFlight,
    judge: Judge,
    /// Until then nobody answers: no agent, to no operator.
    silent_until: Arc<AtomicI64>,
    /// Number of the generator that hands out no report; -1: every one does.
    withheld: Arc<AtomicI64>,
    /// Instances whose program never starts.
    ruined: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) starters: Starters,
}

impl FakeAgents {
    pub(crate) fn new(sim: SharedSim, pace: Freshness, in_flight: InFlight, judge: Judge) -> Self {
        Self {
            sim,
            agents: Arc::default(),
            started: Arc::default(),
            chaos: Chaos::default(),
            pace,
            in_flight,
            judge,
            silent_until: Arc::default(),
            withheld: Arc::new(AtomicI64::new(-1)),
            ruined: Arc::default(),
            starters: Starters::default(),
        }
    }

    /// The program of this instance does not start.
    pub(crate) fn ruin(&self, id: &str) {
        self.ruined.lock().unwrap().insert(id.to_owned());
    }

    /// This generator, counted from 0, hands out no report from now on.
    pub(crate) fn withhold(&self, generator: i64) {
        self.withheld.store(generator, Ordering::Relaxed);
    }

    /// Nobody answers for so long.
    pub(crate) fn silence(&self, seconds: i64) {
        self.silent_until.store(self.sim.now().as_second() + seconds, Ordering::Relaxed);
    }

    pub(crate) fn client(&self, chaos: Chaos) -> Self {
        Self { chaos, ..self.clone() }
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
        instance.state == InstanceState::Running
            && self.sim.now() >= instance.launched_at + self.pace.boot
            && !self.ruined.lock().unwrap().contains(&instance.id)
    }

    fn is_up_by_id(&self, id: &str) -> bool {
        let instance = self.sim.lock().truth().ec2.instance(id);
        instance.is_some_and(|instance| self.is_up(&instance))
    }

    fn at<T>(&self, control: &str, use_it: impl FnOnce(&mut Agent, &str, Timestamp) -> T) -> Result<T, AgentError> {
        let address = control.split(':').next().unwrap_or_default();
        let unreachable = |why: &str| AgentError::Unreachable { url: control.into(), why: why.into() };
        if self.sim.now().as_second() < self.silent_until.load(Ordering::Relaxed) {
            return Err(unreachable("no answer"));
        }
        let address: Option<Ipv4Addr> = address.parse().ok();
        let running = self.sim.lock().truth().ec2.live_instances();
        let at = |instance: &cloudsim::ec2::Instance| instance.network.as_ref().map(|network| network.private_address);
        let found = running.iter().find(|instance| self.is_up(instance) && at(instance) == address);
        let Some(instance) = found else { return Err(unreachable("connection refused")) };
        self.look_at_balancers();
        let mut agents = self.agents.lock().unwrap();
        Ok(use_it(agents.entry(instance.id.clone()).or_default(), &instance.id, self.sim.now()))
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
        let (instance_id, version, membership) =
            self.at(control, |agent, id, _| (id.to_owned(), agent.version, agent.membership.clone()))?;
        let clusters = membership.clusters.iter().map(|cluster| ClusterStatus {
            name: cluster.name.clone(),
            path: cluster.path.clone(),
            policy: cluster.policy,
            requests: 0,
            failures: 0,
            members: self.members(cluster),
        });
        let queue = |cluster: &Cluster| QueueStatus {
            cluster: cluster.name.clone(),
            running: u64::try_from(cluster.members.len()).unwrap(),
            ..QueueStatus::default()
        };
        Ok(BalancerStatus {
            queues: membership.clusters.iter().map(queue).collect(),
            instance_id,
            kernel_boot: String::new(),
            version: version.to_string(),
            membership_sha256: membership.sha256(),
            clusters: clusters.collect(),
            shared: None,
            departing: Vec::new(),
        })
    }

    async fn set_membership(&self, control: &str, _: &str, expect: &str, to: &Membership) -> Result<(), AgentError> {
        let depart = |seconds| {
            let (control, expect, to) = (control.to_owned(), expect.to_owned(), to.clone());
            self.depart(seconds, move |agents| drop(agents.change_membership(&control, &expect, &to)))
        };
        self.chaos.effect("set_membership", async { self.change_membership(control, expect, to) }, depart).await
    }

    async fn applications(
        &self,
        control: &str,
        _: &str,
        members: &[(String, String)],
    ) -> Result<BTreeMap<String, Said>, AgentError> {
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
        let depart = |seconds| {
            let (control, recipients, to) = (control.to_owned(), recipients.to_vec(), to.clone());
            self.depart(seconds, move |agents| drop(agents.order(&control, &recipients, &to, not_after)))
        };
        self.chaos.effect("update_workers", async { self.order(control, recipients, to, not_after) }, depart).await
    }

    async fn run_status(&self, control: &str, id: &str) -> Result<Option<RunStatus>, AgentError> {
        self.at(control, |agent, _, now| agent.runs.get(id).map(|run| run.status(now)))
    }

    async fn start_run(&self, control: &str, _: &str, run: &RunSpec) -> Result<(), AgentError> {
        let depart = |seconds| {
            let (control, run) = (control.to_owned(), run.clone());
            self.depart(seconds, move |agents| drop(agents.begin(&control, &run)))
        };
        self.chaos.effect("start_run", async { self.begin(control, run) }, depart).await
    }

    async fn hold_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let depart = |seconds| {
            let (control, id) = (control.to_owned(), id.to_owned());
            self.depart(seconds, move |agents| drop(agents.hold(&control, &id)))
        };
        self.chaos.effect("hold_run", async { self.hold(control, id) }, depart).await
    }

    async fn resume_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let depart = |seconds| {
            let (control, id) = (control.to_owned(), id.to_owned());
            self.depart(seconds, move |agents| drop(agents.resume(&control, &id)))
        };
        self.chaos.effect("resume_run", async { self.resume(control, id) }, depart).await
    }

    async fn stop_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let depart = |seconds| {
            let (control, id) = (control.to_owned(), id.to_owned());
            self.depart(seconds, move |agents| drop(agents.stop(&control, &id)))
        };
        self.chaos.effect("stop_run", async { self.stop(control, id) }, depart).await
    }

    async fn forget_run(&self, control: &str, _: &str, id: &str, report_sha256: &str) -> Result<(), AgentError> {
        let depart = |seconds| {
            let (control, id, sha256) = (control.to_owned(), id.to_owned(), report_sha256.to_owned());
            self.depart(seconds, move |agents| drop(agents.forget(&control, &id, &sha256)))
        };
        self.chaos.effect("forget_run", async { self.forget(control, id, report_sha256) }, depart).await
    }

    async fn report(&self, control: &str, id: &str) -> Result<ReportBytes, AgentError> {
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
        })?
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

    fn hold(&self, control: &str, id: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| {
            if let Some(run) = agent.runs.get_mut(id).filter(|run| !run.is_over(now) && run.hold().is_some()) {
                run.held_since.get_or_insert(now);
            }
        })
    }

    /// What it was held does not count as time of the run.
    fn resume(&self, control: &str, id: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| {
            if let Some(run) = agent.runs.get_mut(id)
                && let Some(since) = run.held_since.take()
            {
                run.length += now.duration_since(since);
            }
        })
    }

    fn stop(&self, control: &str, id: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| {
            if let Some(run) = agent.runs.get_mut(id).filter(|run| !run.is_over(now)) {
                run.aborted = true;
            }
        })
    }

    fn forget(&self, control: &str, id: &str, report_sha256: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| match agent.runs.get(id) {
            Some(run) if run.is_over(now) && run.report().1 == report_sha256 => {
                self.judge.forgets(id, report_sha256);
                agent.runs.remove(id);
                Ok(())
            }
            Some(_) => Err(AgentError::Conflict),
            None => Ok(()),
        })?
    }

    fn depart(&self, seconds: u64, call: impl FnOnce(&Self) + Send + 'static) -> Departure {
        let client = self.clone();
        self.in_flight.send(self.sim.now(), seconds, move || call(&client));
        Departure::Departed
    }
}
