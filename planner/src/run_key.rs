//! The key of a run: its id, the hash of all that is measured, and the part of it that one generator measures.

use api::{Part, Run};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::run_outcome::RunOutcome;

/// Which run, and which part of it: a launch, and one generator's slice of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    pub id: String,
    pub measured_sha256: String,
    /// From 1.
    pub launch: u32,
    pub launches: u32,
    /// From 1.
    pub generator: u32,
    pub generators: u32,
    /// When several generators begin together, once that is fixed.
    pub start_at: Option<Timestamp>,
}

impl RunKey {
    /// The run, and the launch that is measured now or was measured last.
    pub fn of(run: &Run) -> Self {
        Self::of_launch(run, count(run.launch))
    }

    pub(crate) fn of_launch(run: &Run, launch: u32) -> Self {
        let recorded = parts_of(run, launch).first().map(|part| &part.start_at);
        let start_at = recorded.or((launch == count(run.launch)).then_some(&run.start_at));
        Self {
            id: run.id.clone(),
            measured_sha256: run.measured_sha256.clone(),
            launch,
            launches: count(run.launches),
            generator: 1,
            generators: count(run.generators),
            start_at: start_at.and_then(|at| at.as_ref().map(|at| at.0)),
        }
    }

    /// The run's id on the generator: valid in a URL path. It is the same for the same launch of the same run for ever,
    /// where one generator measures alone; several have another one for each start.
    pub fn name(&self) -> String {
        let mut name = self.name_of_all();
        if self.launches > 1 {
            name += &format!(".{}", self.launch);
        }
        if self.generators > 1 {
            let start = self.start_at.map_or(0, Timestamp::as_second);
            name += &format!(".{start}-{}", self.generator);
        }
        name
    }

    /// The run's id in the report that is made of all parts.
    pub fn name_of_all(&self) -> String {
        format!("{}.{}", self.id, self.measured_sha256.get(..12).unwrap_or_default())
    }

    /// Whether one report has to be made of several.
    pub fn is_in_parts(&self) -> bool {
        self.launches * self.generators > 1
    }

    /// The run that is on, as status holds it.
    pub fn begun(&self) -> Run {
        let count = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Run {
            id: self.id.clone(),
            measured_sha256: self.measured_sha256.clone(),
            outcome: RunOutcome::Running.name().to_owned(),
            result: String::new(),
            report: String::new(),
            report_sha256: String::new(),
            started_at: None,
            finished_at: None,
            rounds: 0,
            launches: count(self.launches),
            launch: count(self.launch),
            generators: count(self.generators),
            start_at: self.start_at.map(Time),
            parts: Vec::new(),
            thresholds: None,
            clusters: Vec::new(),
            cloud_watch: None,
        }
    }

    pub fn is_of(&self, run: &Run) -> bool {
        run.id == self.id && run.measured_sha256 == self.measured_sha256
    }

    /// What each generator has of this launch.
    pub(crate) fn slices(&self) -> impl Iterator<Item = Self> {
        (1..=self.generators).map(|generator| Self { generator, ..self.clone() })
    }
}

/// What is recorded of a launch.
pub(crate) fn parts_of(run: &Run, launch: u32) -> &[Part] {
    let size = count(run.generators) as usize;
    let from = size * (launch as usize).saturating_sub(1);
    let rest = run.parts.get(from..).unwrap_or_default();
    &rest[..rest.len().min(size)]
}

pub(crate) fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(1).max(1)
}
