//! The run that is asked for, its record in status, and its names on the generators.
//!
//! A run measures one launch of the workers, or several, one after the other (`load.launches`), by one generator, or by
//! several together (`load.generator.count`). For a generator its slice of a launch is a run of its own, with a report of
//! its own: a part. What is recorded of a run is never lost with the instance that measured it.

use api::{Part, Run};
use wire::RunStatus;

use crate::desired;
use crate::run_key::{RunKey, count, parts_of};
use crate::run_outcome::RunOutcome;
use crate::world::{Facet, World};

/// The launch before the one that is measured.
pub(crate) fn before(run: &Run) -> Option<RunKey> {
    let launch = count(run.launch);
    (launch > 1).then(|| RunKey::of_launch(run, launch - 1))
}

/// Everything that generators may know of a run: what each has of the launch that is measured, and of the one before,
/// which it may still have to forget.
pub(crate) fn known(run: &Run) -> impl Iterator<Item = RunKey> {
    [before(run), Some(RunKey::of(run))].into_iter().flatten().flat_map(|key| key.slices().collect::<Vec<_>>())
}

/// The run that the spec asks for, and the launch that is next.
pub fn wanted(world: &World) -> RunKey {
    let spec = &world.object.spec;
    let first = RunKey {
        id: spec.run_id.clone(),
        measured_sha256: desired::measured_sha256(spec),
        launch: 1,
        launches: desired::launches(spec),
        generator: 1,
        generators: desired::generators(spec),
        start_at: None,
    };
    let known = world.object.status.runs.iter().rfind(|run| first.is_of(run) && !RunOutcome::Aborted.is_of(run));
    known
        .map(|run| RunKey { launches: first.launches, generators: first.generators, ..RunKey::of(run) })
        .unwrap_or(first)
}

/// Whether no generator has a run that it measures or whose report is not home. One that cannot be asked may have.
pub(crate) fn none_is_held(world: &World) -> bool {
    match &world.runs {
        None => true,
        Some(Facet::Known(runs)) => runs.values().all(Option::is_none),
        Some(Facet::Unknown(_)) => false,
    }
}

/// The finished run of this key in status.
pub fn recorded<'a>(world: &'a World, key: &RunKey) -> Option<&'a Run> {
    finished(&world.object.status.runs, key)
}

/// The finished run of this key.
pub(crate) fn finished<'a>(runs: &'a [Run], key: &RunKey) -> Option<&'a Run> {
    runs.iter().find(|run| key.is_of(run) && RunOutcome::of(run).is_some_and(RunOutcome::is_result))
}

/// A run of this key whose outcome this version does not know, if there is one.
pub(crate) fn not_understood<'a>(world: &'a World, key: &RunKey) -> Option<&'a Run> {
    world.object.status.runs.iter().find(|run| key.is_of(run) && RunOutcome::of(run).is_none())
}

/// The run of this key that status believes to be on.
pub(crate) fn running<'a>(runs: &'a [Run], key: &RunKey) -> Option<&'a Run> {
    runs.iter().find(|run| key.is_of(run) && RunOutcome::Running.is_of(run))
}

/// Runs that generators should be asked about, each the one whose number it has: the wanted one and those that status
/// knows.
pub fn keys(world: &World) -> Vec<RunKey> {
    let known = world.object.status.runs.iter().flat_map(known);
    let mut keys: Vec<RunKey> = Vec::new();
    for key in wanted(world).slices().chain(known) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Numbers of the generators that may know something: those that the spec asks for, and those of runs that are on.
pub fn generators(world: &World) -> std::ops::RangeInclusive<u32> {
    let on = world.object.status.runs.iter().filter(|run| RunOutcome::may_be_on(run)).map(|run| count(run.generators));
    1..=on.fold(desired::generators(&world.object.spec), u32::max)
}

/// What the generator says of it. `None`: it does not know it, or it was not asked.
pub(crate) fn answer<'a>(world: &'a World, key: &RunKey) -> Option<&'a RunStatus> {
    match &world.runs {
        Some(Facet::Known(runs)) => runs.get(&key.name())?.as_ref(),
        _ => None,
    }
}

/// Runs that status believes to be on and that the spec no longer asks for.
pub(crate) fn former(world: &World) -> Vec<RunKey> {
    let mut running = world.object.status.runs.iter().filter(|run| RunOutcome::Running.is_of(run)).peekable();
    if running.peek().is_none() {
        return Vec::new();
    }
    let wanted = wanted(world);
    running.filter(|run| !wanted.is_of(run)).map(RunKey::of).collect()
}

/// Whether every part was measured, and one report is to be made of all.
pub(crate) fn is_whole(run: &Run) -> bool {
    let all = (count(run.launches) * count(run.generators)) as usize;
    RunOutcome::Running.is_of(run) && all > 1 && run.parts.len() >= all
}

/// Whether a run of several launches is on, for each of which its workers are replaced.
pub(crate) fn is_of_several_launches(world: &World) -> bool {
    desired::launches(&world.object.spec) > 1 && running(&world.object.status.runs, &wanted(world)).is_some()
}

/// Whether every part of every launch so far is recorded.
pub(crate) fn is_between_launches(run: &Run) -> bool {
    run.parts.len().is_multiple_of(count(run.generators) as usize)
}

/// The run as it goes on when a launch of it is lost: those before it that are recorded stay. `None`: there are none.
pub(crate) fn without_launch(run: &Run, launch: u32) -> Option<Run> {
    let kept: Vec<_> = (1..launch).flat_map(|launch| parts_of(run, launch).to_vec()).collect();
    (!kept.is_empty()).then(|| Run { started_at: None, start_at: None, parts: kept, ..run.clone() })
}

/// SHA-256 of the report that status holds for this part of the run; empty: of none.
pub(crate) fn held<'a>(run: &'a Run, key: &RunKey) -> &'a str {
    let part = parts_of(run, key.launch).iter().find(|part| count(part.generator) == key.generator);
    match part.filter(|_| key.is_in_parts()) {
        Some(Part { report_sha256, .. }) => report_sha256,
        None if count(run.launch) == key.launch => &run.report_sha256,
        None => "",
    }
}

/// SHA-256 of the reports of all parts, each launch in its order and of each the generators in theirs.
pub(crate) fn reports(run: &Run) -> Vec<String> {
    let mut parts: Vec<(usize, &Part)> = run.parts.iter().enumerate().collect();
    let size = count(run.generators) as usize;
    parts.sort_by_key(|(place, part)| (place / size, part.generator));
    parts.into_iter().map(|(_, part)| part.report_sha256.clone()).collect()
}
