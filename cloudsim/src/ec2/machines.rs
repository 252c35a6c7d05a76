//! Machines behind instances: shutdown from inside, the driver's reports, the console.

use jiff::Timestamp;
use planner::ports::{Hypervisor, InstanceState};

use super::instance::{Console, Shutdown, StateReason, instance_not_found};
use super::state::{Change, Event};
use super::{Ec2, instance_types};
use crate::engine::error::{Outcome, SimError};
use crate::engine::visibility::Path;

impl Ec2<'_> {
    /// Orders to a driver of machines since it was asked last.
    pub fn due(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.state.changes)
    }

    /// The instance shut itself down; what follows is its `InstanceInitiatedShutdownBehavior`.
    pub fn guest_shutdown(&mut self, id: &str) {
        let Some(instance) = self.state.instance(id).filter(|instance| !instance.state.is_dead()) else { return };
        self.engine.tell(format!("{id} shuts itself down"));
        let reason =
            StateReason { code: "Client.InstanceInitiatedShutdown", message: "Instance initiated shutdown".into() };
        let towards = match instance.shutdown {
            Shutdown::Terminate => InstanceState::ShuttingDown,
            Shutdown::Stop => InstanceState::Stopping,
        };
        self.stop_towards(id, towards, reason);
    }

    /// A driven machine is gone. One that nobody stopped counts as having shut itself down.
    pub fn machine_stopped(&mut self, id: &str) {
        if let Some(record) = self.state.instances.get_mut(id) {
            record.has_machine = false;
        }
        self.guest_shutdown(id);
        self.happen(Event::Stopped(id.into()));
    }

    /// A driven machine could not run; EC2 calls it its own failure.
    pub fn machine_failed(&mut self, id: &str, why: &str) {
        if let Some(record) = self.state.instances.get_mut(id) {
            record.has_machine = false;
        }
        let reason = StateReason { code: "Server.InternalError", message: format!("Internal error on launch: {why}") };
        self.stop_towards(id, self.after_failed_boot(id), reason);
        self.happen(Event::Stopped(id.into()));
    }

    /// Keeps what the instance printed so far.
    pub fn set_console(&mut self, id: &str, text: String) {
        let (now, lag) = (self.engine.now(), self.settings.console_lag_millis);
        let Some(record) = self.state.instances.get_mut(id) else { return };
        if record.console.last().is_some_and(|(_, last)| *last == text) {
            return;
        }
        let shown = record.console.iter().rposition(|(at, _)| age_millis(*at, now) >= lag);
        record.console.drain(..shown.unwrap_or(0));
        record.console.push((now, text));
    }

    /// GetConsoleOutput. `latest` is refused on types that are not Nitro.
    pub fn console_output(&mut self, id: &str, latest: bool) -> Outcome<Console> {
        let not_found = || instance_not_found(&[id.to_owned()]);
        let view = self.read_view(Path::Id);
        let record = self.state.instances.get(id).filter(|_| !self.is_elsewhere()).ok_or_else(not_found)?;
        let instance = record.seen.seen(view).ok_or_else(not_found)?;
        let hypervisor = instance_types::instance_type(&instance.instance_type).map(|kind| kind.hypervisor);
        if latest && hypervisor != Some(Hypervisor::Nitro) {
            let message = "This instance type does not support retrieving the latest console logs.";
            return Err(SimError::new("UnsupportedOperation", message));
        }
        let lag = if latest { 0 } else { self.settings.console_lag_millis };
        let shown = record.console.iter().rev().find(|(at, _)| age_millis(*at, self.engine.now()) >= lag);
        Ok(Console {
            text: shown.map(|(_, text)| text.clone()),
            written_at: shown.map_or(instance.launched_at, |(at, _)| *at),
        })
    }
}

fn age_millis(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond() - at.as_millisecond()).unwrap_or(0)
}
