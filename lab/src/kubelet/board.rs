//! The containers of a kubelet, for whoever asks: `lab status`, `lab kill`, `kubectl logs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use crate::part::{PartStatus, Process};

/// Containers by the uid of their pods.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(Arc<Mutex<BTreeMap<String, Entry>>>);

/// A container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container: String,
    pub(super) address: String,
    pub(super) process: Option<Arc<Process>>,
    pub(super) restarts: u32,
    pub(super) last_end: String,
    pub(super) is_ready: bool,
    pub(super) is_over: bool,
    /// Why it does not run, if it should.
    pub(super) waits: String,
    pub(super) log: PathBuf,
    /// Where in the log the words of this process begin, and where those of the one before do. All processes of a name share
    /// a file, so that `lab logs` shows what an operator before an upgrade said as well.
    pub(super) begins: u64,
    pub(super) began: Option<u64>,
    /// Where the words of a process that ended end.
    pub(super) ends: Option<u64>,
}

impl Board {
    pub(super) fn add(&self, uid: &str, entry: Entry) {
        self.lock().insert(uid.to_owned(), entry);
    }

    /// Changes one that was not removed meanwhile.
    pub(super) fn set(&self, uid: &str, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.lock().get_mut(uid) {
            change(entry);
        }
    }

    pub(super) fn remove(&self, uid: &str) {
        self.lock().remove(uid);
    }

    pub(super) fn find(&self, namespace: &str, pod: &str) -> Option<Entry> {
        self.lock().values().find(|entry| entry.namespace == namespace && entry.pod == pod).cloned()
    }

    /// Those that run or should.
    pub(crate) fn statuses(&self) -> Vec<PartStatus> {
        let shown = |entry: &Entry| PartStatus {
            name: entry.container.clone(),
            pid: entry.process.as_ref().map(|process| process.pid),
            started_at: entry.process.as_ref().map(|process| process.started_at),
            restarts: entry.restarts,
            address: entry.address.clone(),
            last_end: entry.last_end.clone(),
        };
        self.lock().values().filter(|entry| !entry.is_over).map(shown).collect()
    }

    pub(crate) fn is_ready(&self, container: &str) -> bool {
        self.lock().values().any(|entry| entry.container == container && entry.is_ready)
    }

    /// Why a container of this name does not run.
    pub(crate) fn waits(&self, container: &str) -> Option<String> {
        let waits = |entry: &Entry| (entry.container == container).then(|| entry.waits.clone());
        self.lock().values().find_map(waits).filter(|why| !why.is_empty())
    }

    /// SIGKILL to the process of a container; its kubelet starts it again. The pid, if one runs; an error if there is no such container.
    pub(crate) fn kill(&self, container: &str) -> Result<Option<i32>, Vec<String>> {
        let entries = self.lock();
        let mut named = entries.values().filter(|entry| entry.container == container && !entry.is_over).peekable();
        if named.peek().is_none() {
            return Err(entries.values().map(|entry| entry.container.clone()).collect());
        }
        let running = named.find_map(|entry| entry.process.clone());
        Ok(running.and_then(|process| process.signal(Signal::KILL).then_some(process.pid)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
