//! Subnets of an answer, and how they reach the internet.

use aws_sdk_ec2::types::{self as sdk, BlockPublicAccessMode, Route, RouteState, RouteTable};
use ipnet::Ipv4Net;
use planner::ports::{Answer, Egress, Subnet};
use planner::{CloudError, Failure};

use crate::sdk::failure::{incomplete, need};

pub(crate) fn subnet(from: sdk::Subnet, tables: &[RouteTable]) -> Answer<Subnet> {
    let is_blocked = is_blocked(&from);
    let id = need(from.subnet_id, "id", "a subnet")?;
    let vpc_id = need(from.vpc_id, "VPC", &id)?;
    let free = need(from.available_ip_address_count, "number of free addresses", &id)?;
    let cidr = match from.cidr_block {
        Some(text) => Some(text.parse().map_err(|_| incomplete(format_args!("{id} with the CIDR block {text:?}")))?),
        // IPv6-only ones have none (ManageIQ/manageiq-providers-amazon#914).
        None => None,
    };
    Ok(Subnet {
        zone: need(from.availability_zone, "zone", &id)?,
        zone_id: need(from.availability_zone_id, "zone id", &id)?,
        cidr,
        free_addresses: u32::try_from(free).unwrap_or(0),
        egress: match egress(&id, &vpc_id, tables) {
            Egress::InternetGateway | Egress::Endpoint if is_blocked => Egress::Blocked,
            way_out => way_out,
        },
        vpc_id,
        id,
    })
}

/// Whether it is in a Local Zone or a Wavelength Zone, whose names go on after the letter of a zone that they are near to, or on an
/// Outpost (EC2 user guide, "Regions and zones").
pub(crate) fn is_far(region: &str, from: &sdk::Subnet) -> bool {
    let letter = from.availability_zone().and_then(|zone| zone.strip_prefix(region));
    from.outpost_arn().is_some() || letter.is_some_and(|rest| rest.len() != 1)
}

/// Whether VPC Block Public Access closes internet gateways to it. A mode that we do not know closes them; where nothing is
/// said it is off (API reference, Subnet.BlockPublicAccessStates).
fn is_blocked(from: &sdk::Subnet) -> bool {
    let states = from.block_public_access_states.as_ref();
    let mode = states.and_then(|states| states.internet_gateway_block_mode());
    mode.is_some_and(|mode| *mode != BlockPublicAccessMode::Off)
}

/// Those of `found` that can be read. One that cannot does not hide the others; when there is no other, it is what is said.
pub(crate) fn readable(found: Vec<Answer<Subnet>>) -> Answer<Vec<Subnet>> {
    let (mut readable, mut odd) = (Vec::new(), None);
    for subnet in found {
        match subnet {
            Ok(subnet) => readable.push(subnet),
            Err(error) => odd = odd.or(Some(error)),
        }
    }
    match odd {
        Some(error) if readable.is_empty() => Err(error),
        _ => Ok(readable),
    }
}

/// `found`, if it has each of `ids`.
pub(crate) fn all_of(ids: &[String], found: Vec<Subnet>) -> Answer<Vec<Subnet>> {
    match ids.iter().find(|id| !found.iter().any(|subnet| subnet.id == **id)) {
        Some(id) => Err(CloudError::new(
            Failure::NotFound,
            "InvalidSubnetID.NotFound",
            format!("the subnet {id} does not exist"),
        )),
        None => Ok(found),
    }
}

fn egress(subnet: &str, vpc: &str, tables: &[RouteTable]) -> Egress {
    let explicit = tables.iter().find(|table| associated(table, |one| one.subnet_id() == Some(subnet)));
    let main = || {
        let mut of_vpc = tables.iter().filter(|table| table.vpc_id() == Some(vpc));
        of_vpc.find(|table| associated(table, |one| one.main() == Some(true)))
    };
    // Every VPC has a main table (VPC user guide, "Route tables"): none in the list means that it is not shown to us.
    let Some(table) = explicit.or_else(main) else { return Egress::Unseen };
    table.routes().iter().find(|route| is_default(route)).map_or(Egress::None, way_out)
}

