//! The addresses of instances: public ones, or private ones alone, by their subnet's way to the internet.

use api::{Addressing, ClusterBenchmarkSpec};

use crate::conditions::Reason;
use crate::plan::{NoPlacement, refused};
use crate::ports::{self, Egress, Subnet};

/// Whether instances in this subnet get a public address.
pub(super) fn addressing(spec: &ClusterBenchmarkSpec, subnet: &Subnet) -> Result<ports::Addressing, NoPlacement> {
    use crate::ports::Addressing::{Private, Public};
    let wanted = spec.network.as_ref().map(|network| network.addressing).unwrap_or_default();
    let (why, way_out) = match (wanted, subnet.egress) {
        (Addressing::Private, _) | (Addressing::Auto, Egress::Nat) => return Ok(Private),
        // What a public address is for is closed, whoever asked for it.
        (Addressing::Auto | Addressing::Public, Egress::Blocked) => (
            "has a route to an internet gateway that VPC Block Public Access closes, so instances could not fetch their program",
            "a subnet that is excluded from it or has a NAT gateway, or with network.addressing Private if the artifacts are reachable without one",
        ),
        (Addressing::Public, _) | (Addressing::Auto, Egress::InternetGateway | Egress::Endpoint) => return Ok(Public),
        (Addressing::Auto, Egress::None) => (
            "has no route out, so instances could not fetch their program",
            "a subnet that has a NAT or internet gateway, or with network.addressing Private if the artifacts are reachable without one",
        ),
        (Addressing::Auto, Egress::Unseen) => (
            "has no route table that this account can see, as may be in a shared VPC, so whether instances need a public address is not known",
            "network.addressing Public (its way out is an internet gateway) or Private (a NAT, or none is needed)",
        ),
    };
    refused(
        Reason::NoEgress,
        format!("network.subnetIds: {} {why}: delete the benchmark and create it with {way_out}", subnet.id),
    )
}
