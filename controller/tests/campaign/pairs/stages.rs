//! The stages at which a benchmark is deleted: the first pass of each thing that its status says.

use super::kinds::{self, Kind};
use crate::campaign::runtime;
use crate::life::{self, Telling};
use crate::stage::play::{Play, Ways};
use crate::watch::Watch;

#[derive(Default)]
struct Stages {
    last: String,
    /// Sites of the passes at which a stage begins.
    begin: Vec<usize>,
}

impl Watch for Stages {
    fn knows(&mut self, play: &Play, step: usize) -> bool {
        // The deletion of `one` itself is its third step.
        if step > 1 {
            return false;
        }
        let status = play.store.status().unwrap_or_default();
        let conditions: Vec<String> =
            status.conditions.iter().map(|one| format!("{} {}", one.type_, one.reason)).collect();
        let lines: Vec<String> = status.launches.iter().map(|line| format!("{} {}", line.pool, line.state)).collect();
        let stage = format!("{:?} {conditions:?} {lines:?} {}", status.phase, play.holds_finalizer());
        if stage != self.last {
            self.last = stage;
            self.begin.push(play.schedule.reached());
        }
        false
    }
}

/// The kind `one`, deleted at each of its stages.
pub(super) fn deletions() -> Vec<Kind> {
    let mut stages = Stages::default();
    let ended =
        runtime().block_on(life::watched(&kinds::one().script, Ways::default(), Telling::No, Some(&mut stages)));
    ended.result.unwrap();
    // Without the finalizer it is gone at once.
    stages.begin.into_iter().skip(1).map(kinds::deletion).collect()
}
