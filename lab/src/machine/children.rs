//! The children of init: spawned here, reaped here, together with all orphans that init adopts.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitOptions, wait};

type Ended = Box<dyn FnOnce(ExitStatus) + Send>;

/// The place that is told when a child ends.
#[derive(Default)]
pub(super) struct Children(Mutex<State>);

#[derive(Default)]
struct State {
    closed: bool,
    told: HashMap<i32, Ended>,
}

impl Children {
    /// Starts `command` as the leader of its own process group and calls `ended` when it ends.
    ///
    /// The lock is held until the child is known, so that `reap` can neither miss it nor take it away from a spawn
    /// that failed half-way and waits for it itself.
    pub(super) fn spawn(
        &self,
        command: &mut Command,
        ended: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> io::Result<Pid> {
        let mut state = self.lock();
        if state.closed {
            return Err(io::Error::other("the instance is shutting down"));
        }
        let pid = Pid::from_child(&command.process_group(0).spawn()?);
        state.told.insert(pid.as_raw_pid(), Box::new(ended));
        Ok(pid)
    }

    /// From now on nothing can be spawned.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    /// Takes all children that have ended, never blocking. To be called on every SIGCHLD.
    pub(super) fn reap(&self) {
        let mut state = self.lock();
        let mut ended = Vec::new();
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            // An adopted orphan has nobody to tell.
            ended.extend(state.told.remove(&pid.as_raw_pid()).map(|told| (told, status)));
        }
        drop(state);
        for (told, status) in ended {
            told(ExitStatus::from_raw(status.as_raw()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
