//! The catalog of a region: subnets, images, instance types.

use std::future::Future;

use ipnet::Ipv4Net;

use super::{Answer, Volume};

/// What the region offers, read before a placement is chosen.
pub trait Catalog {
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
