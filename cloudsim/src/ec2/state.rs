//! State of EC2 in one region: everything that calls made or that was there before, and what is still to happen.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::{AddrParseError, Ipv4Net};
use jiff::Timestamp;
use planner::ports::InstanceState;

use super::group::{IngressRule, Permission, PermissionSource, Protocol, SecurityGroup};
use super::instance::{Instance, NetworkInterface, RunInstances};
use super::network::Network;
use super::throttle::Bucket;
use super::volume::Volume;
use crate::engine::agenda::{Agenda, Place};
use crate::engine::audit::Origin;
use crate::engine::index::Index;
use crate::engine::random::{Stream, stream};
use crate::engine::throttle::Buckets;
use crate::engine::visibility::Versions;
use crate::settings::Settings;

/// EC2 of one region. What it answers for itself is the truth, whatever readers are shown.
pub struct State {
    pub(super) random: Streams,
    pub(super) agenda: Agenda<Event>,
    pub(crate) buckets: Buckets<Bucket>,
    pub(super) network: Network,
    pub(super) public_cidr: Ipv4Net,
    pub(super) peers: Vec<Ipv4Net>,
    pub(super) instances: BTreeMap<String, InstanceRecord>,
    pub(super) interfaces: BTreeMap<String, Versions<NetworkInterface>>,
    pub(super) groups: BTreeMap<String, Versions<SecurityGroup>>,
    pub(super) volumes: BTreeMap<String, Volume>,
    /// Index of instances.
    pub(super) index: Index,
    pub(super) group_index: Index,
    /// Launches by zone (none: the whole region) and token.
    pub(super) tokens: BTreeMap<(Option<String>, String), TokenEntry>,
    pub(super) changes: Vec<Change>,
    /// Instances whose state changed since somebody asked.
    pub(super) moved: Vec<String>,
    /// So many of the instances to come fail at boot.
    pub(super) failing_at_boot: u32,
    /// Whether the next change by hand is on the agenda.
    pub(super) manual_change_is_due: bool,
    /// Next address offset to try, by subnet.
    pub(super) address_cursor: BTreeMap<String, u32>,
    pub(super) launched: usize,
    pub(super) terminated: usize,
}

/// Random streams of EC2. Their numbers must be no other stream's: see [`crate::engine::random`].
pub(super) struct Streams {
    /// Boots, stops, lingering.
    pub(super) times: Stream,
    /// Accidents of launches: no capacity, failure at boot.
    pub(super) launches: Stream,
    pub(super) manual_changes: Stream,
    /// Reasons of failures at boot.
    pub(super) boot_failures: Stream,
    pub(super) volume_ids: Stream,
}

impl Streams {
    fn new(seed: u64) -> Self {
        Self {
            times: stream(seed, 1),
            launches: stream(seed, 6),
            manual_changes: stream(seed, 7),
            boot_failures: stream(seed, 9),
            volume_ids: stream(seed, 10),
        }
    }
}

pub(super) struct InstanceRecord {
    pub(super) seen: Versions<Instance>,
    pub(super) request: Arc<RunInstances>,
    /// Texts that were printed, with their times; the newest last.
    pub(super) console: Vec<(Timestamp, String)>,
    /// Whether a driver was told to start a machine for it.
    pub(super) has_machine: bool,
    /// DisableApiTermination.
    pub(super) is_protected: bool,
    pub(super) running_since: Option<Timestamp>,
    /// How often it was started again after it had stopped.
    pub(super) restarts: u32,
    /// The public address that it had last, if it ever had one.
    pub(super) last_public: Option<Ipv4Addr>,
    /// Until when the quota counts it, once it is terminated.
    pub(super) counts_until: Option<Timestamp>,
}

/// The launch that a client token stands for.
pub(super) struct TokenEntry {
    pub(super) request: Arc<RunInstances>,
    /// Empty: the launch failed and its token is bound to the request all the same.
    pub(super) instance_ids: Vec<String>,
}

/// Something that happens by itself.
#[derive(Debug)]
pub(super) enum Event {
    /// It runs, unless it was stopped meanwhile and `restarts` says another start.
    Boot {
        id: String,
        restarts: u32,
    },
    /// Terminates instead of running; one that was started again is stopped again.
    FailAtBoot {
        id: String,
        restarts: u32,
    },
    Stopped(String),
    FieldsFade(String),
    TagsFade(String),
    Vanish(String),
    InterfaceGone(String),
    /// Somebody changes something by hand.
    ManualChange,
}

