//! RunInstances: the token, the checks in EC2's order, capacity, and the instances.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use planner::ports::{Burstable, InstanceState, InstanceType};
use rand::RngExt;

use crate::catalogue;
use crate::error::{Outcome, SimError};
use crate::instance::{Attached, GroupName, Instance, NetworkInterface, Origin, RunInstances};
use crate::network::{FIRST_ADDRESS, Image, Subnet, nth, size};
use crate::settings::{AfterFailure, AfterTermination, Plan, QuotaCheck};
use crate::sim::{Event, InstanceRecord, Sim, TokenEntry, is_over};
use crate::tags::check_tags;
use crate::versions::{Path, Versions};
use crate::volume::check_volumes;

/// EC2's limit on user data before base64.
const USER_DATA_LIMIT: usize = 16_384;
/// EC2's limit on client tokens.
const TOKEN_LIMIT: usize = 64;

/// Everything a launch needs, looked up and checked.
struct Plot {
    kind: InstanceType,
    image: Image,
    subnet: Subnet,
    groups: Vec<GroupName>,
    public_address: bool,
}

impl Sim {
    /// RunInstances. A repeat of an earlier request with the same token answers the same instances.
    pub fn run_instances(&mut self, request: &RunInstances, now: Timestamp) -> Outcome<Vec<Arc<Instance>>> {
        self.advance(now);
        let outcome = self.launch_once(request);
        match &outcome {
            Ok(instances) => {
                let ids: Vec<_> = instances.iter().map(|instance| instance.id.as_str()).collect();
                self.tell(format!("RunInstances {} -> {}", describe(request), ids.join(" ")));
            }
            Err(error) => self.tell(format!("RunInstances {} refused: {error}", describe(request))),
        }
        outcome
    }

    /// What RunInstances checks of a request before anything else: with DryRun this is all it does. Quotas and capacity
    /// are not among it (aws-parallelcluster#1779), and a token is neither looked at nor used up.
    pub fn check_launch(&mut self, request: &RunInstances) -> Outcome<()> {
        let checked = kind_of(request).and_then(|kind| self.plot(kind, request)).map(drop);
        let said = checked.as_ref().map_or_else(|error| format!("refused: {error}"), |()| "would be taken".to_owned());
        self.tell(format!("RunInstances (DryRun) {} {said}", described(request)));
        checked
    }

    fn launch_once(&mut self, request: &RunInstances) -> Outcome<Vec<Arc<Instance>>> {
        let kind = kind_of(request)?;
        if self.settings.token.quota_check == QuotaCheck::BeforeToken {
            self.check_quota(&kind, request.min_count)?;
        }
        let key = request.client_token.clone().map(|token| (self.token_scope(request), token));
        if let Some(answer) = key.as_ref().and_then(|key| self.repeated(key, request)) {
            return answer;
        }
        let plot = self.plot(kind, request)?;
        let made = self.count_that_fits(&plot, request).map(|count| self.make(&plot, request, count));
        let is_burnt = made.is_err() && self.settings.token.after_failure == AfterFailure::Burnt;
        if let Some(key) = key.filter(|_| made.is_ok() || is_burnt) {
            let instance_ids = made.iter().flatten().map(|instance| instance.id.clone()).collect();
            self.tokens.insert(key, TokenEntry { request: Arc::new(request.clone()), instance_ids });
        }
        made
    }

    /// Tokens are good within a zone when the request names one, directly or by subnet.
    fn token_scope(&self, request: &RunInstances) -> Option<String> {
        let subnet = wanted_subnet(request).and_then(|id| self.network.subnet(id));
        subnet.map(|subnet| subnet.zone.clone()).or_else(|| request.zone.clone())
    }

