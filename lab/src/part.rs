//! One part of the lab as a process that is kept running.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::process;

/// First pause before a restart; doubled each time, as a part that cannot run should not take a core.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A part that ran this long was well: the pauses start anew.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// The program of a part.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The address that it listens at, for people.
    pub(crate) address: String,
    pub(crate) log: PathBuf,
    /// This program's own binary.
    pub(crate) lab: PathBuf,
}

/// The state of a part, as `lab status` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartStatus {
    pub(crate) name: String,
    /// Absent while it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) restarts: u32,
    pub(crate) address: String,
    /// The way it ended last, if it did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) last_end: String,
}

/// A program that is started again when it ends, until it is stopped.
#[derive(Debug)]
pub(crate) struct Part {
    shared: Arc<Shared>,
    // The thread that starts the process lives as long as the part: the process dies with the thread.
    keeper: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    program: Program,
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    process: Option<Process>,
    restarts: u32,
    is_stopping: bool,
    last_end: String,
}

/// A process of ours that was started.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    // Signals go through this: a pid may belong to somebody else by the time the signal is sent.
    handle: OwnedFd,
    pub(crate) started_at: Timestamp,
}

impl Process {
    /// Starts it. Nobody waits for the child yet; it dies with the calling thread.
    pub(crate) fn start(program: &Program) -> anyhow::Result<(Child, Self)> {
        let mut child = spawn(program)?;
        let pid = child.id().cast_signed();
        let handle = Pid::from_raw(pid).context("a process without an id")?;
        match pidfd_open(handle, PidfdFlags::empty()) {
            Ok(handle) => Ok((child, Self { pid, handle, started_at: Timestamp::now() })),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error).context("pidfd_open (Linux 5.3 or newer is needed)")
            }
        }
    }

    /// Whether there was still somebody to send it to.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        pidfd_send_signal(&self.handle, signal).is_ok()
    }
}

impl Part {
    pub(crate) fn start(program: Program) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { program, now: Mutex::default(), changed: Condvar::new() });
        let keeper = std::thread::Builder::new().name(shared.program.name.to_owned()).spawn({
            let shared = shared.clone();
            move || keep(&shared)
        });
        Ok(Self { shared, keeper: Mutex::new(Some(keeper.context("no thread for a part")?)) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.shared.program.name
    }

    pub(crate) fn status(&self) -> PartStatus {
        let now = self.shared.lock();
        PartStatus {
            name: self.name().to_owned(),
            pid: now.process.as_ref().map(|process| process.pid),
            started_at: now.process.as_ref().map(|process| process.started_at),
            restarts: now.restarts,
            address: self.shared.program.address.clone(),
            last_end: now.last_end.clone(),
        }
    }

    /// SIGKILL; it is started again. The pid that was killed, if it ran.
    pub(crate) fn kill(&self) -> Option<i32> {
        let now = self.shared.lock();
        let process = now.process.as_ref()?;
        process.signal(Signal::KILL).then_some(process.pid)
    }

    /// SIGTERM, and SIGKILL when that does not end it within `grace`. Returns when the process is gone.
    pub(crate) fn stop(&self, grace: Duration) {
        {
            let mut now = self.shared.lock();
            now.is_stopping = true;
            self.shared.changed.notify_all();
            signal(&now, Signal::TERM);
            let ended = self.shared.changed.wait_timeout_while(now, grace, |now| now.process.is_some());
            let (now, _) = ended.unwrap_or_else(PoisonError::into_inner);
            signal(&now, Signal::KILL);
        }
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            let _ = keeper.join(); // a panic there has been printed, and its process died with it
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signal(now: &Now, signal: Signal) {
    if let Some(process) = &now.process {
        process.signal(signal); // or it ended on its own
    }
}

/// Starts, waits, starts again.
fn keep(shared: &Shared) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let last_end = match run_once(shared) {
            Ok(None) => return,
            Ok(Some(status)) => status.to_string(),
            Err(error) => format!("{error:#}"),
        };
        let mut now = shared.lock();
        if now.is_stopping {
            return;
        }
        tracing::warn!(part = shared.program.name, ended = last_end, "part ended, starting it again");
        now.last_end = last_end;
        now.restarts += 1;
        if started.elapsed() > WELL_AFTER {
            pause = FIRST_PAUSE;
        }
        let slept = shared.changed.wait_timeout_while(now, pause, |now| !now.is_stopping);
        if slept.unwrap_or_else(PoisonError::into_inner).0.is_stopping {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// From start to end of one process. `None`: not started, as the part is being stopped.
fn run_once(shared: &Shared) -> anyhow::Result<Option<ExitStatus>> {
    let mut child;
    {
        // Held while starting, so that `stop` sees either no process or one it can signal.
        let mut now = shared.lock();
        if now.is_stopping {
            return Ok(None);
        }
        let (started, process) = Process::start(&shared.program)?;
        child = started;
        now.process = Some(process);
    }
    let status = child.wait();
    let mut now = shared.lock();
    now.process = None;
    shared.changed.notify_all();
    Ok(Some(status?))
}

fn spawn(program: &Program) -> anyhow::Result<Child> {
    let open = || OpenOptions::new().create(true).append(true).open(&program.log);
    let log = open().with_context(|| format!("{} cannot be opened", program.log.display()))?;
    let mut command = process::bound_to_us(&program.lab, &program.path, &program.name);
    command
        .args(&program.arguments)
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    command.spawn().with_context(|| format!("{} cannot be started", program.path.display()))
}
