//! The notes that this process keeps of each object between passes. Losing them only delays.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use planner::{Action, Memory, Object, Plan};

use crate::freshness::Freshness;
use crate::lister::{Need, Tick};
use crate::metrics::Owed;
use crate::rate_limit::Given;

#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    pub(crate) memory: Memory,
    /// How fast the object changed at the last pass; unknown before the first.
    pub(crate) freshness: Option<Freshness>,
    /// When its last effect on the cloud was over: lists that were begun before do not show it.
    pub(crate) acted: Tick,
    pub(crate) owed: Owed,
    /// When its launches may be sent.
    pub(crate) turns: Given,
    /// Where its lists are of. Empty before the first pass.
    pub(crate) region: String,
}

impl Note {
    /// The lists that a pass may begin with.
    pub(crate) fn need(&self) -> Need {
        let freshness = self.freshness.unwrap_or(Freshness::Moving);
        Need { begun_after: self.acted, longest_age: freshness.longest_age() }
    }
}

/// Notes by namespace and name: an object that is gone has no uid any more.
#[derive(Default)]
pub(crate) struct Notes(Mutex<HashMap<(String, String), (String, Note)>>);

impl Notes {
    /// The note of this very object; nothing is known yet of another one of its name.
    pub(crate) fn of(&self, object: &Object) -> Note {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let note = notes.get(&key(&object.namespace, &object.name));
        note.filter(|(uid, _)| *uid == object.uid).map(|(_, note)| note.clone()).unwrap_or_default()
    }

    /// Every note, with the object's uid.
    pub(crate) fn all(&self) -> Vec<(String, Note)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether lists of a region are some object's.
    pub(crate) fn are_of(&self, region: &str) -> bool {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.values().any(|(_, note)| note.region == region)
    }

    /// Uids of the objects that a pass read after `since`.
    pub(crate) fn read_after(&self, since: Timestamp) -> HashSet<String> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = notes.values().filter(|(_, note)| note.memory.looked_at.is_some_and(|at| at > since));
        recent.map(|(uid, _)| uid.clone()).collect()
    }

    pub(crate) fn keep(&self, object: &Object, note: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(key(&object.namespace, &object.name), (object.uid.clone(), note));
    }

    /// Before effects are tried. If a pass does not come back from them, whatever it was about to launch may be launched.
    pub(crate) fn assume_sent(&self, object: &Object, note: &Note, plan: &Plan) {
        let mut note = note.clone();
        for action in plan.actions() {
            if let Action::Launch(request) = action {
                note.memory.unsent.remove(&request.token);
            }
        }
        note.freshness = None;
        self.keep(object, note);
    }

    /// Uid and note of an object that is gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) -> Option<(String, Note)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(namespace, name))
    }
}

fn key(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}
