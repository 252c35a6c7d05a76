//! The planner's ports over a simulation in process: what `cloud` is over the AWS SDK.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use planner::codes::failure_of;
use planner::owner::{INSTALLATION, MANAGED_BY, MANAGED_BY_VALUE, Owner};
use planner::ports;
use planner::ports::{
    Addressing, Answer, Architecture, Compute, Credits, Egress, Firewall, Group, GroupRequest, Identity, ImageQuery,
    Interface, LaunchRequest, Offer, Regions, Rule, Selection, Source,
};
use planner::{CloudError, Failure};

use crate::action::{Action, Call};
use crate::error::{Outcome, SimError};
use crate::fault::Reply;
use crate::group::{CreateSecurityGroup, Permission, PermissionSource, SecurityGroup};
use crate::instance::{BlockDevice, Instance, InterfaceRequest, RunInstances, Shutdown};
use crate::lists::LocationType;
use crate::network::{Network, RouteTable, Subnet, Target};
use crate::query::{FILTER_VALUES, Filter, Page, PageRequest, Query};
use crate::sim::Sim;

/// Tells the time: a test's own, or the real one.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A simulation that several owners call, with the clock they share. Clones are the same simulation.
#[derive(Clone)]
pub struct SharedSim {
    sim: Arc<Mutex<Sim>>,
    clock: Clock,
    /// The region that was asked for. In any other than the simulation's own, nobody answers.
    region: String,
}

impl SharedSim {
    pub fn new(sim: Sim, clock: Clock) -> Self {
        let region = sim.settings().region.clone();
        Self { sim: Arc::new(Mutex::new(sim)), clock, region }
    }

    /// The simulation itself, for scripting faults and asking for the truth. Do not hold it over an await.
    pub fn lock(&self) -> MutexGuard<'_, Sim> {
        // A panic elsewhere is that test's failure; the state is whole between calls all the same.
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// One call over an imagined network.
    pub fn call<T>(
        &self,
        call: Call,
        operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
    ) -> Answer<T> {
        let now = self.now();
        let mut sim = self.lock();
        if sim.settings().region != self.region {
            let message = format!("no endpoint answers for region {}", self.region);
            return Err(CloudError::new(Failure::Unreachable, "UnknownEndpoint", message));
        }
        match sim.call(call, now, operation) {
            Reply::Whole(Ok(answer)) => Ok(answer),
            Reply::Whole(Err(error)) => Err(error.into()),
            Reply::Truncated(_) => {
                Err(CloudError::new(Failure::Unreachable, "Truncated", "the answer ended before its closing tag"))
            }
            Reply::Lost => {
                Err(CloudError::new(Failure::Unreachable, "ConnectionReset", "the connection ended without an answer"))
            }
        }
    }

    /// All pages of a list. A page that comes twice is an error, not an end.
    fn all<T: Send + 'static>(
        &self,
        action: Action,
        query: Query,
        read: impl Fn(&mut Sim, &Query, Timestamp) -> Outcome<Page<T>> + Clone + Send + 'static,
    ) -> Answer<Vec<T>> {
        /// EC2's largest page.
        const MAX_RESULTS: usize = 1000;
        let mut items = Vec::new();
        let max_results = query.ids.is_empty().then_some(MAX_RESULTS);
        let mut query = Query { page: PageRequest { max_results, next_token: None }, ..query };
        loop {
            let (read, asked) = (read.clone(), query.clone());
            let page = self.call(Call::new(action), move |sim, now| read(sim, &asked, now))?;
            items.extend(page.items);
            let Some(token) = page.next_token else { return Ok(items) };
            if query.page.next_token.as_ref() == Some(&token) {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            query.page.next_token = Some(token);
        }
    }

    fn all_instances(&self, query: Query) -> Answer<Vec<Arc<Instance>>> {
        self.all(Action::DescribeInstances, query, Sim::describe_instances)
    }

    /// A list by one filter with any number of values.
    fn by_values(&self, filter: &str, values: &[String]) -> Answer<Vec<Arc<Instance>>> {
        let mut all = Vec::new();
        for some in values.chunks(FILTER_VALUES) {
            all.extend(self.all_instances(Query::filtered([Filter::new(filter, some)]))?);
        }
        Ok(all)
    }

    fn terminate_now(&self, ids: &[String]) -> Answer<()> {
        let call = Call::new(Action::TerminateInstances).of_resources(ids.len());
        let owned = ids.to_vec();
        self.call(call, move |sim, now| sim.terminate_instances(&owned, now)).map(|_| ())
    }
}

