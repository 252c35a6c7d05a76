//! What happens to instances after their launch.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use planner::ports::{Hypervisor, InstanceState};
use rand::seq::IndexedRandom;

use crate::catalogue;
use crate::error::{Outcome, SimError};
use crate::instance::{Console, Instance, Shutdown, StateChange, StateReason};
use crate::query::{Page, Query, accepts, check};
use crate::settings::{Machines, Stillbirth};
use crate::sim::{Change, Event, MachineStart, Sim};
use crate::versions::{Path, later};

impl Sim {
    /// DescribeInstances.
    pub fn describe_instances(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<Arc<Instance>>> {
        self.advance(now);
        if !query.ids.is_empty() && query.page.max_results.is_some() {
            let message = "The parameter instancesSet cannot be used with the parameter maxResults";
            return Err(SimError::combination(message));
        }
        check::<Instance>(&query.filters)?;
        self.check_outage(query)?;
        let look = self.look(path_of(query));
        self.list(query, |sim, query| {
            let record = |id: &str| sim.instances.get(id).filter(|_| !sim.is_elsewhere());
            let seen = |id: &String| record(id).and_then(|record| record.seen.seen(look));
            if query.ids.is_empty() {
                let fits = |instance: &&Arc<Instance>| accepts(&query.filters, instance.as_ref());
                return Ok(match sim.index.candidates(&query.filters, "instance-id") {
                    Some(ids) => {
                        let found = ids.into_iter().filter_map(|id| record(id)?.seen.seen(look));
                        found.filter(fits).cloned().collect()
                    }
                    None => {
                        let here = sim.instances.values().filter(|_| !sim.is_elsewhere());
                        here.filter_map(|record| record.seen.seen(look)).filter(fits).cloned().collect()
                    }
                });
            }
            let missing: Vec<_> = query.ids.iter().filter(|id| seen(id).is_none()).cloned().collect();
            if !missing.is_empty() {
                return Err(SimError::instance_not_found(&missing));
            }
            let named = query.ids.iter().filter_map(seen);
            Ok(named.filter(|instance| accepts(&query.filters, instance.as_ref())).cloned().collect())
        })
    }

    /// During a zone's outage a list without ids fails as a whole, and so does one with ids of that zone.
    fn check_outage(&mut self, query: &Query) -> Outcome<()> {
        let Some(zone) = &self.settings.zone_outage else { return Ok(()) };
        let is_there = |id: &String| self.instance(id).is_some_and(|instance| instance.zone == *zone);
        if !query.ids.is_empty() && !query.ids.iter().any(is_there) {
            return Ok(());
        }
        self.history.count("zone outage");
        Err(SimError::new("Unavailable", "The service is unavailable. Please try again shortly."))
    }

    /// TerminateInstances. One id that is not known fails all of them; one that is protected fails the request, and all of
    /// its zone live on, while those of other zones are terminated (API reference, TerminateInstances).
    pub fn terminate_instances(&mut self, ids: &[String], now: Timestamp) -> Outcome<Vec<StateChange>> {
        self.advance(now);
        if ids.is_empty() {
            return Err(SimError::missing("InstanceId"));
        }
        let look = self.look(Path::Id);
        let is_seen = |id: &String| self.instances.get(id).is_some_and(|record| record.seen.seen(look).is_some());
        let is_known = |id: &&String| !self.is_elsewhere() && is_seen(id);
        let missing: Vec<_> = ids.iter().filter(|id| !is_known(id)).cloned().collect();
        if !missing.is_empty() {
            self.tell(format!("TerminateInstances {} refused: no {}", ids.join(" "), missing.join(" ")));
            return Err(SimError::instance_not_found(&missing));
        }
        let zone_of = |id: &String| self.instance(id).map(|instance| instance.zone.clone());
        let protected: Vec<&String> = ids.iter().filter(|id| self.is_protected(id)).collect();
        let spared: BTreeSet<_> = protected.iter().map(|id| zone_of(id)).collect();
        let ended: Vec<&String> = ids.iter().filter(|id| !spared.contains(&zone_of(id))).collect();
        let refusal = protected.first().map(|id| {
            let message = format!(
                "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try \
                 again."
            );
            SimError::new("OperationNotPermitted", message)
        });
        if let Some(refusal) = &refusal {
            self.tell(format!("TerminateInstances {} refused: {}", ids.join(" "), refusal.code));
        } else {
            self.tell(format!("TerminateInstances {}", ids.join(" ")));
        }
        let reason = StateReason { code: "Client.UserInitiatedShutdown", message: "User initiated shutdown".into() };
        let changes = ended.into_iter().filter_map(|id| self.terminate_one(id, reason.clone())).collect();
        refusal.map_or(Ok(changes), Err)
    }

    /// Truth: whether no call can terminate it.
    pub fn is_protected(&self, id: &str) -> bool {
        let lives = |instance: Arc<Instance>| {
            !matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated)
        };
        self.instances.get(id).is_some_and(|record| record.is_protected) && self.instance(id).is_some_and(lives)
    }

