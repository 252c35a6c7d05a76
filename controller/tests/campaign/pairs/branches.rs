//! Plays that begin alike are one play, and a process for each from the site at which they part.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter, PipeWriter};
use std::sync::{Arc, Mutex, MutexGuard};

use fork::Fork;
use serde::{Deserialize, Serialize};

use super::mishaps;
use super::moment::Reader;
use super::search::{Level, Limits, Played};
use crate::life::Ended;
use crate::script::{Happening, Step};
use crate::stage::play::Play;
use crate::stage::schedule::Site;
use crate::watch::Watch;

/// A moment that was played on from, with the number of placements that follow it.
pub(super) type Known = HashMap<u128, u64>;

/// All that branches off one play, and what came of it. Clones are the same.
#[derive(Clone)]
pub(super) struct Branches(Arc<Mutex<Growth>>);

#[derive(Default)]
pub(super) struct Growth {
    pub(super) known: Known,
    pub(super) level: Level,
    /// Branches that broke no rule, where another fault may come to them.
    pub(super) next: Option<Vec<Played>>,
    /// Branches that broke one.
    pub(super) broken: Vec<Played>,
    pub(super) limits: Limits,
    reader: Reader,
    role: Role,
    /// Where this process, which is one branch, says what came of it.
    sender: Option<PipeWriter>,
}

/// What this process plays.
enum Role {
    /// That of which branches go off, until its end.
    Trunk(Played),
    /// What follows the last fault.
    Rest(Rest),
}

impl Default for Role {
    fn default() -> Self {
        Self::Rest(Rest::default())
    }
}

#[derive(Default)]
struct Rest {
    first: usize,
    /// Moments of this play, with the number of sites before each.
    own: Vec<(u128, usize)>,
    /// The known moment that it came to, likewise.
    met: Option<(u128, usize)>,
}

/// What came of a branch.
#[derive(Serialize, Deserialize)]
struct Told {
    is_broken: bool,
    /// Whether it was played to its end although it came to a known moment.
    is_checked: bool,
    met: Option<u128>,
    /// Number of the first site that another play comes to as well, or of all.
    end: usize,
    /// Placements of a further fault before that.
    to_come: u64,
    /// Its moments, with the number of placements after each.
    own: Vec<(u128, u64)>,
}

impl Branches {
    /// The play itself, without branches.
    pub(super) fn none(first: usize, growth: Growth) -> Self {
        let rest = Rest { first, ..Rest::default() };
        Self(Arc::new(Mutex::new(Growth { role: Role::Rest(rest), ..growth })))
    }

    /// Everything that can happen at the sites of a play after its last fault.
    pub(super) fn of(trunk: Played, growth: Growth) -> Self {
        Self(Arc::new(Mutex::new(Growth { role: Role::Trunk(trunk), reader: Reader::default(), ..growth })))
    }

    /// What came of all, once the play has ended. The process of a branch says what came of it, and ends here.
    pub(super) fn gather(self, ended: &Ended) -> Growth {
        let mut growth = std::mem::take(&mut *self.lock());
        if let Some(sender) = growth.sender.take() {
            say_and_exit(sender, &growth.told(ended));
        }
        growth
    }

    fn lock(&self) -> MutexGuard<'_, Growth> {
        self.0.lock().unwrap()
    }
}

impl Watch for Branches {
    fn begins(&mut self, play: &Play) {
        let branches = self.clone();
        play.schedule.ask(Box::new(move |number, site| branches.lock().comes_to(number, site)?.mishap()));
    }

    fn knows(&mut self, play: &Play, step: usize) -> bool {
        let mut growth = self.lock();
        let Growth { known, level, limits, reader, role, .. } = &mut *growth;
        match role {
            Role::Trunk(trunk) => {
                // For its branches: most of what they come to stands in the moment before they part.
                reader.hash(play, step);
                play.schedule.reached() >= trunk.end
            }
            Role::Rest(rest) => rest.looks_at(play, step, known, reader) && !limits.is_checked(level.merged + 1),
        }
    }

    fn deed(&mut self, number: usize) -> Option<Step> {
        self.lock().comes_to(number, Site::Pass)?.deed().cloned()
    }
}

impl Growth {
    /// Nothing yet, but for moments that are known. `is_last`: no further fault comes to these plays.
    pub(super) fn begin(known: Known, limits: Limits, is_last: bool) -> Self {
        Self { known, limits, next: (!is_last).then(Vec::new), ..Self::default() }
    }