/// An order to a driver of real machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An instance left `pending`, for the first time or after a start.
    Start(Box<MachineStart>),
    /// An instance is to stop, whether or not its machine runs; answer with [`super::Ec2::machine_stopped`].
    Stop { id: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineStart {
    pub instance: Arc<Instance>,
    pub user_data: String,
}

impl State {
    /// A region as it is before anybody does anything: a VPC with three subnets and a default group.
    pub(crate) fn new(seed: u64, settings: &Settings, now: Timestamp) -> Result<Self, AddrParseError> {
        let network = Network::new(settings)?;
        let groups = network.vpcs.iter().zip(1u32..).map(|(vpc, number)| default_group(vpc.id.clone(), number));
        let groups = groups.map(|group| (group.id.clone(), Versions::new(group, now, [0; 3]))).collect();
        Ok(Self {
            random: Streams::new(seed),
            agenda: Agenda::default(),
            buckets: Buckets::default(),
            network,
            public_cidr: settings.public_cidr.parse()?,
            peers: settings.peers.iter().map(|peer| peer.parse()).collect::<Result<_, _>>()?,
            instances: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            groups,
            volumes: BTreeMap::new(),
            index: Index::default(),
            group_index: Index::default(),
            tokens: BTreeMap::new(),
            changes: Vec::new(),
            moved: Vec::new(),
            failing_at_boot: 0,
            manual_change_is_due: false,
            address_cursor: BTreeMap::new(),
            launched: 0,
            terminated: 0,
        })
    }

    /// Draws everything to come from another seed; ids of volumes go on, because none may come twice.
    pub(crate) fn reseed(&mut self, seed: u64) {
        let Streams { volume_ids, .. } = std::mem::replace(&mut self.random, Streams::new(seed));
        self.random.volume_ids = volume_ids;
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Place of what happens next.
    pub(crate) fn first_event(&self) -> Option<Place> {
        self.agenda.first()
    }

    /// The next `count` instances are accepted and then terminate while pending.
    pub(crate) fn let_fail_at_boot(&mut self, count: u32) {
        self.failing_at_boot += count;
    }

    /// Instances ever launched by a call.
    pub fn launched(&self) -> usize {
        self.launched
    }

    /// Instances of calls that reached `terminated`.
    pub fn terminated(&self) -> usize {
        self.terminated
    }

    /// Instances that are not terminated, those of others left out.
    pub fn live_instances(&self) -> Vec<Arc<Instance>> {
        self.listed_instances().into_iter().filter(|instance| !instance.is_over()).collect()
    }

    /// Every instance as long as it is listed, terminated ones included, those of others left out.
    pub fn listed_instances(&self) -> Vec<Arc<Instance>> {
        let all = self.instances.values().filter_map(|record| record.seen.truth());
        all.filter(|instance| instance.origin == Origin::Called).cloned().collect()
    }

    /// One instance, as long as it is listed.
    pub fn instance(&self, id: &str) -> Option<Arc<Instance>> {
        self.instances.get(id).and_then(|record| record.seen.truth()).cloned()
    }

    /// The user data that an instance was launched with.
    pub fn user_data(&self, id: &str) -> Option<&str> {
        self.instances.get(id).map(|record| record.request.user_data.as_str())
    }

    /// When it began to run, if it ever did.
    pub(crate) fn running_since(&self, id: &str) -> Option<Timestamp> {
        self.instances.get(id).and_then(|record| record.running_since)
    }

    /// Instances whose state changed, or that are no longer listed, since this was asked last.
    pub(crate) fn take_moved(&mut self) -> Vec<String> {
        std::mem::take(&mut self.moved)
    }

    /// Whether no call can terminate it.
    pub fn is_protected(&self, id: &str) -> bool {
        let lives = |instance: Arc<Instance>| {
            !matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated)
        };
        self.instances.get(id).is_some_and(|record| record.is_protected) && self.instance(id).is_some_and(lives)
    }

    /// Security groups that exist, those of others left out.
    pub fn live_groups(&self) -> Vec<Arc<SecurityGroup>> {
        let all = self.groups.values().filter_map(Versions::truth);
        all.filter(|group| group.origin == Origin::Called).cloned().collect()
    }

    /// Volumes that exist, attached or not, those of others left out.
    pub fn live_volumes(&self) -> Vec<&Volume> {
        self.volumes.values().filter(|volume| volume.origin == Origin::Called).collect()
    }

    /// Network interfaces that exist, those of others left out.
    pub fn live_interfaces(&self) -> usize {
        let all = self.interfaces.values().filter_map(Versions::truth);
        all.filter(|interface| interface.origin == Origin::Called).count()
    }

    /// Whether an interface holds this private address.
    pub(super) fn is_address_taken(&self, address: Ipv4Addr) -> bool {
        let mut all = self.interfaces.values().filter_map(Versions::truth);
        all.any(|interface| interface.private_addresses().any(|one| one == address))
    }

    /// Whether an interface holds this public address.
    pub(super) fn is_public_address_taken(&self, address: Ipv4Addr) -> bool {
        let mut all = self.interfaces.values().filter_map(Versions::truth);
        all.any(|interface| interface.public_address == Some(address))
    }

    /// The default group of a VPC.
    pub(super) fn default_group(&self, vpc_id: &str) -> Option<&Arc<SecurityGroup>> {
        let mut groups = self.groups.values().filter_map(Versions::truth);
        groups.find(|group| group.name == "default" && group.vpc_id == vpc_id)
    }
}

fn default_group(vpc_id: String, number: u32) -> SecurityGroup {
    let id = format!("sg-0de0fa170000000{number}0");
    SecurityGroup {
        ingress: vec![IngressRule {
            id: format!("sgr-0de0fa17000000{number}0"),
            permission: Permission {
                protocol: Protocol::All,
                ports: None,
                source: PermissionSource::Group(id.clone()),
            },
            description: None,
        }],
        id,
        origin: Origin::Planted,
        name: "default".into(),
        description: "default VPC security group".into(),
        vpc_id,
        tags: Default::default(),
    }
}
