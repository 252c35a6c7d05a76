//! Connections: addresses, routes and groups decide whether one comes through. In truth, whatever readers see.

use std::net::Ipv4Addr;
use std::sync::Arc;

use planner::ports::InstanceState;

use super::group::PermissionSource;
use super::instance::{Attached, GroupName, Instance, NetworkInterface};
use super::network::{Target, Vpc, nth};
use super::state::State;
use crate::engine::audit::Origin;
use crate::engine::visibility::Versions;
use crate::settings::PublicAccess;

/// One end of a connection.
enum End {
    Private(Arc<Instance>),
    Public(Arc<Instance>),
    /// A node of a load balancer, by its interface.
    Node(Arc<NetworkInterface>),
    /// A node of an internet-facing one, by its public address.
    PublicNode(Arc<NetworkInterface>),
    /// An address in a network that is routed to the VPC, or of somebody else's interface in it.
    Peer,
    Internet,
}

impl State {
    /// Whether `from` can open a TCP connection to `port` of `to`; if not, why.
    pub(crate) fn can_connect(
        &self,
        public_access: PublicAccess,
        from: Ipv4Addr,
        to: Ipv4Addr,
        port: u16,
    ) -> Result<(), String> {
        match (self.end(from)?, self.end(to)?) {
            (End::Private(_) | End::Node(_) | End::Peer, End::Private(target)) => self.admits(&target, from, port),
            (End::Private(_) | End::Node(_) | End::Peer, End::Node(node)) => {
                self.lets_in((&node.id, &node.groups), from, port)
            }
            (End::Internet | End::Public(_) | End::PublicNode(_), End::Private(_) | End::Node(_)) => {
                Err(format!("{to} is private: no route to it from {from}"))
            }
            (End::Private(source), End::Public(target)) => {
                let seen_as = self.leaves(public_access, &source)?;
                self.admits(&target, seen_as, port)
            }
            // The gateway puts its public address in place of the private one (VPC user guide, "Internet gateways").
            (End::Private(source), End::PublicNode(node)) => {
                let seen_as = self.leaves(public_access, &source)?;
                self.lets_in((&node.id, &node.groups), seen_as, port)
            }
            (End::Internet, End::Public(target)) if public_access != PublicAccess::Off => {
                Err(format!("VPC Block Public Access closes the internet gateway to {}", target.id))
            }
            (End::Internet, End::PublicNode(node)) if public_access != PublicAccess::Off => {
                Err(format!("VPC Block Public Access closes the internet gateway to {}", node.id))
            }
            (End::Node(node) | End::PublicNode(node), End::Public(_) | End::PublicNode(_) | End::Internet) => {
                Err(format!("{} dials its targets only", node.description))
            }
            (_, End::Public(target)) => self.admits(&target, from, port),
            (_, End::PublicNode(node)) => self.lets_in((&node.id, &node.groups), from, port),
            (End::Private(source), End::Internet) => self.leaves(public_access, &source).map(|_| ()),
            (_, End::Peer | End::Internet) => Ok(()),
        }
    }

    fn end(&self, address: Ipv4Addr) -> Result<End, String> {
        let truths = self.instances.values().filter_map(|record| record.seen.truth());
        for instance in truths.filter(|instance| instance.state == InstanceState::Running) {
            let Some(network) = &instance.network else { continue };
            if network.private_address == address {
                return Ok(End::Private(instance.clone()));
            }
            if network.public_address == Some(address) {
                return Ok(End::Public(instance.clone()));
            }
        }
        if let Some(node) = self.node(address) {
            return Ok(End::Node(node.clone()));
        }
        let mut interfaces = self.interfaces.values().filter_map(Versions::truth);
        let of_node = |interface: &&Arc<NetworkInterface>| interface.requester_id.is_some();
        if let Some(node) = interfaces.find(|one| of_node(one) && one.public_address == Some(address)) {
            return Ok(End::PublicNode(node.clone()));
        }
        let mut interfaces = self.interfaces.values().filter_map(Versions::truth);
        let is_planted = |one: &&Arc<NetworkInterface>| one.origin == Origin::Planted;
        if interfaces.any(|one| is_planted(&one) && one.private_addresses().any(|private| private == address)) {
            return Ok(End::Peer);
        }
        let is_within = self.network.vpcs.iter().flat_map(Vpc::cidrs).any(|cidr| cidr.contains(&address));
        if is_within || self.public_cidr.contains(&address) {
            return Err(format!("{address} belongs to no running instance"));
        }
        Ok(if self.peers.iter().any(|peer| peer.contains(&address)) { End::Peer } else { End::Internet })
    }

