//! State of ELBv2 in one region: everything that calls made or that was there before, and what is still to happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::listener::{Listener, Rule};
use super::load_balancer::LoadBalancer;
use super::node::Node;
use super::target::{CheckFailure, Registration};
use super::target_group::TargetGroup;
use super::throttle::Bucket;
use crate::engine::agenda::{Agenda, Place};
use crate::engine::audit::Origin;
use crate::engine::random::{Stream, stream};
use crate::engine::throttle::Buckets;
use crate::engine::visibility::Versions;

/// ELBv2 of one region. What it answers for itself is the truth, whatever readers are shown.
pub struct State {
    pub(super) random: Streams,
    pub(super) agenda: Agenda<Event>,
    pub(crate) buckets: Buckets<Bucket>,
    /// Load balancers by ARN, as all that follow.
    pub(super) balancers: BTreeMap<String, BalancerRecord>,
    pub(super) groups: BTreeMap<String, GroupRecord>,
    pub(super) listeners: BTreeMap<String, Versions<Listener>>,
    pub(super) rules: BTreeMap<String, Versions<Rule>>,
    /// Targets by target group and instance.
    pub(super) targets: BTreeMap<(String, String), TargetRecord>,
    /// Instances whose program answers no check, however long they run.
    pub(super) silent: BTreeSet<String>,
    /// When the program of an instance answers, once somebody asked.
    pub(super) answers_from: BTreeMap<String, Timestamp>,
    pub(super) made: Made,
    /// Grows with every change of what nodes do.
    pub(super) version: u64,
    /// Whether the next change by hand, and the next scale event, is on the agenda.
    pub(super) manual_change_is_due: bool,
    pub(super) scaling_is_due: bool,
    pub(super) flap_is_due: bool,
}

/// Things that calls ever made, by name: of load balancers and target groups their own; of listeners and rules that of
/// their load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    pub load_balancers: BTreeMap<String, usize>,
    pub target_groups: BTreeMap<String, usize>,
    pub listeners: BTreeMap<String, usize>,
    pub rules: BTreeMap<String, usize>,
}

/// Random streams of ELBv2. Their numbers must be no other stream's: see [`crate::engine::random`].
pub(super) struct Streams {
    /// Provisioning, lingering, programs that start.
    pub(super) times: Stream,
    /// Ids and numbers in names.
    pub(super) ids: Stream,
    pub(super) manual_changes: Stream,
    /// Flaps of targets and scale events.
    pub(super) accidents: Stream,
}

impl Streams {
    fn new(seed: u64) -> Self {
        Self {
            times: stream(seed, 11),
            ids: stream(seed, 12),
            manual_changes: stream(seed, 13),
            accidents: stream(seed, 14),
        }
    }
}

pub(super) struct BalancerRecord {
    pub(super) seen: Versions<LoadBalancer>,
    /// Its nodes, while their interfaces are there.
    pub(super) nodes: Vec<Node>,
}

pub(super) struct GroupRecord {
    pub(super) seen: Versions<TargetGroup>,
    /// Until then it counts as used, although no rule names it any more.
    pub(super) used_until: Option<Timestamp>,
}

pub(super) struct TargetRecord {
    pub(super) seen: Versions<Registration>,
    /// Results in a row, by the zone of the node that checks; of imagined machines one for all.
    pub(super) tallies: BTreeMap<String, Tally>,
    /// Whether its next imagined check is on the agenda.
    pub(super) is_checking: bool,
    /// Its checks fail until then, whatever it answers.
    pub(super) flaps_until: Option<Timestamp>,
    /// Number of its latest registration: what was meant for an earlier one does nothing.
    pub(super) number: u64,
}

/// Results of checks in a row, by one node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) successes: u32,
    pub(super) failures: u32,
    /// The node's own view of it; `None` until it has one.
    pub(super) verdict: Option<Result<(), CheckFailure>>,
}

