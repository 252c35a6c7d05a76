//! An index of the lists of a region, by owner. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::Launch;
use jiff::Timestamp;
use planner::Failure;
use planner::owner::{BENCHMARK_UID, Owner, Tags};
use planner::ports::{Bucket, Group, Instance, InstanceState, LoadBalancer, Queue, TargetGroup};
use planner::resources::name::names;
use planner::resources::{self, ResourceKind};
use planner::sweep::Found;
use planner::world::{CloudView, Facet, Unknown, World, ledger};

/// Kinds of resources that are listed only while somebody asks for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sought {
    /// Load balancers and target groups.
    pub(crate) load_balancers: bool,
    /// Queues and buckets.
    pub(crate) queues: bool,
}

impl Sought {
    pub(crate) fn by(world: &World) -> Self {
        Self { load_balancers: resources::seeks_load_balancers(world), queues: resources::seeks_queues(world) }
    }

    fn with(self, other: Self) -> Self {
        Self { load_balancers: self.load_balancers || other.load_balancers, queues: self.queues || other.queues }
    }

    fn covers(self, other: Self) -> bool {
        self.with(other) == self
    }
}

/// What an object asks for beyond the lists by tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Tokens of open launches.
    pub(crate) tokens: BTreeSet<String>,
    /// Ids in the ledger: dead instances lose their tags before they vanish.
    pub(crate) ids: BTreeSet<String>,
    pub(crate) sought: Sought,
}

impl Wanted {
    pub(crate) fn of(lines: &[Launch], sought: Sought) -> Self {
        let open = lines.iter().filter(|line| !ledger::is_closed(line));
        Self {
            tokens: open.map(|line| line.token.clone()).collect(),
            ids: lines.iter().flat_map(|line| &line.instance_ids).cloned().collect(),
            sought,
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.tokens.extend(other.tokens.iter().cloned());
        self.ids.extend(other.ids.iter().cloned());
        self.sought = self.sought.with(other.sought);
    }

    /// Whether whoever asked for all of this asked for `other` too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.sought.covers(other.sought) && self.tokens.is_superset(&other.tokens) && self.ids.is_superset(&other.ids)
    }
}

/// Resources of an installation in a region, by kind, as one look at the lists shows them.
#[derive(Debug)]
pub(crate) struct InventoryIndex {
    /// Before the first call: what was made later may be missing.
    pub(crate) begun_at: Timestamp,
    pub(crate) instances: Facet<Instances>,
    pub(crate) groups: Facet<Groups>,
    /// `None`: nobody asked for them.
    pub(crate) load_balancers: Option<Facet<Tagged<LoadBalancer>>>,
    /// `None`: nobody asked for them.
    pub(crate) target_groups: Option<Facet<Tagged<TargetGroup>>>,
    /// `None`: nobody asked for them.
    pub(crate) queues: Option<Facet<Tagged<Queue>>>,
    /// `None`: nobody asked for them.
    pub(crate) buckets: Option<Facet<Tagged<Bucket>>>,
}

impl InventoryIndex {
    /// Nothing is known of any kind, for one reason.
    pub(crate) fn unseen(begun_at: Timestamp, why: &Unknown) -> Self {
        Self {
            begun_at,
            instances: Facet::Unknown(why.clone()),
            groups: Facet::Unknown(why.clone()),
            load_balancers: Some(Facet::Unknown(why.clone())),
            target_groups: Some(Facet::Unknown(why.clone())),
            queues: Some(Facet::Unknown(why.clone())),
            buckets: Some(Facet::Unknown(why.clone())),
        }
    }

    /// Whether every kind is known, those that are not always listed only for who seeks them.
    pub(crate) fn is_whole(&self, sought: Sought) -> bool {
        let Self { begun_at: _, instances, groups, load_balancers, target_groups, queues, buckets } = self;
        let lacks_balancers = is_unknown(load_balancers) || is_unknown(target_groups);
        let lacks_queues = is_unknown(queues) || is_unknown(buckets);
        instances.known().is_some()
            && groups.known().is_some()
            && !(sought.load_balancers && lacks_balancers)
            && !(sought.queues && lacks_queues)
    }

    /// The part that is one benchmark's, with these lines in its ledger. Of a kind that it does not seek it has none, whatever
    /// others asked for.
    pub(crate) fn of(&self, owner: &Owner, lines: &[Launch], seeks: Sought) -> CloudView {
        CloudView {
            listed_at: self.begun_at,
            instances: self.instances.map(|all| all.of(owner, lines)),
            groups: self.groups.map(|all| all.of(owner)),
            load_balancers: sought(seeks.load_balancers, &self.load_balancers, owner, ResourceKind::LoadBalancer),
            target_groups: sought(seeks.load_balancers, &self.target_groups, owner, ResourceKind::TargetGroup),
            queues: sought(seeks.queues, &self.queues, owner, ResourceKind::Queue),
            buckets: sought(seeks.queues, &self.buckets, owner, ResourceKind::Bucket),
        }
    }

