//! The enumeration: every fault at every site of the play without one, and of each play with a fault every further one at every later
//! site. What comes to a moment that another play came to with as many faults to come is not played on.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::kinds::Kind;
use super::{mishaps, moment};
use crate::campaign::{Failure, runtime};
use crate::life::{self, Ended, Telling};
use crate::script::{Happening, Script};
use crate::stage::play::{Play, Ways};
use crate::stage::schedule::Site;
use crate::watch::Watch;

/// Plays with so many faults.
#[derive(Clone, Debug, Default)]
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
    pub(crate) by_fault: BTreeMap<&'static str, (u64, u64)>,
    /// Placements of a further fault before the plays were merged or over.
    pub(crate) to_come: u64,
    pub(crate) took: Duration,
    /// Not all were played: the time was over.
    pub(crate) is_cut_short: bool,
}

/// What came of a kind.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) sites: usize,
    /// Placements of the first fault.
    pub(crate) placements: u64,
    pub(crate) passes: usize,
    pub(crate) levels: Vec<Level>,
    pub(crate) failures: Vec<Failure>,
}

/// How far a search goes.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Faults of a play at most.
    pub(crate) faults: usize,
    /// After so many broken plays it ends.
    pub(crate) failures: usize,
    pub(crate) until: Option<Instant>,
    /// One in so many merged plays is played to its end all the same, and judged.
    pub(crate) checks: Option<u64>,
}

/// A moment that was played on from, with the number of placements that follow it.
type Known = HashMap<u128, u64>;

/// A play with its faults, and the sites that come after the last of them until somebody knew the rest.
struct Played {
    schedule: Vec<(usize, Happening)>,
    first: usize,
    sites: Vec<Site>,
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
        let (found, frontier) = (Found::default(), Vec::new());
        let mut search = Self { kind, ways, limits, runtime: runtime(), found, known: Known::new(), frontier };
        let (mut level, mut known) = (Level::default(), Known::new());
        let start = Played { schedule: Vec::new(), first: kind.from, sites: Vec::new() };
        if let Some(start) = search.play(start, &mut level, &mut known) {
            search.found.sites = start.sites.len();
            search.frontier.push(start);
        }
        search.found.placements = level.to_come;
        search.known = known;
        search
    }

    /// Whether there is no further fault to play: there are enough, or it was broken without.
    pub(crate) fn is_done(&self) -> bool {
        self.frontier.is_empty() || self.found.levels.len() >= self.limits.faults
    }

    /// Plays every fault that can come to those that were played so far.
    pub(crate) fn deepen(&mut self) {
        let is_last = self.found.levels.len() + 1 >= self.limits.faults;
        let (mut level, mut next, begun) = (Level::default(), Vec::new(), Instant::now());
        // Those of this level merge among each other; those before may still have another fault to come.
        let mut known = std::mem::take(&mut self.known);
        for before in std::mem::take(&mut self.frontier) {
            if self.is_over() {
                level.is_cut_short = true;
                break;
            }
            self.follow(&before, &mut level, &mut known, (!is_last).then_some(&mut next));
        }
        level.took = begun.elapsed();
        self.found.levels.push(level);
        (self.known, self.frontier) = (known, next);
    }

    fn is_over(&self) -> bool {
        self.found.failures.len() >= self.limits.failures
            || self.limits.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Plays everything that can happen at each of the sites.
    fn follow(&mut self, before: &Played, level: &mut Level, known: &mut Known, mut next: Option<&mut Vec<Played>>) {
        for (offset, site) in before.sites.iter().enumerate() {
            let number = before.first + offset;
            for happening in mishaps::at(*site) {
                if self.is_over() {
                    level.is_cut_short = true;
                    return;
                }
                let (name, merged) = (mishaps::name(&happening), level.merged);
                let mut schedule = before.schedule.clone();
                schedule.push((number, happening));
                let play = Played { schedule, first: number + 1, sites: Vec::new() };
                let played = self.play(play, level, known);
                let counts = level.by_fault.entry(name).or_default();
                *counts = (counts.0 + 1, counts.1 + level.merged - merged);
                if let (Some(next), Some(played)) = (&mut next, played) {
                    next.push(played);
                }
            }
        }
    }

    /// Plays a schedule. `None`: it broke a rule.
    fn play(&mut self, play: Played, level: &mut Level, known: &mut Known) -> Option<Played> {
        let own = self.kind.script.schedule.iter().chain(&play.schedule).cloned().collect();
        let script = Script { schedule: own, ..self.kind.script.clone() };
        let mut look = Look { known, first: play.first, own: Vec::new(), met: None };
        let ended = self.runtime.block_on(life::watched(&script, self.ways, Telling::No, Some(&mut look)));
        let Look { own, met, .. } = look;
        level.plays += 1;
        let ended = if ended.is_known { self.checked(&script, ended, level) } else { ended };
        match ended.result {
            Err(broken) => {
                level.broken += 1;
                self.found.failures.push(Failure { seed: script.seed, script, broken });
                return None;
            }
            Ok(told) if level.plays == 1 => self.found.passes = self.found.passes.max(told.passes),
            Ok(_) => {}
        }
        let sites = ended.sites.get(play.first..).unwrap_or_default().to_vec();
        let rest = met.map_or(0, |hash| known.get(&hash).copied().unwrap_or(0));
        level.merged += u64::from(ended.is_known);
        level.stand_for += rest;
        let weights: Vec<u64> = sites.iter().map(|site| mishaps::at(*site).len() as u64).collect();
        level.to_come += weights.iter().sum::<u64>();
        for (hash, reached) in own {
            let following = weights.get(reached - play.first..).unwrap_or_default();
            known.entry(hash).or_insert(rest + following.iter().sum::<u64>());
        }
        Some(Played { sites, ..play })
    }

    /// A merged play, played to its end if it is its turn.
    fn checked(&self, script: &Script, merged: Ended, level: &mut Level) -> Ended {
        if !self.limits.checks.is_some_and(|every| level.merged.is_multiple_of(every)) {
            return merged;
        }
        level.checked += 1;
        let whole = self.runtime.block_on(life::live(script, self.ways, Telling::No));
        level.misjudged += u64::from(whole.result.is_err());
        Ended { result: whole.result, ..merged }
    }
}

/// Looks at the moments of a play after its last fault.
struct Look<'a> {
    known: &'a Known,
    first: usize,
    /// Moments of this play, with the number of sites before each.
    own: Vec<(u128, usize)>,
    /// The known moment that it came to.
    met: Option<u128>,
}

impl Watch for Look<'_> {
    fn knows(&mut self, play: &Play, step: usize) -> bool {
        let reached = play.schedule.reached();
        if reached < self.first || play.schedule.is_pending() {
            return false;
        }
        let Some(hash) = moment::hash(play, step) else { return false };
        if self.known.contains_key(&hash) {
            self.met = Some(hash);
            return true;
        }
        // A moment of its own that comes back is none that anybody played to the end.
        self.own.push((hash, reached));
        false
    }
}
