//! The sweep, as tables: things in a few words, what was read of their benchmarks, what goes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use planner::owner::{self, Owner, Tags};
use planner::ports::{Bucket, Group, Instance, InstanceState, Queue};
use planner::sweep::{Found, Life, Memory, Removal, Scope, decide, suspects};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn scope() -> Scope {
    Scope { installation: "test".into(), kubernetes_cluster: "k8s".into() }
}

fn owner(uid: &str) -> Owner {
    Owner {
        installation: "test".into(),
        kubernetes_cluster: "k8s".into(),
        benchmark_uid: uid.into(),
        namespace: "default".into(),
        name: format!("bench-{uid}"),
    }
}

fn tags(uid: &str) -> Tags {
    owner(uid).tags(&Tags::new())
}

fn instance(id: &str, tags: Tags, minutes: i64, state: InstanceState) -> Instance {
    Instance {
        id: id.into(),
        state,
        token: None,
        instance_type: "t2.micro".into(),
        image_id: "ami-1".into(),
        zone: "eu-west-1a".into(),
        subnet_id: None,
        private_address: None,
        public_address: None,
        group_ids: Vec::new(),
        launched_at: now() - SignedDuration::from_mins(minutes),
        tags,
        state_reason: None,
    }
}

fn group(id: &str, tags: Tags) -> Group {
    Group { id: id.into(), name: id.into(), vpc_id: "vpc-1".into(), tags, ingress: Vec::new() }
}

fn queue(name: &str, tags: Tags) -> Queue {
    Queue { url: format!("https://sqs.test/111/{name}"), name: name.into(), tags }
}

fn bucket(name: &str, tags: Tags) -> Bucket {
    Bucket { name: name.into(), tags }
}

/// A process that lists the same things round after round, two minutes apart.
struct Rounds {
    found: Found,
    memory: Memory,
    minute: i64,
}

impl Rounds {
    fn new(instances: Vec<Instance>, groups: Vec<Group>) -> Self {
        Self { found: Found { instances, groups, ..Found::default() }, memory: Memory::default(), minute: 0 }
    }

    fn at(&self) -> Timestamp {
        now() + SignedDuration::from_mins(self.minute)
    }

    /// What goes in a round in which every suspect is found like this.
    fn round(&mut self, life: impl Fn(&Owner) -> Life) -> Vec<String> {
        self.minute += 2;
        let at = self.at();
        let asked = suspects(&scope(), &self.found, at, &mut self.memory);
        let lives: BTreeMap<Owner, Life> = asked.into_iter().map(|owner| (owner.clone(), life(&owner))).collect();
        let removal = decide(&scope(), &self.found, &lives, at, &mut self.memory);
        let Removal { instances, groups, load_balancers, target_groups, queues, buckets } = removal;
        let all = [instances, groups, load_balancers, target_groups, queues, buckets];
        all.into_iter().flatten().collect()
    }
}

fn gone(_: &Owner) -> Life {
    Life::Gone
}

fn old(id: &str, tags: Tags) -> Instance {
    instance(id, tags, 20, InstanceState::Running)
}

#[test]
fn an_orphan_goes_in_the_second_round() {
    let mut rounds = Rounds::new(vec![old("i-1", tags("a"))], Vec::new());
    assert_eq!(rounds.round(gone), [""; 0]);
    assert_eq!(rounds.round(gone), ["i-1"]);
}

/// It cannot end itself, because its timer stands still.
#[test]
fn a_stopped_orphan_goes_too_and_holds_its_groups_and_queues_until_then() {
    let stopped = instance("i-1", tags("a"), 20, InstanceState::Stopped);
    let mut rounds = Rounds::new(vec![stopped], vec![group("sg-1", tags("a"))]);
    rounds.found.queues = vec![queue("clusterbench-a-in", tags("a"))];
    for _ in 0..9 {
        rounds.round(|_| Life::Lives);
    }
    assert_eq!(rounds.round(gone), [""; 0]);
    assert_eq!(rounds.round(gone), ["i-1"]);
    rounds.found.instances[0].state = InstanceState::Terminated;
    assert_eq!(rounds.round(gone), ["sg-1", "https://sqs.test/111/clusterbench-a-in"]);
}

#[test]
fn what_cannot_be_asked_for_is_spared_and_begins_anew() {
    let mut rounds = Rounds::new(vec![old("i-1", tags("a"))], Vec::new());
    for life in [Life::Gone, Life::Unknown, Life::Gone, Life::Lives, Life::Gone, Life::Unknown, Life::Unknown] {
        assert_eq!(rounds.round(|_| life), [""; 0], "{life:?}");
    }
    assert_eq!(rounds.round(gone), [""; 0]);
    assert_eq!(rounds.round(gone), ["i-1"]);
}

#[test]
fn what_is_young_is_spared() {
    let mut rounds = Rounds::new(vec![instance("i-1", tags("a"), 8, InstanceState::Running)], Vec::new());
    // 10, 12, 14 minutes old; then 16 and 18.
    for _ in 0..4 {
        assert_eq!(rounds.round(gone), [""; 0]);
    }
    assert_eq!(rounds.round(gone), ["i-1"]);
}

