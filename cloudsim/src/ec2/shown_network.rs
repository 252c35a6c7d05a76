//! The network as a caller sees it: what the settings make of what is there.

use super::Ec2;
use super::network::{RouteTable, Subnet, Vpc};
use crate::engine::error::Outcome;
use crate::engine::query::{Page, Query, select};

impl Ec2<'_> {
    /// DescribeVpcs.
    pub fn describe_vpcs(&mut self, query: &Query) -> Outcome<Page<Vpc>> {
        let found = select(query, &self.vpcs_now(), |vpc| &vpc.id, "InvalidVpcID.NotFound");
        self.fixed(query, found)
    }

    /// DescribeSubnets, with the addresses that are free now.
    pub fn describe_subnets(&mut self, query: &Query) -> Outcome<Page<Subnet>> {
        let mut found = select(query, &self.subnets_now(), |subnet| &subnet.id, "InvalidSubnetID.NotFound");
        for subnet in found.iter_mut().flatten() {
            subnet.free_addresses = self.free_addresses(subnet);
        }
        self.fixed(query, found)
    }

    /// DescribeRouteTables.
    pub fn describe_route_tables(&mut self, query: &Query) -> Outcome<Page<RouteTable>> {
        let found = select(query, &self.route_tables_now(), |table| &table.id, "InvalidRouteTableID.NotFound");
        self.fixed(query, found)
    }

    /// Nothing in another account.
    fn here<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        if self.is_elsewhere() { &[] } else { all }
    }

    /// A VPC that is shared is nobody's default one (VPC user guide, "Share your VPC subnets with other accounts": default
    /// subnets cannot be shared).
    pub(crate) fn vpcs_now(&self) -> Vec<Vpc> {
        let owner_id = &self.settings.shared_by;
        let seen = |vpc: &Vpc| Vpc {
            owner_id: owner_id.clone().or(vpc.owner_id.clone()),
            is_default: vpc.is_default && owner_id.is_none(),
            ..vpc.clone()
        };
        self.here(&self.state.network.vpcs).iter().map(seen).collect()
    }

    pub(crate) fn subnets_now(&self) -> Vec<Subnet> {
        let owner_id = &self.settings.shared_by;
        let seen = |subnet: &Subnet| Subnet {
            owner_id: owner_id.clone().or(subnet.owner_id.clone()),
            cidr: subnet.cidr.filter(|_| !self.settings.ipv6_only.contains(&subnet.zone)),
            public_access: self.settings.public_access,
            default_for_zone: subnet.default_for_zone && owner_id.is_none(),
            ..subnet.clone()
        };
        self.here(&self.state.network.subnets).iter().map(seen).collect()
    }

    /// The owner of a shared VPC does not show its main table: participants are only said to see the tables that are
    /// attached to the subnets they share (VPC user guide, "Responsibilities and permissions for owners and
    /// participants").
    pub(crate) fn route_tables_now(&self) -> Vec<RouteTable> {
        let owner_id = &self.settings.shared_by;
        let is_shown = |table: &&RouteTable| owner_id.is_none() || !table.is_main;
        let seen =
            |table: &RouteTable| RouteTable { owner_id: owner_id.clone().or(table.owner_id.clone()), ..table.clone() };
        self.here(&self.state.network.route_tables).iter().filter(is_shown).map(seen).collect()
    }
}
