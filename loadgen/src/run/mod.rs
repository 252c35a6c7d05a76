//! A whole run, from the warm-up to the last round.

mod balancer;
mod connection_limit;
mod course;
mod environment;
pub(crate) mod histogram_log;
pub(crate) mod measurement;
mod members;
mod names;
mod phases;
pub(crate) mod progress;
mod queues;
mod rest;
mod roster;
mod round;
pub(crate) mod schedule;
mod search;
mod seconds;
pub(crate) mod send_log;
mod series;
pub(crate) mod settings;
mod sight;
mod timetable;
pub(crate) mod validate;
mod validate_corpus;
mod validate_members;
mod validate_queues;
mod validate_search;
mod validate_zones;
mod watch;
pub(crate) mod wrong_log;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use stats::{Next, Rules, compare};
use wire::{AloneReport, CALIBRATION_SECONDS, Looks, PlaceKind, RoundOutcome, RoundReport, RunSpec};

use crate::engine::drivers::DriverLost;
use crate::mutant::Mutant;
use crate::run::course::Course;
use crate::run::environment::{Effort, Start};
use crate::run::measurement::{Measurement, PhaseTallies};
use crate::run::members::Members;
use crate::run::schedule::Schedule;
use crate::run::search::Search;
use crate::run::settings::{MeasureError, Settings};
use crate::run::watch::Watch;
use crate::{InvalidSpec, Progress, validate};

/// What a run has found out so far: all that its process takes with it unless somebody writes it down.
#[derive(Clone, Copy, Debug)]
pub struct JournalEntry<'a> {
    /// What one request at a time showed of each cluster of a search, by its name.
    pub alone: &'a BTreeMap<String, AloneReport>,
    /// Rounds in the order measured, voided ones included.
    pub rounds: &'a [RoundReport],
}

/// Measures `spec`. `journal` is given what was found so far after each round, and before the first one of a search
/// whenever a cluster was asked alone; `abort` ends the run early, with the reason.
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
    mut journal: impl FnMut(JournalEntry<'_>),
    abort: impl Future<Output = String>,
) -> Result<Measurement, MeasureError> {
    let targets = validate(spec, settings.most_connections(spec))?;
    if spec.request.corpus.is_some() && settings.files.is_none() {
        let problem = "is not here: fetch it before the run is measured".to_owned();
        return Err(InvalidSpec { field: "request.corpus".to_owned(), problem }.into());
    }
    let started_at = Timestamp::now();
    let start = Start::now();
    let mut so_far = SoFar { planned_rounds: first_look(spec), ..SoFar::default() };
    progress.until(so_far.planned_rounds);
    let course = Course::new(spec, settings, progress, targets).await?;
    let (aborted, failed) = tokio::select! {
        biased;
        why = abort => (Some(why), false),
        early = all_rounds(&course, &mut so_far, &mut journal) => match early? {
            None => (None, false),
            Some(Early::Replaced(why)) => (Some(why), false),
            Some(Early::Useless(why)) => (Some(why), true),
        },
        never = course.look_at_queues() => match never {},
    };
    let mut environment = start.environment(&settings.instance_id, &so_far.effort);
    if course.watch.as_ref().is_some_and(Watch::shares_machine) || so_far.members.share_machine() {
        environment.place.kind = PlaceKind::Lab;
    }
    environment.clusters = so_far.members.facts(&spec.facts.clusters);
    environment.balancers = course.watch.as_ref().and_then(Watch::met).map(str::to_owned).into_iter().collect();
    environment.notes = so_far.members.silence();
    environment.notes.extend(course.unseen());
    if settings.trust.is_anyone() && course.targets.iter().any(|target| target.tls.is_some()) {
        environment.notes.push("certificates were not checked (--insecure)".to_owned());
    }
    environment.notes.append(&mut so_far.notes);
    Ok(Measurement {
        spec: spec.clone(),
        started_at,
        finished_at: Timestamp::now(),
        environment,
        elapsed: start.elapsed(),
        rounds: so_far.rounds,
        series: course.series.taken(spec.targets.iter().map(|target| target.cluster.as_str())),
        planned_rounds: so_far.planned_rounds,
        alone: so_far.alone,
        phases: so_far.phases,
        warm_up: so_far.warm_up,
        warm_up_load: so_far.warm_up_load,
        aborted,
        failed,
        mutation: settings.mutation,
    })
}

