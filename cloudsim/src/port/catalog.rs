//! The region's offers: subnets, images, instance types, regions.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use planner::ports::{self, Answer, Architecture, Catalog, Egress, ImageQuery, KnownRegion, OptIn, SubnetsOf};

use super::SharedSim;
use crate::ec2::{
    ANYWHERE, Action, LocationType, Mapping, NetworkInterface, RegionInfo, RouteTable, Store, Subnet, Target, routes_of,
};
use crate::engine::query::{FILTER_VALUES, Filter, Query};
use crate::settings::PublicAccess;
use crate::sim::Call;

impl Catalog for SharedSim {
    async fn subnets(&self, of: &SubnetsOf) -> Answer<Vec<ports::Subnet>> {
        let query = match of {
            SubnetsOf::Default => Query::filtered([Filter::new("default-for-az", ["true"])]),
            SubnetsOf::Vpc(id) => Query::filtered([Filter::new("vpc-id", [id])]),
            SubnetsOf::Named(ids) => Query::ids(ids),
        };
        let subnets = self.all(Action::DescribeSubnets, query, |ec2, query| ec2.describe_subnets(query))?;
        let tables =
            self.all(Action::DescribeRouteTables, Query::default(), |ec2, query| ec2.describe_route_tables(query))?;
        Ok(subnets.into_iter().map(|subnet| subnet_of(subnet, &tables)).collect())
    }

    async fn vpcs_of(&self, addresses: &[IpAddr]) -> Answer<Vec<(IpAddr, String)>> {
        // No interface has an IPv6 address here.
        let ours: Vec<String> = addresses.iter().filter(|one| one.is_ipv4()).map(ToString::to_string).collect();
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let query = Query::filtered([Filter::new("addresses.private-ip-address", ours)]);
        let found =
            self.all(Action::DescribeNetworkInterfaces, query, |ec2, query| ec2.describe_network_interfaces(query))?;
        let of = |interface: &Arc<NetworkInterface>| {
            let held: Vec<IpAddr> = interface.private_addresses().map(IpAddr::V4).collect();
            held.into_iter().map(|address| (address, interface.vpc_id.clone())).collect::<Vec<_>>()
        };
        let mut pairs: Vec<_> = found.iter().flat_map(of).filter(|(held, _)| addresses.contains(held)).collect();
        pairs.sort();
        pairs.dedup();
        Ok(pairs)
    }

    async fn blocks(&self, vpc_id: &str) -> Answer<Vec<Ipv4Net>> {
        let query = Query::ids([vpc_id]);
        let found = self.all(Action::DescribeVpcs, query, |ec2, query| ec2.describe_vpcs(query))?;
        let mut blocks: Vec<Ipv4Net> = found.iter().flat_map(|vpc| vpc.cidrs().collect::<Vec<_>>()).collect();
        blocks.sort();
        Ok(blocks)
    }

    async fn image(&self, image: &ImageQuery) -> Answer<Option<ports::Image>> {
        let (query, owners) = match image {
            ImageQuery::Id(id) => (Query::filtered([Filter::new("image-id", [id])]), Vec::new()),
            ImageQuery::Alias { alias, architecture } => {
                let Some(pattern) = name_pattern(alias, *architecture) else { return Ok(None) };
                (Query::filtered([Filter::new("name", [pattern])]), vec!["amazon".to_owned()])
            }
        };
        let found = self.all(Action::DescribeImages, query, move |ec2, query| ec2.describe_images(query, &owners))?;
        // RFC 3339 with the same number of digits: the order of the text is the order of time.
        let newest = found.into_iter().max_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        Ok(newest.map(|image| ports::Image {
            id: image.id,
            name: image.name,
            architecture: image.architecture,
            root_device: image.root_device,
            root_gib: image.root_gib,
            volumes: volumes_of(&image.mappings),
        }))
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<ports::InstanceType>> {
        let mut all = Vec::new();
        for some in names.chunks(FILTER_VALUES) {
            let query = Query::filtered([Filter::new("instance-type", some)]);
            all.extend(
                self.all(Action::DescribeInstanceTypes, query, |ec2, query| ec2.describe_instance_types(query))?,
            );
        }
        all.retain(|kind| names.contains(&kind.name));
        Ok(all)
    }

    async fn offerings(&self, names: &[String]) -> Answer<Vec<(String, String)>> {
        let mut all = Vec::new();
        for some in names.chunks(FILTER_VALUES) {
            let query = Query::filtered([Filter::new("instance-type", some)]);
            let found = self.all(Action::DescribeInstanceTypeOfferings, query, |ec2, query| {
                ec2.describe_instance_type_offerings(query, LocationType::Zone)
            });
            all.extend(found?);
        }
        Ok(all.into_iter().map(|offering| (offering.instance_type, offering.location)).collect())
    }

    async fn regions(&self) -> Answer<Vec<KnownRegion>> {
        let call = Call::new(Action::DescribeRegions);
        let found = self.call(call, |sim, now| sim.ec2(now).describe_regions(&[], true))?;
        let known = |facts: RegionInfo| KnownRegion {
            opt_in: if facts.opt_in == "not-opted-in" { OptIn::Missing } else { OptIn::Done },
            name: facts.name,
        };
        Ok(found.into_iter().map(known).collect())
    }
}

fn volumes_of(mappings: &[Mapping]) -> Vec<ports::Volume> {
    let volume = |mapping: &Mapping| match &mapping.store {
        Store::Volume { gib, .. } => Some(ports::Volume { device: mapping.device.clone(), gib: *gib }),
        Store::Instance(_) => None,
    };
    let mut volumes: Vec<_> = mappings.iter().filter_map(volume).collect();
    volumes.sort();
    volumes
}

/// Names of the images of an alias. The family's full images only: `minimal` and `ecs` ones have other names.
fn name_pattern(alias: &str, architecture: Architecture) -> Option<String> {
    (alias == "al2023").then(|| format!("al2023-ami-2023.*-kernel-6.1-{}", architecture.name()))
}

fn subnet_of(subnet: Subnet, tables: &[RouteTable]) -> ports::Subnet {
    let routes = routes_of(&subnet, tables);
    let default = routes.and_then(|routes| routes.iter().find(|route| route.destination == ANYWHERE));
    let egress = match default.filter(|route| !route.is_blackhole).map(|route| &route.target) {
        None if routes.is_none() => Egress::Unseen,
        Some(Target::InternetGateway(_) | Target::Endpoint(_)) if subnet.public_access != PublicAccess::Off => {
            Egress::Blocked
        }
        Some(Target::InternetGateway(_)) => Egress::InternetGateway,
        Some(Target::Endpoint(_)) => Egress::Endpoint,
        Some(Target::NatGateway(_) | Target::TransitGateway(_)) => Egress::Nat,
        Some(Target::Local) | None => Egress::None,
    };
    ports::Subnet {
        egress,
        id: subnet.id,
        vpc_id: subnet.vpc_id,
        zone: subnet.zone,
        zone_id: subnet.zone_id,
        cidr: subnet.cidr,
        free_addresses: subnet.free_addresses,
    }
}
