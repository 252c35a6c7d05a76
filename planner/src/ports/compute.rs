//! Instances, and who we are for the cloud.

use std::future::Future;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::Answer;
use crate::failure::CloudError;
use crate::owner::{Owner, Tags};

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

    /// Starts all of them, which are stopped; one that starts or runs already is no error (EC2 API reference, StartInstances).
    /// Makes no instance, so it can be repeated at will. Each start is billed for a minute at least, and has another LaunchTime
    /// and another public address.
    ///
    /// *Guarantees*: what is refused for one keeps none of the others stopped, but for want of capacity or quota: then some may
    /// start and the rest stay stopped.
    /// *Errors*: some are not started, or it is not known of them; lists tell which. `NoCapacity` and `QuotaReached` = those stay
    /// stopped. `NotYetVisible` = one is still being stopped, or not visible yet: ask again later. `Unreachable` = it may have
    /// happened.
    fn start(&self, ids: &[String]) -> impl Future<Output = Answer<()>> + Send;

    /// Stops all of them, which keep their volumes and their private addresses; one that stops or is stopped already is no error
    /// (EC2 API reference, StopInstances). Their operating systems shut down first, and nothing of them is terminated, whatever
    /// they were launched to do when they shut themselves down.
    ///
    /// *Guarantees*: what is refused for one keeps none of the others running.
    /// *Errors*: some are not stopped, or it is not known of them; lists tell which. `NotYetVisible` = one has never run yet, or is
    /// not visible yet: ask again later. `Unreachable` = it may have happened.
    fn stop(&self, ids: &[String]) -> impl Future<Output = Answer<()>> + Send;

    /// What the instance printed to its console, if the cloud has it already.
    fn console(&self, id: &str) -> impl Future<Output = Answer<Option<String>>> + Send;
}

/// The account and the principal of our credentials (STS GetCallerIdentity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Account id, twelve digits.
    pub account: String,
    /// ARN of the principal.
    pub arn: String,
}

/// An instance that was not terminated, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Id of the instance.
    pub id: String,
    /// The refusal.
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

/// An instance, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Id, such as `i-0123456789abcdef0`.
    pub id: String,
    /// State.
    pub state: InstanceState,
    /// Client token of the launch that made it.
    pub token: Option<String>,
    /// Name of its type.
    pub instance_type: String,
    /// Id of its image.
    pub image_id: String,
    /// Name of its availability zone.
    pub zone: String,
    /// Terminated instances lose this and the following three gradually.
    pub subnet_id: Option<String>,
    /// Private IPv4 address.
    pub private_address: Option<Ipv4Addr>,
    /// Public IPv4 address, where it has one.
    pub public_address: Option<Ipv4Addr>,
    /// Ids of its security groups.
    pub group_ids: Vec<String>,
    /// Time of its last start, as EC2 tells it: that of its launch until it is stopped and started again (EC2 API reference,
    /// Instance: LaunchTime).
    pub launched_at: Timestamp,
    /// All its tags.
    pub tags: Tags,
    /// Code and text of StateReason, such as `Client.InstanceInitiatedShutdown: ...`.
    pub state_reason: Option<String>,
}

/// State of an instance (EC2 user guide, "Instance lifecycle").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstanceState {
    /// It is being started, and billed from the next state on.
    Pending,
    /// It runs.
    Running,
    /// It is being terminated.
    ShuttingDown,
    /// It is gone, and listed for about an hour.
    Terminated,
    /// It is being stopped.
    Stopping,
    /// It is stopped. Its volumes are billed.
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
    /// Client token: the same request with the same token makes the same instances.
    pub token: String,
    /// Name of the instance type.
    pub instance_type: String,
    /// Instances: all of them or none.
    pub count: u32,
    /// Id of the image.
    pub image_id: String,
    /// Id of the subnet.
    pub subnet_id: String,
    /// Ids of the security groups.
    pub group_ids: Vec<String>,
    /// Whether each instance gets a public IPv4 address.
    pub public_address: Addressing,
    /// Raw text, at most 16,384 bytes.
    pub user_data: String,
    /// Device name of the image's root volume; like every volume an encrypted gp3, deleted on termination.
    pub root_device: String,
    /// Size of the root volume, in GiB.
    pub root_gib: u32,
    /// The other volumes that the image asks for. One that the request does not name keeps what the image says, which
    /// may be to stay when the instance is gone (EC2 user guide, "Block device mappings").
    pub volumes: Vec<Volume>,
    /// Set for burstable types only.
    pub credits: Option<Credits>,
    /// Written on instance, volume and interface.
    pub tags: Tags,
    /// Name of the instance profile whose role the instances have. `None`: they have no role, and no credentials.
    pub instance_profile: Option<String>,
    /// The adapter does not send it later than this, whatever held it up since it was decided. Not part of the call.
    pub not_after: Timestamp,
}

/// A volume under its device name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Volume {
    /// Device name, such as `/dev/sdb`.
    pub device: String,
    /// Size, in GiB.
    pub gib: u32,
}

/// Whether instances have public IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addressing {
    /// They have private ones only.
    Private,
    /// They have a public one each, beside the private one.
    Public,
}

impl Addressing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Private, Self::Public];

    /// The spelling of status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "Private",
            Self::Public => "Public",
        }
    }

    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|addressing| addressing.name() == word)
    }
}

/// Mode of CPU credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credits {
    /// No more than was earned.
    Standard,
    /// Surplus credits, which are billed.
    Unlimited,
}
