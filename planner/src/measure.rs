//! Runs what is due, and gets every report home before anything is forgotten.

use api::{Arrivals, ConditionType, Placement, Run};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use wire::{ClosedLoop, OpenLoop, Phase, Ramp, Rounds, RunSpec, RunState, RunStatus, Stop};

use crate::asked;
use crate::conditions::Truth;
use crate::deploy::control;
use crate::desired::{self, BALANCER, BALANCER_PORT};
use crate::duration;
use crate::pausing;
use crate::plan::{Action, MOVING, Plan, STEADY};
use crate::readiness::single;
use crate::relaunch;
use crate::runs::{
    self, ABORTED, FAILED, INVALID, RUNNING, RunKey, VALID, answer, former, held, recorded, running, wanted,
};
use crate::together;
use crate::voided::{self, Through};
use crate::world::{Facet, World};

/// Aborted runs of the same thing after which another one is not worth it.
pub(crate) const ABORTS: usize = 3;

/// Whether a run of a former spec still has to be stopped and collected before instances may change.
///
/// A generator that does not answer may still be measuring: it is waited for, but not for ever.
pub(crate) fn former_is_on(world: &World, placement: &Placement, plan: &mut Plan) -> bool {
    let former = former(world);
    let silent = matches!(&world.runs, Some(Facet::Unknown(_)));
    if former.is_empty() || is_late(world, placement) || !silent {
        plan.memory.absent_since.remove(FORMER);
        let is_known = |key: &RunKey| key.shares().any(|share| answer(world, &share).is_some());
        return !is_late(world, placement) && former.iter().any(is_known);
    }
    let first = *plan.memory.absent_since.entry(FORMER.to_owned()).or_insert(world.now);
    plan.wake_within(MOVING);
    world.now.duration_since(first) < world.settings.settle
}

/// What is waited for when a generator with a former run is silent.
const FORMER: &str = "report of the former run";

/// Time before the expiry that is kept for stopping a run and bringing its report home.
const LAST_CALL: SignedDuration = SignedDuration::from_secs(120);

pub(crate) fn is_late(world: &World, placement: &Placement) -> bool {
    placement.expires_at.as_ref().is_some_and(|at| world.now + LAST_CALL >= at.0)
}

/// A generator whose instance runs.
pub(crate) struct Generator {
    number: u32,
    control: String,
    instance_id: String,
}

/// One generator's share of a launch that is not recorded yet.
pub(crate) struct Share<'a> {
    pub(crate) key: RunKey,
    generator: &'a Generator,
    /// What the generator says of it.
    pub(crate) answer: Option<&'a RunStatus>,
}

impl Share<'_> {
    pub(crate) fn is_running(&self) -> bool {
        self.answer.is_some_and(|status| status.state == RunState::Running)
    }

    /// Control API, id and name of the run: what each call names.
    fn named(&self) -> (String, String, String) {
        let Generator { control, instance_id, .. } = self.generator;
        (control.clone(), instance_id.clone(), self.key.name())
    }

    pub(crate) fn stop(&self) -> Action {
        let (control, instance_id, name) = self.named();
        Action::StopRun { control, instance_id, name }
    }

    pub(crate) fn hold(&self) -> Action {
        let (control, instance_id, name) = self.named();
        Action::HoldRun { control, instance_id, name }
    }

    pub(crate) fn resume(&self) -> Action {
        let (control, instance_id, name) = self.named();
        Action::ResumeRun { control, instance_id, name }
    }

    pub(crate) fn start(&self, run: RunSpec) -> Action {
        let Generator { control, instance_id, .. } = self.generator;
        Action::StartRun { control: control.clone(), instance_id: instance_id.clone(), run }
    }
}

fn generators(world: &World) -> Vec<Generator> {
    let running = runs::generators(world).filter_map(|number| {
        let instance = single(world, &desired::generator(number))?;
        Some(Generator { number, control: control(instance)?, instance_id: instance.id.clone() })
    });
    running.collect()
}

