//! Subnets of an answer, and how they reach the internet.

use aws_sdk_ec2::types::{self as sdk, RouteState, RouteTable};
use planner::ports::{Answer, Egress, Subnet};
use planner::{CloudError, Failure};

use crate::failure::need;

pub(crate) fn subnet(from: sdk::Subnet, tables: &[RouteTable]) -> Answer<Subnet> {
    let id = need(from.subnet_id, "id", "a subnet")?;
    let vpc_id = need(from.vpc_id, "VPC", &id)?;
    let free = need(from.available_ip_address_count, "number of free addresses", &id)?;
    Ok(Subnet {
        zone: need(from.availability_zone, "zone", &id)?,
        zone_id: need(from.availability_zone_id, "zone id", &id)?,
        cidr: need(from.cidr_block, "CIDR block", &id)?,
        free_addresses: u32::try_from(free).unwrap_or(0),
        egress: egress(&id, &vpc_id, tables),
        vpc_id,
        id,
    })
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
    let Some(table) = explicit.or_else(main) else { return Egress::None };
    let default = table.routes().iter().find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
    match default {
        None => Egress::None,
        // The gateway behind it is gone.
        Some(route) if route.state() == Some(&RouteState::Blackhole) => Egress::None,
        Some(route) if route.gateway_id().is_some_and(|id| id.starts_with("igw-")) => Egress::InternetGateway,
        Some(_) => Egress::Nat,
    }
}

fn associated(table: &RouteTable, is: impl Fn(&sdk::RouteTableAssociation) -> bool) -> bool {
    table.associations().iter().any(is)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::builders::RouteBuilder;
    use aws_sdk_ec2::types::{Route, RouteTableAssociation};

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
        let gone = default().nat_gateway_id("nat-1").state(RouteState::Blackhole).build();
        let rows = [
            ("main table", vec![table("vpc-1", main(), vec![local(), internet.clone()])], Egress::InternetGateway),
            ("NAT gateway", vec![table("vpc-1", main(), vec![local(), nat.clone()])], Egress::Nat),
            ("appliance", vec![table("vpc-1", main(), vec![appliance])], Egress::Nat),
            ("VPN", vec![table("vpc-1", main(), vec![private])], Egress::Nat),
            ("gateway is gone", vec![table("vpc-1", main(), vec![gone])], Egress::None),
            ("no default route", vec![table("vpc-1", main(), vec![local()])], Egress::None),
            ("no table", vec![], Egress::None),
            ("main table of another VPC", vec![table("vpc-2", main(), vec![internet.clone()])], Egress::None),
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
}
