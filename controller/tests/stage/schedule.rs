//! The schedule of a play: its calls in the order in which they are made, each with a number, and what happens at which.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cloudsim::{Action, Fault};
use serde::{Deserialize, Serialize};

use crate::stage::chaos::Moment;
use crate::stage::kubernetes::StoreFault;

/// A place in a play at which something can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Site {
    /// A pass begins.
    Pass,
    /// An effect, on the side of the process that makes it.
    Effect(&'static str),
    /// A call to the cloud, on its way.
    Cloud(Action),
    /// One with DryRun.
    Rehearsal,
    /// A call to the API server, on its way.
    Read(&'static str),
    Write(&'static str),
    /// A question to an agent, and what it is told to do.
    Question(&'static str),
    Order(&'static str),
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mishap {
    /// The process is struck.
    Strike(Moment),
    /// The process stands still for so many seconds before it goes on.
    Stand(u64),
    Cloud(Fault),
    Store(StoreFault),
    Agent(AgentFault),
}

/// What happens to a call to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AgentFault {
    /// It never arrives.
    LostRequest,
    /// It arrives, and its answer does not.
    LostAnswer,
    /// The connection ends without an answer, and it arrives so many seconds later.
    Late(u64),
}

/// Clones are the same schedule. It is closed until somebody opens it, and then nothing is counted and nothing happens.
#[derive(Clone, Default)]
pub(crate) struct Schedule(Arc<State>);

#[derive(Default)]
struct State {
    is_open: AtomicBool,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    sites: Vec<Site>,
    placed: BTreeMap<usize, Mishap>,
    chance: Option<Chance>,
}

/// Says what happens at the site of this number, where nothing is placed.
pub(crate) type Chance = Box<dyn FnMut(usize, Site) -> Option<Mishap> + Send>;

impl Schedule {
    pub(crate) fn open(&self, is_open: bool) {
        self.0.is_open.store(is_open, Ordering::Relaxed);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.is_open.load(Ordering::Relaxed)
    }

    /// This happens at the site of this number.
    pub(crate) fn place(&self, number: usize, mishap: Mishap) {
        self.0.book.lock().unwrap().placed.insert(number, mishap);
    }

    /// From here on somebody is asked at every site but that of a pass.
    pub(crate) fn ask(&self, chance: Chance) {
        self.0.book.lock().unwrap().chance = Some(chance);
    }

    /// Whether something is still to happen.
    pub(crate) fn is_pending(&self) -> bool {
        !self.0.book.lock().unwrap().placed.is_empty()
    }

    /// The play comes to a site: its number.
    pub(crate) fn reach(&self, site: Site) -> usize {
        let mut book = self.0.book.lock().unwrap();
        book.sites.push(site);
        book.sites.len() - 1
    }

    /// The play comes to a site: what happens there.
    pub(crate) fn next(&self, site: Site) -> Option<Mishap> {
        if !self.is_open() {
            return None;
        }
        let number = self.reach(site);
        let mut book = self.0.book.lock().unwrap();
        book.placed.remove(&number).or_else(|| book.chance.as_mut()?(number, site))
    }

    /// What happens to a call to the cloud.
    pub(crate) fn of_cloud(&self, action: Action, is_dry: bool) -> Option<Fault> {
        match self.next(if is_dry { Site::Rehearsal } else { Site::Cloud(action) }) {
            Some(Mishap::Cloud(fault)) => Some(fault),
            _ => None,
        }
    }

    /// What happens to a call to the API server.
    pub(crate) fn of_store(&self, site: Site) -> Option<StoreFault> {
        match self.next(site) {
            Some(Mishap::Store(fault)) => Some(fault),
            _ => None,
        }
    }

    /// What happens to a call to an agent.
    pub(crate) fn of_agent(&self, site: Site) -> Option<AgentFault> {
        match self.next(site) {
            Some(Mishap::Agent(fault)) => Some(fault),
            _ => None,
        }
    }

    /// How many sites there were so far.
    pub(crate) fn reached(&self) -> usize {
        self.0.book.lock().unwrap().sites.len()
    }

    /// All sites so far.
    pub(crate) fn sites(&self) -> Vec<Site> {
        self.0.book.lock().unwrap().sites.clone()
    }
}