/// What is still to come of a launch, of the generators that run.
fn open<'a>(world: &'a World, key: &RunKey, generators: &'a [Generator]) -> Vec<Share<'a>> {
    let run = running(&world.object.status.runs, key);
    let is_recorded = |share: &RunKey| run.is_some_and(|run| !held(run, share).is_empty());
    let share = |key: RunKey| {
        let generator = generators.iter().find(|generator| generator.number == key.generator)?;
        Some(Share { answer: answer(world, &key), key, generator })
    };
    key.shares().filter(|share| !is_recorded(share)).filter_map(share).collect()
}

pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    let (generators, key) = (generators(world), wanted(world));
    if let Some(Facet::Known(_)) = &world.runs {
        collect_former(world, plan, &generators);
        clear_away(world, plan, &generators);
    }
    join(world, plan);
    if let Some(run) = recorded(world, &key) {
        judge_recorded(run, plan);
        return;
    }
    if running(&world.object.status.runs, &key).is_some_and(runs::is_whole) {
        return waiting(plan, "everything is measured; one report is being made of all parts");
    }
    let is_there = |number: u32| generators.iter().any(|generator| generator.number == number);
    if !(1..=key.generators).all(is_there) {
        return waiting(plan, "waits for the instances");
    }
    let shares = open(world, &key, &generators);
    let (silent, known): (Vec<Share<'_>>, Vec<Share<'_>>) = shares.into_iter().partition(|it| it.answer.is_none());
    let is_late = is_late(world, placement);
    let why_void = known.iter().find_map(|share| voided::why(world, share.answer?));
    if let Some(why) = why_void.filter(|_| !is_late) {
        return voided::plan(world, plan, &key, &known, &why);
    }
    for share in &known {
        let Some(status) = share.answer else { continue };
        match (status.state, is_late) {
            (RunState::Running, true) => {
                let message =
                    "lifecycle.maxLifetimeSeconds is nearly over: the run is stopped, what it measured is kept";
                plan.judgements.set(ConditionType::Measured, Truth::False, "Expiring", message);
                plan.act(share.stop());
            }
            (RunState::Running, false) => {
                let mut message = with_warning(progress(world, &key, status), status);
                if voided::through(world, status) == Through::Silent {
                    message +=
                        "; the balancer does not answer: if it has ended, the run begins anew through the next one";
                }
                pausing::judge_running(world, plan, share, status, &message);
                note_running(plan, &key, Some(Time(status.started_at)));
                plan.wake_within(MOVING);
            }
            (RunState::Failed | RunState::Aborted, false) if voided::is_unclear(world, plan, status) => {
                waiting(plan, "the run ended early, and its balancer does not answer: waits for what has become of it");
            }
            _ => collect(plan, share, status),
        }
    }
    if !known.is_empty() {
        if !silent.is_empty() && !is_late {
            together::missing(world, plan, &key, &silent);
        }
        return;
    }
    if is_late {
        let message =
            "lifecycle.maxLifetimeSeconds is nearly over: no run is started; delete the benchmark and create it again";
        plan.judgements.set(ConditionType::Measured, Truth::False, "Expiring", message);
    } else if lost(world, plan, &key) {
        waiting(plan, "the generator lost the run; it is started again");
    } else if is_cleared(world, &key)
        && plan.judgements.is_true(ConditionType::Deployed)
        && plan.judgements.is_true(ConditionType::Provisioned)
    {
        start(world, placement, plan, &key, &silent);
    } else if key.launch > 1 {
        let message = format!("launch {} of {} waits until every instance is ready", key.launch, key.launches);
        waiting(plan, &(message + &anew(&world.object.status.runs, &key)));
    } else {
        let message = "waits until every instance is ready".to_owned();
        waiting(plan, &(message + &anew(&world.object.status.runs, &key)));
    }
}

/// Rounds, not requests per second: a status that changes at every look costs the measurement CPU time.
fn progress(world: &World, key: &RunKey, status: &RunStatus) -> String {
    let (done, total) = (status.rounds_done, status.rounds_total);
    let spec = &world.object.spec;
    if key.launches > 1 {
        return format!("launch {} of {}: {done} of {total} rounds are measured", key.launch, key.launches);
    }
    if !duration::decides_itself(spec) {
        return format!("{done} of {total} rounds are measured");
    }
    let last = duration::most_rounds(spec);
    format!("{done} rounds are measured, the next look is after {total}, the last after {last}")
}

