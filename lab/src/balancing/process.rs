//! One node as a process, started again when it ends, until it is told to end.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::mpsc::UnboundedSender;

use super::wanted::NodeKey;
use crate::albnode::{Config, Event};

/// Pause before a restart. An address that is still taken needs one.
const PAUSE: Duration = Duration::from_millis(200);

/// The time that a node may take to end after its input did.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// The program that nodes are.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) lab: PathBuf,
    /// Variable and value by which left-over processes are found.
    pub(super) mark: (&'static str, PathBuf),
}

/// A node. Dropping it ends the process and waits for that.
pub(super) struct Process {
    shared: Arc<Shared>,
    /// Starts the process and lives as long: the kernel ends a process with the thread that started it.
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    program: Program,
    key: NodeKey,
    say: UnboundedSender<(NodeKey, Event)>,
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    config: Config,
    /// The other end of its standard input.
    stdin: Option<ChildStdin>,
    /// Names the process itself, not a number that may be given out again.
    handle: Option<OwnedFd>,
    has_listened: bool,
    is_ending: bool,
    is_over: bool,
}

impl Process {
    pub(super) fn start(
        program: &Program,
        key: NodeKey,
        config: Config,
        say: UnboundedSender<(NodeKey, Event)>,
    ) -> io::Result<Self> {
        let now = Now { config: Config { version: 1, ..config }, ..Now::default() };
        let name = format!("node {}", key.listen());
        let shared = Shared { program: program.clone(), key, say, now: Mutex::new(now), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let keeper = thread::Builder::new().name(name).spawn({
            let shared = shared.clone();
            move || keep(&shared)
        })?;
        Ok(Self { shared, keeper: Some(keeper) })
    }

    /// Tells it a configuration, if it is another one than it has.
    pub(super) fn configure(&self, config: Config) {
        let mut now = self.shared.lock();
        let version = now.config.version;
        if now.config == (Config { version, ..config.clone() }) {
            return;
        }
        now.config = Config { version: version + 1, ..config };
        now.tell();
    }

    /// Whether it took connections at some time: a name leads to it from then on, also while it is started again.
    pub(super) fn has_listened(&self) -> bool {
        self.shared.lock().has_listened
    }

    /// Ends its input, by which it ends.
    pub(super) fn begin_end(&self) {
        let mut now = self.shared.lock();
        now.is_ending = true;
        now.stdin = None;
        self.shared.changed.notify_all();
    }

    pub(super) fn kill(&self) {
        self.shared.lock().kill();
    }

    /// Whether it has ended and will not be started again.
    pub(super) fn is_over(&self) -> bool {
        self.shared.lock().is_over
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.begin_end();
        {
            let now = self.shared.lock();
            let ended = self.shared.changed.wait_timeout_while(now, GRACE, |now| !now.is_over);
            let (now, _) = ended.unwrap_or_else(PoisonError::into_inner);
            now.kill();
        }
        let _ = self.keeper.take().map(JoinHandle::join); // a panic there was printed, and its process died with it
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn kill(&self) {
        if let Some(handle) = &self.handle {
            let _ = pidfd_send_signal(handle, Signal::KILL); // it ended on its own
        }
    }

    /// A node that does not hear it any more has ended, and hears it when it is started again.
    fn tell(&mut self) {
        if let (Some(stdin), Ok(line)) = (&mut self.stdin, serde_json::to_string(&self.config)) {
            let _ = writeln!(stdin, "{line}");
        }
    }
}

/// Starts, hears, starts again.
fn keep(shared: &Shared) {
    loop {
        if let Err(error) = run_once(shared) {
            tracing::error!(%error, key = ?shared.key, "a node cannot be started");
        }
        let now = shared.lock();
        if !now.is_ending {
            tracing::warn!(key = ?shared.key, "a node ended, starting it again");
        }
        let slept = shared.changed.wait_timeout_while(now, PAUSE, |now| !now.is_ending);
        let mut now = slept.unwrap_or_else(PoisonError::into_inner).0;
        if now.is_ending {
            now.is_over = true;
            shared.changed.notify_all();
            return;
        }
    }
}

/// From start to end of one process.
fn run_once(shared: &Shared) -> io::Result<()> {
    let mut child;
    {
        // Held while starting: whoever ends it sees either no process or one that can be told.
        let mut now = shared.lock();
        if now.is_ending {
            return Ok(());
        }
        child = spawn(shared)?;
        now.stdin = child.stdin.take();
        now.handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok();
        now.tell();
    }
    let stdout = child.stdout.take().map(BufReader::new);
    for line in stdout.into_iter().flat_map(BufReader::lines).map_while(Result::ok) {
        let Ok(event) = serde_json::from_str::<Event>(&line) else { continue };
        if matches!(event, Event::Listening { .. }) {
            shared.lock().has_listened = true;
        }
        // Nobody listens any more when the lab is going down.
        let _ = shared.say.send((shared.key.clone(), event));
    }
    let ended = child.wait();
    let mut now = shared.lock();
    (now.stdin, now.handle) = (None, None);
    ended.map(drop)
}

fn spawn(shared: &Shared) -> io::Result<Child> {
    let Program { lab, mark: (name, value) } = &shared.program;
    Command::new(lab)
        .arg("albnode")
        .arg(format!("--listen={}", shared.key.listen()))
        .args(shared.key.listen_publicly().map(|public| format!("--public={public}")))
        .arg(format!("--parent={}", std::process::id()))
        .env_clear()
        .env(name, value)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}