    /// What a token that was used before answers; `None` when it may launch.
    fn repeated(&self, key: &(Option<String>, String), request: &RunInstances) -> Option<Outcome<Vec<Arc<Instance>>>> {
        let entry = self.tokens.get(key)?;
        if *entry.request != *request {
            let message = "Arguments on this idempotent request are inconsistent with arguments used in previous \
                           request(s).";
            return Some(Err(SimError::new("IdempotentParameterMismatch", message)));
        }
        if entry.instance_ids.is_empty() {
            return None;
        }
        let instances: Vec<_> = entry.instance_ids.iter().filter_map(|id| self.instance(id)).collect();
        let is_spent = instances.iter().all(|instance| is_over(instance));
        let is_refused = self.settings.token.after_termination == AfterTermination::Refused || instances.is_empty();
        if is_spent && is_refused {
            let message = "The client token you have provided is associated with a resource that is already deleted.";
            return Some(Err(SimError::new("IdempotentInstanceTerminated", message)));
        }
        Some(Ok(instances))
    }

    fn plot(&mut self, kind: InstanceType, request: &RunInstances) -> Outcome<Plot> {
        let images = &self.network.images;
        let image = images.iter().find(|image| image.id == request.image_id).ok_or_else(|| {
            SimError::new("InvalidAMIID.NotFound", format!("The image id '[{}]' does not exist", request.image_id))
        })?;
        if image.architecture != kind.architecture {
            return Err(SimError::value(format!(
                "The architecture '{}' of the specified instance type does not match the architecture '{}' of the \
                 specified AMI.",
                kind.architecture.name(),
                image.architecture.name()
            )));
        }
        let subnet = self.subnet_of(request)?;
        if !catalogue::is_offered(&kind.name, &subnet.zone) {
            let message = format!(
                "Your requested instance type ({}) is not supported in your requested Availability Zone ({}).",
                kind.name, subnet.zone
            );
            return Err(SimError::new("Unsupported", message));
        }
        if self.settings.plan == Plan::Free && !kind.free_tier {
            return Err(SimError::combination("The specified instance type is not eligible for Free Tier."));
        }
        if request.cpu_credits.is_some() && kind.burstable == Burstable::No {
            let message = format!("The {} instance type does not support CPU credits.", kind.name);
            return Err(SimError::combination(message));
        }
        let image = image.clone();
        check_volumes(&image, request)?;
        self.check_tag_policy(request)?;
        let groups = self.groups_of(request, &subnet)?;
        let associate = request.interface.as_ref().and_then(|interface| interface.associate_public_address);
        let public_address = associate.unwrap_or(subnet.maps_public);
        Ok(Plot { kind, image, subnet, groups, public_address })
    }

    /// An enforced tag policy looks at each kind of resource that it names.
    fn check_tag_policy(&self, request: &RunInstances) -> Outcome<()> {
        let Some(key) = &self.settings.required_tag else { return Ok(()) };
        if ["instance", "volume"].into_iter().all(|kind| request.tags_of(kind).contains_key(key)) {
            return Ok(());
        }
        let message = format!("The resource is missing the tag key(s) '{key}' specified by the tag policy.");
        Err(SimError::new("TagPolicyViolation", message))
    }

