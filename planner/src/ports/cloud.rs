//! The cloud, as small ports. `cloud` implements them over the AWS SDK, `cloudsim` as a state machine.
//!
//! Common to all: a method either answers for certain and completely, or fails. A list that was cut, paged
//! wrongly, or came without its end is a failure ([`crate::Failure::Unreachable`]), never a shorter list.

use std::future::Future;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;

use crate::failure::CloudError;
use crate::owner::{Owner, Tags};

pub type Answer<T> = Result<T, CloudError>;

/// Everything the operator needs of one region.
pub trait Cloud: Compute + Firewall + Offer + Send + Sync + 'static {}
impl<T: Compute + Firewall + Offer + Send + Sync + 'static> Cloud for T {}

/// The regions the operator may work in.
pub trait Regions: Send + Sync + 'static {
    type Cloud: Cloud;

    /// The cloud of one region. Cheap; does no call.
    fn region(&self, name: &str) -> std::sync::Arc<Self::Cloud>;
}

/// Instances.
pub trait Compute {
    /// Who we are for the cloud (STS GetCallerIdentity).
    fn identity(&self) -> impl Future<Output = Answer<Identity>> + Send;

    /// All instances that match, terminated ones included as long as the cloud lists them.
    fn instances(&self, of: &Selection) -> impl Future<Output = Answer<Vec<Instance>>> + Send;

    /// One RunInstances call with MinCount = MaxCount = `count`. Never retried below this port.
    ///
    /// *Guarantees*: the same request with the same token makes the same instances or none.
    /// *Errors*: `Unreachable` = it may have happened, or may happen within five minutes. `TooLate` = it was not sent.
    fn launch(&self, launch: &LaunchRequest) -> impl Future<Output = Answer<Vec<Instance>>> + Send;

    /// Whether [`Compute::launch`] would be taken: the same call with DryRun. What is missing in it is the token, which is
    /// good for one launch and for nothing else.
    ///
    /// *Guarantees*: makes nothing, however often it is asked.
    /// *Errors*: what the launch would be refused for, quotas and capacity left out.
    fn rehearse(&self, launch: &LaunchRequest) -> impl Future<Output = Answer<()>> + Send;

    /// Terminates all of them; already terminated ones are no error. Answers those that the cloud refuses to terminate.
    ///
    /// *Guarantees*: what is refused for one keeps none of the others alive.
    /// *Errors*: when it is not known of some whether they were, or when nothing was because of who asks or how often.
    fn terminate(&self, ids: &[String]) -> impl Future<Output = Answer<Vec<Refused>>> + Send;

    /// What the instance printed to its console, if the cloud has it already.
    fn console(&self, id: &str) -> impl Future<Output = Answer<Option<String>>> + Send;
}

/// Security groups and the interfaces in them.
pub trait Firewall {
    /// Groups that carry all of these tags, their rules included. Without tags it is refused: that would list everything.
    fn groups(&self, with: &Tags) -> impl Future<Output = Answer<Vec<Group>>> + Send;

    /// *Errors*: `AlreadyExists` when the VPC has a group of this name. `TooLate` = it was not sent.
    fn create_group(&self, group: &GroupRequest) -> impl Future<Output = Answer<String>> + Send;

    /// One rule per call; a rule that exists already is a success.
    fn allow(&self, group_id: &str, rule: &Rule) -> impl Future<Output = Answer<()>> + Send;

    /// *Errors*: `DependencyViolation` while an interface or a rule of another group refers to it. A group that
    /// does not exist (any more) is a success.
    fn delete_group(&self, group_id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Groups, whoever's they are, that have a rule which names this group, in or out. It may be among them itself.
    fn groups_naming(&self, group_id: &str) -> impl Future<Output = Answer<Vec<Group>>> + Send;

    /// Network interfaces in a group.
    fn interfaces(&self, group_id: &str) -> impl Future<Output = Answer<Vec<Interface>>> + Send;
}

/// What the region offers, read before a placement is chosen.
pub trait Offer {
    /// The named subnets (all must exist), or the default subnets of the default VPC when `ids` is empty (none when
    /// there is no default VPC). Of the latter, one that the cloud describes oddly is left out while there are others.
    fn subnets(&self, ids: &[String]) -> impl Future<Output = Answer<Vec<Subnet>>> + Send;

    /// The image of an alias (newest by creation date) or id for an architecture; `None` when there is none.
    fn image(&self, image: &ImageQuery) -> impl Future<Output = Answer<Option<Image>>> + Send;

    /// Facts of the named types; a name that the region does not know is left out.
    fn instance_types(&self, names: &[String]) -> impl Future<Output = Answer<Vec<InstanceType>>> + Send;

    /// Zones (names) in which each of the named types is offered, as pairs (type, zone).
    fn offerings(&self, names: &[String]) -> impl Future<Output = Answer<Vec<(String, String)>>> + Send;

    /// Every region that there is for credentials like these, as this region knows them; also those that the account has
    /// not enabled.
    fn regions(&self) -> impl Future<Output = Answer<Vec<KnownRegion>>> + Send;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    pub arn: String,
}

/// An instance that was not terminated, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub id: String,
    pub error: CloudError,
}

