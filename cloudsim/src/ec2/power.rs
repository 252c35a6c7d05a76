//! StartInstances and StopInstances: an instance keeps its id, its volumes and its private address, and loses its public one.
//!
//! What is not simulated is refused where it is said: hibernation, and stops without a shutdown.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use planner::ports::InstanceState;

use super::Ec2;
use super::instance::{NetworkInterface, StateChange, StateReason};
use crate::engine::error::{Outcome, SimError};

impl Ec2<'_> {
    /// StartInstances. One that runs or is about to is left as it is. All or none, which no page of AWS says of it: one that
    /// is not there, is not stopped yet (error codes: IncorrectInstanceState) or finds no capacity (EC2 user guide,
    /// "Insufficient instance capacity": a new instance, or a restart of a stopped one) fails all.
    pub fn start_instances(&mut self, ids: &[String]) -> Outcome<Vec<StateChange>> {
        use InstanceState::{Pending, Running, Stopped};
        self.check_known("StartInstances", ids)?;
        if let Some(id) = ids.iter().find(|id| !self.is_in(id, &[Stopped, Pending, Running])) {
            return Err(incorrect(format!("The instance '{id}' is not in a state from which it can be started.")));
        }
        self.check_room(ids)?;
        self.engine.tell(format!("StartInstances {}", ids.join(" ")));
        Ok(ids.iter().filter_map(|id| self.start_one(id)).collect())
    }

    pub(super) fn start_one(&mut self, id: &str) -> Option<StateChange> {
        let instance = self.state.instance(id)?;
        let previous = instance.state;
        self.engine.touch(instance.origin, || format!("StartInstances {id}"));
        if previous == InstanceState::Stopped {
            let record = self.state.instances.get_mut(id)?;
            record.restarts += 1;
            let (restarts, last) = (record.restarts, record.last_public);
            let private = instance.network.as_ref().map(|network| network.private_address);
            let public = private.zip(last).map(|(private, last)| self.public_twin(private, Some(last)));
            let now = self.engine.now();
            self.update(id, |instance| {
                (instance.state, instance.state_reason) = (InstanceState::Pending, None);
                instance.launched_at = now;
            });
            self.set_public_address(id, public);
            self.expect_boot(id, restarts);
        }
        Some(StateChange { id: id.into(), previous, current: self.state.instance(id)?.state })
    }

    /// StopInstances. One that is stopped or about to be is left as it is. Termination protection does not hold it up: stop
    /// protection is an attribute of its own (EC2 user guide, "Enable stop protection"). One that never ran cannot be stopped
    /// (cloud-custodian#6014, flatcar/mantle#315).
    pub fn stop_instances(&mut self, ids: &[String]) -> Outcome<Vec<StateChange>> {
        use InstanceState::{Pending, Running, Stopped, Stopping};
        self.check_known("StopInstances", ids)?;
        let never_ran = |id: &&String| self.is_in(id, &[Pending]) && self.state.running_since(id).is_none();
        if let Some(id) = ids.iter().find(never_ran) {
            let message = format!("Instance '{id}' cannot be stopped as it has never reached the 'running' state.");
            return Err(incorrect(message));
        }
        if let Some(id) = ids.iter().find(|id| !self.is_in(id, &[Pending, Running, Stopping, Stopped])) {
            return Err(incorrect(format!("This instance '{id}' is not in a state from which it can be stopped.")));
        }
        self.engine.tell(format!("StopInstances {}", ids.join(" ")));
        Ok(ids.iter().filter_map(|id| self.stop_one(id)).collect())
    }

    fn stop_one(&mut self, id: &str) -> Option<StateChange> {
        let instance = self.state.instance(id)?;
        let previous = instance.state;
        self.engine.touch(instance.origin, || format!("StopInstances {id}"));
        if matches!(previous, InstanceState::Pending | InstanceState::Running) {
            self.stop_towards(id, InstanceState::Stopping, StateReason::by_a_user());
        }
        Some(StateChange { id: id.into(), previous, current: self.state.instance(id)?.state })
    }

    /// A public address is given back when its instance stops, and there is another one when it starts (EC2 user guide,
    /// "Amazon EC2 instance IP addressing").
    pub(super) fn give_back_public_address(&mut self, id: &str) {
        let Some(network) = self.state.instance(id).and_then(|instance| instance.network.clone()) else { return };
        if network.public_address.is_some() {
            if let Some(record) = self.state.instances.get_mut(id) {
                record.last_public = network.public_address;
            }
            self.set_public_address(id, None);
        }
    }

    fn set_public_address(&mut self, id: &str, address: Option<Ipv4Addr>) {
        let Some(network) = self.state.instance(id).and_then(|instance| instance.network.clone()) else { return };
        if network.public_address == address {
            return;
        }
        self.update(id, |instance| {
            if let Some(network) = &mut instance.network {
                network.public_address = address;
            }
        });
        let (now, lag) = (self.engine.now(), self.draw_lag());
        if let Some(record) = self.state.interfaces.get_mut(&network.interface_id) {
            let changed = record
                .truth()
                .map(|interface| NetworkInterface { public_address: address, ..NetworkInterface::clone(interface) });
            record.push(changed, now, lag);
        }
    }

    /// Quota and capacity for those of the instances that are stopped.
    fn check_room(&mut self, ids: &[String]) -> Outcome<()> {
        let all = ids.iter().filter_map(|id| self.state.instance(id));
        let stopped: Vec<_> = all.filter(|instance| instance.state == InstanceState::Stopped).collect();
        if stopped.is_empty() {
            return Ok(());
        }
        self.check_quota(stopped.iter().map(|instance| instance.vcpus).sum())?;
        let mut pools = BTreeMap::<_, u32>::new();
        for instance in &stopped {
            *pools.entry((instance.instance_type.as_str(), instance.zone.as_str())).or_default() += 1;
        }
        for ((instance_type, zone), count) in pools {
            self.room_for(instance_type, zone, count)?;
        }
        Ok(())
    }

    fn is_in(&self, id: &str, states: &[InstanceState]) -> bool {
        self.state.instance(id).is_some_and(|instance| states.contains(&instance.state))
    }
}

fn incorrect(message: String) -> SimError {
    SimError::new("IncorrectInstanceState", message)
}
