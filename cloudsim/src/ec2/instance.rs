//! Instances and their interfaces, and requests for them.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use planner::owner::Tags;
use planner::ports::{Architecture, InstanceState};

use crate::engine::audit::Origin;
use crate::engine::error::SimError;
use crate::engine::query::{Filtered, flag};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub id: String,
    pub origin: Origin,
    pub reservation_id: String,
    /// Position among the instances of its launch.
    pub launch_index: u32,
    pub state: InstanceState,
    pub state_reason: Option<StateReason>,
    pub token: Option<String>,
    pub instance_type: String,
    pub vcpus: u32,
    pub architecture: Architecture,
    pub image_id: String,
    pub root_device: String,
    pub zone: String,
    pub zone_id: String,
    /// Its last start (API reference, Instance: LaunchTime; EC2 user guide, "Stop and start Amazon EC2 instances").
    pub launched_at: Timestamp,
    /// When it was terminated. No call answers it: it is for judges.
    pub ended_at: Option<Timestamp>,
    pub shutdown: Shutdown,
    /// `required` (IMDSv2 only) or `optional`.
    pub http_tokens: String,
    /// Name of its instance profile.
    pub instance_profile: Option<String>,
    pub tags: Tags,
    /// Gone some time after the end.
    pub network: Option<Attached>,
    /// While it has them.
    pub volumes: Vec<InstanceVolume>,
}

/// A volume as its instance tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceVolume {
    pub device: String,
    pub volume_id: String,
    pub delete_on_termination: bool,
}

/// The network of an instance while it lives, which it loses gradually afterwards. A stopped one has no public address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub vpc_id: String,
    pub subnet_id: String,
    pub interface_id: String,
    pub private_address: Ipv4Addr,
    pub public_address: Option<Ipv4Addr>,
    pub groups: Vec<GroupName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateReason {
    pub code: &'static str,
    pub message: String,
}

impl StateReason {
    /// Somebody asked for the end or the stop (EC2 API reference, StateReason).
    pub(crate) fn by_a_user() -> Self {
        Self { code: "Client.UserInitiatedShutdown", message: "User initiated shutdown".into() }
    }
}

/// The effect of a shutdown from inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shutdown {
    /// EC2's default: the volumes go on costing.
    #[default]
    Stop,
    Terminate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    pub id: String,
    pub origin: Origin,
    pub vpc_id: String,
    pub subnet_id: String,
    pub zone: String,
    /// The primary one.
    pub private_address: Ipv4Addr,
    /// Further private ones, such as those of pods (EKS user guide, "Amazon VPC CNI").
    pub secondary_addresses: Vec<Ipv4Addr>,
    pub public_address: Option<Ipv4Addr>,
    pub groups: Vec<GroupName>,
    /// `None` once it is detached; it stays for a while all the same.
    pub instance_id: Option<String>,
    pub description: String,
    /// The service that made it and alone may delete it, such as `amazon-elb`: then it is requester-managed.
    pub requester_id: Option<String>,
    pub tags: Tags,
}

impl NetworkInterface {
    /// All private ones, the primary one first.
    pub fn private_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        std::iter::once(self.private_address).chain(self.secondary_addresses.iter().copied())
    }

    /// EC2's own name.
    pub fn status(&self) -> &'static str {
        if self.instance_id.is_some() || self.requester_id.is_some() { "in-use" } else { "available" }
    }
}

/// A change of state in the answer to TerminateInstances, StartInstances and StopInstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    pub id: String,
    pub previous: InstanceState,
    pub current: InstanceState,
}

/// The answer of GetConsoleOutput. `text` is `None` until something was printed and the lag has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    pub text: Option<String>,
    pub written_at: Timestamp,
}

