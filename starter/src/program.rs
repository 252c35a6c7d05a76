//! The program as a process: started, waited for until it listens, and ended.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Variables of the starter that are none of the program's business.
const OURS: [&str; 5] = ["APPLICATION", "CONTROL_LISTEN", "CONTROL_PUBLIC_KEY", "DATA_DIR", "STATE_DIRECTORY"];
/// Time to end after SIGTERM, then it is killed: less than systemd gives all of us (`TimeoutStopSec=40` in the unit), and
/// more than our worker takes to finish what it has (20 s).
const STOP: Duration = Duration::from_secs(35);
/// Time between two looks whether it listens.
const LOOK: Duration = Duration::from_millis(50);

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program(Child);

impl Program {
    /// Starts what is at `path`. What it prints goes where ours does.
    pub(crate) fn start(path: &Path, environment: &BTreeMap<String, String>) -> io::Result<Self> {
        let mut command = Command::new(path);
        OURS.iter().for_each(|name| _ = command.env_remove(name));
        command.envs(environment).stdin(Stdio::null()).kill_on_drop(true).spawn().map(Self)
    }

    /// Waits until something accepts a connection at `address`.
    ///
    /// *Errors*: it ended, or does not listen in time; for people.
    pub(crate) async fn listens(&mut self, address: SocketAddr, patience: Duration) -> Result<(), String> {
        let accepts = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(LOOK).await;
            }
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
        match self.0.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends it: asked first, killed when that does not help. It is gone, and its port free, when this returns.
    pub(crate) async fn stop(mut self) {
        let pid = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // It may have ended by itself a moment ago.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP, self.0.wait()).await.is_err() {
            tracing::warn!(seconds = STOP.as_secs(), "the program does not end after SIGTERM and is killed");
            let _ = self.0.kill().await;
        }
    }
}
