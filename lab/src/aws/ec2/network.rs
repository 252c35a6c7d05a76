//! The network and its interfaces: DescribeVpcs, DescribeSubnets, DescribeRouteTables, DescribeRegions,
//! DescribeNetworkInterfaces.

use cloudsim::ec2::{NetworkInterface, RegionInfo, Route, RouteTable, Subnet, Target, Vpc};
use cloudsim::{Outcome, Page};
use serde::Serialize;

use super::shapes::{GroupItem, Items, Tag, groups, tags};
use crate::aws::exchange::{Exchange, Sent};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Vpcs {
    vpc_set: Items<VpcItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VpcItem {
    vpc_id: String,
    owner_id: String,
    state: &'static str,
    cidr_block: String,
    cidr_block_association_set: Items<BlockItem>,
    instance_tenancy: &'static str,
    is_default: bool,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockItem {
    association_id: String,
    cidr_block: String,
    cidr_block_state: AssociationState,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Subnets {
    subnet_set: Items<SubnetItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubnetItem {
    subnet_id: String,
    state: &'static str,
    vpc_id: String,
    owner_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_block: Option<String>,
    ipv6_native: bool,
    available_ip_address_count: u32,
    block_public_access_states: BlockPublicAccessStates,
    availability_zone: String,
    availability_zone_id: String,
    default_for_az: bool,
    map_public_ip_on_launch: bool,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockPublicAccessStates {
    internet_gateway_block_mode: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteTables {
    route_table_set: Items<RouteTableItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteTableItem {
    route_table_id: String,
    vpc_id: String,
    owner_id: String,
    route_set: Items<RouteItem>,
    association_set: Items<AssociationItem>,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteItem {
    destination_cidr_block: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nat_gateway_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transit_gateway_id: Option<String>,
    state: &'static str,
    origin: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AssociationItem {
    route_table_association_id: String,
    route_table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_id: Option<String>,
    main: bool,
    association_state: AssociationState,
}

#[derive(Debug, Serialize)]
struct AssociationState {
    state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Interfaces {
    network_interface_set: Items<InterfaceItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InterfaceItem {
    network_interface_id: String,
    subnet_id: String,
    vpc_id: String,
    availability_zone: String,
    owner_id: String,
    status: &'static str,
    private_ip_address: String,
    private_ip_addresses_set: Items<PrivateAddressItem>,
    interface_type: &'static str,
    group_set: Items<GroupItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    association: Option<Association>,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PrivateAddressItem {
    private_ip_address: String,
    primary: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    attachment_id: String,
    instance_id: String,
    instance_owner_id: String,
    device_index: u32,
    status: &'static str,
    delete_on_termination: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Association {
    public_ip: String,
    ip_owner_id: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Regions {
    region_info: Items<RegionItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RegionItem {
    region_name: String,
    region_endpoint: String,
    opt_in_status: &'static str,
}

pub(crate) fn vpcs(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let query = exchange.params.query("VpcId")?;
    let shape = |page: Page<Vpc>| Vpcs {
        vpc_set: Items::of(page.items, |vpc| VpcItem {
            cidr_block_association_set: blocks(&vpc),
            vpc_id: vpc.id,
            owner_id: vpc.owner_id.unwrap_or_else(|| account.clone()),
            state: "available",
            cidr_block: vpc.cidr.to_string(),
            instance_tenancy: "default",
            is_default: vpc.is_default,
            tag_set: tags(&vpc.tags),
        }),
        next_token: page.next_token,
    };
    exchange.carry_out(|call| call, move |sim, now| sim.ec2(now).describe_vpcs(&query), shape)
}

/// All blocks of a VPC, each with an association of its own.
fn blocks(vpc: &Vpc) -> Items<BlockItem> {
    Items::of(vpc.cidrs().enumerate(), |(number, cidr)| BlockItem {
        association_id: format!("{}{number}", vpc.id.replace("vpc-", "vpc-cidr-assoc-")),
        cidr_block: cidr.to_string(),
        cidr_block_state: AssociationState { state: "associated" },
    })
}

pub(crate) fn subnets(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let query = exchange.params.query("SubnetId")?;
    let shape = |page: Page<Subnet>| Subnets {
        subnet_set: Items::of(page.items, |subnet| SubnetItem {
            subnet_id: subnet.id,
            state: "available",
            vpc_id: subnet.vpc_id,
            owner_id: subnet.owner_id.unwrap_or_else(|| account.clone()),
            cidr_block: subnet.cidr.map(|cidr| cidr.to_string()),
            ipv6_native: subnet.cidr.is_none(),
            block_public_access_states: BlockPublicAccessStates {
                internet_gateway_block_mode: subnet.public_access.name(),
            },
            available_ip_address_count: subnet.free_addresses,
            availability_zone: subnet.zone,
            availability_zone_id: subnet.zone_id,
            default_for_az: subnet.default_for_zone,
            map_public_ip_on_launch: subnet.maps_public,
            tag_set: tags(&subnet.tags),
        }),
        next_token: page.next_token,
    };
    exchange.carry_out(|call| call, move |sim, now| sim.ec2(now).describe_subnets(&query), shape)
}

pub(crate) fn route_tables(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let query = exchange.params.query("RouteTableId")?;
    let shape = |page: Page<RouteTable>| RouteTables {
        route_table_set: Items::of(page.items, |table| RouteTableItem::of(table, &account)),
        next_token: page.next_token,
    };
    exchange.carry_out(|call| call, move |sim, now| sim.ec2(now).describe_route_tables(&query), shape)
}

pub(crate) fn interfaces(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let query = exchange.params.query("NetworkInterfaceId")?;
    exchange.params.is_set("IncludeManagedResources")?;
    let is_bare = query.is_bare();
    exchange.carry_out(
        |call| call.bare(is_bare),
        move |sim, now| sim.ec2(now).describe_network_interfaces(&query),
        |page| Interfaces {
            network_interface_set: Items::of(&page.items, |interface| InterfaceItem::of(interface, &account)),
            next_token: page.next_token,
        },
    )
}

pub(crate) fn regions(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let names = exchange.params.texts("RegionName");
    let all = exchange.params.is_set("AllRegions")?;
    let shape = |regions: Vec<RegionInfo>| Regions {
        region_info: Items::of(regions, |region| RegionItem {
            region_endpoint: format!("ec2.{}.amazonaws.com", region.name),
            region_name: region.name,
            opt_in_status: region.opt_in,
        }),
    };
    exchange.carry_out(|call| call, move |sim, now| sim.ec2(now).describe_regions(&names, all), shape)
}

impl RouteTableItem {
    fn of(table: RouteTable, account: &str) -> Self {
        let association = |subnet_id: Option<&String>| AssociationItem {
            route_table_association_id: table.id.replace("rtb-", "rtbassoc-"),
            route_table_id: table.id.clone(),
            subnet_id: subnet_id.cloned(),
            main: subnet_id.is_none(),
            association_state: AssociationState { state: "associated" },
        };
        let main = table.is_main.then(|| association(None));
        let explicit = table.subnet_ids.iter().map(|id| association(Some(id)));
        Self {
            association_set: Items { item: main.into_iter().chain(explicit).collect() },
            vpc_id: table.vpc_id.clone(),
            owner_id: table.owner_id.clone().unwrap_or_else(|| account.to_owned()),
            route_set: Items::of(&table.routes, RouteItem::of),
            tag_set: tags(&table.tags),
            route_table_id: table.id,
        }
    }
}

impl RouteItem {
    fn of(route: &Route) -> Self {
        let item = Self {
            destination_cidr_block: route.destination.to_string(),
            gateway_id: None,
            nat_gateway_id: None,
            transit_gateway_id: None,
            state: if route.is_blackhole { "blackhole" } else { "active" },
            origin: "CreateRoute",
        };
        match &route.target {
            Target::Local => Self { gateway_id: Some("local".to_owned()), origin: "CreateRouteTable", ..item },
            Target::InternetGateway(id) | Target::Endpoint(id) => Self { gateway_id: Some(id.clone()), ..item },
            Target::NatGateway(id) => Self { nat_gateway_id: Some(id.clone()), ..item },
            Target::TransitGateway(id) => Self { transit_gateway_id: Some(id.clone()), ..item },
        }
    }
}

impl InterfaceItem {
    fn of(interface: &NetworkInterface, account: &str) -> Self {
        Self {
            network_interface_id: interface.id.clone(),
            subnet_id: interface.subnet_id.clone(),
            vpc_id: interface.vpc_id.clone(),
            availability_zone: interface.zone.clone(),
            owner_id: account.to_owned(),
            status: interface.status(),
            private_ip_address: interface.private_address.to_string(),
            private_ip_addresses_set: Items::of(interface.private_addresses(), |address| PrivateAddressItem {
                private_ip_address: address.to_string(),
                primary: address == interface.private_address,
            }),
            interface_type: "interface",
            group_set: groups(&interface.groups),
            attachment: interface.instance_id.as_ref().map(|instance_id| Attachment {
                attachment_id: interface.id.replace("eni-", "eni-attach-"),
                instance_id: instance_id.clone(),
                instance_owner_id: account.to_owned(),
                device_index: 0,
                status: "attached",
                delete_on_termination: true,
            }),
            association: interface
                .public_address
                .map(|address| Association { public_ip: address.to_string(), ip_owner_id: "amazon" }),
            tag_set: tags(&interface.tags),
        }
    }
}
