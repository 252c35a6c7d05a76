//! The catalog of a region: subnets, images, instance types.

use std::future::Future;
use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::{Answer, Volume};

/// What the region offers, read before a placement is chosen.
pub trait Catalog {
    /// These subnets; of a VPC without any, none. One that was not named, and that the cloud describes oddly, is left out while
    /// there are others.
    fn subnets(&self, of: &SubnetsOf) -> impl Future<Output = Answer<Vec<Subnet>>> + Send;

    /// The VPCs in which a network interface has one of these addresses, as pairs (address, id of the VPC), each once.
    fn vpcs_of(&self, addresses: &[IpAddr]) -> impl Future<Output = Answer<Vec<(IpAddr, String)>>> + Send;

    /// All IPv4 blocks of a VPC, of which each has one at least.
    fn blocks(&self, vpc_id: &str) -> impl Future<Output = Answer<Vec<Ipv4Net>>> + Send;

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

/// Which subnets are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubnetsOf {
    /// These. All must exist.
    Named(Vec<String>),
    /// Those of this VPC that are in availability zones of the region: not in Local Zones, in Wavelength Zones and on
    /// Outposts, which have fewer types, other prices, and are far away (EC2 user guide, "Regions and zones").
    Vpc(String),
    /// The default subnets of the default VPC, if there is one.
    Default,
}

/// A subnet, with all that decides whether instances can live in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Id, such as `subnet-0123456789abcdef0`.
    pub id: String,
    /// Id of its VPC.
    pub vpc_id: String,
    /// Name of its availability zone, such as `eu-west-1a`. Accounts give one name to different zones.
    pub zone: String,
    /// Id of its availability zone, such as `euw1-az1`: the same in every account.
    pub zone_id: String,
    /// `None`: it is IPv6-only, and our instances need IPv4 addresses.
    pub cidr: Option<Ipv4Net>,
    /// IPv4 addresses that are free.
    pub free_addresses: u32,
    /// The way of its instances to the internet.
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
    /// Name, such as `eu-west-1`.
    pub name: String,
    /// Whether the account has enabled it.
    pub opt_in: OptIn,
}

/// Whether the account may use a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptIn {
    /// The account may use it.
    Done,
    /// It has to be enabled for the account first.
    Missing,
}

/// The image that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageQuery {
    /// Newest image of a family, such as `al2023`, for an architecture.
    Alias {
        /// Name of the family.
        alias: String,
        /// Architecture of the instance type.
        architecture: Architecture,
    },
    /// The image with this id, whatever its architecture.
    Id(String),
}

/// An image, with the volumes that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Id, such as `ami-0123456789abcdef0`.
    pub id: String,
    /// Name that its owner gave it.
    pub name: String,
    /// Architecture that it runs on.
    pub architecture: Architecture,
    /// Device name of its root volume, such as `/dev/xvda`.
    pub root_device: String,
    /// Size of its root volume, in GiB.
    pub root_gib: u32,
    /// Volumes besides the root, by device name.
    pub volumes: Vec<Volume>,
}

/// Architecture of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
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

/// An instance type, as the region describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// Name, such as `t3.micro`.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Architecture; of a type with two, the one that we choose.
    pub architecture: Architecture,
    /// Whether it lives on CPU credits.
    pub burstable: Burstable,
    /// The hypervisor below it.
    pub hypervisor: Hypervisor,
    /// Whether an account on the free plan may launch it.
    pub free_tier: bool,
}

/// Whether a type lives on CPU credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Burstable {
    /// It does: T types.
    Yes,
    /// It has its processors for itself.
    No,
}

/// The hypervisor below an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hypervisor {
    /// The older one.
    Xen,
    /// The newer one: it shows a console at once.
    Nitro,
}