/// A RunInstances request. Equal requests are the same launch when their tokens are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInstances {
    pub image_id: String,
    pub instance_type: String,
    pub min_count: u32,
    pub max_count: u32,
    pub client_token: Option<String>,
    /// Decoded.
    pub user_data: String,
    pub subnet_id: Option<String>,
    /// The zone of `Placement`.
    pub zone: Option<String>,
    pub group_ids: Vec<String>,
    /// The one interface that may be given; then neither `subnet_id` nor `group_ids` may.
    pub interface: Option<InterfaceRequest>,
    pub block_devices: Vec<BlockDevice>,
    /// (resource type, tags)
    pub tags: Vec<(String, Tags)>,
    /// `required` or `optional`.
    pub http_tokens: Option<String>,
    pub http_put_response_hop_limit: Option<u32>,
    /// Name of an instance profile.
    pub instance_profile: Option<String>,
    /// `standard` or `unlimited`.
    pub cpu_credits: Option<String>,
    pub shutdown: Shutdown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceRequest {
    pub device_index: u32,
    pub subnet_id: Option<String>,
    pub group_ids: Vec<String>,
    pub associate_public_address: Option<bool>,
    pub delete_on_termination: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockDevice {
    pub device_name: String,
    pub volume_type: Option<String>,
    pub size_gib: Option<u32>,
    pub encrypted: Option<bool>,
    pub delete_on_termination: Option<bool>,
    /// The image's mapping of this device does not hold.
    pub no_device: bool,
}

impl Instance {
    pub(crate) fn is_over(&self) -> bool {
        self.state == InstanceState::Terminated
    }
}

/// The refusal of ids that are not there.
pub(super) fn instance_not_found(ids: &[String]) -> SimError {
    let (noun, verb) = if ids.len() == 1 { ("ID", "does") } else { ("IDs", "do") };
    SimError::new("InvalidInstanceID.NotFound", format!("The instance {noun} '{}' {verb} not exist", ids.join(", ")))
}

impl RunInstances {
    /// The subnet that is named, with the interface or without.
    pub(crate) fn wanted_subnet(&self) -> Option<&str> {
        let of_interface = self.interface.as_ref().and_then(|interface| interface.subnet_id.as_deref());
        of_interface.or(self.subnet_id.as_deref())
    }

    /// Tags for a resource type, such as `instance`.
    pub(crate) fn tags_of(&self, resource: &str) -> Tags {
        self.tags.iter().filter(|(kind, _)| kind == resource).flat_map(|(_, tags)| tags.clone()).collect()
    }
}

impl Filtered for Instance {
    const FILTERS: &'static [&'static str] = &[
        "instance-id",
        "instance-state-name",
        "client-token",
        "instance-type",
        "image-id",
        "availability-zone",
        "reservation-id",
        "vpc-id",
        "subnet-id",
        "private-ip-address",
        "ip-address",
        "instance.group-id",
        "instance.group-name",
        "architecture",
    ];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "instance-id" => return is(&self.id),
            "instance-state-name" => return is(self.state.name()),
            "client-token" => return self.token.as_deref().is_some_and(is),
            "instance-type" => return is(&self.instance_type),
            "image-id" => return is(&self.image_id),
            "availability-zone" => return is(&self.zone),
            "reservation-id" => return is(&self.reservation_id),
            "architecture" => return is(self.architecture.name()),
            _ => (),
        }
        let Some(network) = &self.network else { return false };
        match filter {
            "vpc-id" => is(&network.vpc_id),
            "subnet-id" => is(&network.subnet_id),
            "private-ip-address" => is(&network.private_address.to_string()),
            "ip-address" => network.public_address.is_some_and(|address| is(&address.to_string())),
            "instance.group-id" => network.groups.iter().any(|group| is(&group.id)),
            _ => network.groups.iter().any(|group| is(&group.name)),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Filtered for NetworkInterface {
    const FILTERS: &'static [&'static str] = &[
        "network-interface-id",
        "group-id",
        "group-name",
        "status",
        "vpc-id",
        "subnet-id",
        "availability-zone",
        "attachment.instance-id",
        "private-ip-address",
        "addresses.private-ip-address",
        "ipv6-addresses.ipv6-address",
        "description",
        "requester-id",
        "requester-managed",
    ];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "description" => is(&self.description),
            "requester-id" => self.requester_id.as_deref().is_some_and(is),
            "requester-managed" => is(flag(self.requester_id.is_some())),
            "network-interface-id" => is(&self.id),
            "group-id" => self.groups.iter().any(|group| is(&group.id)),
            "group-name" => self.groups.iter().any(|group| is(&group.name)),
            "status" => is(self.status()),
            "vpc-id" => is(&self.vpc_id),
            "subnet-id" => is(&self.subnet_id),
            "availability-zone" => is(&self.zone),
            "attachment.instance-id" => self.instance_id.as_deref().is_some_and(is),
            // No interface has one here.
            "ipv6-addresses.ipv6-address" => false,
            // Both are about any of its private addresses (EC2 API reference, DescribeNetworkInterfaces).
            _ => self.private_addresses().any(|address| is(&address.to_string())),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}
