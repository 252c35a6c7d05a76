//! The addresses of instances: public ones, or private ones alone, by their subnet's way to the internet.

use api::{Addressing, ClusterBenchmarkSpec, Placement};

use crate::conditions::Reason;
use crate::control;
use crate::desired::{self, NO_WAY_OUT};
use crate::plan::{NoPlacement, refused};
use crate::ports::{self, Egress, Subnet};
use crate::world::World;

/// Whether instances in this subnet get a public address.
pub(super) fn addressing(world: &World, subnet: &Subnet) -> Result<ports::Addressing, NoPlacement> {
    use crate::ports::Addressing::{Private, Public};
    let spec = &world.object.spec;
    if control::is_public(spec) && !is_reached_from_outside(spec, subnet) {
        return refused(
            Reason::NoEgress,
            format!(
                "network.control: the operator reaches public addresses through an internet gateway, and {} has no open route to one: delete the benchmark and create it with network.control Private, or with subnets that have such a route in network.subnetIds",
                subnet.id
            ),
        );
    }
    let (why, way_out) = match (asked(spec), subnet.egress) {
        (Addressing::Private, _) | (Addressing::Auto, Egress::Nat) => return Ok(Private),
        // Nothing is fetched through it.
        (Addressing::Auto, Egress::Blocked | Egress::None | Egress::Unseen) if !desired::needs_way_out(world) => {
            return Ok(Private);
        }
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

/// The way out of the subnets of a placement, in its words: whether nothing but private addresses is there because nothing has to be
/// fetched. What the spec says of addresses itself is for its user to know.
pub(super) fn egress<'a>(world: &World, subnets: impl IntoIterator<Item = &'a Subnet>) -> String {
    let is_closed = |subnet: &Subnet| matches!(subnet.egress, Egress::Blocked | Egress::None | Egress::Unseen);
    let is_none = asked(&world.object.spec) == Addressing::Auto && subnets.into_iter().any(is_closed);
    if is_none { NO_WAY_OUT.to_owned() } else { String::new() }
}

/// Why instances of this placement could not fetch what the spec asks for, if so: they would wait for it in vain.
pub(super) fn refusal(world: &World, placement: &Placement) -> Option<String> {
    let field = desired::fetched(&world.object.spec).filter(|_| desired::has_no_way_out(placement))?;
    let subnets = placement.subnets().into_iter().map(|subnet| subnet.subnet_id).collect::<Vec<_>>();
    Some(format!(
        "{field}: instances would have to reach it, and this benchmark was placed in {} without a way out that is known, because nothing had to be fetched then: take the change back, or delete the benchmark and create it again with the field, in subnets that have a NAT or internet gateway (network.subnetIds)",
        subnets.join(", ")
    ))
}

/// Whether a public address in this subnet can be reached from the internet.
fn is_reached_from_outside(spec: &ClusterBenchmarkSpec, subnet: &Subnet) -> bool {
    match subnet.egress {
        Egress::InternetGateway | Egress::Endpoint => true,
        // Its user says that it is so.
        Egress::Unseen => asked(spec) == Addressing::Public,
        Egress::Nat | Egress::Blocked | Egress::None => false,
    }
}

/// Which of two subnets comes first, by their ways out: the lower one. Private addresses are kept where they do; they cost
/// nothing, and nobody outside reaches them.
pub(super) fn rank(spec: &ClusterBenchmarkSpec, subnet: &Subnet) -> u8 {
    let is_public = control::is_public(spec) || asked(spec) == Addressing::Public;
    match subnet.egress {
        Egress::Nat => u8::from(is_public) * 2,
        Egress::InternetGateway => u8::from(!is_public),
        Egress::Endpoint => 3,
        Egress::Blocked | Egress::None | Egress::Unseen => 4,
    }
}

fn asked(spec: &ClusterBenchmarkSpec) -> Addressing {
    spec.network.as_ref().map(|network| network.addressing).unwrap_or_default()
}