/// Whether the generators are done with the launch before this one, and with former starts of it.
fn is_cleared(world: &World, key: &RunKey) -> bool {
    let run = running(&world.object.status.runs, key);
    let before = run.and_then(runs::before);
    let is_done = |share: RunKey| {
        answer(world, &share).is_none_or(|status| {
            let is_held = run.is_some_and(|run| status.report_sha256.as_deref() == Some(held(run, &share)));
            status.state != RunState::Running && !is_held
        })
    };
    before.is_none_or(|before| before.shares().all(is_done)) && (key.generators == 1 || together::are_free(world))
}

/// One report is made of all parts, as soon as all of them are recorded. It takes no instance.
pub(crate) fn join(world: &World, plan: &mut Plan) {
    for run in world.object.status.runs.iter().filter(|run| runs::is_whole(run)) {
        plan.act(Action::JoinParts { run: RunKey::of(run), reports: runs::reports(run) });
    }
}

pub(crate) fn waiting(plan: &mut Plan, message: &str) {
    plan.judgements.set(ConditionType::Measured, Truth::False, "Waiting", message);
    plan.wake_within(MOVING);
}

pub(crate) fn judge_recorded(run: &Run, plan: &mut Plan) {
    if run.outcome == VALID {
        plan.judgements.set(ConditionType::Measured, Truth::True, "Valid", run.result.clone());
    } else {
        let (reason, what) = if run.outcome == FAILED { (FAILED, "ended early") } else { (INVALID, "is not valid") };
        // The result begins with the outcome, for its column.
        let why = run.result.strip_prefix(&format!("{reason}: ")).unwrap_or(&run.result);
        let message = format!("run {} {what}: {why}; mend that, then set another runId to measure again", run.id);
        plan.judgements.set(ConditionType::Measured, Truth::False, reason, message);
        plan.judgements.stall(ConditionType::Measured);
    }
    if plan.judgements.is_true(ConditionType::Deployed) {
        plan.wake_within(STEADY);
    }
}

/// Runs of a former spec: stopped, then collected as far as they came, or noted as lost.
fn collect_former(world: &World, plan: &mut Plan, generators: &[Generator]) {
    for key in former(world) {
        if running(&world.object.status.runs, &key).is_some_and(runs::is_whole) {
            continue;
        }
        let shares = open(world, &key, generators);
        for share in &shares {
            match share.answer {
                Some(_) if share.is_running() => plan.act(share.stop()),
                Some(status) => collect(plan, share, status),
                None => {}
            }
        }
        if shares.iter().all(|share| share.answer.is_none()) {
            for run in plan.runs.iter_mut().filter(|run| key.is_of(run) && run.outcome == RUNNING) {
                let why = if run.started_at.is_some() { LOST } else { "the spec was changed before it went on" };
                abort(run, why, world);
            }
        }
    }
}

pub(crate) const LOST: &str = "the generator lost it";

/// Why what is waited for was begun before, if it was.
fn anew(runs: &[Run], key: &RunKey) -> String {
    let last = runs.iter().rfind(|run| key.is_of(run) && run.outcome == ABORTED);
    last.map(|run| format!("; the run begins anew: {}", reason(run))).unwrap_or_default()
}

/// Why a run was aborted. Where a report says so, the outcome comes first, for its column.
fn reason(run: &Run) -> &str {
    run.result.strip_prefix("Aborted: ").unwrap_or(&run.result)
}

fn abort(run: &mut Run, why: &str, world: &World) {
    run.outcome = ABORTED.to_owned();
    run.result = why.to_owned();
    run.finished_at = Some(Time(world.now));
}

/// A generator may forget a run only after status was *seen* to hold its report's hash. A call that came late may have
/// begun a recorded one once more, and of several generators one may still measure what another one ended: that is
/// stopped.
fn clear_away(world: &World, plan: &mut Plan, generators: &[Generator]) {
    for run in &world.object.status.runs {
        for key in runs::known(run) {
            let Some(generator) = generators.iter().find(|generator| generator.number == key.generator) else {
                continue;
            };
            let (Some(status), sha256) = (answer(world, &key), held(run, &key)) else { continue };
            let share = Share { key, generator, answer: Some(status) };
            let is_result = !sha256.is_empty() && run.outcome != ABORTED;
            let is_over = share.key.generators > 1 && run.outcome != RUNNING;
            if share.is_running() && (is_result || is_over) {
                plan.act(share.stop());
            } else if status.report_sha256.as_deref() == Some(sha256) {
                plan.act(Action::ForgetRun {
                    control: generator.control.clone(),
                    instance_id: generator.instance_id.clone(),
                    name: share.key.name(),
                    report_sha256: sha256.to_owned(),
                });
            }
        }
    }
}

