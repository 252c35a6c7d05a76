//! Targets: registered, taken out, shown with their health.

use std::collections::BTreeMap;

use planner::ports::{InstanceState, TargetState};

use super::Elb;
use super::health::{TargetKey, Use};
use super::state::{Event, TargetRecord};
use super::target::{Health, Registration, TargetHealth};
use super::target_group::TargetGroup;
use super::validation::invalid;
use crate::engine::error::{Outcome, SimError};
use crate::engine::visibility::{Path, Versions};

/// Targets of one target group (user guide, "Quotas for your Application Load Balancers").
const TARGETS: usize = 1000;

impl Elb<'_> {
    /// RegisterTargets. All of them or none: each must run, as far as ELBv2 sees it. One that is registered stays as it
    /// is, and one that is draining serves again.
    pub fn register_targets(&mut self, group_arn: &str, instance_ids: &[String]) -> Outcome<()> {
        let outcome = self.register_all(group_arn, instance_ids);
        let ids = instance_ids.join(" ");
        match &outcome {
            Ok(()) => self.engine.tell(format!("RegisterTargets {ids} with {group_arn}")),
            Err(error) => self.engine.tell(format!("RegisterTargets {ids} refused: {error}")),
        }
        outcome
    }

    fn register_all(&mut self, group_arn: &str, instance_ids: &[String]) -> Outcome<()> {
        let group = self.changed_group(group_arn)?;
        if instance_ids.is_empty() {
            return Err(invalid("At least one target must be specified"));
        }
        let mut found = Vec::new();
        for id in instance_ids {
            found.push((id.clone(), self.zone_of_target(id, &group)?));
        }
        let is_there = |id: &str| self.registration(&(group_arn.to_owned(), id.to_owned())).is_some();
        let there = self.state.records_of(group_arn).filter(|(_, record)| record.seen.truth().is_some()).count();
        if there + found.iter().filter(|(id, _)| !is_there(id)).count() > TARGETS {
            return Err(SimError::new("TooManyTargets", "The maximum number of targets has been reached"));
        }
        self.engine.touch(group.origin, || format!("RegisterTargets {}", group.name));
        for (id, zone) in found {
            self.register(group_arn, id, zone);
        }
        Ok(())
    }

    /// The zone of an instance that may become a target (API reference, RegisterTargets: `running`, in the VPC).
    fn zone_of_target(&mut self, id: &str, group: &TargetGroup) -> Outcome<String> {
        let wrong = |message: String| SimError::new("InvalidTarget", message);
        let Some(instance) = self.ec2().shown_instance(id) else {
            return Err(wrong(format!("Instance ID '{id}' is not valid")));
        };
        if instance.state != InstanceState::Running {
            let message = format!("The following targets are not in a running state and cannot be registered: '{id}'");
            return Err(wrong(message));
        }
        let vpc_id = instance.network.as_ref().map(|network| &network.vpc_id);
        if vpc_id != Some(&group.vpc_id) {
            return Err(wrong(format!("The following targets are not in the VPC '{}': '{id}'", group.vpc_id)));
        }
        Ok(instance.zone.clone())
    }

    fn register(&mut self, group_arn: &str, instance_id: String, zone: String) {
        let key: TargetKey = (group_arn.to_owned(), instance_id.clone());
        if self.registration(&key).is_some_and(|truth| truth.health != Health::Draining) {
            return;
        }
        let registration = Registration { instance_id, zone, health: Health::Initial };
        let (now, lag, number) = (self.engine.now(), self.draw_lag(), self.engine.next_entry());
        match self.state.targets.get_mut(&key) {
            Some(record) => {
                record.seen.push(Some(registration), now, lag);
                record.tallies.clear();
                (record.is_checking, record.flaps_until, record.number) = (false, None, number);
            }
            None => {
                let record = TargetRecord {
                    seen: Versions::new(registration, now, lag),
                    tallies: BTreeMap::new(),
                    is_checking: false,
                    flaps_until: None,
                    number,
                };
                self.state.targets.insert(key.clone(), record);
            }
        }
        self.state.version += 1;
        self.look_at(&key);
        // ELBv2 may have seen it run although it runs no more.
        let is_running = self.ec2.instance(&key.1).is_some_and(|one| one.state == InstanceState::Running);
        if !is_running {
            self.set_health(&key, Health::InvalidState("terminated"));
        }
    }

    /// DeregisterTargets. Those that are not registered are no error (API reference, DeregisterTargets).
    pub fn deregister_targets(&mut self, group_arn: &str, instance_ids: &[String]) -> Outcome<()> {
        let group = self.changed_group(group_arn)?;
        if instance_ids.is_empty() {
            return Err(invalid("At least one target must be specified"));
        }
        self.engine.touch(group.origin, || format!("DeregisterTargets {}", group.name));
        self.engine.tell(format!("DeregisterTargets {} of {}", instance_ids.join(" "), group.name));
        for id in instance_ids {
            self.drain(&group, (group_arn.to_owned(), id.clone()));
        }
        Ok(())
    }

    /// It is shown as draining for the whole delay, also when it has nothing to finish (user guide, "Deregistration
    /// delay"); one that never got traffic goes at once.
    pub(super) fn drain(&mut self, group: &TargetGroup, key: TargetKey) {
        let Some(truth) = self.registration(&key).filter(|truth| truth.health != Health::Draining) else { return };
        let gets_traffic = self.use_of(&key.0, &truth.zone) == Use::Routed;
        if !gets_traffic || matches!(truth.health, Health::InvalidState(_)) {
            return self.remove_target(&key);
        }
        self.set_health(&key, Health::Draining);
        let number = self.state.targets.get(&key).map_or(0, |record| record.number);
        self.after(group.deregistration_delay_seconds() * 1000, Event::Drained { target: key, number });
    }

    pub(super) fn drained(&mut self, key: &TargetKey, number: u64) {
        let is_same = self.state.targets.get(key).is_some_and(|record| record.number == number);
        if is_same && self.registration(key).is_some_and(|truth| truth.health == Health::Draining) {
            self.remove_target(key);
        }
    }

    pub(super) fn remove_target(&mut self, key: &TargetKey) {
        let (now, lag) = (self.engine.now(), self.draw_lag());
        if let Some(record) = self.state.targets.get_mut(key).filter(|record| record.seen.truth().is_some()) {
            record.seen.push(None, now, lag);
            self.state.version += 1;
        }
    }

    /// The target group that a call changes: one that it sees, and that is there.
    fn changed_group(&mut self, arn: &str) -> Outcome<TargetGroup> {
        let view = self.read_view(Path::Id);
        self.shown_target_group(arn, view)?;
        let truth = self.state.target_group(arn).map(|group| TargetGroup::clone(group));
        truth.ok_or_else(super::target_groups::group_not_found)
    }

    /// DescribeTargetHealth: of all targets, or of those that are named.
    pub fn describe_target_health(&mut self, group_arn: &str, instance_ids: &[String]) -> Outcome<Vec<TargetHealth>> {
        let view = self.read_view(Path::Id);
        let group = self.shown_target_group(group_arn, view)?;
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.targets.retain(|_, record| !record.seen.is_forgotten(forgotten_at));
        let seen: Vec<Registration> = {
            let records = self.state.records_of(group_arn).filter_map(|(_, record)| record.seen.seen(view));
            records.map(|registration| Registration::clone(registration)).collect()
        };
        let registered: Vec<TargetHealth> = seen.iter().map(|one| self.health_of(&group, one)).collect();
        if instance_ids.is_empty() {
            return Ok(self.engine.shuffled(registered));
        }
        let named = |id: &String| {
            let found = registered.iter().find(|one| one.instance_id == *id).cloned();
            let reason = ("Target.NotRegistered", "Target is not registered to the target group");
            found.unwrap_or_else(|| shown(&group, id, TargetState::Unused, Some(reason)))
        };
        Ok(instance_ids.iter().map(named).collect())
    }

    fn health_of(&self, group: &TargetGroup, target: &Registration) -> TargetHealth {
        let id = &target.instance_id;
        let state = |state, reason, description: &str| shown(group, id, state, Some((reason, description)));
        match (&target.health, self.use_of(&group.arn, &target.zone)) {
            (Health::Draining, _) => {
                let text = "Target deregistration is in progress";
                state(TargetState::Draining, "Target.DeregistrationInProgress", text)
            }
            (Health::InvalidState(of), _) => {
                let text = format!("Target is in the {of} state");
                state(TargetState::Unused, "Target.InvalidState", &text)
            }
            (_, Use::Unnamed) => {
                let text = "Target group is not configured to receive traffic from the load balancer";
                state(TargetState::Unused, "Target.NotInUse", text)
            }
            (_, Use::ZoneNotEnabled) => {
                let text = "Target is in an Availability Zone that is not enabled for the load balancer";
                state(TargetState::Unused, "Target.NotInUse", text)
            }
            (_, Use::NotRouting) => {
                let text = "Target registration is in progress";
                state(TargetState::Initial, "Elb.RegistrationInProgress", text)
            }
            (Health::Initial, Use::Routed) => {
                let text = "Initial health checks in progress";
                state(TargetState::Initial, "Elb.InitialHealthChecking", text)
            }
            (Health::Healthy, Use::Routed) => shown(group, id, TargetState::Healthy, None),
            (Health::Unhealthy(failure), Use::Routed) => {
                state(TargetState::Unhealthy, failure.reason(), &failure.description())
            }
        }
    }
}

fn shown(group: &TargetGroup, id: &str, state: TargetState, why: Option<(&str, &str)>) -> TargetHealth {
    let (reason, description) = why.map(|(reason, text)| (reason.to_owned(), text.to_owned())).unzip();
    TargetHealth { instance_id: id.to_owned(), port: group.port, state, reason, description }
}