    /// Lets all that can happen at this site happen, each in a process. In that one it is what happens.
    fn comes_to(&mut self, number: usize, site: Site) -> Option<Happening> {
        let Role::Trunk(trunk) = &self.role else { return None };
        if !(trunk.first..trunk.end).contains(&number) {
            return None;
        }
        let before = trunk.schedule.clone();
        for happening in mishaps::at(site) {
            if self.limits.are_reached(self.broken.len()) {
                self.level.is_cut_short = true;
                return None;
            }
            match split() {
                Process::Branch(sender) => {
                    self.role = Role::Rest(Rest { first: number + 1, ..Rest::default() });
                    self.sender = Some(sender);
                    return Some(happening);
                }
                Process::Trunk(told) => {
                    let mut schedule = before.clone();
                    schedule.push((number, happening));
                    self.add(Played { schedule, first: number + 1, end: told.end }, &told);
                }
            }
        }
        None
    }

    /// What came of this process's play.
    fn told(&self, ended: &Ended) -> Told {
        let Role::Rest(Rest { first, own, met }) = &self.role else { unreachable!("the trunk has branches") };
        let end = met.map_or(ended.sites.len(), |(_, reached)| reached);
        let sites = ended.sites.get(*first..end).unwrap_or_default();
        let weights: Vec<u64> = sites.iter().map(|site| mishaps::at(*site).len() as u64).collect();
        let after = |reached: usize| weights.get(reached - first..).unwrap_or_default().iter().sum();
        Told {
            is_broken: ended.result.is_err(),
            is_checked: met.is_some() && !ended.is_known,
            met: met.map(|(hash, _)| hash),
            end,
            to_come: after(*first),
            own: own.iter().map(|(hash, reached)| (*hash, after(*reached))).collect(),
        }
    }

    /// Adds what came of the play that was played in this process.
    pub(super) fn add_own(&mut self, played: Played, ended: &Ended) {
        let told = self.told(ended);
        self.add(Played { end: told.end, ..played }, &told);
    }

    fn add(&mut self, played: Played, told: &Told) {
        let level = &mut self.level;
        let rest = told.met.map_or(0, |hash| self.known.get(&hash).copied().unwrap_or(0));
        level.plays += 1;
        level.merged += u64::from(told.met.is_some());
        level.checked += u64::from(told.is_checked);
        level.misjudged += u64::from(told.is_checked && told.is_broken);
        level.stand_for += rest;
        if let Some((_, happening)) = played.schedule.last() {
            let counts = level.by_fault.entry(mishaps::name(happening).to_owned()).or_default();
            *counts = (counts.0 + 1, counts.1 + u64::from(told.met.is_some()));
        }
        if told.is_broken {
            level.broken += 1;
            self.broken.push(played);
            return;
        }
        level.to_come += told.to_come;
        for (hash, following) in &told.own {
            self.known.entry(*hash).or_insert(rest + following);
        }
        self.next.iter_mut().for_each(|next| next.push(played.clone()));
    }
}

impl Rest {
    /// Whether what follows is known.
    fn looks_at(&mut self, play: &Play, step: usize, known: &Known, reader: &mut Reader) -> bool {
        let reached = play.schedule.reached();
        // One that is played to its end all the same is not looked at any more.
        if self.met.is_some() || reached < self.first || play.schedule.is_pending() {
            return false;
        }
        let Some(hash) = reader.hash(play, step) else { return false };
        if known.contains_key(&hash) {
            self.met = Some((hash, reached));
            return true;
        }
        // A moment of its own that comes back is none that anybody played to the end.
        self.own.push((hash, reached));
        false
    }
}

/// The two that a process becomes.
enum Process {
    /// The one that goes on, once the other has ended.
    Trunk(Told),
    Branch(PipeWriter),
}

fn split() -> Process {
    let (reader, sender) = std::io::pipe().unwrap();
    match fork::fork().unwrap() {
        Fork::Child => Process::Branch(sender),
        Fork::Parent(child) => {
            drop(sender);
            let told = serde_json::from_reader(BufReader::new(reader)).expect("a branch says what came of it");
            fork::waitpid(child).unwrap();
            Process::Trunk(told)
        }
    }
}

fn say_and_exit(sender: PipeWriter, told: &Told) -> ! {
    serde_json::to_writer(BufWriter::new(sender), told).unwrap();
    std::process::exit(0)
}
