//! A whole run, from the warm-up to the last round.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use wire::{Phase, RoundOutcome, RunSpec};

use crate::balancer::Watch;
use crate::drivers::Drivers;
use crate::environment::{Effort, Start, parallelism};
use crate::report::{Measurement, Round};
use crate::round::Course;
use crate::{DriverLost, InvalidSpec, Progress, Schedule, Target, validate};

/// What is not part of a run's document.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of this generator in reports.
    pub instance_id: String,
    /// How long a request may take; then it counts as a timeout.
    pub request_limit: Duration,
    /// How long to wait before a round for members to be healthy again; then the round is void.
    pub recovery: Duration,
    /// How many files this process may have open, see [`crate::raise_open_files`].
    pub open_files: u64,
}

impl Settings {
    /// Longer than any sane service takes, and what other tools wait at most.
    pub const REQUEST_LIMIT: Duration = Duration::from_secs(30);
    /// A worker that crashed is restarted within seconds, and checked within a few more.
    pub const RECOVERY: Duration = Duration::from_secs(30);
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    #[error(transparent)]
    DriverLost(#[from] DriverLost),
}

/// Measures `spec`. `journal` is given the rounds so far after each one; `abort` ends the run early, with the reason.
///
/// # Guarantees
/// Every target is measured once per counted round, in the order of the run's [`Schedule`], with the seed of the
/// round. Warm-up and voided rounds are in no number of the report. An aborted run keeps the rounds it finished.
///
/// # Errors
/// A spec that cannot be carried out, or a defect of the generator. Whatever clusters and balancer do is a result.
///
/// # Cancellation
/// Dropping the future ends the load at once.
pub async fn measure(
    spec: &RunSpec,
    settings: &Settings,
    progress: &Progress,
    mut journal: impl FnMut(&[Round]),
    abort: impl Future<Output = String>,
) -> Result<Measurement, MeasureError> {
    let targets = validate(spec, settings.open_files)?;
    let started_at = Timestamp::now();
    let start = Start::now();
    let mut rounds = Vec::new();
    let mut effort = Effort::default();
    let aborted = {
        let course = course(spec, settings, progress, targets).await?;
        tokio::select! {
            biased;
            why = abort => Some(why),
            done = all_rounds(spec, &course, &mut rounds, &mut effort, &mut journal) => { done?; None }
        }
    };
    Ok(Measurement {
        spec: spec.clone(),
        started_at,
        finished_at: Timestamp::now(),
        environment: start.environment(&settings.instance_id, &effort),
        elapsed: start.elapsed(),
        clock_step_millis: start.clock_step_millis(),
        rounds,
        aborted,
    })
}

async fn course<'a>(
    spec: &'a RunSpec,
    settings: &Settings,
    progress: &'a Progress,
    targets: Vec<Target>,
) -> Result<Course<'a>, MeasureError> {
    let mut resolved = Vec::with_capacity(targets.len());
    for target in targets {
        resolved.push(Arc::new(resolve(target).await));
    }
    let watch = match &spec.balancer_control {
        None => None,
        Some(control) => {
            let url = format!("{}/status", control.trim_end_matches('/'));
            let status = Target::parse("balancer", &url)
                .map_err(|error| InvalidSpec { field: "balancerControl".to_owned(), problem: error.to_string() })?;
            let clusters = spec.targets.iter().map(|target| target.cluster.clone()).collect();
            Some(Watch::new(resolve(status).await, clusters, settings.recovery))
        }
    };
    let most_users = spec.phases.iter().map(|phase| match phase {
        Phase::ClosedLoop(load) => load.concurrency as usize,
        Phase::Pause { .. } => 0,
    });
    Ok(Course {
        targets: resolved,
        phases: &spec.phases,
        drivers: Drivers::start(parallelism().min(most_users.max().unwrap_or(1)))?,
        watch,
        request_limit: settings.request_limit,
        progress,
    })
}

/// A host that is unknown stays without an address: its requests fail as connections that cannot be made.
async fn resolve(target: Target) -> Target {
    let unresolved = target.clone();
    target.resolve().await.unwrap_or_else(|error| {
        tracing::warn!(cluster = unresolved.cluster, %error, "every request to it will fail");
        unresolved
    })
}

async fn all_rounds(
    spec: &RunSpec,
    course: &Course<'_>,
    rounds: &mut Vec<Round>,
    effort: &mut Effort,
    journal: &mut impl FnMut(&[Round]),
) -> Result<(), DriverLost> {
    let schedule = Schedule::new(spec.seed, spec.targets.len());
    course.warm_up(spec.warmup_requests, schedule.warm_up_seed()).await?;
    let (mut counted, mut voided) = (0, 0);
    while counted < spec.rounds.count && voided <= most_repeats(spec.rounds.count) {
        let round = course.round(counted + 1, schedule.attempt(counted + voided), effort).await?;
        match round.outcome {
            RoundOutcome::Counted => {
                counted += 1;
                course.progress.counted();
            }
            RoundOutcome::Voided => {
                tracing::warn!(round = round.number, reason = round.reason, "round voided");
                voided += 1;
                course.progress.voided();
            }
        }
        rounds.push(round);
        journal(rounds);
    }
    Ok(())
}

/// How many voided rounds are repeated in all: half of what was asked for, and two even of a short run. A run that
/// needs more is not valid anyway, and every repetition is paid for.
fn most_repeats(rounds: u32) -> u32 {
    (rounds / 2).max(2)
}
