//! Which run is asked for, what status holds of it, and under which names generators know it.
//!
//! A run measures one launch of the workers, or several, one after the other (`load.launches`). For a generator each
//! launch is a run of its own, with a report of its own: a part. What is recorded of a run is never lost with the
//! instance that measured it.

use api::{Part, Run};
use wire::RunStatus;

use crate::desired;
use crate::world::{Facet, World};

/// Outcomes of a run, as status spells them.
pub const RUNNING: &str = "Running";
pub const VALID: &str = "Valid";
pub const INVALID: &str = "Invalid";
pub const ABORTED: &str = "Aborted";
pub const FAILED: &str = "Failed";

/// Which run, and which of its launches, a report belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    pub id: String,
    pub measured_sha256: String,
    /// From 1.
    pub launch: u32,
    pub launches: u32,
}

impl RunKey {
    /// The run, and the launch that is measured now or was measured last.
    pub fn of(run: &Run) -> Self {
        let count = |value: i32| u32::try_from(value).unwrap_or(1).max(1);
        Self {
            id: run.id.clone(),
            measured_sha256: run.measured_sha256.clone(),
            launch: count(run.launch),
            launches: count(run.launches),
        }
    }

    /// The run's id on the generator: valid in a URL path, the same for the same launch of the same run for ever.
    pub fn name(&self) -> String {
        match self.launches {
            1 => self.name_of_all(),
            _ => format!("{}.{}", self.name_of_all(), self.launch),
        }
    }

    /// The run's id in the report that is made of those of all launches.
    pub fn name_of_all(&self) -> String {
        format!("{}.{}", self.id, self.measured_sha256.get(..12).unwrap_or_default())
    }

    /// As status holds a run that is on.
    pub fn begun(&self) -> Run {
        let count = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Run {
            id: self.id.clone(),
            measured_sha256: self.measured_sha256.clone(),
            outcome: RUNNING.to_owned(),
            result: String::new(),
            report: String::new(),
            report_sha256: String::new(),
            started_at: None,
            finished_at: None,
            rounds: 0,
            launches: count(self.launches),
            launch: count(self.launch),
            parts: Vec::new(),
            thresholds: None,
            clusters: Vec::new(),
        }
    }

    pub fn is_of(&self, run: &Run) -> bool {
        run.id == self.id && run.measured_sha256 == self.measured_sha256
    }

    /// The launch before, of the same run.
    pub fn before(&self) -> Option<Self> {
        (self.launch > 1).then(|| Self { launch: self.launch - 1, ..self.clone() })
    }

    /// This launch, after the one before, which a generator may still have to forget.
    pub(crate) fn with_before(self) -> impl Iterator<Item = Self> {
        [self.before(), Some(self)].into_iter().flatten()
    }
}

/// The run that the spec asks for, and the launch that is next.
pub fn wanted(world: &World) -> RunKey {
    let spec = &world.object.spec;
    let first = RunKey {
        id: spec.run_id.clone(),
        measured_sha256: desired::measured_sha256(spec),
        launch: 1,
        launches: desired::launches(spec),
    };
    let known = world.object.status.runs.iter().rfind(|run| first.is_of(run) && run.outcome != ABORTED);
    known.map(|run| RunKey { launches: first.launches, ..RunKey::of(run) }).unwrap_or(first)
}

/// The finished run of this key in status.
pub fn recorded<'a>(world: &'a World, key: &RunKey) -> Option<&'a Run> {
    finished(&world.object.status.runs, key)
}

/// The finished run of this key.
pub(crate) fn finished<'a>(runs: &'a [Run], key: &RunKey) -> Option<&'a Run> {
    runs.iter().find(|run| key.is_of(run) && is_finished(run))
}

/// Whether the run came to an end of its own: measuring the same again is for somebody to ask for.
fn is_finished(run: &Run) -> bool {
    matches!(run.outcome.as_str(), VALID | INVALID | FAILED)
}

/// The run of this key that status believes to be on.
pub(crate) fn running<'a>(runs: &'a [Run], key: &RunKey) -> Option<&'a Run> {
    runs.iter().find(|run| key.is_of(run) && run.outcome == RUNNING)
}

/// Runs that the generator should be asked about: the wanted one and those that status knows, each with the launch
/// before.
pub fn keys(world: &World) -> Vec<RunKey> {
    let known = world.object.status.runs.iter().map(RunKey::of);
    let mut keys: Vec<RunKey> = Vec::new();
    for key in std::iter::once(wanted(world)).chain(known) {
        for key in key.with_before() {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
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
    let mut running = world.object.status.runs.iter().filter(|run| run.outcome == RUNNING).peekable();
    if running.peek().is_none() {
        return Vec::new();
    }
    let wanted = wanted(world);
    running.filter(|run| !wanted.is_of(run)).map(RunKey::of).collect()
}

/// Whether every launch was measured, and one report is to be made of all.
pub(crate) fn is_whole(run: &Run) -> bool {
    run.outcome == RUNNING && run.launches > 1 && usize::try_from(run.launches).is_ok_and(|all| run.parts.len() >= all)
}

/// SHA-256 of the report that status holds for this launch of the run; empty: of none.
pub(crate) fn held<'a>(run: &'a Run, key: &RunKey) -> &'a str {
    let index = usize::try_from(key.launch).unwrap_or(0).wrapping_sub(1);
    match run.parts.get(index).filter(|_| key.launches > 1) {
        Some(Part { report_sha256, .. }) => report_sha256,
        None if RunKey::of(run).launch == key.launch => &run.report_sha256,
        None => "",
    }
}