/// 0.0.0.0/0. Routes of IPv6 (`::/0`, to an egress-only internet gateway) have another field and are nothing to us.
fn is_default(route: &Route) -> bool {
    let destination = route.destination_cidr_block().and_then(|text| text.parse::<Ipv4Net>().ok());
    destination == Some(Ipv4Net::default())
}

/// The way out, by the target of a default route (API reference, Route).
fn way_out(route: &Route) -> Egress {
    let gateway = |prefix: &str| route.gateway_id().is_some_and(|id| id.starts_with(prefix));
    // The target is gone.
    if route.state() == Some(&RouteState::Blackhole) {
        Egress::None
    } else if gateway("igw-") {
        Egress::InternetGateway
    } else if gateway("vpce-") {
        Egress::Endpoint
    } else if route.carrier_gateway_id().is_some() {
        // Of a Wavelength Zone: it takes carrier addresses only, which we do not ask for.
        Egress::None
    } else {
        Egress::Nat
    }
}

fn associated(table: &RouteTable, is: impl Fn(&sdk::RouteTableAssociation) -> bool) -> bool {
    table.associations().iter().any(is)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::builders::{RouteBuilder, SubnetBuilder};
    use aws_sdk_ec2::types::{BlockPublicAccessStates, RouteTableAssociation};

    use super::*;

    fn table(vpc: &str, association: RouteTableAssociation, routes: Vec<Route>) -> RouteTable {
        RouteTable::builder().vpc_id(vpc).associations(association).set_routes(Some(routes)).build()
    }

    fn main() -> RouteTableAssociation {
        RouteTableAssociation::builder().main(true).build()
    }

    fn of(subnet: &str) -> RouteTableAssociation {
        RouteTableAssociation::builder().main(false).subnet_id(subnet).build()
    }

    fn default() -> RouteBuilder {
        Route::builder().destination_cidr_block("0.0.0.0/0").state(RouteState::Active)
    }

    fn local() -> Route {
        Route::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local").build()
    }

    #[test]
    fn the_route_table_decides() {
        let internet = default().gateway_id("igw-1").build();
        let nat = default().nat_gateway_id("nat-1").build();
        let appliance = default().network_interface_id("eni-1").build();
        let private = default().gateway_id("vgw-1").build();
        let firewall = default().gateway_id("vpce-1").build();
        let transit = default().transit_gateway_id("tgw-1").build();
        let cut = default().transit_gateway_id("tgw-1").state(RouteState::Blackhole).build();
        let carrier = default().carrier_gateway_id("cagw-1").build();
        let egress_only =
            Route::builder().destination_ipv6_cidr_block("::/0").egress_only_internet_gateway_id("eigw-1").build();
        let gone = default().nat_gateway_id("nat-1").state(RouteState::Blackhole).build();
        let rows = [
            ("main table", vec![table("vpc-1", main(), vec![local(), internet.clone()])], Egress::InternetGateway),
            ("NAT gateway", vec![table("vpc-1", main(), vec![local(), nat.clone()])], Egress::Nat),
            ("appliance", vec![table("vpc-1", main(), vec![appliance])], Egress::Nat),
            ("firewall", vec![table("vpc-1", main(), vec![local(), firewall])], Egress::Endpoint),
            ("transit gateway", vec![table("vpc-1", main(), vec![local(), transit])], Egress::Nat),
            ("transit gateway is gone", vec![table("vpc-1", main(), vec![cut])], Egress::None),
            ("carrier gateway", vec![table("vpc-1", main(), vec![carrier])], Egress::None),
            ("IPv6 only", vec![table("vpc-1", main(), vec![local(), egress_only])], Egress::None),
            ("VPN", vec![table("vpc-1", main(), vec![private])], Egress::Nat),
            ("gateway is gone", vec![table("vpc-1", main(), vec![gone])], Egress::None),
            ("no default route", vec![table("vpc-1", main(), vec![local()])], Egress::None),
            ("no table", vec![], Egress::Unseen),
            ("main table of another VPC", vec![table("vpc-2", main(), vec![internet.clone()])], Egress::Unseen),
            (
                "own table before the main one",
                vec![table("vpc-1", main(), vec![internet.clone()]), table("vpc-1", of("subnet-1"), vec![nat])],
                Egress::Nat,
            ),
            (
                "another subnet's table",
                vec![table("vpc-1", of("subnet-2"), vec![internet]), table("vpc-1", main(), vec![local()])],
                Egress::None,
            ),
        ];
        for (row, tables, expected) in rows {
            assert_eq!(egress("subnet-1", "vpc-1", &tables), expected, "{row}");
        }
    }

    fn described(id: &str) -> SubnetBuilder {
        let subnet = sdk::Subnet::builder().subnet_id(id).vpc_id("vpc-1").available_ip_address_count(9);
        subnet.cidr_block("10.0.0.0/24").availability_zone("eu-west-1a").availability_zone_id("euw1-az1")
    }

    #[test]
    fn block_public_access_closes_internet_gateways_and_firewalls() {
        let with = |id: &str| vec![table("vpc-1", main(), vec![default().gateway_id(id).build()])];
        let in_mode = |mode: Option<&str>| {
            let states = BlockPublicAccessStates::builder().set_internet_gateway_block_mode(mode.map(Into::into));
            described("subnet-1").block_public_access_states(states.build()).build()
        };
        for mode in ["block-bidirectional", "block-ingress", "block-everything"] {
            for gateway in ["igw-1", "vpce-1"] {
                let closed = subnet(in_mode(Some(mode)), &with(gateway)).unwrap();
                assert_eq!(closed.egress, Egress::Blocked, "{mode} {gateway}");
            }
            assert_eq!(subnet(in_mode(Some(mode)), &with("vgw-1")).unwrap().egress, Egress::Nat, "{mode}");
        }
        for mode in [Some("off"), None] {
            assert_eq!(subnet(in_mode(mode), &with("igw-1")).unwrap().egress, Egress::InternetGateway, "{mode:?}");
        }
        assert_eq!(subnet(described("subnet-1").build(), &with("igw-1")).unwrap().egress, Egress::InternetGateway);
    }

    #[test]
    fn what_is_far_is_told_by_its_zone_and_its_outpost() {
        let far = |zone: &str| is_far("us-west-2", &described("subnet-1").availability_zone(zone).build());
        assert_eq!([far("us-west-2a"), far("us-west-2d")], [false; 2]);
        assert_eq!([far("us-west-2-lax-1a"), far("us-west-2-wl1-den-wlz-1")], [true; 2]);
        let on_outpost = described("subnet-1").outpost_arn("arn:aws:outposts:us-west-2:1:outpost/op-1");
        assert!(is_far("us-west-2", &on_outpost.availability_zone("us-west-2a").build()));
        // One without a zone is odd, and said to be.
        assert!(!is_far("us-west-2", &described("subnet-1").set_availability_zone(None).build()));
    }

    #[test]
    fn an_odd_subnet_hides_no_other() {
        let ipv6_only = described("subnet-6").set_cidr_block(None).available_ip_address_count(0).build();
        let odd = || subnet(described("subnet-2").set_availability_zone(None).build(), &[]);
        let read = readable(vec![subnet(ipv6_only, &[]), odd(), subnet(described("subnet-4").build(), &[])]).unwrap();
        let cidrs: Vec<_> = read.iter().map(|subnet| (subnet.id.as_str(), subnet.cidr)).collect();
        assert_eq!(cidrs, [("subnet-6", None), ("subnet-4", "10.0.0.0/24".parse().ok())]);
        assert!(readable(vec![odd()]).is_err_and(|error| error.message.contains("subnet-2")));
        assert_eq!(readable(Vec::new()), Ok(Vec::new()));
    }
}
