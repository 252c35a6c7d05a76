//! Instances after their launch: listed, terminated, booted, faded.

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::ports::InstanceState;
use rand::seq::IndexedRandom;

use super::Ec2;
use super::instance::{Instance, StateChange, StateReason, instance_not_found};
use super::state::{Change, Event, MachineStart};
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Page, Query, accepts, check};
use crate::engine::visibility::{Path, later};
use crate::settings::{BootFailure, Machines};

impl Ec2<'_> {
    /// Changes an instance as `change` says.
    pub(super) fn update(&mut self, id: &str, change: impl FnOnce(&mut Instance)) {
        let lag = self.draw_lag();
        let Some(record) = self.state.instances.get_mut(id) else { return };
        let Some(truth) = record.seen.truth() else { return };
        let mut changed = Instance::clone(truth);
        change(&mut changed);
        if changed.tags != truth.tags {
            self.state.index.add_tags(id, &changed.tags);
        }
        if changed.state != truth.state {
            self.state.moved.push(id.to_owned());
        }
        record.seen.push(Some(changed), self.engine.now(), lag);
    }

    /// DescribeInstances.
    pub fn describe_instances(&mut self, query: &Query) -> Outcome<Page<Arc<Instance>>> {
        if !query.ids.is_empty() && query.page.max_results.is_some() {
            let message = "The parameter instancesSet cannot be used with the parameter maxResults";
            return Err(SimError::combination(message));
        }
        check::<Instance>(&query.filters)?;
        self.check_outage(query)?;
        let view = self.read_view(path_of(query));
        self.list(query, |sim, query| {
            let record = |id: &str| sim.state.instances.get(id).filter(|_| !sim.is_elsewhere());
            let seen = |id: &String| record(id).and_then(|record| record.seen.seen(view));
            if query.ids.is_empty() {
                let fits = |instance: &&Arc<Instance>| accepts(&query.filters, instance.as_ref());
                return Ok(match sim.state.index.candidates(&query.filters, "instance-id") {
                    Some(ids) => {
                        let found = ids.into_iter().filter_map(|id| record(id)?.seen.seen(view));
                        found.filter(fits).cloned().collect()
                    }
                    None => {
                        let here = sim.state.instances.values().filter(|_| !sim.is_elsewhere());
                        here.filter_map(|record| record.seen.seen(view)).filter(fits).cloned().collect()
                    }
                });
            }
            let missing: Vec<_> = query.ids.iter().filter(|id| seen(id).is_none()).cloned().collect();
            if !missing.is_empty() {
                return Err(instance_not_found(&missing));
            }
            let named = query.ids.iter().filter_map(seen);
            Ok(named.filter(|instance| accepts(&query.filters, instance.as_ref())).cloned().collect())
        })
    }

    /// During a zone's outage a list without ids fails as a whole, and so does one with ids of that zone.
    fn check_outage(&mut self, query: &Query) -> Outcome<()> {
        let Some(zone) = &self.settings.zone_outage else { return Ok(()) };
        let is_there = |id: &String| self.state.instance(id).is_some_and(|instance| instance.zone == *zone);
        if !query.ids.is_empty() && !query.ids.iter().any(is_there) {
            return Ok(());
        }
        self.engine.count("zone outage");
        Err(SimError::unavailable())
    }

    /// TerminateInstances. One id that is not known fails all of them; one that is protected fails the request, and all of
    /// its zone live on, while those of other zones are terminated (API reference, TerminateInstances).
    pub fn terminate_instances(&mut self, ids: &[String]) -> Outcome<Vec<StateChange>> {
        self.check_known("TerminateInstances", ids)?;
        let zone_of = |id: &String| self.state.instance(id).map(|instance| instance.zone.clone());
        let protected: Vec<&String> = ids.iter().filter(|id| self.state.is_protected(id)).collect();
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
            self.engine.tell(format!("TerminateInstances {} refused: {}", ids.join(" "), refusal.code));
        } else {
            self.engine.tell(format!("TerminateInstances {}", ids.join(" ")));
        }
        let changes = ended.into_iter().filter_map(|id| self.terminate_one(id, StateReason::by_a_user())).collect();
        refusal.map_or(Ok(changes), Err)
    }

    /// All ids are given and known; the refusal is told as that of the call.
    pub(super) fn check_known(&mut self, call: &str, ids: &[String]) -> Outcome<()> {
        if ids.is_empty() {
            return Err(SimError::missing("InstanceId"));
        }
        let view = self.read_view(Path::Id);
        let is_seen = |id: &String| self.state.instances.get(id).is_some_and(|record| record.seen.seen(view).is_some());
        let missing: Vec<_> = ids.iter().filter(|id| self.is_elsewhere() || !is_seen(id)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.engine.tell(format!("{call} {} refused: no {}", ids.join(" "), missing.join(" ")));
        Err(instance_not_found(&missing))
    }

    fn terminate_one(&mut self, id: &str, reason: StateReason) -> Option<StateChange> {
        let instance = self.state.instance(id)?;
        self.engine.touch(instance.origin, || format!("TerminateInstances {id}"));
        self.stop_towards(id, InstanceState::ShuttingDown, reason);
        let current = self.state.instance(id)?.state;
        Some(StateChange { id: id.into(), previous: instance.state, current })
    }

    /// Begins the way to `terminated` (by `ShuttingDown`) or `stopped` (by `Stopping`).
    pub(crate) fn stop_towards(&mut self, id: &str, towards: InstanceState, reason: StateReason) {
        let Some(instance) = self.state.instance(id) else { return };
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return;
        }
        self.update(id, |instance| {
            instance.state = towards;
            instance.state_reason = Some(reason);
        });
        let has_machine = self.state.instances.get(id).is_some_and(|record| record.has_machine);
        if self.settings.machines == Machines::Driven {
            if has_machine {
                self.state.changes.push(Change::Stop { id: id.into() });
            } else {
                self.after(0, Event::Stopped(id.into()));
            }
        } else {
            let stop = self.settings.stop.draw(&mut self.state.random.times);
            self.after(stop, Event::Stopped(id.into()));
        }
    }

    /// Makes happen what is first on the agenda.
    pub(crate) fn happen_first(&mut self) {
        if let Some(event) = self.state.agenda.take_first() {
            self.happen(event);
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Boot { id, restarts } if self.is_start(&id, restarts) => self.boot(&id),
            Event::FailAtBoot { id, restarts } if self.is_start(&id, restarts) => self.fail_at_boot(&id),
            Event::Boot { .. } | Event::FailAtBoot { .. } => (),
            Event::Stopped(id) => self.come_to_rest(&id),
            Event::FieldsFade(id) => self.update(&id, |instance| instance.network = None),
            Event::TagsFade(id) => self.update(&id, |instance| instance.tags.clear()),
            Event::Vanish(id) => {
                self.state.instances.remove(&id);
                self.state.moved.push(id);
            }
            Event::InterfaceGone(id) => self.interface_gone(&id),
            Event::ManualChange => self.make_manual_change(),
        }
    }

    pub(super) fn runs(&mut self, id: &str) {
        self.update(id, |instance| instance.state = InstanceState::Running);
        if let Some(record) = self.state.instances.get_mut(id) {
            record.running_since = Some(self.engine.now());
        }
    }

    /// Whether it is pending, and since that start.
    fn is_start(&self, id: &str, restarts: u32) -> bool {
        let is_pending = self.state.instance(id).is_some_and(|instance| instance.state == InstanceState::Pending);
        is_pending && self.state.instances.get(id).is_some_and(|record| record.restarts == restarts)
    }

    fn boot(&mut self, id: &str) {
        self.runs(id);
        self.engine.tell(format!("{id} is running"));
        let is_driven = self.settings.machines == Machines::Driven;
        let Some(record) = self.state.instances.get_mut(id) else { return };
        record.has_machine = is_driven;
        let user_data = record.request.user_data.clone();
        if let Some(instance) = record.seen.truth().cloned() {
            self.state.changes.push(Change::Start(Box::new(MachineStart { instance, user_data })));
        }
    }

    fn fail_at_boot(&mut self, id: &str) {
        let all: Vec<BootFailure> = match &self.settings.boot_failures {
            none if none.is_empty() => BootFailure::ALL.to_vec(),
            some => some.iter().copied().collect(),
        };
        let why = all.choose(&mut self.state.random.boot_failures).copied().unwrap_or(BootFailure::ClientError);
        let reason = StateReason { code: why.code(), message: why.message().into() };
        self.stop_towards(id, self.after_failed_boot(id), reason);
        self.happen(Event::Stopped(id.into()));
    }

    /// The way of an instance that does not come up: one that ran before is stopped again, from `pending` (AWS re:Post, "Why
    /// does my EC2 instance change from pending to stopped when I try to start it?"), a new one is terminated.
    pub(super) fn after_failed_boot(&self, id: &str) -> InstanceState {
        let is_restarted = self.state.instances.get(id).is_some_and(|record| record.restarts > 0);
        if is_restarted { InstanceState::Stopping } else { InstanceState::ShuttingDown }
    }

    fn come_to_rest(&mut self, id: &str) {
        match self.state.instance(id).map(|instance| instance.state) {
            Some(InstanceState::Stopping) => {
                self.update(id, |instance| instance.state = InstanceState::Stopped);
                self.give_back_public_address(id);
                self.engine.tell(format!("{id} is stopped"));
            }
            Some(InstanceState::ShuttingDown) => self.terminated(id),
            _ => (),
        }
    }

    fn terminated(&mut self, id: &str) {
        let Some(instance) = self.state.instance(id) else { return };
        let now = self.engine.now();
        self.update(id, |instance| {
            instance.state = InstanceState::Terminated;
            instance.ended_at = Some(now);
            instance.volumes.clear();
            if let Some(network) = &mut instance.network {
                network.public_address = None;
            }
        });
        self.engine.tell(format!("{id} is terminated"));
        if instance.origin == Origin::Called {
            self.state.terminated += 1;
        }
        let counts_until = later(self.engine.now(), self.settings.quota_linger.draw(&mut self.state.random.times));
        if let Some(record) = self.state.instances.get_mut(id) {
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

/// The lag that a list has: EC2 answers ids, tokens and everything else from different indexes.
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