impl From<SimError> for CloudError {
    fn from(error: SimError) -> Self {
        Self::new(failure_of(&error.code), error.code, error.message)
    }
}

impl Regions for SharedSim {
    type Cloud = Self;

    fn region(&self, name: &str) -> Arc<Self> {
        Arc::new(Self { region: name.into(), ..self.clone() })
    }
}

impl Compute for SharedSim {
    async fn identity(&self) -> Answer<Identity> {
        let identity = self.call(Call::new(Action::GetCallerIdentity), Sim::caller_identity)?;
        Ok(Identity { account: identity.account, arn: identity.arn })
    }

    async fn instances(&self, of: &Selection) -> Answer<Vec<ports::Instance>> {
        let found = match of {
            Selection::Owner(owner) => self.all_instances(Query::filtered(proof(owner)))?,
            Selection::Installation(name) => self.all_instances(Query::filtered([
                Filter::tag(MANAGED_BY, MANAGED_BY_VALUE),
                Filter::tag(INSTALLATION, name),
            ]))?,
            Selection::Tokens(tokens) => self.by_values("client-token", tokens)?,
            Selection::Ids(ids) => self.by_values("instance-id", ids)?,
        };
        Ok(found.iter().map(|instance| instance_of(instance)).collect())
    }

    async fn launch(&self, launch: &LaunchRequest) -> Answer<Vec<ports::Instance>> {
        let call = Call::new(Action::RunInstances).of_resources(launch.count as usize);
        let request = run_instances(launch);
        let made = self.call(call, move |sim, now| sim.run_instances(&request, now))?;
        Ok(made.iter().map(|instance| instance_of(instance)).collect())
    }

    async fn terminate(&self, ids: &[String]) -> Answer<()> {
        if ids.is_empty() {
            return Ok(());
        }
        match self.terminate_now(ids) {
            Err(error) if error.failure == Failure::NotFound && ids.len() > 1 => {
                // EC2 terminated none of them. Each alone, so that one stale id does not keep the others alive.
                let each: Vec<_> = ids.iter().map(|id| self.terminate_now(std::slice::from_ref(id))).collect();
                each.into_iter().collect()
            }
            answer => answer,
        }
    }

    async fn console(&self, id: &str) -> Answer<Option<String>> {
        let read = |latest: bool| {
            let id = id.to_owned();
            self.call(Call::new(Action::GetConsoleOutput), move |sim, now| sim.console_output(&id, latest, now))
        };
        let output = match read(true) {
            Err(error) if error.code == "UnsupportedOperation" => read(false)?,
            answer => answer?,
        };
        Ok(output.text)
    }
}

impl Firewall for SharedSim {
    async fn groups(&self, owner: &Owner) -> Answer<Vec<Group>> {
        let query = Query::filtered(proof(owner));
        let groups = self.all(Action::DescribeSecurityGroups, query, Sim::describe_security_groups)?;
        Ok(groups.iter().map(|group| group_of(group)).collect())
    }

    async fn create_group(&self, group: &GroupRequest) -> Answer<String> {
        let request = CreateSecurityGroup {
            name: group.name.clone(),
            description: group.description.clone(),
            vpc_id: Some(group.vpc_id.clone()),
            tags: group.tags.clone(),
        };
        self.call(Call::new(Action::CreateSecurityGroup), move |sim, now| sim.create_security_group(&request, now))
    }

