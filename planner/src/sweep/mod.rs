//! The sweep of things that no benchmark asks for any more. Pure.
//!
//! The last net: a teardown should have removed everything. Whoever is wrong here kills a neighbour's instances, so
//! absence is never enough. A thing goes only if it carries every tag of this installation *and* Kubernetes cluster,
//! is old, and its benchmark was asked for by name, after the thing was listed, and found to be gone or to be another
//! one (another uid), in two rounds in a row. A benchmark that could not be asked for is alive.

mod found;
pub mod inventory;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::owner::{self, Owner, Tags};
use crate::ports::{Group, Instance, InstanceState};

pub use found::Found;

/// What is younger is spared: three times the five minutes within which AWS says that everything is visible.
pub const YOUNG: SignedDuration = SignedDuration::from_mins(15);
/// Least time between the two rounds that find a benchmark gone: as between two proofs of absence.
pub const GAP: SignedDuration = SignedDuration::from_secs(60);

/// What a live read told about a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Lives,
    /// There is none of this name, or it has another uid.
    Gone,
    /// It could not be read, for whatever reason: 403, no answer, the resource is not served.
    Unknown,
}

/// Whose things are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub installation: String,
    pub kubernetes_cluster: String,
}

/// What is kept between rounds. Losing it delays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// EC2 does not tell when a group was made.
    first_seen: BTreeMap<String, Timestamp>,
    /// Uids of benchmarks that the last round found gone, and since when.
    gone_since: BTreeMap<String, Timestamp>,
}

/// What one round may remove. Groups wait until no instance of their benchmark is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    pub instances: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

impl Scope {
    /// The benchmark that these tags name, if they are all there and ours.
    pub fn owner(&self, tags: &Tags) -> Option<Owner> {
        let owner = Owner {
            installation: self.installation.clone(),
            kubernetes_cluster: self.kubernetes_cluster.clone(),
            benchmark_uid: tags.get(owner::BENCHMARK_UID)?.clone(),
            namespace: tags.get(owner::NAMESPACE)?.clone(),
            name: tags.get(owner::NAME)?.clone(),
        };
        let named = [&owner.benchmark_uid, &owner.namespace, &owner.name].iter().all(|value| !value.is_empty());
        (named && owner.owns(tags)).then_some(owner)
    }
}

/// Benchmarks of which something is there that would be old enough. They are to be read now: after the lists.
pub fn suspects(scope: &Scope, found: &Found, now: Timestamp, memory: &mut Memory) -> BTreeSet<Owner> {
    let Found { instances, groups } = found;
    memory.first_seen.retain(|id, _| groups.iter().any(|group| group.id == *id));
    for group in groups {
        memory.first_seen.entry(group.id.clone()).or_insert(now);
    }
    let old_instances = instances.iter().filter(|instance| is_left(instance) && is_old(instance.launched_at, now));
    let old_groups = groups.iter().filter(|group| is_old_group(group, now, memory));
    let tags = old_instances.map(|instance| &instance.tags).chain(old_groups.map(|group| &group.tags));
    tags.filter_map(|tags| scope.owner(tags)).collect()
}

/// Decides a round. `lives` holds what was read of every suspect, after the lists were complete.
pub fn decide(
    scope: &Scope,
    found: &Found,
    lives: &BTreeMap<Owner, Life>,
    now: Timestamp,
    memory: &mut Memory,
) -> Removal {
    let Found { instances, groups } = found;
    let gone: BTreeSet<&String> =
        lives.iter().filter(|(_, life)| **life == Life::Gone).map(|(owner, _)| &owner.benchmark_uid).collect();
    // Tags of one uid with two names: one of them lies, and neither is believed.
    let doubted: BTreeSet<&String> =
        lives.iter().filter(|(_, life)| **life != Life::Gone).map(|(owner, _)| &owner.benchmark_uid).collect();
    memory.gone_since.retain(|uid, _| gone.contains(uid) && !doubted.contains(uid));
    let mut twice: BTreeSet<String> = BTreeSet::new();
    for uid in gone.difference(&doubted) {
        match memory.gone_since.get(*uid) {
            Some(since) if now.duration_since(*since) >= GAP => drop(twice.insert((*uid).clone())),
            Some(_) => {}
            None => drop(memory.gone_since.insert((*uid).clone(), now)),
        }
    }
    let is_of = |tags: &Tags| scope.owner(tags).is_some_and(|owner| twice.contains(&owner.benchmark_uid));
    let doomed = instances.iter().filter(|instance| is_of(&instance.tags) && is_old(instance.launched_at, now));
    let instances_of = |uid: Option<&String>| {
        instances.iter().any(|instance| {
            // What only resembles ours holds nothing up: EC2 refuses while it is really in the group.
            let is_ours = scope.owner(&instance.tags).is_some_and(|owner| Some(&owner.benchmark_uid) == uid);
            is_ours && instance.state != InstanceState::Terminated
        })
    };
    let groups = groups.iter().filter(|group| is_of(&group.tags) && is_old_group(group, now, memory));
    Removal {
        instances: doomed.filter(|instance| is_left(instance)).map(|instance| instance.id.clone()).collect(),
        groups: groups
            .filter(|group| !instances_of(group.tags.get(owner::BENCHMARK_UID)))
            .map(|group| group.id.clone())
            .collect(),
    }
}

/// Whether it still has to be terminated.
fn is_left(instance: &Instance) -> bool {
    !matches!(instance.state, InstanceState::Terminated | InstanceState::ShuttingDown)
}

fn is_old(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) >= YOUNG
}

fn is_old_group(group: &Group, now: Timestamp, memory: &Memory) -> bool {
    memory.first_seen.get(&group.id).is_some_and(|since| is_old(*since, now))
}