    pub(crate) fn subnet_of(&self, request: &RunInstances) -> Outcome<Subnet> {
        let subnets = self.subnets_now();
        if let Some(id) = wanted_subnet(request) {
            let subnet = subnets.into_iter().find(|subnet| subnet.id == id).ok_or_else(|| {
                SimError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
            })?;
            if subnet.cidr.is_none() {
                // No page of AWS has the code for it; a request for IPv4 addresses is the caller's mistake.
                return Err(SimError::combination(format!("The subnet {id} has no IPv4 CIDR block.")));
            }
            return Ok(subnet);
        }
        let in_zone = |subnet: &&Subnet| request.zone.as_ref().is_none_or(|zone| *zone == subnet.zone);
        let mut defaults = subnets.iter().filter(|subnet| subnet.default_for_zone).filter(in_zone);
        defaults.next().cloned().ok_or_else(|| {
            SimError::new("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
        })
    }

    /// Groups are looked up as a reader sees them: one that was just made may not be there yet.
    fn groups_of(&mut self, request: &RunInstances, subnet: &Subnet) -> Outcome<Vec<GroupName>> {
        let look = self.look(Path::Id);
        let ids = request.interface.as_ref().map_or(&request.group_ids, |interface| &interface.group_ids);
        if ids.is_empty() {
            let mut groups = self.groups.values().filter_map(Versions::truth);
            let default = groups.find(|group| group.name == "default" && group.vpc_id == subnet.vpc_id);
            return Ok(default
                .map(|group| GroupName { id: group.id.clone(), name: group.name.clone() })
                .into_iter()
                .collect());
        }
        let mut groups = Vec::new();
        for id in ids {
            let record = self.groups.get(id).and_then(|record| record.seen(look).and(record.truth()));
            let group = record.ok_or_else(|| SimError::group_not_found(id))?;
            if group.vpc_id != subnet.vpc_id {
                let message = format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
                return Err(SimError::new("InvalidParameter", message));
            }
            groups.push(GroupName { id: id.clone(), name: group.name.clone() });
        }
        Ok(groups)
    }

    fn check_quota(&self, kind: &InstanceType, count: u32) -> Outcome<()> {
        let Some(quota) = self.settings.vcpu_quota else { return Ok(()) };
        let counted = self.instances.values().filter(|record| record.counts_until.is_none_or(|end| self.now < end));
        let truths = counted.filter_map(|record| record.seen.truth()).filter(|one| one.origin == Origin::Called);
        let used: u32 = truths.map(|instance| instance.vcpus).sum();
        if used + kind.vcpus * count <= quota {
            return Ok(());
        }
        let message = format!(
            "You have requested more vCPU capacity than your current vCPU limit of {quota} allows for the instance \
             bucket that the specified instance type belongs to."
        );
        Err(SimError::new("VcpuLimitExceeded", message))
    }

    /// How many of `min..=max` can be had; all or nothing when both are the same.
    fn count_that_fits(&mut self, plot: &Plot, request: &RunInstances) -> Outcome<u32> {
        self.check_quota(&plot.kind, request.min_count)?;
        let addresses = self.free_addresses(&plot.subnet);
        if addresses < request.min_count {
            let message = format!(
                "There are not enough free addresses in subnet '{}' to satisfy the requested number of instances.",
                plot.subnet.id
            );
            return Err(SimError::new("InsufficientFreeAddressesInSubnet", message));
        }
        if self.settings.zone_outage.as_ref() == Some(&plot.subnet.zone) {
            self.history.count("zone outage");
            return Err(SimError::new("Unavailable", "The service is unavailable. Please try again shortly."));
        }
        let rate = self.settings.no_capacity_per_mille;
        let is_sold_out = rate > 0 && self.chance.launches.random_range(0..1000) < rate;
        if is_sold_out {
            self.history.count("no capacity");
        }
        let room = if is_sold_out { 0 } else { self.room(&plot.kind.name, &plot.subnet.zone) };
        if room < request.min_count {
            let message = format!(
                "We currently do not have sufficient {} capacity in the Availability Zone you requested ({}).",
                plot.kind.name, plot.subnet.zone
            );
            return Err(SimError::new("InsufficientInstanceCapacity", message));
        }
        let fits_quota = |count: &u32| self.check_quota(&plot.kind, *count).is_ok();
        let most = request.max_count.min(room).min(addresses);
        Ok((request.min_count..=most).rev().find(fits_quota).unwrap_or(request.min_count))
    }

    /// What is left of a capacity pool. Instances hold their place until they are terminated.
    fn room(&self, instance_type: &str, zone: &str) -> u32 {
        let mut pools = self.settings.capacity.iter();
        let pool = pools.find(|pool| pool.instance_type == instance_type && pool.zone == zone);
        let Some(size) = pool.map(|pool| pool.count).or(self.settings.pool_capacity) else { return u32::MAX };
        let live = self.live_instances();
        let used = live.iter().filter(|live| live.instance_type == instance_type && live.zone == zone).count();
        size.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    fn make(&mut self, plot: &Plot, request: &RunInstances, count: u32) -> Vec<Arc<Instance>> {
        let reservation_id = self.new_id("r");
        let request = Arc::new(request.clone());
        let rate = self.settings.stillborn_per_mille;
        (0..count)
            .filter_map(|index| {
                let instance = self.new_instance(plot, &request, &reservation_id, index, Origin::Called)?;
                self.history.launched += 1;
                let is_unlucky = self.chance.launches.random_range(0..1000u32) < rate;
                let is_stillborn = is_unlucky || self.stillborn > 0;
                self.stillborn = self.stillborn.saturating_sub(1);
                if is_stillborn {
                    self.history.count("stillborn");
                }
                let boot = self.settings.boot.draw(&mut self.chance.times);
                let event = if is_stillborn { Event::Stillborn } else { Event::Boot };
                self.after(boot, event(instance.id.clone()));
                Some(instance)
            })
            .collect()
    }

    fn new_instance(
        &mut self,
        plot: &Plot,
        request: &Arc<RunInstances>,
        reservation_id: &str,
        launch_index: u32,
        origin: Origin,
    ) -> Option<Arc<Instance>> {
        let (id, interface_id) = (self.new_id("i"), self.new_id("eni"));
        let private_address = self.take_address(&plot.subnet)?;
        let public_address = plot.public_address.then(|| self.public_twin(private_address));
        let network = Attached {
            vpc_id: plot.subnet.vpc_id.clone(),
            subnet_id: plot.subnet.id.clone(),
            interface_id: interface_id.clone(),
            private_address,
            public_address,
            groups: plot.groups.clone(),
        };
        let interface = NetworkInterface {
            id: interface_id.clone(),
            origin,
            vpc_id: network.vpc_id.clone(),
            subnet_id: network.subnet_id.clone(),
            zone: plot.subnet.zone.clone(),
            private_address,
            public_address,
            groups: plot.groups.clone(),
            instance_id: Some(id.clone()),
            tags: request.tags_of("network-interface"),
        };
        let volumes = self.make_volumes(&plot.image, request, (&id, origin), &plot.subnet.zone);
        let instance = Instance {
            id: id.clone(),
            origin,
            reservation_id: reservation_id.into(),
            launch_index,
            state: InstanceState::Pending,
            state_reason: None,
            token: request.client_token.clone(),
            instance_type: plot.kind.name.clone(),
            vcpus: plot.kind.vcpus,
            architecture: plot.kind.architecture,
            image_id: plot.image.id.clone(),
            root_device: plot.image.root_device.clone(),
            zone: plot.subnet.zone.clone(),
            zone_id: plot.subnet.zone_id.clone(),
            launched_at: self.now,
            shutdown: request.shutdown,
            http_tokens: request.http_tokens.clone().unwrap_or_else(|| "optional".into()),
            tags: request.tags_of("instance"),
            network: Some(network),
            volumes,
        };
        self.index.add_tags(&id, &instance.tags);
        if let Some(token) = &instance.token {
            self.index.add_token(&id, token);
        }
        let lag = self.draw_lag();
        self.interfaces.insert(interface_id, Versions::new(interface, self.now, lag));
        let record = InstanceRecord {
            seen: Versions::new(instance, self.now, lag),
            request: request.clone(),
            console: Vec::new(),
            has_machine: false,
            is_protected: false,
            counts_until: None,
        };
        let truth = record.seen.truth().cloned();
        self.instances.insert(id, record);
        truth
    }

    /// Plants a running instance of somebody else: a t3.micro in the first subnet with its default group.
    pub fn plant_instance(&mut self, tags: planner::owner::Tags, now: Timestamp) -> Option<String> {
        self.advance(now);
        let kind = catalogue::instance_type("t3.micro")?.clone();
        let image = self.network.images.iter().find(|image| image.architecture == kind.architecture)?.clone();
        let request = RunInstances { tags: vec![("instance".into(), tags)], ..RunInstances::default() };
        let subnet = self.network.subnets.first()?.clone();
        let groups = self.groups_of(&request, &subnet).ok()?;
        let plot = Plot { kind, image, subnet, groups, public_address: false };
        let reservation = self.new_id("r");
        let id = self.new_instance(&plot, &Arc::new(request), &reservation, 0, Origin::Planted)?.id.clone();
        self.update(&id, |instance| instance.state = InstanceState::Running);
        Some(id)
    }

    pub(crate) fn free_addresses(&self, subnet: &Subnet) -> u32 {
        let interfaces = self.interfaces.values().filter_map(Versions::truth);
        let used = interfaces.filter(|interface| interface.subnet_id == subnet.id).count();
        let size = usable(subnet).min(self.settings.subnet_addresses.unwrap_or(u32::MAX));
        size.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// The next free address, round and round, so that one that was just given back is the last to be used again.
    fn take_address(&mut self, subnet: &Subnet) -> Option<Ipv4Addr> {
        let usable = usable(subnet);
        let network = subnet.cidr?;
        let start = self.address_cursor.get(&subnet.id).copied().unwrap_or(0);
        let offset = (0..usable)
            .map(|step| (start + step) % usable)
            .find(|offset| !self.is_address_taken(nth(network, FIRST_ADDRESS + offset)))?;
        self.address_cursor.insert(subnet.id.clone(), offset + 1);
        Some(nth(network, FIRST_ADDRESS + offset))
    }

    /// The public address of a private one: the same offset in the public network.
    fn public_twin(&self, private: Ipv4Addr) -> Ipv4Addr {
        let offset = u64::from(u32::from(private)) % size(self.public_cidr);
        nth(self.public_cidr, u32::try_from(offset).unwrap_or(0))
    }
}

/// All but the first ten and the last.
fn usable(subnet: &Subnet) -> u32 {
    let size = subnet.cidr.map_or(0, size);
    u32::try_from(size).unwrap_or(u32::MAX).saturating_sub(FIRST_ADDRESS + 1)
}

fn wanted_subnet(request: &RunInstances) -> Option<&str> {
    let of_interface = request.interface.as_ref().and_then(|interface| interface.subnet_id.as_deref());
    of_interface.or(request.subnet_id.as_deref())
}

/// The type of a request that is well-formed.
fn kind_of(request: &RunInstances) -> Outcome<InstanceType> {
    check_shape(request)?;
    let kind = catalogue::instance_type(&request.instance_type).cloned();
    kind.ok_or_else(|| SimError::value(format!("Invalid value '{}' for InstanceType.", request.instance_type)))
}

fn check_shape(request: &RunInstances) -> Outcome<()> {
    if request.image_id.is_empty() {
        return Err(SimError::missing("ImageId"));
    }
    if request.min_count == 0 || request.max_count < request.min_count {
        let (min, max) = (request.min_count, request.max_count);
        return Err(SimError::value(format!("Invalid value for instance count: MinCount {min}, MaxCount {max}")));
    }
    if request.interface.is_some() && (request.subnet_id.is_some() || !request.group_ids.is_empty()) {
        let message = "Network interfaces and an instance-level subnet ID or security groups may not be specified on \
                       the same request";
        return Err(SimError::combination(message));
    }
    if request.user_data.len() > USER_DATA_LIMIT {
        return Err(SimError::value("User data is limited to 16384 bytes"));
    }
    let token = request.client_token.as_deref().unwrap_or_default();
    if token.len() > TOKEN_LIMIT || !token.is_ascii() {
        return Err(SimError::value("Invalid value for ClientToken: at most 64 ASCII characters"));
    }
    if request.http_tokens.as_deref().is_some_and(|tokens| tokens != "required" && tokens != "optional") {
        return Err(SimError::value("Invalid value for HttpTokens: required or optional"));
    }
    for (_, tags) in &request.tags {
        check_tags(tags)?;
    }
    if request.cpu_credits.as_deref().is_some_and(|credits| credits != "standard" && credits != "unlimited") {
        return Err(SimError::value("Invalid value for CpuCredits: standard or unlimited"));
    }
    Ok(())
}

fn describe(request: &RunInstances) -> String {
    format!("{}, token {}", described(request), request.client_token.as_deref().unwrap_or("none"))
}

fn described(request: &RunInstances) -> String {
    let at = wanted_subnet(request).or(request.zone.as_deref()).unwrap_or("any subnet");
    format!("{} x {} at {at}", request.max_count, request.instance_type)
}
