//! The way of the operator's own requests to balancer or front, and generators: at which addresses it dials them, and from which
//! networks. Decided before anything is paid for: instances that it does not reach are paid for nothing.

use std::collections::BTreeSet;

use api::{ClusterBenchmarkSpec, Control, Placement};
use ipnet::Ipv4Net;

use crate::conditions::Reason;
use crate::desired::role::is_control_public;
use crate::plan::{NoPlacement, refused};
use crate::world::{Facet, OwnAddresses, OwnVpc, Site, World};

/// Whether a spec has its instances dialled at public addresses.
pub(crate) fn is_public(spec: &ClusterBenchmarkSpec) -> bool {
    spec.network.as_ref().is_some_and(|network| network.control == Control::Public)
}

/// The networks that the control port is open to: those that the operator was told last, else those that it found out when the
/// benchmark was placed. On public addresses to single ones only.
pub(crate) fn sources(placement: &Placement) -> Vec<Ipv4Net> {
    let mut sources = parsed(&placement.control_sources);
    sources.retain(|network| !is_control_public(placement) || is_one(network));
    sources
}

/// Networks that the control port was open to and is to be no more.
pub(crate) fn former_sources(placement: &Placement) -> Vec<Ipv4Net> {
    parsed(&placement.former_control_sources)
}

/// The placement with the networks that the operator is told now. It remembers the others: what was opened for them is ours to
/// close, and only that.
pub(crate) fn renewed(world: &World, placement: Placement) -> Placement {
    let told = &world.settings.control_sources;
    let is_refused = is_control_public(&placement) && too_wide(told).is_some();
    let masked = |networks: &[Ipv4Net]| networks.iter().map(Ipv4Net::trunc).collect::<BTreeSet<_>>();
    if told.is_empty() || is_refused || masked(told) == masked(&parsed(&placement.control_sources)) {
        return placement;
    }
    let control_sources: Vec<String> = told.iter().map(ToString::to_string).collect();
    let mut former_control_sources = placement.former_control_sources.clone();
    for network in &placement.control_sources {
        if !former_control_sources.contains(network) {
            former_control_sources.push(network.clone());
        }
    }
    former_control_sources.retain(|network| !control_sources.contains(network));
    Placement { control_sources, former_control_sources, ..placement }
}

fn parsed(networks: &[String]) -> Vec<Ipv4Net> {
    networks.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Why the operator would not reach the instances of a benchmark that is placed, for people; with the way out.
pub(crate) fn refusal(world: &World, placement: &Placement) -> Option<(Reason, String)> {
    let told = &world.settings.control_sources;
    if is_control_public(placement) && !told.is_empty() {
        return too_wide(told);
    }
    sources(placement).is_empty().then(|| {
        (Reason::NoControlSources, "the operator is told no networks that its requests come from, and this benchmark was placed by one that was: set controlSources (--control-sources) again".to_owned())
    })
}

/// The networks that a benchmark which is to be placed is controlled from.
pub(crate) fn choose(world: &World, site: &Site) -> Result<Vec<Ipv4Net>, NoPlacement> {
    let told = &world.settings.control_sources;
    if is_public(&world.object.spec) {
        return match too_wide(told) {
            Some((reason, message)) => refused(reason, message),
            None if told.is_empty() => refused(
                Reason::NoControlSources,
                "network.control: Public opens the control port of instances to the public addresses that the operator's requests come from, and it knows none: set controlSources (--control-sources) to these, such as 203.0.113.7/32",
            ),
            None => Ok(told.clone()),
        };
    }
    if !told.is_empty() && told.iter().all(|network| is_outside(network, site)) {
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        return refused(
            Reason::NoControlSources,
            format!(
                "of controlSources (--control-sources) all are single public addresses ({}), and from such no private address of a VPC is reached: delete the benchmark and create it with network.control Public, or set controlSources to the networks that the operator's requests arrive from in the VPC",
                told.join(", ")
            ),
        );
    }
    if !told.is_empty() {
        return Ok(told.clone());
    }
    match &site.own_vpc {
        Some(Facet::Known(OwnVpc::Found { cidrs, .. })) => Ok(cidrs.clone()),
        Some(Facet::Known(OwnVpc::NotFound(why))) => unknown(why),
        Some(Facet::Unknown(why)) => Err(NoPlacement::Unknown(why.clone())),
        None if world.region() != world.settings.region => {
            unknown(&format!("region {} is not the operator's own, {}", world.region(), world.settings.region))
        }
        None => unknown(OwnAddresses::NONE),
    }
}

fn unknown<T>(why: &str) -> Result<T, NoPlacement> {
    refused(
        Reason::NoControlSources,
        format!(
            "the operator does not know which networks its requests to instances come from: {why}. Set controlSources (--control-sources) to these, if it reaches private addresses of the VPC; if not, to its public ones, such as 203.0.113.7/32, and create the benchmark again with network.control Public"
        ),
    )
}

/// A control port on a public address is for single ones, which are the operator's own: on its way nothing is encrypted, and
/// what is asked for and not changed is not signed.
fn too_wide(told: &[Ipv4Net]) -> Option<(Reason, String)> {
    let wide = told.iter().find(|network| !is_one(network))?;
    let message = format!(
        "network.control: Public opens the control port of instances on public addresses, and {wide} of controlSources (--control-sources) is more than one address: name each address that the operator's requests come from as a /32, or delete the benchmark and create it with network.control Private"
    );
    Some((Reason::ControlTooWide, message))
}

/// Whether it is one address that no machine of a private network has (RFC 1918, RFC 6598), and none of the operator's VPC.
fn is_outside(network: &Ipv4Net, site: &Site) -> bool {
    let address = network.addr();
    let is_shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 0x40;
    let is_inside = address.is_private() || address.is_loopback() || address.is_link_local() || is_shared;
    let is_own = || match &site.own_vpc {
        Some(Facet::Known(OwnVpc::Found { cidrs, .. })) => cidrs.iter().any(|block| block.contains(&address)),
        _ => false,
    };
    is_one(network) && !is_inside && !is_own()
}

fn is_one(network: &Ipv4Net) -> bool {
    network.prefix_len() == network.max_prefix_len()
}