pub(crate) fn collect(plan: &mut Plan, share: &Share<'_>, status: &RunStatus) {
    let key = &share.key;
    let Some(sha256) = &status.report_sha256 else {
        return waiting(plan, "the generator is writing its report");
    };
    // Recorded already, as aborted: it is being forgotten.
    if plan.runs.iter().any(|run| key.is_of(run) && held(run, key) == sha256) {
        return waiting(plan, "the aborted run is being cleared away");
    }
    let message = with_warning("the report is being collected".to_owned(), status);
    plan.judgements.set(ConditionType::Measured, Truth::False, "Collecting", message);
    let control = share.generator.control.clone();
    plan.act(Action::CollectReport { control, run: key.clone(), sha256: sha256.clone() });
}

fn with_warning(message: String, status: &RunStatus) -> String {
    if status.warning.is_empty() { message } else { format!("{message}; the generator: {}", status.warning) }
}

fn start(world: &World, placement: &Placement, plan: &mut Plan, key: &RunKey, shares: &[Share<'_>]) {
    let aborted = aborted(&world.object.status.runs, key);
    if aborted >= ABORTS {
        let last = world.object.status.runs.iter().rfind(|run| key.is_of(run) && run.outcome == ABORTED);
        let last = last.map(|run| format!(", the last time because {}", reason(run))).unwrap_or_default();
        let message = format!("run {} was aborted {aborted} times{last}; set another runId to try again", key.id);
        plan.judgements.set(ConditionType::Measured, Truth::False, "Aborted", message);
        plan.judgements.stall(ConditionType::Measured);
        return;
    }
    if let Some(message) = too_long(world, key) {
        plan.judgements.set(ConditionType::Measured, Truth::False, "TooLong", message);
        plan.judgements.stall(ConditionType::Measured);
        return;
    }
    // The plan relaunches before it comes here: no two launches on the same workers, in whatever order it decides.
    if relaunch::waits(world, placement, key) {
        return waiting(plan, "waits until all workers are replaced");
    }
    if key.generators > 1 {
        return together::start(world, plan, key, shares);
    }
    for share in shares {
        let Some(run) = run_spec(world, key) else { return };
        plan.judgements.set(ConditionType::Measured, Truth::False, "Starting", "the run is being started");
        // Written ahead without a start time: until the generator is seen running it, it may not have begun.
        note_running(plan, key, None);
        plan.act(share.start(run));
    }
}

pub(crate) fn aborted(runs: &[Run], key: &RunKey) -> usize {
    runs.iter().filter(|run| key.is_of(run) && run.outcome == ABORTED).count()
}

/// Why the run cannot end before its instances do, if that is known: half of it would be paid for and lost. How long new
/// workers take is not counted.
pub(crate) fn too_long(world: &World, key: &RunKey) -> Option<String> {
    let spec = &world.object.spec;
    let (rounds, launches) = (duration::fewest_rounds(spec), key.launches + 1 - key.launch.min(key.launches));
    let takes = duration::least(spec, rounds).saturating_mul(i32::try_from(launches).unwrap_or(i32::MAX));
    let left = world.object.status.placement.as_ref()?.expires_at.as_ref()?.0.duration_since(world.now) - LAST_CALL;
    let (what, fields) = match key.launches {
        1 => (format!("{rounds} rounds of this load take"), "load.rounds"),
        _ => (
            format!("{launches} more launches with {rounds} rounds of this load each take"),
            "load.launches or load.rounds",
        ),
    };
    (takes > left).then(|| {
        format!(
            "{what} at least {} s, and lifecycle.maxLifetimeSeconds leaves {} s: lower {fields}, shorten its phases, or delete the benchmark and create it again with more time",
            takes.as_secs(),
            left.as_secs()
        )
    })
}

/// A run that the generators were seen running and none of them knows any more.
fn lost(world: &World, plan: &mut Plan, key: &RunKey) -> bool {
    let has_begun = key.start_at.is_none_or(|at| at <= world.now);
    matches!(&world.runs, Some(Facet::Known(_))) && has_begun && lose(world, plan, key, LOST)
}

/// Notes a run that has begun as aborted. Launches of it that are recorded stay, and the one that was lost is measured
/// again; unless that happened too often.
pub(crate) fn lose(world: &World, plan: &mut Plan, key: &RunKey, why: &str) -> bool {
    let before = aborted(&plan.runs, key);
    let is_begun = |run: &Run| run.started_at.is_some() || !runs::parts_of(run, key.launch).is_empty();
    let on = |run: &&mut Run| key.is_of(run) && run.outcome == RUNNING && is_begun(run);
    let Some(run) = plan.runs.iter_mut().find(on) else { return false };
    let rest = runs::without_launch(run, key.launch).filter(|_| before + 1 < ABORTS);
    abort(run, why, world);
    if let Some(rest) = rest {
        // Those of the launch that was lost stay with it.
        run.parts.drain(..rest.parts.len());
        plan.runs.push(rest);
    }
    true
}

/// The run as it is noted.
pub(crate) fn note_running<'a>(plan: &'a mut Plan, key: &RunKey, started_at: Option<Time>) -> &'a mut Run {
    let on = plan.runs.iter().position(|run| key.is_of(run) && run.outcome == RUNNING);
    let place = on.unwrap_or_else(|| {
        plan.runs.push(key.begun());
        plan.runs.len() - 1
    });
    let run = &mut plan.runs[place];
    run.started_at = started_at.or(run.started_at.take());
    run
}