    async fn allow(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        let source = match &rule.source {
            Source::Group(id) => PermissionSource::Group(id.clone()),
            Source::Cidr(cidr) => PermissionSource::Cidr(
                cidr.parse()
                    .map_err(|error| CloudError::new(Failure::Rejected, "InvalidParameterValue", format!("{error}")))?,
            ),
        };
        let (id, permission) = (group_id.to_owned(), Permission::tcp(rule.from_port, rule.to_port, source));
        let call = Call::new(Action::AuthorizeSecurityGroupIngress);
        let answer = self.call(call, move |sim, now| sim.authorize_ingress(&id, &[(permission, None)], now));
        match answer {
            Err(error) if error.failure == Failure::AlreadyExists => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn delete_group(&self, group_id: &str) -> Answer<()> {
        let id = group_id.to_owned();
        let call = Call::new(Action::DeleteSecurityGroup);
        match self.call(call, move |sim, now| sim.delete_security_group(&id, now)) {
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            answer => answer,
        }
    }

    async fn interfaces(&self, group_id: &str) -> Answer<Vec<Interface>> {
        let query = Query::filtered([Filter::new("group-id", [group_id])]);
        let found = self.all(Action::DescribeNetworkInterfaces, query, Sim::describe_network_interfaces)?;
        let interface_of = |interface: &Arc<crate::instance::NetworkInterface>| Interface {
            id: interface.id.clone(),
            status: interface.status().into(),
            instance_id: interface.instance_id.clone(),
        };
        Ok(found.iter().map(interface_of).collect())
    }
}

impl Offer for SharedSim {
    async fn subnets(&self, ids: &[String]) -> Answer<Vec<ports::Subnet>> {
        let query = match ids {
            [] => Query::filtered([Filter::new("default-for-az", ["true"])]),
            ids => Query::ids(ids),
        };
        let subnets = self.all(Action::DescribeSubnets, query, Sim::describe_subnets)?;
        let tables = self.all(Action::DescribeRouteTables, Query::default(), Sim::describe_route_tables)?;
        Ok(subnets.into_iter().map(|subnet| subnet_of(subnet, &tables)).collect())
    }

    async fn image(&self, image: &ImageQuery) -> Answer<Option<ports::Image>> {
        let (query, owners) = match image {
            ImageQuery::Id(id) => (Query::filtered([Filter::new("image-id", [id])]), Vec::new()),
            ImageQuery::Alias { alias, architecture } => {
                let Some(pattern) = name_pattern(alias, *architecture) else { return Ok(None) };
                (Query::filtered([Filter::new("name", [pattern])]), vec!["amazon".to_owned()])
            }
        };
        let read = move |sim: &mut Sim, query: &Query, now| sim.describe_images(query, &owners, now);
        let found = self.all(Action::DescribeImages, query, read)?;
        // RFC 3339 with the same number of digits: the order of the text is the order of time.
        let newest = found.into_iter().max_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        Ok(newest.map(|image| ports::Image {
            id: image.id,
            name: image.name,
            architecture: image.architecture,
            root_device: image.root_device,
            root_gib: image.root_gib,
        }))
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<ports::InstanceType>> {
        let mut all = Vec::new();
        for some in names.chunks(FILTER_VALUES) {
            let query = Query::filtered([Filter::new("instance-type", some)]);
            all.extend(self.all(Action::DescribeInstanceTypes, query, Sim::describe_instance_types)?);
        }
        all.retain(|kind| names.contains(&kind.name));
        Ok(all)
    }

    async fn offerings(&self, names: &[String]) -> Answer<Vec<(String, String)>> {
        let mut all = Vec::new();
        for some in names.chunks(FILTER_VALUES) {
            let query = Query::filtered([Filter::new("instance-type", some)]);
            let read = |sim: &mut Sim, query: &Query, now| {
                sim.describe_instance_type_offerings(query, LocationType::Zone, now)
            };
            all.extend(self.all(Action::DescribeInstanceTypeOfferings, query, read)?);
        }
        Ok(all.into_iter().map(|offering| (offering.instance_type, offering.location)).collect())
    }
}

fn proof(owner: &Owner) -> Vec<Filter> {
    owner.proof().iter().map(|(key, value)| Filter::tag(key, value)).collect()
}

/// Names of the images of an alias. The family's full images only: `minimal` and `ecs` ones have other names.
fn name_pattern(alias: &str, architecture: Architecture) -> Option<String> {
    (alias == "al2023").then(|| format!("al2023-ami-2023.*-kernel-6.1-{}", architecture.name()))
}

fn run_instances(launch: &LaunchRequest) -> RunInstances {
    let resources = ["instance", "volume", "network-interface"];
    RunInstances {
        image_id: launch.image_id.clone(),
        instance_type: launch.instance_type.clone(),
        min_count: launch.count,
        max_count: launch.count,
        client_token: Some(launch.token.clone()),
        user_data: launch.user_data.clone(),
        interface: Some(InterfaceRequest {
            device_index: 0,
            subnet_id: Some(launch.subnet_id.clone()),
            group_ids: launch.group_ids.clone(),
            associate_public_address: Some(launch.public_address == Addressing::Public),
            delete_on_termination: Some(true),
        }),
        block_devices: vec![BlockDevice {
            device_name: launch.root_device.clone(),
            volume_type: Some("gp3".into()),
            size_gib: Some(launch.root_gib),
            encrypted: Some(true),
            delete_on_termination: Some(true),
        }],
        tags: resources.map(|resource| (resource.to_owned(), launch.tags.clone())).into(),
        http_tokens: Some("required".into()),
        http_put_response_hop_limit: Some(1),
        cpu_credits: launch.credits.map(|credits| {
            match credits {
                Credits::Standard => "standard",
                Credits::Unlimited => "unlimited",
            }
            .into()
        }),
        shutdown: Shutdown::Terminate,
        ..RunInstances::default()
    }
}

fn instance_of(instance: &Instance) -> ports::Instance {
    let network = instance.network.as_ref();
    ports::Instance {
        id: instance.id.clone(),
        state: instance.state,
        token: instance.token.clone(),
        instance_type: instance.instance_type.clone(),
        image_id: instance.image_id.clone(),
        zone: instance.zone.clone(),
        subnet_id: network.map(|network| network.subnet_id.clone()),
        private_address: network.map(|network| network.private_address),
        public_address: network.and_then(|network| network.public_address),
        group_ids: network
            .into_iter()
            .flat_map(|network| network.groups.iter().map(|group| group.id.clone()))
            .collect(),
        launched_at: instance.launched_at,
        tags: instance.tags.clone(),
        state_reason: instance.state_reason.as_ref().map(|reason| format!("{}: {}", reason.code, reason.message)),
    }
}

fn group_of(group: &SecurityGroup) -> Group {
    let rule_of = |permission: &Permission| {
        let (from_port, to_port) = permission.ports?;
        let source = match &permission.source {
            PermissionSource::Cidr(cidr) => Source::Cidr(cidr.to_string()),
            PermissionSource::Group(id) => Source::Group(id.clone()),
        };
        (permission.protocol == crate::group::Protocol::Tcp).then_some(Rule { from_port, to_port, source })
    };
    Group {
        id: group.id.clone(),
        name: group.name.clone(),
        vpc_id: group.vpc_id.clone(),
        tags: group.tags.clone(),
        ingress: group.ingress.iter().filter_map(|rule| rule_of(&rule.permission)).collect(),
    }
}

fn subnet_of(subnet: Subnet, tables: &[RouteTable]) -> ports::Subnet {
    let network = Network { route_tables: tables.to_vec(), vpcs: Vec::new(), subnets: Vec::new(), images: Vec::new() };
    let egress = match network.way_out(&subnet) {
        Some(Target::InternetGateway(_)) => Egress::InternetGateway,
        Some(Target::NatGateway(_)) => Egress::Nat,
        Some(Target::Local) | None => Egress::None,
    };
    ports::Subnet {
        egress,
        id: subnet.id,
        vpc_id: subnet.vpc_id,
        zone: subnet.zone,
        zone_id: subnet.zone_id,
        cidr: subnet.cidr.to_string(),
        free_addresses: subnet.free_addresses,
    }
}
