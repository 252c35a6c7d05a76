//! The part of EC2 that ELBv2 needs: interfaces for its nodes, and groups and instances as another service sees them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use planner::owner::Tags;

use super::Ec2;
use super::group::SecurityGroup;
use super::instance::{GroupName, Instance, NetworkInterface};
use crate::engine::audit::Origin;
use crate::engine::visibility::{Path, Versions};

/// The requester of load balancers' interfaces, as EC2 names it (kubernetes-sigs/cluster-api-provider-aws#1846).
const REQUESTER: &str = "amazon-elb";

impl Ec2<'_> {
    /// Makes an interface for a node: its id and addresses. `None`: there is no such subnet or no free address.
    pub(crate) fn attach_node(
        &mut self,
        subnet_id: &str,
        group_ids: &[String],
        is_public: bool,
        description: String,
        origin: Origin,
    ) -> Option<(String, Ipv4Addr, Option<Ipv4Addr>)> {
        let subnet = self.state.network.subnet(subnet_id)?.clone();
        let (id, private_address) = (self.engine.new_id("eni"), self.take_address(&subnet)?);
        let public_address = is_public.then(|| self.public_twin(private_address, None));
        let named = |id: &String| {
            let name = self.state.groups.get(id).and_then(Versions::truth).map(|group| group.name.clone());
            GroupName { id: id.clone(), name: name.unwrap_or_default() }
        };
        let interface = NetworkInterface {
            id: id.clone(),
            origin,
            vpc_id: subnet.vpc_id,
            subnet_id: subnet.id,
            zone: subnet.zone,
            private_address,
            secondary_addresses: Vec::new(),
            public_address,
            groups: group_ids.iter().map(named).collect(),
            instance_id: None,
            description,
            requester_id: Some(REQUESTER.to_owned()),
            tags: Tags::new(),
        };
        let lag = self.draw_lag();
        self.state.interfaces.insert(id.clone(), Versions::new(interface, self.engine.now(), lag));
        Some((id, private_address, public_address))
    }

    /// Id of the default group of a VPC.
    pub(crate) fn default_group_of(&self, vpc_id: &str) -> Option<String> {
        self.state.default_group(vpc_id).map(|group| group.id.clone())
    }

    /// A group as a call that names it sees it, if it is there.
    pub(crate) fn shown_group(&mut self, id: &str) -> Option<Arc<SecurityGroup>> {
        let view = self.read_view(Path::Id);
        let record = self.state.groups.get(id).filter(|_| !self.is_elsewhere())?;
        record.seen(view).and(record.truth()).cloned()
    }

    /// An instance as a call that names it sees it.
    pub(crate) fn shown_instance(&mut self, id: &str) -> Option<Arc<Instance>> {
        let view = self.read_view(Path::Id);
        let record = self.state.instances.get(id).filter(|_| !self.is_elsewhere())?;
        record.seen.seen(view).cloned()
    }
}
