//! The state of a region and the passing of its time.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::{AddrParseError, Ipv4Net};
use jiff::Timestamp;
use rand::RngExt;

use crate::action::Action;
use crate::chance::Chance;
use crate::error::SimError;
use crate::fault::Fault;
use crate::group::{IngressRule, Permission, PermissionSource, Protocol, SecurityGroup};
use crate::iam::{Ask, Policy};
use crate::index::Index;
use crate::instance::{Instance, NetworkInterface, Origin, RunInstances};
use crate::ledger::{History, Ledger, StoryLine};
use crate::network::Network;
use crate::query::OpenLists;
use crate::settings::{CapacityPool, Lag, Settings};
use crate::throttle::Buckets;
use crate::versions::{Look, Path, Versions, earlier, later};
use crate::volume::Volume;

/// EC2 in one region of one account.
///
/// Every call takes the time; the time never goes back. Nothing here sleeps, reads a clock, or does I/O.
pub struct Sim {
    pub(crate) settings: Settings,
    pub(crate) chance: Chance,
    /// Whose account this region is of; [`Settings::account`] is whose credentials are used now.
    pub(crate) home: String,
    pub(crate) now: Timestamp,
    pub(crate) network: Network,
    pub(crate) public_cidr: Ipv4Net,
    pub(crate) peers: Vec<Ipv4Net>,
    pub(crate) instances: BTreeMap<String, InstanceRecord>,
    pub(crate) interfaces: BTreeMap<String, Versions<NetworkInterface>>,
    pub(crate) groups: BTreeMap<String, Versions<SecurityGroup>>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Of instances.
    pub(crate) index: Index,
    pub(crate) group_index: Index,
    /// By zone (none: the whole region) and token.
    pub(crate) tokens: BTreeMap<(Option<String>, String), TokenEntry>,
    pub(crate) agenda: BTreeMap<(Timestamp, u64), Event>,
    agenda_count: u64,
    pub(crate) changes: Vec<Change>,
    pub(crate) lists: OpenLists,
    pub(crate) buckets: Buckets,
    pub(crate) script: BTreeMap<Action, VecDeque<Fault>>,
    /// By action and number of the call.
    pub(crate) appointed: BTreeMap<(Action, u64), Fault>,
    pub(crate) refusals: BTreeMap<Action, SimError>,
    /// Of [`crate::Principal::Operator`].
    pub(crate) policy: Option<Arc<Policy>>,
    /// What IAM was asked, when somebody wants to know.
    pub(crate) asked: Option<Vec<Ask>>,
    pub(crate) stillborn: u32,
    /// Whether the next deed of people is on the agenda.
    pub(crate) hand_is_due: bool,
    /// Next address offset to try, by subnet.
    pub(crate) address_cursor: BTreeMap<String, u32>,
    pub(crate) history: History,
}

pub(crate) struct InstanceRecord {
    pub(crate) seen: Versions<Instance>,
    pub(crate) request: Arc<RunInstances>,
    /// What was printed, with the time; the newest last.
    pub(crate) console: Vec<(Timestamp, String)>,
    /// Whether a driver was told to start a machine for it.
    pub(crate) has_machine: bool,
    /// DisableApiTermination.
    pub(crate) is_protected: bool,
    /// Until when the quota counts it, once it is terminated.
    pub(crate) counts_until: Option<Timestamp>,
}

/// What became of a client token.
pub(crate) struct TokenEntry {
    pub(crate) request: Arc<RunInstances>,
    /// Empty: the launch failed and its token is bound to the request all the same.
    pub(crate) instance_ids: Vec<String>,
}

/// What the future holds.
pub(crate) enum Event {
    Boot(String),
    /// Terminates instead of running.
    Stillborn(String),
    Stopped(String),
    FieldsFade(String),
    TagsFade(String),
    Vanish(String),
    InterfaceGone(String),
    /// Somebody does something.
    Hand,
    /// A call whose connection broke, and which takes effect now.
    Late(LateCall),
}

pub(crate) type LateCall = Box<dyn FnOnce(&mut Sim, Timestamp) + Send>;

