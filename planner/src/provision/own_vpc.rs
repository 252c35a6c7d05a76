//! The VPC that the operator itself is in: there benchmarks are placed that name no subnets, and its blocks are the networks that
//! the operator's requests come from when it was told no others.
//!
//! What tells is which network interface has the address of its pod, or that of the node below (`status.podIP` and
//! `status.hostIP` of the downward API):
//!
//! - On EKS a pod has a secondary address of an interface of its node, and the node the primary one (EKS user guide, "Amazon
//!   VPC CNI"). With custom networking that is of another block of the same VPC. On Fargate, and in the node's own network,
//!   both addresses are one.
//! - Out of a prefix of that interface (EKS best practices, "Prefix mode"), or of an overlay network, the pod's address is on no
//!   interface by itself. The node's is.
//! - Outside of AWS the node's is on none either. An overlay's address is private to the Kubernetes cluster, and an interface
//!   somewhere may have the same one by chance: so where the node's address is known, it decides.
//! - Blocks of two VPCs may overlap. An address that interfaces of several have tells nothing.
//!
//! Only the operator's own region is asked: blocks are often the same in each region of an account.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::control;
use crate::ports::SubnetsOf;
use crate::world::{Facet, OwnAddresses, OwnVpc, Unknown, World};

/// What `placement.vpcChosenBy` says of this way to choose.
const OPERATOR_ADDRESS: &str = "OperatorAddress";

/// The addresses to look for. `None`: nothing depends on the answer, or it is known without asking.
pub fn question(world: &World) -> Option<OwnAddresses> {
    let own = world.settings.own_addresses;
    // An operator that needs public addresses is not in the VPC, whoever has its address there.
    let needs_vpc = named(world).is_empty() && !control::is_public(&world.object.spec);
    let needs_sources = world.settings.control_sources.is_empty();
    let is_open = world.object.status.placement.is_none() && (needs_vpc || needs_sources);
    (is_open && world.region() == world.settings.region && own != OwnAddresses::default()).then_some(own)
}

/// Which VPC it is, and by which address, when interfaces have these addresses of ours: pairs of an address and a VPC. Why not,
/// if it cannot be told.
pub fn find(own: &OwnAddresses, region: &str, found: &[(IpAddr, String)]) -> Result<(String, IpAddr), String> {
    let vpcs_of = |of: IpAddr| -> BTreeSet<&str> {
        found.iter().filter(|(address, _)| *address == of).map(|(_, vpc)| vpc.as_str()).collect()
    };
    let Some(address) = own.node.or(own.pod) else { return Err(OwnAddresses::NONE.to_owned()) };
    let all = vpcs_of(address);
    let both: BTreeSet<&str> =
        own.pod.map(|pod| all.intersection(&vpcs_of(pod)).copied().collect()).unwrap_or_default();
    let vpcs: Vec<&str> = if both.len() == 1 { both } else { all }.into_iter().collect();
    match vpcs[..] {
        [vpc] => Ok((vpc.to_owned(), address)),
        [] => Err(format!("no network interface in {region} has the operator's address {address}")),
        _ => Err(format!(
            "network interfaces of several VPCs in {region} have the operator's address {address}: {}",
            vpcs.join(", ")
        )),
    }
}

/// Which subnets a benchmark may be placed in. `Err`: it is not known yet, and no other VPC is taken for that.
pub fn subnets(world: &World, own_vpc: Option<&Facet<OwnVpc>>) -> Result<SubnetsOf, Unknown> {
    let named = named(world);
    if !named.is_empty() {
        return Ok(SubnetsOf::Named(named.to_vec()));
    }
    match (&world.object.status.placement, own_vpc) {
        // It stays in its VPC, wherever the operator is now.
        (Some(placement), _) if placement.vpc_chosen_by == OPERATOR_ADDRESS => {
            Ok(SubnetsOf::Vpc(placement.vpc_id.clone()))
        }
        (None, Some(Facet::Known(OwnVpc::Found { id, .. }))) => Ok(SubnetsOf::Vpc(id.clone())),
        (None, Some(Facet::Unknown(why))) => Err(why.clone()),
        _ => Ok(SubnetsOf::Default),
    }
}

/// What the placement says of how its VPC was chosen.
pub(super) fn chosen_by(world: &World, own_vpc: Option<&Facet<OwnVpc>>) -> String {
    let is_own = named(world).is_empty() && matches!(own_vpc, Some(Facet::Known(OwnVpc::Found { .. })));
    if is_own { OPERATOR_ADDRESS.to_owned() } else { String::new() }
}

/// What to add to the news that a benchmark can be placed.
pub(crate) fn said(placement: &api::Placement) -> String {
    if placement.vpc_chosen_by != OPERATOR_ADDRESS {
        return String::new();
    }
    format!(" in {}, which the operator is in", placement.vpc_id)
}

/// Why the operator's own VPC is not the one; empty: nobody asked, or it is.
pub(super) fn why_not(own_vpc: Option<&Facet<OwnVpc>>) -> String {
    match own_vpc {
        Some(Facet::Known(OwnVpc::NotFound(why))) => format!(", and {why}"),
        _ => String::new(),
    }
}

fn named(world: &World) -> &[String] {
    world.object.spec.network.as_ref().map(|network| network.subnet_ids.as_slice()).unwrap_or_default()
}
