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
use crate::ports::{Instance, InstanceState};

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
    /// AWS does not tell when a security group, a target group or a queue was made; by id, ARN, URL, or name of the bucket.
    first_seen: BTreeMap<String, Timestamp>,
    /// Uids of benchmarks that the last round found gone, and since when.
    gone_since: BTreeMap<String, Timestamp>,
    load_balancers_sought_at: Option<Timestamp>,
    queues_sought_at: Option<Timestamp>,
}

impl Memory {
    /// Whether a round lists load balancers too. Where no benchmark has one they are rarely looked for, and no permission
    /// for them need be there.
    pub fn seeks_load_balancers(&mut self, now: Timestamp) -> bool {
        is_due(&mut self.load_balancers_sought_at, now)
    }

    /// The same of queues and buckets.
    pub fn seeks_queues(&mut self, now: Timestamp) -> bool {
        is_due(&mut self.queues_sought_at, now)
    }
}

/// Whether a look is due that was last begun then.
fn is_due(sought_at: &mut Option<Timestamp>, now: Timestamp) -> bool {
    if sought_at.is_none_or(|at| now.duration_since(at) >= SEEKING) {
        *sought_at = Some(now);
    }
    // Two rounds in a row have to find a benchmark gone.
    sought_at.is_some_and(|at| now.duration_since(at) < SOUGHT)
}

/// Between looks for what is rarely looked for, and how long one look lasts: until what it saw first at its beginning is old, was
/// found gone in two rounds, and the bucket, which waits for its queues, has had its round too.
const SEEKING: SignedDuration = SignedDuration::from_hours(1);
const SOUGHT: SignedDuration = SignedDuration::from_mins(30);

/// What one round may remove. Groups wait until no instance and no load balancer of their benchmark is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    pub instances: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    /// ARNs, like those of target groups, which wait until no load balancer of their benchmark is left.
    pub load_balancers: BTreeSet<String>,
    pub target_groups: BTreeSet<String>,
    /// URLs. They wait until no instance of their benchmark is left.
    pub queues: BTreeSet<String>,
    /// Names. They wait until no instance and no queue of their benchmark is left.
    pub buckets: BTreeSet<String>,
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
    let Found { instances, groups, load_balancers, target_groups, queues, buckets } = found;
    let ids: BTreeSet<&String> = groups
        .iter()
        .map(|group| &group.id)
        .chain(target_groups.iter().map(|group| &group.arn))
        .chain(queues.iter().map(|queue| &queue.url))
        .chain(buckets.iter().map(|bucket| &bucket.name))
        .collect();
    // Only security groups are in every round's lists.
    memory
        .first_seen
        .retain(|id, at| ids.contains(id) || !id.starts_with("sg-") && now.duration_since(*at) < SEEKING * 2);
    for id in ids {
        memory.first_seen.entry(id.clone()).or_insert(now);
    }
    let old_instances = instances.iter().filter(|instance| is_left(instance) && is_old(instance.launched_at, now));
    let old_groups = groups.iter().filter(|group| is_long_seen(&group.id, now, memory));
    let old_balancers = load_balancers.iter().filter(|balancer| is_old(balancer.created_at, now));
    let old_target_groups = target_groups.iter().filter(|group| is_long_seen(&group.arn, now, memory));
    let tags = old_instances.map(|instance| &instance.tags).chain(old_groups.map(|group| &group.tags));
    let tags = tags.chain(old_balancers.map(|one| &one.tags)).chain(old_target_groups.map(|group| &group.tags));
    let old_queues = queues.iter().filter(|queue| is_long_seen(&queue.url, now, memory));
    let old_buckets = buckets.iter().filter(|bucket| is_long_seen(&bucket.name, now, memory));
    let tags = tags.chain(old_queues.map(|queue| &queue.tags)).chain(old_buckets.map(|bucket| &bucket.tags));
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
    let Found { instances, groups, load_balancers, target_groups, queues, buckets } = found;
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
    let balancers_of = |uid: Option<&String>| {
        load_balancers
            .iter()
            .any(|balancer| scope.owner(&balancer.tags).is_some_and(|owner| Some(&owner.benchmark_uid) == uid))
    };
    let queues_of = |uid: Option<&String>| {
        queues.iter().any(|queue| scope.owner(&queue.tags).is_some_and(|owner| Some(&owner.benchmark_uid) == uid))
    };
    let uid = |tags: &Tags| tags.get(owner::BENCHMARK_UID).cloned();
    let groups = groups.iter().filter(|group| is_of(&group.tags) && is_long_seen(&group.id, now, memory));
    let old_balancers = load_balancers.iter().filter(|one| is_of(&one.tags) && is_old(one.created_at, now));
    let target_groups =
        target_groups.iter().filter(|group| is_of(&group.tags) && is_long_seen(&group.arn, now, memory));
    let old_queues = queues.iter().filter(|queue| is_of(&queue.tags) && is_long_seen(&queue.url, now, memory));
    let buckets = buckets.iter().filter(|bucket| is_of(&bucket.tags) && is_long_seen(&bucket.name, now, memory));
    Removal {
        instances: doomed.filter(|instance| is_left(instance)).map(|instance| instance.id.clone()).collect(),
        groups: groups
            .filter(|group| !instances_of(uid(&group.tags).as_ref()) && !balancers_of(uid(&group.tags).as_ref()))
            .map(|group| group.id.clone())
            .collect(),
        load_balancers: old_balancers.map(|one| one.arn.clone()).collect(),
        target_groups: target_groups
            .filter(|group| !balancers_of(uid(&group.tags).as_ref()))
            .map(|group| group.arn.clone())
            .collect(),
        queues: old_queues
            .filter(|queue| !instances_of(uid(&queue.tags).as_ref()))
            .map(|queue| queue.url.clone())
            .collect(),
        buckets: buckets
            .filter(|bucket| !instances_of(uid(&bucket.tags).as_ref()) && !queues_of(uid(&bucket.tags).as_ref()))
            .map(|bucket| bucket.name.clone())
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

fn is_long_seen(id: &str, now: Timestamp, memory: &Memory) -> bool {
    memory.first_seen.get(id).is_some_and(|since| is_old(*since, now))
}