/// What a driver of real machines must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An instance left `pending`.
    Start(Box<MachineStart>),
    /// An instance is to stop, whether or not its machine runs; answer with [`Sim::machine_stopped`].
    Stop { id: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineStart {
    pub instance: Arc<Instance>,
    pub user_data: String,
}

impl Sim {
    /// A region as it is before anybody does anything: a VPC with three subnets and a default group.
    ///
    /// *Errors*: a network in `settings` that is not one.
    pub fn new(seed: u64, settings: Settings) -> Result<Self, AddrParseError> {
        let network = Network::new(&settings)?;
        let public_cidr = settings.public_cidr.parse()?;
        let peers = settings.peers.iter().map(|peer| peer.parse()).collect::<Result<_, _>>()?;
        let mut sim = Self {
            home: settings.account.clone(),
            settings,
            chance: Chance::new(seed),
            now: Timestamp::MIN,
            network,
            public_cidr,
            peers,
            instances: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            groups: BTreeMap::new(),
            volumes: BTreeMap::new(),
            index: Index::default(),
            group_index: Index::default(),
            tokens: BTreeMap::new(),
            agenda: BTreeMap::new(),
            agenda_count: 0,
            changes: Vec::new(),
            lists: OpenLists::default(),
            buckets: Buckets::default(),
            script: BTreeMap::new(),
            appointed: BTreeMap::new(),
            refusals: BTreeMap::new(),
            policy: None,
            asked: None,
            stillborn: 0,
            hand_is_due: false,
            address_cursor: BTreeMap::new(),
            history: History::default(),
        };
        sim.add_default_groups();
        Ok(sim)
    }

    fn add_default_groups(&mut self) {
        for (vpc, number) in self.network.vpcs.clone().into_iter().zip(1u32..) {
            let id = format!("sg-0de0fa170000000{number}0");
            let group = SecurityGroup {
                ingress: vec![IngressRule {
                    id: format!("sgr-0de0fa17000000{number}0"),
                    permission: Permission {
                        protocol: Protocol::All,
                        ports: None,
                        source: PermissionSource::Group(id.clone()),
                    },
                    description: None,
                }],
                id: id.clone(),
                origin: Origin::Planted,
                name: "default".into(),
                description: "default VPC security group".into(),
                vpc_id: vpc.id,
                tags: Default::default(),
            };
            self.groups.insert(id, Versions::new(group, self.now, [0; 3]));
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes knobs while it runs; what is there stays. Region, networks and VPC are fixed at the start.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = Settings {
            region: self.settings.region.clone(),
            vpc_cidr: self.settings.vpc_cidr.clone(),
            public_cidr: self.settings.public_cidr.clone(),
            peers: self.settings.peers.clone(),
            default_vpc: self.settings.default_vpc,
            ..settings
        };
    }

    /// Draws everything to come from another seed; ids go on as they would have.
    pub fn reseed(&mut self, seed: u64) {
        self.chance.reseed(seed);
    }

    /// Limits a capacity pool, or (with `None`) lifts the limit.
    pub fn set_capacity(&mut self, instance_type: &str, zone: &str, count: Option<u32>) {
        self.settings.capacity.retain(|pool| !(pool.instance_type == instance_type && pool.zone == zone));
        self.settings.capacity.extend(count.map(|count| CapacityPool {
            instance_type: instance_type.into(),
            zone: zone.into(),
            count,
        }));
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// For tests that need another network: a NAT route, a subnet more, no image.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The next call of this action meets this fault, the one after the next scripted, and so on.
    pub fn script(&mut self, action: Action, fault: Fault) {
        self.script.entry(action).or_default().push_back(fault);
    }

    /// The `nth` call of this action, counted from 1 since the beginning, meets this fault.
    pub fn appoint(&mut self, action: Action, nth: u64, fault: Fault) {
        self.appointed.insert((action, nth), fault);
    }

    /// From now on every call of this action is refused like this (permission, expired credentials), until `None`.
    pub fn refuse(&mut self, action: Action, refusal: Option<SimError>) {
        match refusal {
            Some(refusal) => self.refusals.insert(action, refusal),
            None => self.refusals.remove(&action),
        };
    }

    /// The next `count` instances are accepted and then terminate while pending.
    pub fn let_die_at_boot(&mut self, count: u32) {
        self.stillborn += count;
    }

    /// When something happens by itself next.
    pub fn next_event(&self) -> Option<Timestamp> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    /// Lets time pass up to `now`.
    pub fn advance(&mut self, now: Timestamp) {
        if self.agenda.is_empty() {
            self.now = self.now.max(now);
        }
        self.expect_hand();
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(now);
    }

    /// What a driver of machines has to do since it was asked last.
    pub fn due(&mut self, now: Timestamp) -> Vec<Change> {
        self.advance(now);
        std::mem::take(&mut self.changes)
    }

    /// Calls that broke off and have not taken effect yet.
    pub fn late_calls(&self) -> usize {
        self.agenda.values().filter(|event| matches!(event, Event::Late(_))).count()
    }

    /// Truth: instances that are not terminated, those of others left out.
    pub fn live_instances(&self) -> Vec<Arc<Instance>> {
        self.listed_instances().into_iter().filter(|instance| !is_over(instance)).collect()
    }

    /// Truth: every instance as long as it is listed, terminated ones included, those of others left out.
    pub fn listed_instances(&self) -> Vec<Arc<Instance>> {
        let all = self.instances.values().filter_map(|record| record.seen.truth());
        all.filter(|instance| instance.origin == Origin::Called).cloned().collect()
    }

    /// Truth: one instance, as long as it is listed.
    pub fn instance(&self, id: &str) -> Option<Arc<Instance>> {
        self.instances.get(id).and_then(|record| record.seen.truth()).cloned()
    }

    /// Truth: security groups that exist, those of others left out.
    pub fn live_groups(&self) -> Vec<Arc<SecurityGroup>> {
        let all = self.groups.values().filter_map(Versions::truth);
        all.filter(|group| group.origin == Origin::Called).cloned().collect()
    }

    /// Truth: what happened and what is.
    pub fn ledger(&self) -> Ledger {
        let interfaces = self.interfaces.values().filter_map(Versions::truth);
        Ledger {
            launched: self.history.launched,
            terminated: self.history.terminated,
            live: self.live_instances().len(),
            groups: self.live_groups().len(),
            volumes: self.live_volumes().len(),
            interfaces: interfaces.filter(|interface| interface.origin == Origin::Called).count(),
            foreign_touched: self.history.foreign_touched.clone(),
            calls: self.history.calls.clone(),
            dry_runs: self.history.dry_runs,
        }
    }

    /// Truth: instances ever launched by a call.
    pub fn launched(&self) -> usize {
        self.history.launched
    }

    /// Truth: what was done to things of others; must stay empty.
    pub fn foreign_touched(&self) -> &[String] {
        &self.history.foreign_touched
    }

    /// Truth: the faults that calls met, each with the number of its call; [`Sim::appoint`] repeats them.
    pub fn faults(&self) -> &[(Action, u64, Fault)] {
        &self.history.faults
    }

    /// What the knobs did so far: how often, by kind.
    pub fn injected(&self) -> &BTreeMap<&'static str, u64> {
        &self.history.injected
    }

    /// Every change so far, in order.
    pub fn story(&self) -> &[StoryLine] {
        &self.history.story
    }

    pub(crate) fn tell(&mut self, what: String) {
        self.history.story.push(StoryLine { at: self.now, what });
    }

    /// Notes a change that a call makes to something of others.
    pub(crate) fn touch(&mut self, origin: Origin, what: impl FnOnce() -> String) {
        if origin == Origin::Planted {
            let what = what();
            self.tell(format!("FOREIGN {what}"));
            self.history.foreign_touched.push(what);
        }
    }

    pub(crate) fn after(&mut self, millis: u64, event: Event) {
        self.agenda_count += 1;
        self.agenda.insert((later(self.now, millis), self.agenda_count), event);
    }

    /// A new id, such as `i-0123456789abcdef0`.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        let number: u64 = self.chance.ids.random();
        format!("{prefix}-0{number:016x}")
    }

    /// How long the change being made now to an instance or interface stays unseen, by path.
    pub(crate) fn draw_lag(&mut self) -> [u64; 3] {
        self.draw_lag_of(self.settings.lag)
    }

    pub(crate) fn draw_lag_of(&mut self, lag: Lag) -> [u64; 3] {
        let random = &mut self.chance.lags;
        [lag.id.draw(random), lag.tag.draw(random), lag.token.draw(random)]
    }

    /// How this call looks at things: as of now, or of a while ago.
    pub(crate) fn look(&mut self, path: Path) -> Look {
        let relapse = self.settings.relapse;
        let rate = [relapse.id, relapse.tag, relapse.token][path as usize];
        let falls_back = rate > 0 && self.chance.relapses.random_range(0..1000) < rate;
        if !falls_back {
            return Look { path, at: self.now };
        }
        self.history.count("relapse");
        Look { path, at: earlier(self.now, relapse.by.draw(&mut self.chance.relapses)) }
    }

    /// Calls are made with credentials of another account: nothing of this one can be seen or touched.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.settings.account != self.home
    }

    /// What nobody can see any more, however far back a reader falls.
    pub(crate) fn forgotten_at(&self) -> Timestamp {
        earlier(self.now, self.settings.relapse.most())
    }

    /// Changes an instance as `change` says.
    pub(crate) fn update(&mut self, id: &str, change: impl FnOnce(&mut Instance)) {
        let lag = self.draw_lag();
        let Some(record) = self.instances.get_mut(id) else { return };
        let Some(truth) = record.seen.truth() else { return };
        let mut changed = Instance::clone(truth);
        change(&mut changed);
        if changed.tags != truth.tags {
            self.index.add_tags(id, &changed.tags);
        }
        record.seen.push(Some(changed), self.now, lag);
    }

    /// The private addresses that interfaces hold.
    pub(crate) fn is_address_taken(&self, address: Ipv4Addr) -> bool {
        self.interfaces.values().filter_map(Versions::truth).any(|interface| interface.private_address == address)
    }
}

pub(crate) fn is_over(instance: &Instance) -> bool {
    instance.state == planner::ports::InstanceState::Terminated
}
