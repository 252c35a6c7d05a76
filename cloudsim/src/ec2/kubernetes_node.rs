//! A node of the Kubernetes cluster that the operator runs in, which lies in a VPC as those of EKS do.

use std::net::Ipv4Addr;

use planner::owner::Tags;

use super::Ec2;
use super::instance::{GroupName, NetworkInterface};
use crate::engine::audit::Origin;
use crate::engine::visibility::Versions;

/// Addresses of a node and of a pod on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KubernetesNode {
    pub node: Ipv4Addr,
    pub pod: Ipv4Addr,
}

impl Ec2<'_> {
    /// Plants the interface of a node in the first subnet with its default group. The node has the primary address and a pod
    /// the secondary one (EKS user guide, "Amazon VPC CNI"). Its instance is in no list: nobody asks for it. `None`: there is no free
    /// address.
    pub fn plant_kubernetes_node(&mut self) -> Option<KubernetesNode> {
        let subnet = self.state.network.subnets.first()?.clone();
        let group = self.state.default_group(&subnet.vpc_id)?;
        let groups = vec![GroupName { id: group.id.clone(), name: group.name.clone() }];
        // The next one is another: addresses are given out in turn.
        let (node, pod) = (self.take_address(&subnet)?, self.take_address(&subnet)?);
        let id = self.engine.new_id("eni");
        let interface = NetworkInterface {
            id: id.clone(),
            origin: Origin::Planted,
            vpc_id: subnet.vpc_id,
            subnet_id: subnet.id,
            zone: subnet.zone,
            private_address: node,
            secondary_addresses: vec![pod],
            public_address: None,
            groups,
            instance_id: Some(self.engine.new_id("i")),
            description: String::new(),
            requester_id: None,
            tags: Tags::new(),
        };
        let lag = self.draw_lag();
        self.state.interfaces.insert(id, Versions::new(interface, self.engine.now(), lag));
        Some(KubernetesNode { node, pod })
    }
}
