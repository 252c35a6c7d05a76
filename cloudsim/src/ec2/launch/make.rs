//! Instances as they are made, each with its interface, address and volumes.

use std::net::Ipv4Addr;
use std::sync::Arc;

use planner::owner::Tags;
use planner::ports::InstanceState;
use rand::RngExt;

use super::resolve::ResolvedLaunch;
use crate::ec2::Ec2;
use crate::ec2::instance::{Attached, Instance, NetworkInterface, RunInstances};
use crate::ec2::instance_types;
use crate::ec2::network::{FIRST_ADDRESS, Subnet, nth, size};
use crate::ec2::state::{Event, InstanceRecord};
use crate::engine::audit::Origin;
use crate::engine::visibility::Versions;

impl Ec2<'_> {
    pub(super) fn make(&mut self, launch: &ResolvedLaunch, request: &RunInstances, count: u32) -> Vec<Arc<Instance>> {
        let reservation_id = self.engine.new_id("r");
        let request = Arc::new(request.clone());
        (0..count)
            .filter_map(|index| {
                let instance = self.new_instance(launch, &request, &reservation_id, index, Origin::Called)?;
                self.state.launched += 1;
                self.expect_boot(&instance.id, 0);
                Some(instance)
            })
            .collect()
    }

    /// Puts on the agenda how a boot ends.
    pub(in crate::ec2) fn expect_boot(&mut self, id: &str, restarts: u32) {
        let rate = self.settings.fails_at_boot_per_mille;
        let is_unlucky = self.state.random.launches.random_range(0..1000u32) < rate;
        let fails_at_boot = is_unlucky || self.state.failing_at_boot > 0;
        self.state.failing_at_boot = self.state.failing_at_boot.saturating_sub(1);
        if fails_at_boot {
            self.engine.count("failed at boot");
        }
        let boot = self.settings.boot.draw(&mut self.state.random.times);
        let id = id.to_owned();
        self.after(boot, if fails_at_boot { Event::FailAtBoot { id, restarts } } else { Event::Boot { id, restarts } });
    }

    fn new_instance(
        &mut self,
        launch: &ResolvedLaunch,
        request: &Arc<RunInstances>,
        reservation_id: &str,
        launch_index: u32,
        origin: Origin,
    ) -> Option<Arc<Instance>> {
        let (id, interface_id) = (self.engine.new_id("i"), self.engine.new_id("eni"));
        let private_address = self.take_address(&launch.subnet)?;
        let public_address = launch.public_address.then(|| self.public_twin(private_address, None));
        let network = Attached {
            vpc_id: launch.subnet.vpc_id.clone(),
            subnet_id: launch.subnet.id.clone(),
            interface_id: interface_id.clone(),
            private_address,
            public_address,
            groups: launch.groups.clone(),
        };
        let interface = NetworkInterface {
            id: interface_id.clone(),
            origin,
            vpc_id: network.vpc_id.clone(),
            subnet_id: network.subnet_id.clone(),
            zone: launch.subnet.zone.clone(),
            private_address,
            secondary_addresses: Vec::new(),
            public_address,
            groups: launch.groups.clone(),
            instance_id: Some(id.clone()),
            description: String::new(),
            requester_id: None,
            tags: request.tags_of("network-interface"),
        };
        let volumes = self.make_volumes(&launch.image, request, (&id, origin), &launch.subnet.zone);
        let instance = Instance {
            id: id.clone(),
            origin,
            reservation_id: reservation_id.into(),
            launch_index,
            state: InstanceState::Pending,
            state_reason: None,
            token: request.client_token.clone(),
            instance_type: launch.kind.name.clone(),
            vcpus: launch.kind.vcpus,
            architecture: launch.kind.architecture,
            image_id: launch.image.id.clone(),
            root_device: launch.image.root_device.clone(),
            zone: launch.subnet.zone.clone(),
            zone_id: launch.subnet.zone_id.clone(),
            launched_at: self.engine.now(),
            ended_at: None,
            shutdown: request.shutdown,
            http_tokens: request.http_tokens.clone().unwrap_or_else(|| "optional".into()),
            instance_profile: request.instance_profile.clone(),
            tags: request.tags_of("instance"),
            network: Some(network),
            volumes,
        };
        self.state.index.add_tags(&id, &instance.tags);
        if let Some(token) = &instance.token {
            self.state.index.add_token(&id, token);
        }
        let lag = self.draw_lag();
        self.state.interfaces.insert(interface_id, Versions::new(interface, self.engine.now(), lag));
        let record = InstanceRecord {
            seen: Versions::new(instance, self.engine.now(), lag),
            request: request.clone(),
            console: Vec::new(),
            has_machine: false,
            is_protected: false,
            running_since: None,
            restarts: 0,
            last_public: public_address,
            counts_until: None,
        };
        let truth = record.seen.truth().cloned();
        self.state.instances.insert(id, record);
        truth
    }

    /// The next free address, round and round, so that one that was just given back is the last to be used again.
    pub(crate) fn take_address(&mut self, subnet: &Subnet) -> Option<Ipv4Addr> {
        let usable = subnet.usable_addresses();
        let network = subnet.cidr?;
        let start = self.state.address_cursor.get(&subnet.id).copied().unwrap_or(0);
        let offset = (0..usable)
            .map(|step| (start + step) % usable)
            .find(|offset| !self.state.is_address_taken(nth(network, FIRST_ADDRESS + offset)))?;
        self.state.address_cursor.insert(subnet.id.clone(), offset + 1);
        Some(nth(network, FIRST_ADDRESS + offset))
    }

    /// A public address for a private one: the one with the same offset in the public network, or the next that no interface
    /// has and that is not `last`.
    pub(crate) fn public_twin(&self, private: Ipv4Addr, last: Option<Ipv4Addr>) -> Ipv4Addr {
        let (network, size) = (self.state.public_cidr, size(self.state.public_cidr));
        let offset = u64::from(u32::from(private)) % size;
        let nth = |step: u64| nth(network, u32::try_from((offset + step) % size).unwrap_or(0));
        let is_free = |address: &Ipv4Addr| last != Some(*address) && !self.state.is_public_address_taken(*address);
        (0..size).map(nth).find(is_free).unwrap_or_else(|| nth(0))
    }

    /// Plants a running instance of somebody else: a t3.micro in the first subnet with its default group.
    pub fn plant_instance(&mut self, tags: Tags) -> Option<String> {
        let kind = instance_types::instance_type("t3.micro")?.clone();
        let image = self.state.network.images.iter().find(|image| image.architecture == kind.architecture)?.clone();
        let request = RunInstances { tags: vec![("instance".into(), tags)], ..RunInstances::default() };
        let subnet = self.state.network.subnets.first()?.clone();
        let groups = self.groups_of(&request, &subnet).ok()?;
        let launch = ResolvedLaunch { kind, image, subnet, groups, public_address: false };
        let reservation = self.engine.new_id("r");
        let id = self.new_instance(&launch, &Arc::new(request), &reservation, 0, Origin::Planted)?.id.clone();
        self.runs(&id);
        Some(id)
    }
}
