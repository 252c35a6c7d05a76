//! The enumeration: every fault at every site of the play without one, and of each play with a fault every further one at every later
//! site. What comes to a moment that another play came to with as many faults to come is not played on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::branches::{Branches, Growth, Known};
use super::kinds::Kind;
use crate::campaign::{Failure, runtime};
use crate::life::{self, Ended, Telling};
use crate::script::{Happening, Script};
use crate::stage::play::Ways;

/// Plays with so many faults.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) plays: u64,
    /// Plays that came to a known moment.
    pub(crate) merged: u64,
    /// Placements that the merged ones stand for: those that follow the known moments.
    pub(crate) stand_for: u64,
    pub(crate) broken: u64,
    /// Merged plays that were played to their end too.
    pub(crate) checked: u64,
    /// Those of them that broke a rule.
    pub(crate) misjudged: u64,
    /// Plays by what happened last, and how many of them were merged.
    pub(crate) by_fault: BTreeMap<String, (u64, u64)>,
    /// Placements of a further fault before the plays were merged or over.
    pub(crate) to_come: u64,
    pub(crate) took: Duration,
    /// Not all were played: the time was over.
    pub(crate) is_cut_short: bool,
}

/// What came of a kind.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) sites: usize,
    /// Placements of the first fault.
    pub(crate) placements: u64,
    pub(crate) passes: usize,
    pub(crate) levels: Vec<Level>,
    #[serde(skip)]
    pub(crate) failures: Vec<Failure>,
}

/// How far a search goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Faults of a play at most.
    pub(crate) faults: usize,
    /// After so many broken plays it ends.
    pub(crate) failures: usize,
    pub(crate) until: Option<Instant>,
    /// One in so many merged plays is played to its end all the same, and judged.
    pub(crate) checks: Option<u64>,
    /// Which of the plays with more than one fault are played.
    pub(crate) part: Part,
}

/// One of so many parts, counted from 1: the plays whose first fault is every so manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl Default for Part {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl Part {
    /// `3/16`. `None`: it is no part.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, of) = text.split_once('/')?;
        let part = Self { number: number.parse().ok()?, of: of.parse().ok()? };
        (1..=part.of).contains(&part.number).then_some(part)
    }

    fn has(self, index: usize) -> bool {
        index % self.of == self.number - 1
    }
}

impl Limits {
    pub(super) fn are_reached(&self, broken: usize) -> bool {
        broken >= self.failures || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Whether the merged play of this number, counted from 1, is played to its end.
    pub(super) fn is_checked(&self, merged: u64) -> bool {
        self.checks.is_some_and(|every| merged.is_multiple_of(every))
    }
}

/// A play with its faults, and the numbers of the sites that come after the last of them until somebody knew the rest.
#[derive(Clone)]
pub(super) struct Played {
    pub(super) schedule: Vec<(usize, Happening)>,
    pub(super) first: usize,
    pub(super) end: usize,
}

pub(crate) fn search(kind: &Kind, ways: Ways, limits: Limits) -> Found {
    let mut search = Search::begin(kind, ways, limits);
    while !search.is_done() {
        search.deepen();
    }
    search.found
}

pub(crate) struct Search<'a> {
    kind: &'a Kind,
    ways: Ways,
    limits: Limits,
    runtime: tokio::runtime::Runtime,
    pub(crate) found: Found,
    known: Known,
    /// Plays to which one more fault comes.
    frontier: Vec<Played>,
}

impl<'a> Search<'a> {
    /// Plays the kind without a fault.
    pub(crate) fn begin(kind: &'a Kind, ways: Ways, limits: Limits) -> Self {
        let (found, frontier, known) = (Found::default(), Vec::new(), Known::new());
        let mut search = Self { kind, ways, limits, runtime: runtime(), found, known, frontier };
        let start = Played { schedule: Vec::new(), first: kind.from, end: 0 };
        let none = Branches::none(kind.from, Growth::begin(Known::new(), Limits::default(), false));
        let ended = search.play(&start, none.clone());
        let mut growth = none.gather(&ended);
        growth.add_own(start, &ended);
        search.found.placements = growth.level.to_come;
        search.found.sites = growth.next.iter().flatten().map(|start| start.end - start.first).sum();
        search.found.passes = ended.result.map_or(0, |told| told.passes);
        search.keep(growth);
        search
    }

    /// Whether there is no further fault to play: there are enough, or it was broken without.
    pub(crate) fn is_done(&self) -> bool {
        self.frontier.is_empty() || self.found.levels.len() >= self.limits.faults
    }

    /// Plays every fault that can come to those that were played so far.
    pub(crate) fn deepen(&mut self) {
        let is_last = self.found.levels.len() + 1 >= self.limits.faults;
        let begun = Instant::now();
        // Those of this level merge among each other; those before may still have another fault to come.
        let limits = Limits { failures: self.limits.failures - self.found.failures.len(), ..self.limits };
        let mut growth = Growth::begin(std::mem::take(&mut self.known), limits, is_last);
        let is_second = self.found.levels.len() == 1;
        for (index, trunk) in std::mem::take(&mut self.frontier).into_iter().enumerate() {
            if is_second && !limits.part.has(index) {
                continue;
            }
            if limits.are_reached(growth.broken.len()) {
                growth.level.is_cut_short = true;
                break;
            }
            let branches = Branches::of(trunk.clone(), growth);
            let ended = self.play(&trunk, branches.clone());
            growth = branches.gather(&ended);
        }
        let mut level = self.keep(growth);
        level.took = begun.elapsed();
        self.found.levels.push(level);
    }

    /// Plays a schedule.
    fn play(&self, play: &Played, mut branches: Branches) -> Ended {
        self.runtime.block_on(life::watched(&self.script(play), self.ways, Telling::No, Some(&mut branches)))
    }

    fn script(&self, play: &Played) -> Script {
        let schedule = self.kind.script.schedule.iter().chain(&play.schedule).cloned().collect();
        Script { schedule, ..self.kind.script.clone() }
    }

    /// Keeps what the next level goes on from. What broke a rule is played once more, for what it broke.
    fn keep(&mut self, growth: Growth) -> Level {
        for play in &growth.broken {
            let script = self.script(play);
            let ended = self.runtime.block_on(life::live(&script, self.ways, Telling::No));
            let broken = ended.result.expect_err("a play ends the same way each time");
            self.found.failures.push(Failure { seed: script.seed, script, broken });
        }
        (self.known, self.frontier) = (growth.known, growth.next.unwrap_or_default());
        growth.level
    }
}
