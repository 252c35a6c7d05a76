//! VPCs, subnets and routes, and those that a region has before anybody does anything.

use std::net::Ipv4Addr;

use ipnet::{AddrParseError, Ipv4Net};
use planner::owner::Tags;

use super::images::{Image, images};
use crate::engine::query::{Filtered, flag};
use crate::settings::{DefaultVpc, PublicAccess, Settings};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpc {
    pub id: String,
    /// Another account in a shared VPC; `None`: the account itself.
    pub owner_id: Option<String>,
    pub cidr: Ipv4Net,
    /// Blocks that were associated later (VPC user guide, "VPC CIDR blocks").
    pub further_cidrs: Vec<Ipv4Net>,
    pub is_default: bool,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub vpc_id: String,
    pub zone: String,
    pub zone_id: String,
    /// The owner of its VPC.
    pub owner_id: Option<String>,
    /// `None`: IPv6 only, with no address to give.
    pub cidr: Option<Ipv4Net>,
    pub public_access: PublicAccess,
    pub default_for_zone: bool,
    /// Instances get a public address unless they say otherwise.
    pub maps_public: bool,
    pub free_addresses: u32,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    pub id: String,
    pub vpc_id: String,
    /// The owner of its VPC.
    pub owner_id: Option<String>,
    /// Used by subnets without a table of their own.
    pub is_main: bool,
    pub subnet_ids: Vec<String>,
    pub routes: Vec<Route>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: Ipv4Net,
    pub target: Target,
    /// The target is gone, and packets with it.
    pub is_blackhole: bool,
}

impl Route {
    pub fn to(destination: Ipv4Net, target: Target) -> Self {
        Self { destination, target, is_blackhole: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Local,
    InternetGateway(String),
    NatGateway(String),
    /// The endpoint of a firewall, whose own subnet leads to an internet gateway (AWS Network Firewall developer guide, "Simple single
    /// zone architecture with an internet gateway").
    Endpoint(String),
    /// The way to a network that has a NAT of its own (VPC user guide, "Centralized egress to internet").
    TransitGateway(String),
}

/// Things that no action changes; tests may, through [`crate::Sim::network_mut`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub vpcs: Vec<Vpc>,
    pub subnets: Vec<Subnet>,
    pub route_tables: Vec<RouteTable>,
    pub images: Vec<Image>,
}

/// Addresses at the start of a subnet that are never handed out. EC2 keeps four; ten leaves room for readable ones.
pub(crate) const FIRST_ADDRESS: u32 = 10;

/// The destination of packets that no other route takes.
pub(crate) const ANYWHERE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// Zone letters and the ids behind them, which differ from account to account.
const ZONES: [(char, &str); 3] = [('a', "az3"), ('b', "az1"), ('c', "az2")];

impl Subnet {
    /// Addresses that instances can have: all but the first ten and the last.
    pub(super) fn usable_addresses(&self) -> u32 {
        let size = self.cidr.map_or(0, size);
        u32::try_from(size).unwrap_or(u32::MAX).saturating_sub(FIRST_ADDRESS + 1)
    }
}

impl Vpc {
    /// All its blocks, the first one of which it was made with.
    pub fn cidrs(&self) -> impl Iterator<Item = Ipv4Net> {
        std::iter::once(self.cidr).chain(self.further_cidrs.iter().copied())
    }
}

impl Network {
    pub(crate) fn new(settings: &Settings) -> Result<Self, AddrParseError> {
        let cidr = settings.vpc_cidr.parse::<Ipv4Net>()?.trunc();
        let bits = (cidr.prefix_len() + 4).min(30);
        let is_default = settings.default_vpc == DefaultVpc::Present;
        let vpc_id = "vpc-0de0fa17000000010".to_owned();
        let short_region = short_name(&settings.region);
        let subnets = ZONES.iter().zip(0u32..).map(|((letter, zone_id), index)| Subnet {
            id: format!("subnet-0de0fa170000000{letter}0"),
            vpc_id: vpc_id.clone(),
            zone: format!("{}{letter}", settings.region),
            zone_id: format!("{short_region}-{zone_id}"),
            owner_id: None,
            cidr: Ipv4Net::new(nth(cidr, index << (32 - bits)), bits).ok(),
            public_access: PublicAccess::Off,
            default_for_zone: is_default,
            maps_public: is_default,
            free_addresses: 0,
            tags: Tags::new(),
        });
        let main = RouteTable {
            id: "rtb-0de0fa17000000010".into(),
            vpc_id: vpc_id.clone(),
            owner_id: None,
            is_main: true,
            subnet_ids: Vec::new(),
            routes: vec![
                Route::to(cidr, Target::Local),
                Route::to(ANYWHERE, Target::InternetGateway("igw-0de0fa17000000010".into())),
            ],
            tags: Tags::new(),
        };
        Ok(Self {
            subnets: subnets.collect(),
            vpcs: vec![Vpc {
                id: vpc_id,
                owner_id: None,
                cidr,
                further_cidrs: Vec::new(),
                is_default,
                tags: Tags::new(),
            }],
            route_tables: vec![main],
            images: images(&settings.account),
        })
    }

    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// The target of packets to the internet.
    pub fn way_out(&self, subnet: &Subnet) -> Option<&Target> {
        let default = routes_of(subnet, &self.route_tables)?.iter().find(|route| route.destination == ANYWHERE);
        default.filter(|route| !route.is_blackhole).map(|route| &route.target)
    }
}

/// The routes that count for a subnet: those of its own table, or of the VPC's main one. `None`: neither is among these.
pub(crate) fn routes_of<'a>(subnet: &Subnet, tables: &'a [RouteTable]) -> Option<&'a [Route]> {
    let own = tables.iter().find(|table| table.subnet_ids.contains(&subnet.id));
    let main = || tables.iter().find(|table| table.is_main && table.vpc_id == subnet.vpc_id);
    Some(&own.or_else(main)?.routes)
}

