//! Everything that a launch names, looked up and checked.

use planner::ports::{Burstable, InstanceType};

use crate::ec2::Ec2;
use crate::ec2::group::group_not_found;
use crate::ec2::images::Image;
use crate::ec2::instance::{GroupName, RunInstances};
use crate::ec2::instance_types;
use crate::ec2::network::Subnet;
use crate::ec2::profile;
use crate::ec2::volume::check_volumes;
use crate::engine::error::{Outcome, SimError};
use crate::engine::visibility::Path;
use crate::settings::Plan;

/// A launch whose request was found good.
pub(super) struct ResolvedLaunch {
    pub(super) kind: InstanceType,
    pub(super) image: Image,
    pub(super) subnet: Subnet,
    pub(super) groups: Vec<GroupName>,
    pub(super) public_address: bool,
}

impl Ec2<'_> {
    pub(super) fn resolve(&mut self, kind: InstanceType, request: &RunInstances) -> Outcome<ResolvedLaunch> {
        let images = &self.state.network.images;
        let image = images.iter().find(|image| image.id == request.image_id).ok_or_else(|| {
            SimError::new("InvalidAMIID.NotFound", format!("The image id '[{}]' does not exist", request.image_id))
        })?;
        if image.architecture != kind.architecture {
            return Err(SimError::value(format!(
                "The architecture '{}' of the specified instance type does not match the architecture '{}' of the \
                 specified AMI.",
                kind.architecture.name(),
                image.architecture.name()
            )));
        }
        let subnet = self.subnet_of(request)?;
        if !instance_types::is_offered(&kind.name, &subnet.zone) {
            let message = format!(
                "Your requested instance type ({}) is not supported in your requested Availability Zone ({}).",
                kind.name, subnet.zone
            );
            return Err(SimError::new("Unsupported", message));
        }
        if self.settings.plan == Plan::Free && !kind.free_tier {
            return Err(SimError::combination("The specified instance type is not eligible for Free Tier."));
        }
        if request.cpu_credits.is_some() && kind.burstable == Burstable::No {
            let message = format!("The {} instance type does not support CPU credits.", kind.name);
            return Err(SimError::combination(message));
        }
        let image = image.clone();
        check_volumes(&image, request)?;
        profile::check(self.settings, request)?;
        self.check_tag_policy(request)?;
        let groups = self.groups_of(request, &subnet)?;
        let associate = request.interface.as_ref().and_then(|interface| interface.associate_public_address);
        let public_address = associate.unwrap_or(subnet.maps_public);
        Ok(ResolvedLaunch { kind, image, subnet, groups, public_address })
    }

    /// An enforced tag policy looks at each kind of resource that it names.
    fn check_tag_policy(&self, request: &RunInstances) -> Outcome<()> {
        let Some(key) = &self.settings.required_tag else { return Ok(()) };
        if ["instance", "volume"].into_iter().all(|kind| request.tags_of(kind).contains_key(key)) {
            return Ok(());
        }
        let message = format!("The resource is missing the tag key(s) '{key}' specified by the tag policy.");
        Err(SimError::new("TagPolicyViolation", message))
    }

    pub(crate) fn subnet_of(&self, request: &RunInstances) -> Outcome<Subnet> {
        let subnets = self.subnets_now();
        if let Some(id) = request.wanted_subnet() {
            let subnet = subnets.into_iter().find(|subnet| subnet.id == id).ok_or_else(|| {
                SimError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
            })?;
            if subnet.cidr.is_none() {
                // No page of AWS has the code for it; a request for IPv4 addresses is the caller's mistake.
                return Err(SimError::combination(format!("The subnet {id} has no IPv4 CIDR block.")));
            }
            return Ok(subnet);
        }
        let in_zone = |subnet: &&Subnet| request.zone.as_ref().is_none_or(|zone| *zone == subnet.zone);
        let mut defaults = subnets.iter().filter(|subnet| subnet.default_for_zone).filter(in_zone);
        defaults.next().cloned().ok_or_else(|| {
            SimError::new("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
        })
    }

    /// Groups are looked up as a reader sees them: one that was just made may not be there yet.
    pub(super) fn groups_of(&mut self, request: &RunInstances, subnet: &Subnet) -> Outcome<Vec<GroupName>> {
        let view = self.read_view(Path::Id);
        let ids = request.interface.as_ref().map_or(&request.group_ids, |interface| &interface.group_ids);
        if ids.is_empty() {
            return Ok(self
                .state
                .default_group(&subnet.vpc_id)
                .map(|group| GroupName { id: group.id.clone(), name: group.name.clone() })
                .into_iter()
                .collect());
        }
        let mut groups = Vec::new();
        for id in ids {
            let record = self.state.groups.get(id).and_then(|record| record.seen(view).and(record.truth()));
            let group = record.ok_or_else(|| group_not_found(id))?;
            if group.vpc_id != subnet.vpc_id {
                let message = format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
                return Err(SimError::new("InvalidParameter", message));
            }
            groups.push(GroupName { id: id.clone(), name: group.name.clone() });
        }
        Ok(groups)
    }
}