    /// The address that the internet sees an instance by, if it gets there.
    fn leaves(&self, public_access: PublicAccess, source: &Instance) -> Result<Ipv4Addr, String> {
        let attached = attached(source)?;
        let subnet = self.network.subnet(&attached.subnet_id);
        match subnet.and_then(|subnet| self.network.way_out(subnet)) {
            // Firewall endpoints are closed with the gateways behind them (VPC user guide, "VPC BPA basics").
            Some(Target::InternetGateway(_) | Target::Endpoint(_)) if public_access != PublicAccess::Off => {
                Err(format!("{}: VPC Block Public Access closes the internet gateway to it", source.id))
            }
            Some(Target::InternetGateway(_) | Target::Endpoint(_)) => attached
                .public_address
                .ok_or_else(|| format!("{} has no public address, which its subnet's route needs", source.id)),
            Some(Target::NatGateway(_) | Target::TransitGateway(_)) => Ok(nth(self.public_cidr, 1)),
            Some(Target::Local) | None => {
                Err(format!("{}: {} has no route to the internet", source.id, attached.subnet_id))
            }
        }
    }

    fn admits(&self, target: &Instance, from: Ipv4Addr, port: u16) -> Result<(), String> {
        self.lets_in((&target.id, &attached(target)?.groups), from, port)
    }

    /// Whether a rule of any of the groups admits it.
    fn lets_in(&self, (id, groups): (&str, &[GroupName]), from: Ipv4Addr, port: u16) -> Result<(), String> {
        let sources = self.groups_at(from);
        let truths = groups.iter().filter_map(|group| self.groups.get(&group.id).and_then(Versions::truth));
        let admitted = truths.flat_map(|group| &group.ingress).any(|rule| {
            rule.permission.covers_tcp(port)
                && match &rule.permission.source {
                    PermissionSource::Cidr(cidr) => cidr.contains(&from),
                    PermissionSource::Group(id) => sources.contains(id),
                }
        });
        if admitted {
            return Ok(());
        }
        let groups: Vec<_> = groups.iter().map(|group| group.id.as_str()).collect();
        Err(format!("no rule of {} admits {from} to port {port} of {id}", groups.join(", ")))
    }

    /// The interface of the load balancer's node with this private address.
    fn node(&self, address: Ipv4Addr) -> Option<&Arc<NetworkInterface>> {
        let mut nodes = self.interfaces.values().filter_map(Versions::truth);
        nodes.find(|interface| interface.requester_id.is_some() && interface.private_address == address)
    }

    /// Groups of the instance or node with this private address. Through public addresses, group rules do not hold.
    fn groups_at(&self, address: Ipv4Addr) -> Vec<String> {
        let truths = self.instances.values().filter_map(|record| record.seen.truth()?.network.as_ref());
        let mut found = truths.filter(|network| network.private_address == address);
        let of_instance = found.next().map(|network| &network.groups);
        let groups = of_instance.or_else(|| self.node(address).map(|node| &node.groups));
        groups.into_iter().flatten().map(|group| group.id.clone()).collect()
    }
}

fn attached(instance: &Instance) -> Result<&Attached, String> {
    instance.network.as_ref().ok_or_else(|| format!("{} has no network any more", instance.id))
}
