//! The scheme of the load balancer: who can reach it, and what an internet-facing one needs.
//!
//! Its name leads to public addresses of its nodes, for the generators as for everybody else (ELB user guide, "How Elastic
//! Load Balancing works": Load balancer scheme). They leave the VPC by the internet gateway, which puts their public address in
//! place of the private one (VPC user guide, "Internet gateways"), and a rule that names a group stands for private addresses
//! only (VPC user guide, "Security group rules"). So each generator is let in by its public address, as soon as a list shows
//! it: it cannot be known before the launch.

use std::net::Ipv4Addr;

use api::{BalancerKind, ClusterBenchmarkSpec, Placement};
use ipnet::Ipv4Net;

use crate::conditions::Reason;
use crate::counts::length;
use crate::desired;
use crate::desired::role::{Role, addressing};
use crate::instances::single;
use crate::plan::NoPlacement;
use crate::ports::{Addressing, Egress, Scheme, Subnet};
use crate::world::World;

/// The scheme that a spec asks for.
pub(super) fn asked(spec: &ClusterBenchmarkSpec) -> api::Scheme {
    spec.balancer.application.as_ref().map(|application| application.scheme).unwrap_or_default()
}

/// ELBv2's word for it.
pub(super) fn of_request(scheme: api::Scheme) -> Scheme {
    match scheme {
        api::Scheme::Internal => Scheme::Internal,
        api::Scheme::InternetFacing => Scheme::InternetFacing,
    }
}

/// Whether nodes in this subnet can be reached as the scheme says.
pub(super) fn suits(scheme: api::Scheme, subnet: &Subnet) -> bool {
    scheme == api::Scheme::Internal || subnet.egress == Egress::InternetGateway
}

/// Why instances of this placement could not use the load balancer, if so. `own` is their subnet.
pub(super) fn refusal(scheme: api::Scheme, placement: &Placement, own: &Subnet) -> Option<NoPlacement> {
    if scheme == api::Scheme::Internal {
        return None;
    }
    let refused = |message| Some(NoPlacement::Refused { reason: Reason::NoEgress, message });
    if !suits(scheme, own) {
        return refused(format!(
            "balancer.application.scheme: an InternetFacing load balancer needs subnets whose route goes to an internet gateway, and that of {} does not: set scheme Internal, or delete the benchmark and create it with such subnets in network.subnetIds",
            own.id
        ));
    }
    if addressing(placement, Role::Generator) != Some(Addressing::Public) {
        return refused(
            "balancer.application.scheme: generators reach an InternetFacing load balancer over their public addresses, and network.addressing Private gives them none: set scheme Internal, or delete the benchmark and create it with network.addressing Public".to_owned(),
        );
    }
    None
}

/// Whether generators reach the load balancer by public addresses.
fn is_reached_from_outside(spec: &ClusterBenchmarkSpec) -> bool {
    spec.balancer.kind == BalancerKind::Application && asked(spec) == api::Scheme::InternetFacing
}

/// Whether generators were ever let in by public addresses, now included.
pub(crate) fn was_reached_from_outside(placement: &Placement) -> bool {
    let placed = placement.balancer.as_ref();
    placed.is_some_and(|placed| placed.was_internet_facing || placed.scheme == api::Scheme::InternetFacing)
}

/// Whether [`callers`] are all that there are to be.
pub(crate) fn all_callers_are_seen(world: &World) -> bool {
    let spec = &world.object.spec;
    let wanted = if is_reached_from_outside(spec) { desired::generators(spec) } else { 0 };
    world.cloud.instances.known().is_some() && callers(world).len() == length(wanted)
}

/// Public addresses of the generators that run, where they reach the load balancer by them.
pub(crate) fn callers(world: &World) -> Vec<Ipv4Net> {
    let spec = &world.object.spec;
    if !is_reached_from_outside(spec) {
        return Vec::new();
    }
    let public = |number| single(world, &desired::generator(number)).and_then(|generator| generator.public_address);
    (1..=desired::generators(spec)).filter_map(public).map(host).collect()
}

fn host(address: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::from(address)
}
