//! Balancers and generators as worlds with state: they exist as long as an instance of the simulation runs at their
//! address, start empty with it, and take time for what they do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cloudsim::SharedSim;
use jiff::{SignedDuration, Timestamp};
use planner::ports::{AgentError, Agents, InstanceState, ReportBytes};
use wire::*;

use crate::chaos::Chaos;

/// From running to answering.
const BOOT: SignedDuration = SignedDuration::from_secs(20);
/// Length of a run.
const RUN: SignedDuration = SignedDuration::from_secs(60);
/// Length of a run that does not fit into any lifetime of a test.
const LONG_RUN: SignedDuration = SignedDuration::from_secs(100_000);

#[derive(Default)]
struct Agent {
    version: u64,
    membership: Membership,
    runs: BTreeMap<String, FakeRun>,
}

struct FakeRun {
    spec: RunSpec,
    started_at: Timestamp,
    aborted: bool,
    length: SignedDuration,
}

#[derive(Clone)]
pub(crate) struct FakeAgents {
    sim: SharedSim,
    /// By instance id: a replaced instance starts with nothing.
    agents: Arc<Mutex<BTreeMap<String, Agent>>>,
    /// Names of runs that were started for the first time, for checks.
    pub(crate) started: Arc<Mutex<Vec<String>>>,
    pub(crate) chaos: Chaos,
}

impl FakeAgents {
    pub(crate) fn new(sim: SharedSim) -> Self {
        Self { sim, agents: Arc::default(), started: Arc::default(), chaos: Chaos::default() }
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

    fn is_up(&self, instance: &cloudsim::Instance) -> bool {
        instance.state == InstanceState::Running && self.sim.now() >= instance.launched_at + BOOT
    }

    fn at<T>(&self, control: &str, use_it: impl FnOnce(&mut Agent, &str, Timestamp) -> T) -> Result<T, AgentError> {
        let address = control.split(':').next().unwrap_or_default();
        let running = self.sim.lock().live_instances();
        let at = |instance: &cloudsim::Instance| {
            instance.network.as_ref().map(|network| network.private_address.to_string())
        };
        let found = running.iter().find(|instance| self.is_up(instance) && at(instance).as_deref() == Some(address));
        let Some(instance) = found else {
            return Err(AgentError::Unreachable { url: control.into(), why: "connection refused".into() });
        };
        let mut agents = self.agents.lock().unwrap();
        Ok(use_it(agents.entry(instance.id.clone()).or_default(), &instance.id, self.sim.now()))
    }

    fn members(&self, cluster: &Cluster) -> Vec<MemberStatus> {
        let running = self.sim.lock().live_instances();
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

impl FakeRun {
    fn is_over(&self, now: Timestamp) -> bool {
        self.aborted || now >= self.started_at + self.length
    }

    fn report(&self) -> Vec<u8> {
        let report = Report {
            schema: REPORT_SCHEMA.into(),
            run: self.spec.clone(),
            started_at: self.started_at,
            finished_at: self.started_at + self.length,
            validity: if self.aborted { Validity::Invalid } else { Validity::Valid },
            reasons: if self.aborted { vec!["stopped".into()] } else { Vec::new() },
            gates: Vec::new(),
            environment: Environment::default(),
            clusters: Vec::new(),
            rounds: Vec::new(),
            comparisons: Vec::new(),
            further_comparisons: Vec::new(),
            thresholds: Vec::new(),
            self_test: None,
            summary: "b 14 % faster [9, 19]".into(),
            verdict: "These instances.".into(),
        };
        serde_json::to_vec(&report).unwrap()
    }

    fn status(&self, now: Timestamp) -> RunStatus {
        let over = self.is_over(now);
        RunStatus {
            id: self.spec.id.clone(),
            state: match (self.aborted, over) {
                (true, _) => RunState::Aborted,
                (false, true) => RunState::Finished,
                (false, false) => RunState::Running,
            },
            rounds_done: if over { self.spec.rounds.count } else { 0 },
            rounds_total: self.spec.rounds.count,
            rounds_voided: 0,
            started_at: self.started_at,
            message: "round 1".into(),
            report_sha256: over.then(|| sha256_hex(&self.report())),
        }
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
        Ok(BalancerStatus {
            instance_id,
            version: version.to_string(),
            membership_sha256: membership.sha256(),
            clusters: clusters.collect(),
        })
    }

    async fn set_membership(&self, control: &str, _: &str, expect: &str, to: &Membership) -> Result<(), AgentError> {
        let change = async {
            self.at(control, |agent, _, _| {
                if agent.version.to_string() != expect {
                    return Err(AgentError::Conflict);
                }
                agent.version += 1;
                agent.membership = to.clone();
                Ok(())
            })?
        };
        self.chaos.effect(change).await
    }

    async fn run_status(&self, control: &str, id: &str) -> Result<Option<RunStatus>, AgentError> {
        self.at(control, |agent, _, now| agent.runs.get(id).map(|run| run.status(now)))
    }

    async fn start_run(&self, control: &str, _: &str, run: &RunSpec) -> Result<(), AgentError> {
        let start = async {
            self.at(control, |agent, _, now| {
                if let Some(on) = agent.runs.values().find(|on| !on.is_over(now) && on.spec.id != run.id) {
                    return Err(AgentError::Refused {
                        url: control.into(),
                        status: 409,
                        why: format!("{} is on", on.spec.id),
                    });
                }
                agent.runs.entry(run.id.clone()).or_insert_with(|| {
                    self.started.lock().unwrap().push(run.id.clone());
                    FakeRun { spec: run.clone(), started_at: now, aborted: false, length: RUN }
                });
                Ok(())
            })?
        };
        self.chaos.effect(start).await
    }

    async fn delete_run(&self, control: &str, _: &str, id: &str) -> Result<(), AgentError> {
        let delete = async {
            self.at(control, |agent, _, now| match agent.runs.get_mut(id) {
                Some(run) if !run.is_over(now) => run.aborted = true,
                _ => drop(agent.runs.remove(id)),
            })
        };
        self.chaos.effect(delete).await
    }

    async fn report(&self, control: &str, id: &str) -> Result<ReportBytes, AgentError> {
        self.at(control, |agent, _, _| agent.runs.get(id).map(FakeRun::report))?.ok_or_else(|| AgentError::Refused {
            url: control.into(),
            status: 404,
            why: "no such run".into(),
        })
    }
}