    /// Everything with tags that pass; nothing at all unless instances and groups are known. Other kinds that were not
    /// listed, or could not be, are not among it.
    pub(crate) fn found(&self, passes: impl Fn(&Tags) -> bool) -> Option<Found> {
        let (instances, groups) = (self.instances.known()?, self.groups.known()?);
        Some(Found {
            instances: instances.by_id.values().filter(|one| passes(&one.tags)).cloned().collect(),
            groups: groups.passing(&passes),
            load_balancers: listed(&self.load_balancers).map(|all| all.passing(&passes)).unwrap_or_default(),
            target_groups: listed(&self.target_groups).map(|all| all.passing(&passes)).unwrap_or_default(),
            queues: listed(&self.queues).map(|all| all.passing(&passes)).unwrap_or_default(),
            buckets: listed(&self.buckets).map(|all| all.passing(&passes)).unwrap_or_default(),
        })
    }
}

fn is_unknown<T>(all: &Option<Facet<T>>) -> bool {
    all.as_ref().is_some_and(|all| all.known().is_none())
}

fn listed<T>(all: &Option<Facet<T>>) -> Option<&T> {
    all.as_ref()?.known()
}

/// The things of one benchmark by name and tags: tags alone can be copied.
fn sought<T: HasTags + Clone>(
    is_sought: bool,
    all: &Option<Facet<Tagged<T>>>,
    owner: &Owner,
    kind: ResourceKind,
) -> Facet<Vec<T>> {
    let stems = names(owner, kind);
    let is_named = |one: &T| stems.iter().any(|stem| one.name().starts_with(stem));
    match all {
        _ if !is_sought => Facet::Known(Vec::new()),
        Some(all) => all.map(|all| all.of(owner).into_iter().filter(is_named).collect()),
        None => {
            let message = format!("{}s were not listed yet", kind.name());
            Facet::Unknown(Unknown { failure: Failure::NotYetVisible, message })
        }
    }
}

/// Instances, each once.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    by_id: BTreeMap<String, Instance>,
    by_benchmark: HashMap<String, BTreeSet<String>>,
    by_token: HashMap<String, BTreeSet<String>>,
}

impl Instances {
    /// Lists may disagree for a while: states only move forward, so the later one is true.
    pub(crate) fn add(&mut self, instances: Vec<Instance>) {
        for instance in instances {
            let id = instance.id.clone();
            if let Some(uid) = instance.tags.get(BENCHMARK_UID) {
                self.by_benchmark.entry(uid.clone()).or_default().insert(id.clone());
            }
            if let Some(token) = &instance.token {
                self.by_token.entry(token.clone()).or_default().insert(id.clone());
            }
            let known = self.by_id.get(&id);
            if known.is_none_or(|known| age(known.state) < age(instance.state)) {
                self.by_id.insert(id, instance);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// What is of one benchmark: by its tags, by the tokens of its launches, by the ids in its ledger. In the order of ids.
    pub(crate) fn of(&self, owner: &Owner, lines: &[Launch]) -> Vec<Instance> {
        let tagged = self.by_benchmark.get(&owner.benchmark_uid).into_iter().flatten();
        let open = lines.iter().filter(|line| !ledger::is_closed(line));
        let launched = open.filter_map(|line| self.by_token.get(&line.token)).flatten();
        let written = lines.iter().flat_map(|line| &line.instance_ids);
        let ids: BTreeSet<&String> = tagged.chain(launched).chain(written).collect();
        // An id in status proves nothing: tags or our token do, and neither can be put on an instance of others.
        let is_ours = |instance: &&Instance| {
            let by_us = |token: &String| lines.iter().any(|line| line.token == *token);
            owner.owns(&instance.tags) || instance.token.as_ref().is_some_and(by_us)
        };
        ids.into_iter().filter_map(|id| self.by_id.get(id)).filter(is_ours).cloned().collect()
    }
}

fn age(state: InstanceState) -> u8 {
    match state {
        InstanceState::Pending => 0,
        InstanceState::Running => 1,
        InstanceState::Stopping => 2,
        InstanceState::Stopped => 3,
        InstanceState::ShuttingDown => 4,
        InstanceState::Terminated => 5,
    }
}

/// What carries tags.
pub(crate) trait HasTags {
    fn name(&self) -> &str;
    fn tags(&self) -> &Tags;
}

macro_rules! tagged {
    ($($kind:ident),*) => {
        $(impl HasTags for $kind {
            fn name(&self) -> &str {
                &self.name
            }

            fn tags(&self) -> &Tags {
                &self.tags
            }
        })*
    };
}

tagged!(Group, LoadBalancer, TargetGroup, Queue, Bucket);

pub(crate) type Groups = Tagged<Group>;

/// Resources by the benchmark that their tags name.
#[derive(Debug)]
pub(crate) struct Tagged<T> {
    all: Vec<T>,
    by_benchmark: HashMap<String, Vec<usize>>,
}

impl<T: HasTags + Clone> Tagged<T> {
    pub(crate) fn new(all: Vec<T>) -> Self {
        let mut by_benchmark: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, one) in all.iter().enumerate() {
            if let Some(uid) = one.tags().get(BENCHMARK_UID) {
                by_benchmark.entry(uid.clone()).or_default().push(index);
            }
        }
        Self { all, by_benchmark }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn of(&self, owner: &Owner) -> Vec<T> {
        let tagged = self.by_benchmark.get(&owner.benchmark_uid).into_iter().flatten();
        tagged.filter_map(|index| self.all.get(*index)).filter(|one| owner.owns(one.tags())).cloned().collect()
    }

    fn passing(&self, passes: &impl Fn(&Tags) -> bool) -> Vec<T> {
        self.all.iter().filter(|one| passes(one.tags())).cloned().collect()
    }
}
