//! `lab up`: starts the supervisor and waits until the lab is ready.

use std::fs::OpenOptions;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::called;
use crate::commands::logs;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::state::{SUPERVISOR, State};
use crate::supervisor::Options;

/// Lines of a log that a failure shows.
const TAIL: usize = 15;
/// An orderly end takes a few seconds; a supervisor that needs longer is killed, and all it started dies with it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The life of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until `lab down`.
    Own,
    /// At most as long as this thread, even if this process is killed.
    Ours,
}

/// A supervisor that was started.
pub(crate) struct Supervisor {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The command.
pub(crate) async fn up(state: &State, options: &Options) -> anyhow::Result<()> {
    if state.is_up() {
        let lab = called::words();
        say::line(format_args!("the lab is up already; `{lab} status` shows it, `{lab} down` ends it"));
        return Ok(());
    }
    let mut interrupt = Interrupt::catch()?;
    let mut supervisor = Supervisor::start(state, options, Life::Own)?;
    let ready = tokio::select! {
        ready = supervisor.ready(state) => ready,
        signal = interrupt.wait() => Err(anyhow::anyhow!("{signal}: the lab is being ended")),
    };
    if let Err(error) = ready {
        supervisor.end().await?;
        return Err(error);
    }
    let lab = called::words();
    say::line(format_args!("use it:  eval \"$({lab} env)\"     end it:  {lab} down"));
    Ok(())
}

impl Supervisor {
    pub(crate) fn start(state: &State, options: &Options, life: Life) -> anyhow::Result<Self> {
        state.make("logs")?;
        let path = state.log(SUPERVISOR);
        let log = OpenOptions::new().create(true).write(true).truncate(true).open(&path);
        let log = log.with_context(|| format!("{} cannot be written", path.display()))?;
        let itself = std::env::current_exe().context("the path of this program is unknown")?;
        let mut command = Command::new(itself);
        command.arg("supervise").arg("--state").arg(state.directory()).args(options.arguments());
        if life == Life::Ours {
            command.arg("--parent").arg(std::process::id().to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().context("the supervisor cannot be started")?;
        let output = child.stdout.take().context("the supervisor has no output")?;
        Ok(Self { child, lines: BufReader::new(output).lines() })
    }

    /// Prints the steps until the lab is ready. On failure: why, with the end of the log that knows more.
    pub(crate) async fn ready(&mut self, state: &State) -> anyhow::Result<()> {
        while let Some(line) = self.lines.next_line().await? {
            match serde_json::from_str(&line).with_context(|| format!("the supervisor said {line:?}"))? {
                Progress::Step { text, millis } => say::line(format_args!("{}  {text}", seconds(millis))),
                Progress::Ready { millis } => {
                    say::line(format_args!("{}  the lab is up", seconds(millis)));
                    return Ok(());
                }
                Progress::Failed { text, part } => bail!("{text}{}", explanation(state, part.as_deref())),
            }
        }
        bail!("the supervisor ended{}", explanation(state, Some(SUPERVISOR)))
    }

    /// Returns when the supervisor has ended by itself.
    pub(crate) async fn gone(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow::anyhow!("the lab ended ({status})"),
            Err(error) => error.into(),
        }
    }

    /// Ends the lab in order, or by force when that takes too long.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.kill().await?;
        }
        Ok(())
    }

    /// Ends the supervisor at once; the kernel ends what it started.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL);
        self.child.wait().await.context("the supervisor cannot be waited for")?;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // No pid: it was waited for already. The pid is ours until then.
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _ = kill_process(pid, signal);
        }
    }
}

fn seconds(millis: u64) -> String {
    format!("{:>4}.{} s", millis / 1000, millis % 1000 / 100)
}

/// The end of a part's log, and where the whole of it is.
fn explanation(state: &State, part: Option<&str>) -> String {
    let Some(part) = part else { return format!("\nlogs are in {}", state.path("logs").display()) };
    let path = state.log(part);
    let tail = logs::tail(&path, TAIL).join("\n    ");
    format!("\nthe end of {}:\n    {tail}", path.display())
}
