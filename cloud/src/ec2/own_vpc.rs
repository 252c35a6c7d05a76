//! Addresses of interfaces and blocks of VPCs, by which the operator finds the VPC that it is in.

use std::net::IpAddr;

use aws_sdk_ec2::types::{NetworkInterface, Vpc, VpcCidrBlockStateCode};
use ipnet::Ipv4Net;
use planner::ports::Answer;

use crate::sdk::failure::{incomplete, need};

/// All addresses of an interface inside its VPC. What is no address is none of ours.
pub(super) fn addresses(from: &NetworkInterface) -> impl Iterator<Item = IpAddr> {
    let ipv4 = from.private_ip_addresses().iter().filter_map(|one| one.private_ip_address());
    let ipv6 = from.ipv6_addresses().iter().filter_map(|one| one.ipv6_address());
    // An answer that lists no addresses names the primary one all the same.
    from.private_ip_address().into_iter().chain(ipv4).chain(ipv6).filter_map(|text| text.parse().ok())
}

/// The blocks of a VPC that are associated with it now (API reference, Vpc.CidrBlockAssociationSet), the first one included.
pub(super) fn blocks(from: Vpc) -> Answer<Vec<Ipv4Net>> {
    let id = need(from.vpc_id, "id", "a VPC")?;
    let mut texts: Vec<String> = from.cidr_block.into_iter().collect();
    for association in from.cidr_block_association_set.unwrap_or_default() {
        let state = association.cidr_block_state.as_ref().and_then(|state| state.state());
        if state == Some(&VpcCidrBlockStateCode::Associated) {
            texts.extend(association.cidr_block);
        }
    }
    texts.sort();
    texts.dedup();
    let parsed = |text: String| text.parse().map_err(|_| incomplete(format_args!("{id} with the CIDR block {text:?}")));
    texts.into_iter().map(parsed).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{NetworkInterfaceIpv6Address, NetworkInterfacePrivateIpAddress};
    use aws_sdk_ec2::types::{VpcCidrBlockAssociation, VpcCidrBlockState};

    use super::*;

    #[test]
    fn blocks_that_are_not_associated_are_none() {
        let block = |text: &str, state| {
            let state = VpcCidrBlockState::builder().state(state).build();
            VpcCidrBlockAssociation::builder().cidr_block(text).cidr_block_state(state).build()
        };
        let vpc = Vpc::builder()
            .vpc_id("vpc-1")
            .cidr_block("10.1.0.0/16")
            .cidr_block_association_set(block("10.1.0.0/16", VpcCidrBlockStateCode::Associated))
            .cidr_block_association_set(block("100.64.0.0/16", VpcCidrBlockStateCode::Associated))
            .cidr_block_association_set(block("10.9.0.0/16", VpcCidrBlockStateCode::Disassociated))
            .cidr_block_association_set(block("10.8.0.0/16", VpcCidrBlockStateCode::Failed))
            .build();
        let read = blocks(vpc).unwrap();
        assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.1.0.0/16", "100.64.0.0/16"]);
        let odd = Vpc::builder().vpc_id("vpc-1").cidr_block("10.1.0.0").build();
        assert!(blocks(odd).is_err_and(|error| error.message.contains("vpc-1")));
    }

    #[test]
    fn an_interface_has_primary_secondary_and_ipv6_addresses() {
        let private = |text: &str| NetworkInterfacePrivateIpAddress::builder().private_ip_address(text).build();
        let interface = NetworkInterface::builder()
            .private_ip_address("10.0.0.4")
            .private_ip_addresses(private("10.0.0.4"))
            .private_ip_addresses(private("100.64.0.9"))
            .ipv6_addresses(NetworkInterfaceIpv6Address::builder().ipv6_address("fd00:ec2::9").build())
            .build();
        let all: Vec<String> = addresses(&interface).map(|address| address.to_string()).collect();
        assert_eq!(all, ["10.0.0.4", "10.0.0.4", "100.64.0.9", "fd00:ec2::9"]);
    }
}