/// The whole measurement. `None` while the balancer's address is not known.
pub fn run_spec(world: &World, key: &RunKey) -> Option<RunSpec> {
    let spec = &world.object.spec;
    let placement = world.object.status.placement.as_ref()?;
    let balancer = single(world, BALANCER)?;
    let address = balancer.private_address?;
    Some(RunSpec {
        id: key.name(),
        seed: asked::seed(spec, key),
        rounds: Rounds { count: duration::most_rounds(spec) },
        warmup_requests: u64::try_from(spec.load.warmup_requests).unwrap_or(0),
        warmup_seconds: spec.load.warmup_seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0),
        drain_seconds: spec.load.drain_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
        targets: asked::targets(spec, &format!("http://{address}:{BALANCER_PORT}")),
        phases: spec.load.phases.iter().filter_map(phase).collect(),
        request: asked::request(spec),
        judging: asked::judging(spec),
        facts: Box::new(asked::facts(world, placement, key)),
        slice: wire::Slice { index: key.generator - 1, count: key.generators },
        start_at: key.start_at,
        balancer_control: control(balancer).map(|control| format!("http://{control}")),
    })
}

/// One stretch of load as the generator is told it. `None` for what the schema does not allow.
fn phase(phase: &api::Phase) -> Option<Phase> {
    let positive = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let Some(arrivals) = phase.arrivals else { return Some(Phase::Pause { seconds: positive(phase.pause_seconds)? }) };
    let stop = match (positive(phase.requests), positive(phase.duration_seconds)) {
        (Some(requests), _) => Stop::Requests(u64::from(requests)),
        (None, seconds) => Stop::DurationSeconds(seconds?),
    };
    let open = |arrivals| {
        let requests_per_second = positive(phase.requests_per_second)?;
        let ends = positive(phase.to_requests_per_second).zip(positive(phase.steps));
        let ramp = ends.map(|(to_requests_per_second, steps)| Ramp { to_requests_per_second, steps });
        Some(Phase::OpenLoop(OpenLoop { arrivals, requests_per_second, stop, ramp, max_connections: None }))
    };
    match arrivals {
        Arrivals::Poisson => open(wire::Arrivals::Poisson),
        Arrivals::Constant => open(wire::Arrivals::Constant),
        Arrivals::ClosedLoop => Some(Phase::ClosedLoop(ClosedLoop { concurrency: positive(phase.concurrency)?, stop })),
    }
}