/// Something that happens by itself.
#[derive(Debug)]
pub(super) enum Event {
    /// A load balancer leaves `provisioning`.
    Provisioned(String),
    /// Its interfaces go.
    InterfacesGone(String),
    /// An imagined check of a target.
    Check { target: (String, String), number: u64 },
    /// A target that was taken out is shown no longer.
    Drained { target: (String, String), number: u64 },
    /// Somebody changes something by hand.
    ManualChange,
    /// A node gets another address.
    Scale,
    /// A healthy target fails its checks for a while.
    Flap,
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Streams::new(seed),
            agenda: Agenda::default(),
            buckets: Buckets::default(),
            balancers: BTreeMap::new(),
            groups: BTreeMap::new(),
            listeners: BTreeMap::new(),
            rules: BTreeMap::new(),
            targets: BTreeMap::new(),
            silent: BTreeSet::new(),
            answers_from: BTreeMap::new(),
            made: Made::default(),
            version: 0,
            manual_change_is_due: false,
            scaling_is_due: false,
            flap_is_due: false,
        }
    }

    /// Draws everything to come from another seed; ids go on, because none may come twice.
    pub(crate) fn reseed(&mut self, seed: u64) {
        let Streams { ids, .. } = std::mem::replace(&mut self.random, Streams::new(seed));
        self.random.ids = ids;
    }

    /// Place of what happens next.
    pub(crate) fn first_event(&self) -> Option<Place> {
        self.agenda.first()
    }

    /// Everything that calls ever made.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// Load balancers that exist, those of others left out.
    pub fn live_load_balancers(&self) -> Vec<Arc<LoadBalancer>> {
        self.all_load_balancers().filter(|balancer| balancer.origin == Origin::Called).cloned().collect()
    }

    /// Target groups that exist, those of others left out.
    pub fn live_target_groups(&self) -> Vec<Arc<TargetGroup>> {
        self.all_target_groups().filter(|group| group.origin == Origin::Called).cloned().collect()
    }

    /// Listeners of load balancers that exist.
    pub fn live_listeners(&self) -> Vec<Arc<Listener>> {
        self.listeners.values().filter_map(Versions::truth).cloned().collect()
    }

    /// Rules of listeners that exist, default ones included.
    pub fn live_rules(&self) -> Vec<Arc<Rule>> {
        self.all_rules().cloned().collect()
    }

    /// Registered targets of a target group, draining ones included.
    pub fn live_targets(&self, target_group_arn: &str) -> Vec<Arc<Registration>> {
        self.records_of(target_group_arn).filter_map(|(_, record)| record.seen.truth()).cloned().collect()
    }

    /// Nodes of a load balancer whose interfaces are there.
    pub fn nodes(&self, load_balancer_arn: &str) -> &[Node] {
        self.balancers.get(load_balancer_arn).map_or(&[], |record| &record.nodes)
    }

    pub(super) fn all_load_balancers(&self) -> impl Iterator<Item = &Arc<LoadBalancer>> {
        self.balancers.values().filter_map(|record| record.seen.truth())
    }

    pub(super) fn all_target_groups(&self) -> impl Iterator<Item = &Arc<TargetGroup>> {
        self.groups.values().filter_map(|record| record.seen.truth())
    }

    pub(super) fn all_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.values().filter_map(Versions::truth)
    }

    pub(super) fn load_balancer(&self, arn: &str) -> Option<&Arc<LoadBalancer>> {
        self.balancers.get(arn).and_then(|record| record.seen.truth())
    }

    pub(super) fn target_group(&self, arn: &str) -> Option<&Arc<TargetGroup>> {
        self.groups.get(arn).and_then(|record| record.seen.truth())
    }

    pub(super) fn listener(&self, arn: &str) -> Option<&Arc<Listener>> {
        self.listeners.get(arn).and_then(Versions::truth)
    }

    /// Records of the targets of a target group, by instance.
    pub(super) fn records_of(&self, target_group_arn: &str) -> impl Iterator<Item = (&str, &TargetRecord)> {
        let from = (target_group_arn.to_owned(), String::new());
        let of_group = self.targets.range(from..).take_while(move |((group, _), _)| group == target_group_arn);
        of_group.map(|((_, instance), record)| (instance.as_str(), record))
    }

    /// The load balancer of the listener of a rule.
    pub(super) fn load_balancer_of(&self, rule: &Rule) -> Option<&Arc<LoadBalancer>> {
        self.load_balancer(&self.listener(&rule.listener_arn)?.load_balancer_arn)
    }

    /// Load balancers with a rule that names a target group; a listener's default action is its default rule's.
    pub(super) fn users_of(&self, target_group_arn: &str) -> Vec<&Arc<LoadBalancer>> {
        let naming = self.all_rules().filter(|rule| rule.action.names(target_group_arn));
        let mut users: Vec<&Arc<LoadBalancer>> = naming.filter_map(|rule| self.load_balancer_of(rule)).collect();
        users.sort_by(|one, other| one.arn.cmp(&other.arn));
        users.dedup_by(|one, other| one.arn == other.arn);
        users
    }

    /// A new id, such as `50dc6c495c0c9188`.
    pub(super) fn new_id(&mut self) -> String {
        format!("{:016x}", self.random.ids.random::<u64>())
    }
}
