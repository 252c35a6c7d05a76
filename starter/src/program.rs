//! The program as a group of processes: started, waited for until it serves, and ended with all that it started.
//!
//! A program may be a shell script that runs the server as its child. So it is a process group of its own, and a signal
//! goes to the whole group: a server that outlived its parent would answer in place of the next program.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Variables of the starter that are none of the program's business.
const OURS: [&str; 5] = ["APPLICATION", "CONTROL_LISTEN", "CONTROL_PUBLIC_KEY", "DATA_DIR", "STATE_DIRECTORY"];
/// Time to end after SIGTERM, then it is killed: less than systemd gives all of us (`TimeoutStopSec=40` in the unit), and
/// more than our worker takes to finish what it has (20 s).
const STOP: Duration = Duration::from_secs(35);
/// Time between two looks whether it listens, or is gone.
const LOOK: Duration = Duration::from_millis(50);
/// How long a program that listens has to go on, to be believed: one that finds its port taken ends within this.
const GOES_ON: Duration = Duration::from_millis(200);
/// Time in which the port is free after the processes were killed.
const CLOSES: Duration = Duration::from_secs(3);

/// A running program; all of it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    group: Option<Pid>,
}

/// What starts the program at `path`: it gets what every worker is told, and `environment`.
pub(crate) fn command(path: &Path, environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(path);
    OURS.iter().for_each(|name| _ = command.env_remove(name));
    command.envs(environment);
    command
}

impl Program {
    /// Starts it. What it prints goes where ours does, unless `command` says otherwise.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).kill_on_drop(true).spawn()?;
        // The leader's id is that of its group.
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child, group })
    }

    /// Waits until something accepts a connection at `address`, and the program goes on with it.
    ///
    /// *Errors*: it ended, or does not listen in time; for people.
    pub(crate) async fn listens(&mut self, address: SocketAddr, patience: Duration) -> Result<(), String> {
        let accepts = async {
            while is_free(address).await {
                sleep(LOOK).await;
            }
            sleep(GOES_ON).await;
        };
        tokio::select! {
            // What ended may have left its port to somebody else.
            biased;
            how = self.ended() => Err(format!("it ended: {how}")),
            result = timeout(patience, accepts) => {
                result.map_err(|_| format!("it does not listen on {address} after {} s", patience.as_secs()))
            }
        }
    }

    /// Waits for its end; how it ended.
    ///
    /// *Cancellation*: safe.
    pub(crate) async fn ended(&mut self) -> String {
        match self.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Waits for its end.
    ///
    /// *Cancellation*: safe.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it with all that it started: asked first, killed when that does not help. When this returns, nothing of its group
    /// runs any more.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let group = self.group;
        let gone = async {
            let _ = self.child.wait().await;
            while group.is_some_and(runs) {
                sleep(LOOK).await;
            }
        };
        if timeout(STOP, gone).await.is_err() {
            tracing::warn!(seconds = STOP.as_secs(), "the program does not end after SIGTERM and is killed");
            self.signal(Signal::KILL);
            let _ = self.child.wait().await;
        }
        // The id may be another's by the time this is dropped.
        self.group = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // All of it may have ended by itself a moment ago.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Whether a process of the group runs. Orphans that have ended count as there until whoever took them in looks at them.
fn runs(group: Pid) -> bool {
    if test_kill_process_group(group).is_err() {
        return false;
    }
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    let of_group = |stat: String| {
        // `pid (name) state parent group`, and a name may have anything in it (proc_pid_stat(5)).
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let (state, _, own) = (fields.next()?, fields.next()?, fields.next()?);
        (own.parse() == Ok(group.as_raw_nonzero().get())).then_some(!matches!(state, "Z" | "X"))
    };
    let stats = processes.flatten().filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    stats.filter_map(of_group).any(|is_running| is_running)
}

/// Whether nobody listens at `address`.
async fn is_free(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_err()
}

/// Waits until nobody listens at `address`: whoever does would answer for the next program.
///
/// *Errors*: somebody goes on; for people.
pub(crate) async fn vacated(address: SocketAddr) -> Result<(), String> {
    let free = async {
        while !is_free(address).await {
            sleep(LOOK).await;
        }
    };
    timeout(CLOSES, free).await.map_err(|_| {
        format!(
            "something still listens on {address} after the program was ended: a program must not go into the background"
        )
    })
}