/// The address `offset` after the first one of a network.
pub(crate) fn nth(network: Ipv4Net, offset: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.network().to_bits().wrapping_add(offset))
}

/// Number of addresses in a network.
pub(crate) fn size(network: Ipv4Net) -> u64 {
    1 << (32 - network.prefix_len())
}

/// `eu-west-1` is `euw1` in zone ids.
fn short_name(region: &str) -> String {
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.chars().next().unwrap_or_default());
    area.chars().chain(rest).collect()
}

impl Filtered for Vpc {
    const FILTERS: &'static [&'static str] =
        &["vpc-id", "is-default", "isDefault", "cidr", "cidr-block-association.cidr-block", "state"];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "vpc-id" => is(&self.id),
            "is-default" | "isDefault" => is(flag(self.is_default)),
            "cidr" => is(&self.cidr.to_string()),
            "cidr-block-association.cidr-block" => self.cidrs().any(|cidr| is(&cidr.to_string())),
            _ => is("available"),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Filtered for Subnet {
    const FILTERS: &'static [&'static str] = &[
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "default-for-az",
        "defaultForAz",
        "cidr-block",
        "state",
    ];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "subnet-id" => is(&self.id),
            "vpc-id" => is(&self.vpc_id),
            "availability-zone" | "availabilityZone" => is(&self.zone),
            "availability-zone-id" => is(&self.zone_id),
            "default-for-az" | "defaultForAz" => is(flag(self.default_for_zone)),
            "cidr-block" => self.cidr.is_some_and(|cidr| is(&cidr.to_string())),
            _ => is("available"),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Filtered for RouteTable {
    const FILTERS: &'static [&'static str] = &["route-table-id", "vpc-id", "association.subnet-id", "association.main"];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "route-table-id" => is(&self.id),
            "vpc-id" => is(&self.vpc_id),
            "association.subnet-id" => self.subnet_ids.iter().any(|id| is(id)),
            _ => is(flag(self.is_main)),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}
