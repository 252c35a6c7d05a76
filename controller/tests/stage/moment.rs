//! The moment of a play in words: object, cloud, agents, what processes remember and what the judge goes by. Two moments with the
//! same words go on alike, whatever happened before; only ids, and the time of day, may be others.

use api::{ClusterBenchmark, Launch, Placement, Run};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::ports::InstanceState;
use planner::world::{Seal, ledger};

use crate::stage::agents::FakeAgents;
use crate::stage::kubernetes::Server;
use crate::stage::play::Play;

impl Play {
    /// A line for each thing, in no order. `None`: a process stands still in the middle of a pass, or an order or a write is on its way
    /// without its sender, and what it will do is in no words.
    pub(crate) fn moment(&self) -> Option<Vec<String>> {
        if self.operators.iter().any(|one| one.frozen.is_some()) || !self.in_flight.is_empty() {
            return None;
        }
        let mut lines = object(&self.store.server());
        for (number, one) in self.operators.iter().enumerate() {
            let name = &one.reconciler.settings.process;
            lines.push(format!("{number} is {name}, version {}", one.reconciler.settings.artifacts.version));
            lines.extend(one.reconciler.remembered().iter().map(|line| format!("{number} remembers {line}")));
            lines.push(format!("{number} sweeps with {:?}", one.swept));
        }
        lines.extend(self.sim.lock().moment());
        lines.extend(self.agents.moment());
        lines.extend(self.judge.moment());
        lines.push(format!("{:?}", self.credentials.lock().unwrap()));
        Some(lines)
    }
}

/// The object as the loop reads it back: of status only placement, launches, runs and the reasons of conditions are.
fn object(server: &Server) -> Vec<String> {
    let reports = server.reports.iter();
    let mut lines: Vec<String> =
        reports.map(|(name, one)| format!("report {name} {}", one.spec.cloud_watch.is_some())).collect();
    lines.push(format!("namespace ends: {}", server.namespace_ends));
    let Some(ClusterBenchmark { metadata, spec, status }) = &server.object else {
        lines.push("no object".to_owned());
        return lines;
    };
    let (generation, is_deleted) = (metadata.generation, metadata.deletion_timestamp.is_some());
    lines.push(format!("object {generation:?} {is_deleted} {:?} {spec:?}", metadata.finalizers));
    let Some(status) = status else { return lines };
    let seal = Seal::of(metadata.uid.as_deref().unwrap_or_default(), status);
    lines.push(format!("status {:?} {:?} {seal:?}", status.observed_generation, status.phase));
    lines.extend(status.placement.clone().map(|placement| format!("{:?}", decisive_placement(placement))));
    lines.extend(status.launches.iter().map(|line| format!("{:?}", decisive_line(line.clone()))));
    lines.extend(status.runs.iter().map(|run| format!("{} {:?}", minutes(run), decisive_run(run.clone()))));
    let conditions = status.conditions.iter();
    lines.extend(conditions.map(|one| format!("{} {} {}", one.type_, one.status, one.reason)));
    lines
}

/// Without what only the bill goes by.
fn decisive_placement(placement: Placement) -> Placement {
    let begun = |at: Option<Time>| at.map(|_| Time(Timestamp::UNIX_EPOCH));
    Placement {
        spent_usd_micros: 0,
        spent_bound: String::new(),
        spent_unpriced: Vec::new(),
        balancer_since: begun(placement.balancer_since),
        balancer_until: begun(placement.balancer_until),
        ..placement
    }
}

/// A line that made what it was for is looked at for its instances alone.
fn decisive_line(line: Launch) -> Launch {
    let line = Launch { message: String::new(), ..line };
    if ledger::is_open(&line) || !line.reason.is_empty() {
        return Launch { launched_at: None, ended_at: None, ..line };
    }
    Launch {
        sender: String::new(),
        closed_at: None,
        launched_at: None,
        ended_at: None,
        not_after: None,
        booked: 0,
        bound: String::new(),
        ..line
    }
}

/// CloudWatch is asked of a run by its whole minutes.
fn minutes(run: &Run) -> String {
    let of = |at: &Option<Time>| at.as_ref().map(|at| at.0.as_millisecond().rem_euclid(60_000));
    if is_asked_of(run) { format!("{:?} {:?}", of(&run.started_at), of(&run.finished_at)) } else { String::new() }
}

fn is_asked_of(run: &Run) -> bool {
    run.cloud_watch.as_ref().is_some_and(|account| account.state == "Pending")
}

fn decisive_run(run: Run) -> Run {
    match run.outcome.as_str() {
        "Running" => run,
        _ if is_asked_of(&run) => run,
        _ => Run { started_at: None, finished_at: None, start_at: None, ..run },
    }
}

impl FakeAgents {
    /// What agents on living instances hold.
    fn moment(&self) -> Vec<String> {
        let live = self.sim.lock().truth().ec2.live_instances();
        let mut lines = self.tier.moment();
        let agents = self.agents.lock().unwrap();
        for instance in live.iter().filter(|one| one.state == InstanceState::Running) {
            let id = &instance.id;
            lines.push(format!("{id} waits for {:?}", self.loaders.missing(&self.sim, id)));
            lines.extend(self.starters.moment(id));
            let Some(agent) = agents.get(id) else { continue };
            lines.push(format!("{id} {} {:?} {:?}", agent.version, agent.membership, agent.book));
            for (name, run) in &agent.runs {
                let ends = (run.aborted, run.failed, run.length, run.held_since, run.balancer_lost_at);
                lines.push(format!("{id} runs {name} {:?} {} {ends:?}", run.begins_at(), run.balancer));
                lines.push(format!("{id} measures for {name} {:?} {:?}", run.members, run.spec));
            }
        }
        let silent_until = self.silent_until();
        lines.extend((silent_until > self.sim.now()).then(|| format!("silent until {silent_until}")));
        lines
    }
}
