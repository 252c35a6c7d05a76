//! Nodes of load balancers: one in each zone, with an interface of its subnet.

use planner::ports::Scheme;
use rand::seq::IndexedRandom;

use super::Elb;
use super::load_balancer::{LoadBalancer, ZoneSubnet};
use super::node::Node;
use super::state::Event;
use crate::engine::span::Span;

/// Often enough for anybody; and an agenda that never moves on would never end.
pub(super) const SHORTEST_PAUSE_MILLIS: u64 = 1_000;

impl Elb<'_> {
    /// Interfaces come with the call, untagged, and hold the security groups from then on.
    pub(super) fn add_nodes(&mut self, balancer: &LoadBalancer) -> Vec<Node> {
        balancer.subnets.iter().filter_map(|subnet| self.new_node(balancer, subnet)).collect()
    }

    fn new_node(&mut self, balancer: &LoadBalancer, at: &ZoneSubnet) -> Option<Node> {
        // The description by which people know them (aws-load-balancer-controller#208).
        let description = format!("ELB {}", balancer.dimension());
        let is_public = balancer.scheme == Scheme::InternetFacing;
        let made = self.ec2().attach_node(&at.subnet_id, &balancer.group_ids, is_public, description, balancer.origin);
        let (interface_id, address, public_address) = made?;
        Some(Node { zone: at.zone.clone(), subnet_id: at.subnet_id.clone(), interface_id, address, public_address })
    }

    /// The interfaces of a load balancer that was deleted go at last.
    pub(super) fn interfaces_gone(&mut self, arn: &str) {
        let nodes = self.state.balancers.get_mut(arn).map(|record| std::mem::take(&mut record.nodes));
        for node in nodes.unwrap_or_default() {
            self.ec2().interface_gone(&node.interface_id);
        }
        self.state.version += 1;
    }

    /// One node of a load balancer that routes gets another address, as when it is replaced or grows (user guide,
    /// "Application Load Balancers": its addresses change). `None`: there is no such load balancer or no free address.
    pub fn scale(&mut self, arn: &str) -> Option<()> {
        let balancer = self.state.load_balancer(arn)?.clone();
        let record = self.state.balancers.get(arn)?;
        let index = (0..record.nodes.len()).collect::<Vec<_>>().choose(&mut self.state.random.accidents).copied()?;
        let old = record.nodes.get(index)?.clone();
        let at = ZoneSubnet { zone: old.zone.clone(), subnet_id: old.subnet_id.clone() };
        let node = self.new_node(&balancer, &at)?;
        self.engine.tell(format!("{}: the node at {} is now at {}", balancer.name, old.address, node.address));
        self.engine.count("node moved");
        if let Some(place) = self.state.balancers.get_mut(arn).and_then(|record| record.nodes.get_mut(index)) {
            *place = node;
        }
        self.ec2().interface_gone(&old.interface_id);
        self.state.version += 1;
        Some(())
    }

    /// Puts the next scale event on the agenda, if there is to be one.
    pub(super) fn expect_scaling(&mut self) {
        let every = self.settings.load_balancing.scaling;
        if every == Span::NONE || self.state.scaling_is_due {
            return;
        }
        self.state.scaling_is_due = true;
        let wait = self.draw(every, |random| &mut random.accidents).max(SHORTEST_PAUSE_MILLIS);
        self.after(wait, Event::Scale);
    }

    pub(super) fn scale_any(&mut self) {
        self.state.scaling_is_due = false;
        if self.settings.load_balancing.scaling == Span::NONE {
            return;
        }
        let live: Vec<String> = self.state.live_load_balancers().iter().map(|one| one.arn.clone()).collect();
        if let Some(arn) = live.choose(&mut self.state.random.accidents).cloned() {
            self.scale(&arn);
        }
        self.expect_scaling();
    }
}