    fn terminate_one(&mut self, id: &str, reason: StateReason) -> Option<StateChange> {
        let instance = self.instance(id)?;
        self.touch(instance.origin, || format!("TerminateInstances {id}"));
        self.stop_towards(id, InstanceState::ShuttingDown, reason);
        let current = self.instance(id)?.state;
        Some(StateChange { id: id.into(), previous: instance.state, current })
    }

    /// Begins the way to `terminated` (by `ShuttingDown`) or `stopped` (by `Stopping`).
    pub(crate) fn stop_towards(&mut self, id: &str, towards: InstanceState, reason: StateReason) {
        let Some(instance) = self.instance(id) else { return };
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return;
        }
        self.update(id, |instance| {
            instance.state = towards;
            instance.state_reason = Some(reason);
        });
        let has_machine = self.instances.get(id).is_some_and(|record| record.has_machine);
        if self.settings.machines == Machines::Driven {
            if has_machine {
                self.changes.push(Change::Stop { id: id.into() });
            } else {
                self.after(0, Event::Stopped(id.into()));
            }
        } else {
            let stop = self.settings.stop.draw(&mut self.chance.times);
            self.after(stop, Event::Stopped(id.into()));
        }
    }

    /// The instance shut itself down; what follows is its `InstanceInitiatedShutdownBehavior`.
    pub fn guest_shutdown(&mut self, id: &str, now: Timestamp) {
        self.advance(now);
        let Some(instance) = self.instance(id).filter(|instance| !instance.state.is_dead()) else { return };
        self.tell(format!("{id} shuts itself down"));
        let reason =
            StateReason { code: "Client.InstanceInitiatedShutdown", message: "Instance initiated shutdown".into() };
        let towards = match instance.shutdown {
            Shutdown::Terminate => InstanceState::ShuttingDown,
            Shutdown::Stop => InstanceState::Stopping,
        };
        self.stop_towards(id, towards, reason);
    }

    /// A driven machine is gone. One that nobody stopped counts as having shut itself down.
    pub fn machine_stopped(&mut self, id: &str, now: Timestamp) {
        if let Some(record) = self.instances.get_mut(id) {
            record.has_machine = false;
        }
        self.guest_shutdown(id, now);
        self.happen(Event::Stopped(id.into()));
    }

    /// A driven machine could not run; EC2 calls it its own failure.
    pub fn machine_failed(&mut self, id: &str, why: &str, now: Timestamp) {
        self.advance(now);
        if let Some(record) = self.instances.get_mut(id) {
            record.has_machine = false;
        }
        let reason = StateReason { code: "Server.InternalError", message: format!("Internal error on launch: {why}") };
        self.stop_towards(id, InstanceState::ShuttingDown, reason);
        self.happen(Event::Stopped(id.into()));
    }

    /// What the instance printed so far.
    pub fn set_console(&mut self, id: &str, text: String, now: Timestamp) {
        self.advance(now);
        let (now, lag) = (self.now, self.settings.console_lag_millis);
        let Some(record) = self.instances.get_mut(id) else { return };
        if record.console.last().is_some_and(|(_, last)| *last == text) {
            return;
        }
        let shown = record.console.iter().rposition(|(at, _)| age_millis(*at, now) >= lag);
        record.console.drain(..shown.unwrap_or(0));
        record.console.push((now, text));
    }

    /// GetConsoleOutput. `latest` is refused on types that are not Nitro.
    pub fn console_output(&mut self, id: &str, latest: bool, now: Timestamp) -> Outcome<Console> {
        self.advance(now);
        let not_found = || SimError::instance_not_found(&[id.to_owned()]);
        let look = self.look(Path::Id);
        let record = self.instances.get(id).filter(|_| !self.is_elsewhere()).ok_or_else(not_found)?;
        let instance = record.seen.seen(look).ok_or_else(not_found)?;
        let hypervisor = catalogue::instance_type(&instance.instance_type).map(|kind| kind.hypervisor);
        if latest && hypervisor != Some(Hypervisor::Nitro) {
            let message = "This instance type does not support retrieving the latest console logs.";
            return Err(SimError::new("UnsupportedOperation", message));
        }
        let lag = if latest { 0 } else { self.settings.console_lag_millis };
        let shown = record.console.iter().rev().find(|(at, _)| age_millis(*at, self.now) >= lag);
        Ok(Console {
            text: shown.map(|(_, text)| text.clone()),
            written_at: shown.map_or(instance.launched_at, |(at, _)| *at),
        })
    }

    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::Boot(id) => self.boot(&id),
            Event::Stillborn(id) => self.die_at_boot(&id),
            Event::Stopped(id) => self.come_to_rest(&id),
            Event::FieldsFade(id) => self.update(&id, |instance| instance.network = None),
            Event::TagsFade(id) => self.update(&id, |instance| instance.tags.clear()),
            Event::Vanish(id) => {
                self.instances.remove(&id);
            }
            Event::InterfaceGone(id) => self.interface_gone(&id),
            Event::Hand => self.act_by_hand(),
            Event::Late(call) => call(self, self.now),
        }
    }

    fn boot(&mut self, id: &str) {
        let Some(instance) = self.instance(id).filter(|instance| instance.state == InstanceState::Pending) else {
            return;
        };
        self.update(&instance.id, |instance| instance.state = InstanceState::Running);
        self.tell(format!("{id} is running"));
        let is_driven = self.settings.machines == Machines::Driven;
        let Some(record) = self.instances.get_mut(id) else { return };
        record.has_machine = is_driven;
        let user_data = record.request.user_data.clone();
        if let Some(instance) = record.seen.truth().cloned() {
            self.changes.push(Change::Start(Box::new(MachineStart { instance, user_data })));
        }
    }

    fn die_at_boot(&mut self, id: &str) {
        let all: Vec<Stillbirth> = match &self.settings.stillborn_reasons {
            none if none.is_empty() => Stillbirth::ALL.to_vec(),
            some => some.iter().copied().collect(),
        };
        let why = all.choose(&mut self.chance.stillbirths).copied().unwrap_or(Stillbirth::ClientError);
        let reason = StateReason { code: why.code(), message: why.message().into() };
        self.stop_towards(id, InstanceState::ShuttingDown, reason);
        self.happen(Event::Stopped(id.into()));
    }

    fn come_to_rest(&mut self, id: &str) {
        match self.instance(id).map(|instance| instance.state) {
            Some(InstanceState::Stopping) => {
                self.update(id, |instance| instance.state = InstanceState::Stopped);
                self.tell(format!("{id} is stopped"));
            }
            Some(InstanceState::ShuttingDown) => self.terminated(id),
            _ => (),
        }
    }

    fn terminated(&mut self, id: &str) {
        let Some(instance) = self.instance(id) else { return };
        self.update(id, |instance| {
            instance.state = InstanceState::Terminated;
            instance.volumes.clear();
            if let Some(network) = &mut instance.network {
                network.public_address = None;
            }
        });
        self.tell(format!("{id} is terminated"));
        if instance.origin == crate::instance::Origin::Called {
            self.history.terminated += 1;
        }
        let counts_until = later(self.now, self.settings.quota_linger.draw(&mut self.chance.times));
        if let Some(record) = self.instances.get_mut(id) {
            record.counts_until = Some(counts_until);
        }
        if let Some(network) = &instance.network {
            self.detach(&network.interface_id);
        }
        self.release_volumes(id);
        let fades = self.settings.terminated;
        self.after(fades.fields_seconds.saturating_mul(1000), Event::FieldsFade(id.into()));
        self.after(fades.tags_seconds.saturating_mul(1000), Event::TagsFade(id.into()));
        self.after(fades.listed_seconds.saturating_mul(1000), Event::Vanish(id.into()));
    }
}

/// Which lag a list has: EC2 answers ids, tokens and everything else from different indexes.
fn path_of(query: &Query) -> Path {
    let has = |name: &str| query.filters.iter().any(|filter| filter.name == name);
    if !query.ids.is_empty() || has("instance-id") {
        Path::Id
    } else if has("client-token") {
        Path::Token
    } else {
        Path::Tag
    }
}

fn age_millis(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond() - at.as_millisecond()).unwrap_or(0)
}