#[test]
fn near_misses_are_never_touched() {
    let without = |key: &str| {
        let mut tags = tags("a");
        tags.remove(key);
        tags
    };
    let with = |key: &str, value: &str| {
        let mut tags = tags("a");
        tags.insert(key.into(), value.into());
        tags
    };
    let mut misses: Vec<Tags> = [
        owner::MANAGED_BY,
        owner::INSTALLATION,
        owner::KUBERNETES_CLUSTER,
        owner::BENCHMARK_UID,
        owner::NAMESPACE,
        owner::NAME,
    ]
    .map(without)
    .into();
    misses.extend([
        with(owner::MANAGED_BY, "Clusterbench"),
        with(owner::INSTALLATION, "test2"),
        with(owner::INSTALLATION, "Test"),
        with(owner::INSTALLATION, ""),
        with(owner::KUBERNETES_CLUSTER, "k8s-2"),
        with(owner::BENCHMARK_UID, ""),
        with(owner::NAMESPACE, ""),
        Tags::new(),
    ]);
    let instances = misses.iter().enumerate().map(|(n, tags)| old(&format!("i-{n}"), tags.clone())).collect();
    let groups = misses.iter().enumerate().map(|(n, tags)| group(&format!("sg-{n}"), tags.clone())).collect();
    let mut rounds = Rounds::new(instances, groups);
    let name = |n: usize| format!("clusterbench-{n}");
    rounds.found.queues = misses.iter().enumerate().map(|(n, tags)| queue(&name(n), tags.clone())).collect();
    rounds.found.buckets = misses.iter().enumerate().map(|(n, tags)| bucket(&name(n), tags.clone())).collect();
    for _ in 0..20 {
        assert_eq!(rounds.round(gone), [""; 0]);
    }
}

/// A copy of all tags under another name: one of the two names is wrong, and the benchmark may live under either.
#[test]
fn one_uid_under_two_names_is_believed_only_when_both_are_gone() {
    let mut other = tags("a");
    other.insert(owner::NAME.into(), "other".into());
    let mut rounds = Rounds::new(vec![old("i-1", tags("a")), old("i-2", other)], Vec::new());
    for _ in 0..4 {
        assert_eq!(rounds.round(|owner| if owner.name == "other" { Life::Lives } else { Life::Gone }), [""; 0]);
    }
    rounds.round(gone);
    assert_eq!(rounds.round(gone), ["i-1", "i-2"]);
}

#[test]
fn groups_wait_for_their_age_and_for_the_last_instance() {
    let shutting_down = instance("i-1", tags("a"), 60, InstanceState::ShuttingDown);
    let mut rounds = Rounds::new(vec![shutting_down], vec![group("sg-1", tags("a"))]);
    for _ in 0..12 {
        assert_eq!(rounds.round(gone), [""; 0]);
    }
    rounds.found.instances[0].state = InstanceState::Terminated;
    assert_eq!(rounds.round(gone), ["sg-1"]);
    let mut young = Rounds::new(Vec::new(), vec![group("sg-1", tags("a"))]);
    let removed_at = (0..20).find(|_| !young.round(gone).is_empty());
    // Seen first at minute 2, old at minute 17, so asked for first at 18 and gone at 20: the tenth round.
    assert_eq!(removed_at, Some(9));
}

/// Neither can end itself, and AWS does not say in lists since when they are there.
#[test]
fn queues_wait_for_their_age_and_the_last_instance_and_buckets_for_the_last_queue() {
    let shutting_down = instance("i-1", tags("a"), 60, InstanceState::ShuttingDown);
    let mut rounds = Rounds::new(vec![shutting_down], Vec::new());
    rounds.found.queues = vec![queue("q", tags("a")), queue("other", tags("b"))];
    rounds.found.buckets = vec![bucket("b", tags("a"))];
    let is_a = |owner: &Owner| if owner.benchmark_uid == "a" { Life::Gone } else { Life::Lives };
    for _ in 0..12 {
        assert_eq!(rounds.round(is_a), [""; 0]);
    }
    rounds.found.instances[0].state = InstanceState::Terminated;
    assert_eq!(rounds.round(is_a), ["https://sqs.test/111/q"]);
    rounds.found.queues.remove(0);
    assert_eq!(rounds.round(is_a), ["b"]);
    let mut young = Rounds::new(Vec::new(), Vec::new());
    young.found.queues = vec![queue("q", tags("a"))];
    assert_eq!((0..20).find(|_| !young.round(gone).is_empty()), Some(9));
}

/// They are looked for each hour. A queue that is seen first when a look begins goes after 18 minutes of it, as above, and its bucket in a
/// round after that.
#[test]
fn queues_are_rarely_looked_for() {
    let mut memory = Memory::default();
    let sought: Vec<bool> =
        (0..90).map(|minute| memory.seeks_queues(now() + SignedDuration::from_mins(minute))).collect();
    let all = |range: std::ops::Range<usize>, seeks| sought[range].iter().all(|one| *one == seeks);
    assert!(all(0..30, true) && all(30..60, false) && all(60..90, true));
}

#[test]
fn two_rounds_that_follow_too_closely_are_one() {
    let found = Found { instances: vec![old("i-1", tags("a"))], ..Found::default() };
    let lives = BTreeMap::from([(owner("a"), Life::Gone)]);
    let mut memory = Memory::default();
    let mut at = |seconds: i64| {
        let at = now() + SignedDuration::from_secs(seconds);
        decide(&scope(), &found, &lives, at, &mut memory).instances.len()
    };
    assert_eq!([at(0), at(59), at(60)], [0, 0, 1]);
}