/// Results of a run so far; kept when it is aborted.
#[derive(Default)]
pub(crate) struct SoFar {
    rounds: Vec<RoundReport>,
    /// Rounds that are to count, as far as is known.
    planned_rounds: u32,
    /// What one request at a time showed of each cluster of a search.
    alone: BTreeMap<String, AloneReport>,
    phases: PhaseTallies,
    warm_up: BTreeMap<String, u64>,
    warm_up_load: Duration,
    effort: Effort,
    members: Members,
    /// When and how long it was held, and what has to be known of what was found, in words.
    notes: Vec<String>,
}

impl SoFar {
    fn entry(&self) -> JournalEntry<'_> {
        JournalEntry { alone: &self.alone, rounds: &self.rounds }
    }
}

/// Why a run ends by itself before its end.
pub(crate) enum Early {
    /// Further rounds could not be compared with those measured: the same can be measured anew.
    Replaced(String),
    /// It would find out nothing, now or in another try.
    Useless(String),
}

/// Measures until all rounds are, or until there is no point in going on.
async fn all_rounds(
    course: &Course<'_>,
    so_far: &mut SoFar,
    journal: &mut impl FnMut(JournalEntry<'_>),
) -> Result<Option<Early>, DriverLost> {
    course.meet(&mut so_far.members).await;
    if let Some(why) = course.unfit_files() {
        return Ok(Some(Early::Useless(why)));
    }
    let calibration = Duration::from_secs(u64::from(CALIBRATION_SECONDS));
    course.in_time(calibration, warm_up(course, so_far)).await.transpose()?;
    let before = course.calibrate(&mut so_far.members, |facts| &mut facts.calibration_before_micros);
    course.in_time(Duration::ZERO, before).await;
    if course.timetable.is_none() {
        wait_until(course.spec.start_at, course.progress).await;
    }
    let early = measured_rounds(course, so_far, journal).await?;
    if early.is_none() {
        course.calibrate(&mut so_far.members, |facts| &mut facts.calibration_after_micros).await;
    }
    Ok(early)
}

async fn warm_up(course: &Course<'_>, so_far: &mut SoFar) -> Result<(), DriverLost> {
    let schedule = Schedule::new(course.spec.seed, course.spec.targets.len());
    // Instances of a scaled cluster are new in each round: there is nobody to warm up.
    for target in course.targets.iter().filter(|target| !target.is_scaled) {
        let driven = course.warm_up(target, schedule.warm_up_seed()).await?;
        *so_far.warm_up.entry(target.cluster.clone()).or_default() += driven.tally.requests();
        so_far.warm_up_load += driven.took;
    }
    Ok(())
}

async fn measured_rounds(
    course: &Course<'_>,
    so_far: &mut SoFar,
    journal: &mut impl FnMut(JournalEntry<'_>),
) -> Result<Option<Early>, DriverLost> {
    let spec = course.spec;
    let schedule = Schedule::new(spec.seed, spec.targets.len());
    let mut search = Search::of(spec);
    if let Some(search) = &mut search {
        if let Some(early) = course.before_rounds(search, so_far, journal).await? {
            return Ok(Some(early));
        }
        course.tell_capacities(so_far);
    }
    let (mut counted, mut voided, mut voided_in_a_row, mut restless_in_a_row) = (0, 0, 0, 0);
    while counted < so_far.planned_rounds && voided <= most_repeats(so_far.planned_rounds) {
        if search.as_ref().is_some_and(Search::is_over) {
            so_far.planned_rounds = counted;
            course.progress.until(counted);
            break;
        }
        if let Some(held) = course.stay(counted).await {
            so_far.notes.push(held);
            // Connections and caches are as cold as at the beginning.
            warm_up(course, so_far).await?;
        }
        let number = counted + voided;
        let mut attempt = schedule.attempt(number);
        if course.mutation.is(Mutant::RoundsNotShuffled) {
            attempt.order.sort_unstable();
        }
        let attempted = match &mut search {
            Some(search) => {
                course.search_round(search, counted + 1, attempt, &mut so_far.effort, &mut so_far.members).await?
            }
            None => course.round(counted + 1, number, attempt, &mut so_far.effort, &mut so_far.members).await?,
        };
        let round = attempted.round;
        match round.outcome {
            RoundOutcome::Counted => {
                counted += 1;
                (voided_in_a_row, restless_in_a_row) = (0, 0);
                for (key, phase) in &attempted.phases {
                    so_far.phases.entry(key.clone()).or_default().merge(phase);
                }
            }
            RoundOutcome::Voided => {
                tracing::warn!(round = round.round, reason = round.reason, "round voided");
                voided += 1;
                voided_in_a_row += 1;
                restless_in_a_row = if attempted.is_restless { restless_in_a_row + 1 } else { 0 };
            }
        }
        let (outcome, why_void) = (round.outcome, round.reason.clone());
        course.series.settle(so_far.rounds.len(), outcome);
        so_far.rounds.push(round);
        course.note_balancer();
        journal(so_far.entry());
        // Whoever is told of a round finds it again after a crash.
        match outcome {
            RoundOutcome::Counted => course.progress.counted(),
            RoundOutcome::Voided => course.progress.voided(),
        }
        if search.is_some() {
            course.tell_capacities(so_far);
        }
        if let Some(why) = course.replaced() {
            return Ok(Some(Early::Replaced(why)));
        }
        if voided_in_a_row >= MOST_VOIDED_IN_A_ROW || restless_in_a_row >= MOST_RESTLESS_IN_A_ROW {
            let why = format!("{voided_in_a_row} rounds in a row were voided, the last because {why_void}");
            return Ok(Some(Early::Useless(why)));
        }
        if let Some(useless) = attempted.useless {
            return Ok(Some(Early::Useless(useless)));
        }
        if counted == so_far.planned_rounds {
            so_far.planned_rounds = next_look(spec, counted, &so_far.rounds);
            course.progress.until(so_far.planned_rounds);
        }
    }
    so_far.notes.extend(search.iter().flat_map(|search| search.cautions(spec)));
    Ok(None)
}

/// Rounds to measure before anything is looked at.
fn first_look(spec: &RunSpec) -> u32 {
    match (Rules::of(spec).looks, stats::next_look(0, &[])) {
        (Looks::Auto, Next::Until(rounds)) => rounds.min(spec.rounds.count),
        _ => spec.rounds.count,
    }
}

/// Rounds to measure until the next look; those that are there, when they have decided.
fn next_look(spec: &RunSpec, counted: u32, rounds: &[RoundReport]) -> u32 {
    let rules = Rules::of(spec);
    if rules.looks == Looks::AtTheEnd {
        return counted;
    }
    let (names, _) = stats::twins(spec);
    // As the report will have them.
    let mut rounds = rounds.to_vec();
    stats::settle(&mut rounds);
    match stats::next_look(counted, &compare(&rules, &rounds, &names)) {
        Next::Until(rounds) => rounds.min(spec.rounds.count),
        Next::Done => counted,
    }
}

/// A fault that voids ten rounds one after the other will void the next as well: with half a minute of waiting for members
/// before each, nobody should pay for an hour of it.
const MOST_VOIDED_IN_A_ROW: u32 = 10;

/// A cluster that does not come to rest in a quarter of an hour, and neither in the next two: each of these is paid for.
const MOST_RESTLESS_IN_A_ROW: u32 = 3;

async fn wait_until(moment: Option<Timestamp>, progress: &Progress) {
    let Some(moment) = moment else { return };
    progress.waiting(&format!("the run starts at {moment}"));
    let ahead = moment.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(ahead).unwrap_or_default()).await;
}

/// How many voided rounds are repeated in all: half of what was asked for, and two even of a short run. A run that
/// needs more is not valid anyway, and every repetition is paid for.
fn most_repeats(rounds: u32) -> u32 {
    (rounds / 2).max(2)
}
