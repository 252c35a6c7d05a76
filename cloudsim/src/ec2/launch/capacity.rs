//! Limits that a launch meets: quota, addresses, capacity of the zone.

use planner::ports::InstanceState;
use rand::RngExt;

use super::resolve::ResolvedLaunch;
use crate::ec2::Ec2;
use crate::ec2::instance::{Instance, RunInstances};
use crate::ec2::network::Subnet;
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::visibility::Versions;

impl Ec2<'_> {
    /// The quota is of instances that run, or are on their way to or from it: stopped ones are not counted (EC2 user guide,
    /// "Amazon EC2 On-Demand instance quotas").
    pub(in crate::ec2) fn check_quota(&self, more: u32) -> Outcome<()> {
        let Some(quota) = self.settings.vcpu_quota else { return Ok(()) };
        let counted = self
            .state
            .instances
            .values()
            .filter(|record| record.counts_until.is_none_or(|end| self.engine.now() < end));
        let truths = counted.filter_map(|record| record.seen.truth()).filter(|one| one.origin == Origin::Called);
        let used: u32 = truths.filter(|one| one.state != InstanceState::Stopped).map(|instance| instance.vcpus).sum();
        if used + more <= quota {
            return Ok(());
        }
        let message = format!(
            "You have requested more vCPU capacity than your current vCPU limit of {quota} allows for the instance \
             bucket that the specified instance type belongs to."
        );
        Err(SimError::new("VcpuLimitExceeded", message))
    }

    /// The number of `min..=max` that can be had; all or nothing when both are the same.
    pub(super) fn count_that_fits(&mut self, launch: &ResolvedLaunch, request: &RunInstances) -> Outcome<u32> {
        self.check_quota(launch.kind.vcpus * request.min_count)?;
        let addresses = self.free_addresses(&launch.subnet);
        if addresses < request.min_count {
            let message = format!(
                "There are not enough free addresses in subnet '{}' to satisfy the requested number of instances.",
                launch.subnet.id
            );
            return Err(SimError::new("InsufficientFreeAddressesInSubnet", message));
        }
        let room = self.room_for(&launch.kind.name, &launch.subnet.zone, request.min_count)?;
        let fits_quota = |count: &u32| self.check_quota(launch.kind.vcpus * *count).is_ok();
        let most = request.max_count.min(room).min(addresses);
        Ok((request.min_count..=most).rev().find(fits_quota).unwrap_or(request.min_count))
    }

    /// The rest of a capacity pool, which is at least `least`.
    pub(in crate::ec2) fn room_for(&mut self, instance_type: &str, zone: &str, least: u32) -> Outcome<u32> {
        if self.settings.zone_outage.as_deref() == Some(zone) {
            self.engine.count("zone outage");
            return Err(SimError::unavailable());
        }
        let rate = self.settings.no_capacity_per_mille;
        let is_sold_out = rate > 0 && self.state.random.launches.random_range(0..1000) < rate;
        if is_sold_out {
            self.engine.count("no capacity");
        }
        let room = if is_sold_out { 0 } else { self.room(instance_type, zone) };
        if room < least {
            let message = format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested \
                 ({zone})."
            );
            // A server error, which is why the operator's own retries are off for it.
            return Err(SimError::new("InsufficientInstanceCapacity", message).with_status(500));
        }
        Ok(room)
    }

    /// The rest of a capacity pool. Instances hold their place until they are stopped or terminated.
    fn room(&self, instance_type: &str, zone: &str) -> u32 {
        let mut pools = self.settings.capacity.iter();
        let pool = pools.find(|pool| pool.instance_type == instance_type && pool.zone == zone);
        let Some(size) = pool.map(|pool| pool.count).or(self.settings.pool_capacity) else { return u32::MAX };
        let live = self.state.live_instances();
        let holds = |one: &Instance| {
            one.state != InstanceState::Stopped && one.instance_type == instance_type && one.zone == zone
        };
        let used = live.iter().filter(|one| holds(one)).count();
        size.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    pub(crate) fn free_addresses(&self, subnet: &Subnet) -> u32 {
        let interfaces = self.state.interfaces.values().filter_map(Versions::truth);
        let used = interfaces.filter(|interface| interface.subnet_id == subnet.id).count();
        let size = subnet.usable_addresses().min(self.settings.subnet_addresses.unwrap_or(u32::MAX));
        size.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }
}
