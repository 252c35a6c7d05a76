//! `lab down`: ends a lab and looks whether it is gone.

use std::time::Duration;

use anyhow::bail;
use rustix::process::{Pid, Signal, kill_process};

use crate::state::{Record, State};
use crate::supervisor::admin::Status;
use crate::supervisor::cloud::Cloud;
use crate::supervisor::network;
use crate::{fetch, process};

/// An orderly end takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Processes that were killed are gone this soon, unless the kernel is stuck.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// The parts of a lab, noted before it is ended.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    processes: Vec<i32>,
    ports: Vec<u16>,
}

impl Inventory {
    /// The inventory of the lab that is, or was last, in a state directory.
    pub(crate) async fn of(state: &State) -> Self {
        let record = state.last_record();
        let mut processes: Vec<i32> = state.holder().into_iter().collect();
        if let (Some(record), true) = (&record, state.is_up()) {
            processes.extend(parts(record).await);
        }
        let ports = record.map(|record| record.ports.into_values().collect()).unwrap_or_default();
        Self { processes, ports }
    }

    /// Names what is still there. Waits a moment: the kernel needs one to end a process that was killed.
    pub(crate) async fn verify_gone(&self, state: &State) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + AFTERWARDS;
        loop {
            let processes: Vec<_> = self.processes.iter().filter(|pid| process::is_alive(**pid)).collect();
            let ports: Vec<_> = self.ports.iter().filter(|port| !network::is_free(**port)).collect();
            let instances = Cloud::processes(state);
            if processes.is_empty() && ports.is_empty() && instances == 0 {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                bail!("still there: processes {processes:?}, ports {ports:?}, {instances} processes of instances");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn line(&self) -> String {
        format!("{} processes ended, {} ports free", self.processes.len(), self.ports.len())
    }
}

async fn parts(record: &Record) -> Vec<i32> {
    let Ok((200, body)) = fetch::get(record.admin, "/status").await else { return Vec::new() };
    let status = serde_json::from_slice::<Status>(&body);
    status.map(|status| status.parts.iter().filter_map(|part| part.pid).collect()).unwrap_or_default()
}

/// The command.
pub(crate) async fn down(state: &State) -> anyhow::Result<()> {
    let inventory = Inventory::of(state).await;
    let Some(holder) = state.holder().and_then(Pid::from_raw) else {
        let swept = Cloud::sweep(state)?;
        inventory.verify_gone(state).await?;
        say::line(format_args!(
            "no lab is up{}",
            if swept > 0 { format!("; {swept} processes of an earlier one ended") } else { String::new() }
        ));
        return Ok(());
    };
    let _ = kill_process(holder, Signal::TERM); // it ended in this moment
    if !released(state, PATIENCE).await {
        let _ = kill_process(holder, Signal::KILL);
        if !released(state, AFTERWARDS).await {
            bail!("the supervisor (pid {}) does not end", holder.as_raw_pid());
        }
    }
    Cloud::sweep(state)?;
    inventory.verify_gone(state).await?;
    say::line(format_args!("the lab is down: {}", inventory.line()));
    Ok(())
}

/// Whether the supervisor lets go of the state directory in time.
async fn released(state: &State, patience: Duration) -> bool {
    let deadline = tokio::time::Instant::now() + patience;
    while state.is_up() {
        if tokio::time::Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    true
}