/// Which instances to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// With the proof tags of this owner.
    Owner(Owner),
    /// Managed by this installation, whatever benchmark.
    Installation(String),
    /// Launched with one of these client tokens.
    Tokens(Vec<String>),
    /// With these ids. An id that the cloud does not know is left out.
    Ids(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub id: String,
    pub state: InstanceState,
    pub token: Option<String>,
    pub instance_type: String,
    pub image_id: String,
    pub zone: String,
    /// Terminated instances lose this and the following three gradually.
    pub subnet_id: Option<String>,
    pub private_address: Option<Ipv4Addr>,
    pub public_address: Option<Ipv4Addr>,
    pub group_ids: Vec<String>,
    pub launched_at: Timestamp,
    pub tags: Tags,
    /// Code and text of StateReason, such as `Client.InstanceInitiatedShutdown: ...`.
    pub state_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    /// Whether it will never serve again for us. Stopped counts: we never start what somebody stopped.
    pub fn is_dead(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// EC2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// Everything that a RunInstances call says. Equal requests make equal calls, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchRequest {
    pub token: String,
    pub instance_type: String,
    pub count: u32,
    pub image_id: String,
    pub subnet_id: String,
    pub group_ids: Vec<String>,
    pub public_address: Addressing,
    /// Raw text, at most 16,384 bytes.
    pub user_data: String,
    /// Device name of the image's root volume; like every volume an encrypted gp3, deleted on termination.
    pub root_device: String,
    pub root_gib: u32,
    /// The other volumes that the image asks for. One that the request does not name keeps what the image says, which
    /// may be to stay when the instance is gone (EC2 user guide, "Block device mappings").
    pub volumes: Vec<Volume>,
    /// Set for burstable types only.
    pub credits: Option<Credits>,
    /// Written on instance, volume and interface.
    pub tags: Tags,
    /// The adapter does not send it later than this, whatever held it up since it was decided. Not part of the call.
    pub not_after: Timestamp,
}

/// A volume under its device name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Volume {
    pub device: String,
    pub gib: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addressing {
    Private,
    Public,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credits {
    Standard,
    Unlimited,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub vpc_id: String,
    pub tags: Tags,
    pub ingress: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRequest {
    pub name: String,
    pub description: String,
    pub vpc_id: String,
    pub tags: Tags,
    /// As in [`LaunchRequest`].
    pub not_after: Timestamp,
}

/// One ingress rule, TCP.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    pub from_port: u16,
    pub to_port: u16,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Without host bits: EC2 lists `100.68.0.18/18` as `100.68.0.0/18` (API reference, IpRange.CidrIp), and rules are
    /// compared by value.
    Cidr(Ipv4Net),
    /// Members of this group, by group id.
    Group(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub id: String,
    pub status: String,
    pub instance_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub vpc_id: String,
    pub zone: String,
    pub zone_id: String,
    /// `None`: it is IPv6-only, and our instances need IPv4 addresses.
    pub cidr: Option<Ipv4Net>,
    pub free_addresses: u32,
    pub egress: Egress,
}

/// How instances of a subnet reach the internet, by its route table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Egress {
    /// 0.0.0.0/0 goes to an internet gateway: an instance needs a public address.
    InternetGateway,
    /// 0.0.0.0/0 goes to the endpoint of a firewall or of a Gateway Load Balancer. What is behind it cannot be seen here. In
    /// the layouts that AWS shows first (Network Firewall developer guide, "Simple single zone architecture with an
    /// internet gateway") it is an internet gateway, and an instance needs a public address; one that is behind a NAT
    /// is none the worse for having one.
    Endpoint,
    /// 0.0.0.0/0 goes to a NAT gateway, another appliance, a transit gateway or a VPN: private addresses do.
    Nat,
    /// 0.0.0.0/0 goes to an internet gateway or an endpoint, and VPC Block Public Access closes it: a public address reaches
    /// nothing, in both of its modes (VPC user guide, "VPC BPA basics").
    Blocked,
    /// There is no such route, or what it led to is gone.
    None,
    /// No route table of it is shown, as may be where another account shares its VPC: the way out is not known.
    Unseen,
}

/// A region that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRegion {
    pub name: String,
    pub opt_in: OptIn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptIn {
    /// The account may use it.
    Done,
    /// It has to be enabled for the account first.
    Missing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageQuery {
    /// Newest image of a family, such as `al2023`, for an architecture.
    Alias {
        alias: String,
        architecture: Architecture,
    },
    Id(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub id: String,
    pub name: String,
    pub architecture: Architecture,
    pub root_device: String,
    pub root_gib: u32,
    /// Volumes besides the root, by device name.
    pub volumes: Vec<Volume>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    X86_64,
    Arm64,
}

impl Architecture {
    /// EC2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    pub name: String,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub architecture: Architecture,
    pub burstable: Burstable,
    pub hypervisor: Hypervisor,
    pub free_tier: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Burstable {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hypervisor {
    Xen,
    Nitro,
}
