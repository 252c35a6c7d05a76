//! The inventory of an installation in a region, as text for the person who is about to remove it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use crate::cost::hourly::part_of_hour;
use crate::cost::spent::LEAST_SECONDS;
use crate::cost::usd;
use crate::owner::{BENCHMARK_UID, KUBERNETES_CLUSTER, NAME, NAMESPACE, POOL, Tags};
use crate::ports::{Bucket, Group, Instance, InstanceState, LoadBalancer, Queue, TargetGroup};
use crate::prices::price::shipped;
use crate::prices::small_change::{ADDRESS_HOUR, LOAD_BALANCER_HOUR};
use crate::sweep::found::Found;

/// What is not gone yet, of all benchmarks of an installation or of those of one Kubernetes cluster.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    benchmarks: BTreeMap<Benchmark, Held>,
    /// What could not be listed, and why.
    unseen: Vec<String>,
}

/// A benchmark as the tags tell it; empty where one is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Benchmark {
    kubernetes_cluster: String,
    namespace: String,
    name: String,
    uid: String,
}

#[derive(Clone, Debug, Default)]
struct Held {
    instances: Vec<Instance>,
    groups: Vec<Group>,
    load_balancers: Vec<LoadBalancer>,
    target_groups: Vec<TargetGroup>,
    queues: Vec<Queue>,
    buckets: Vec<Bucket>,
}

impl Inventory {
    /// What was found of an installation. Terminated instances are gone.
    pub fn new(found: Found, kubernetes_cluster: Option<&str>) -> Self {
        let Found { instances, groups, load_balancers, target_groups, queues, buckets } = found;
        let is_asked = |tags: &Tags| kubernetes_cluster.is_none_or(|uid| tag(tags, KUBERNETES_CLUSTER) == uid);
        let mut benchmarks: BTreeMap<Benchmark, Held> = BTreeMap::new();
        for instance in instances {
            if instance.state != InstanceState::Terminated && is_asked(&instance.tags) {
                benchmarks.entry(Benchmark::of(&instance.tags)).or_default().instances.push(instance);
            }
        }
        for group in groups.into_iter().filter(|group| is_asked(&group.tags)) {
            benchmarks.entry(Benchmark::of(&group.tags)).or_default().groups.push(group);
        }
        for balancer in load_balancers.into_iter().filter(|balancer| is_asked(&balancer.tags)) {
            benchmarks.entry(Benchmark::of(&balancer.tags)).or_default().load_balancers.push(balancer);
        }
        for group in target_groups.into_iter().filter(|group| is_asked(&group.tags)) {
            benchmarks.entry(Benchmark::of(&group.tags)).or_default().target_groups.push(group);
        }
        for queue in queues.into_iter().filter(|queue| is_asked(&queue.tags)) {
            benchmarks.entry(Benchmark::of(&queue.tags)).or_default().queues.push(queue);
        }
        for bucket in buckets.into_iter().filter(|bucket| is_asked(&bucket.tags)) {
            benchmarks.entry(Benchmark::of(&bucket.tags)).or_default().buckets.push(bucket);
        }
        Self { benchmarks, unseen: Vec::new() }
    }

    /// The same, with what could not be listed: `load balancers`, and why.
    pub fn with_unseen(self, unseen: Vec<String>) -> Self {
        Self { unseen, ..self }
    }

    pub fn is_empty(&self) -> bool {
        self.benchmarks.is_empty()
    }

    pub fn kubernetes_clusters(&self) -> BTreeSet<&str> {
        self.benchmarks.keys().map(|benchmark| benchmark.kubernetes_cluster.as_str()).collect()
    }

    /// Instances that still have to be told to terminate.
    pub fn to_terminate(&self) -> Vec<String> {
        let told = |instance: &&Instance| instance.state == InstanceState::ShuttingDown;
        self.instances().filter(|instance| !told(instance)).map(|instance| instance.id.clone()).collect()
    }

    /// ARNs of load balancers.
    pub fn load_balancers(&self) -> Vec<String> {
        self.benchmarks.values().flat_map(|held| &held.load_balancers).map(|balancer| balancer.arn.clone()).collect()
    }

    /// ARNs of target groups, once no load balancer is left that could use them.
    pub fn target_groups_to_delete(&self) -> Vec<String> {
        if !self.load_balancers().is_empty() {
            return Vec::new();
        }
        self.benchmarks.values().flat_map(|held| &held.target_groups).map(|group| group.arn.clone()).collect()
    }

    /// URLs of queues, once no instance is left that could use them.
    pub fn queues_to_delete(&self) -> Vec<String> {
        if self.instances().next().is_some() {
            return Vec::new();
        }
        self.queues().map(|queue| queue.url.clone()).collect()
    }

    /// Names of buckets, once no instance and no queue is left.
    pub fn buckets_to_delete(&self) -> Vec<String> {
        if self.instances().next().is_some() || self.queues().next().is_some() {
            return Vec::new();
        }
        self.benchmarks.values().flat_map(|held| &held.buckets).map(|bucket| bucket.name.clone()).collect()
    }

    fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.benchmarks.values().flat_map(|held| &held.queues)
    }

    /// Groups, once no instance and no load balancer is left that could use them.
    pub fn to_delete(&self) -> Vec<String> {
        if self.instances().next().is_some() || !self.load_balancers().is_empty() {
            return Vec::new();
        }
        self.benchmarks.values().flat_map(|held| &held.groups).map(|group| group.id.clone()).collect()
    }

    fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.benchmarks.values().flat_map(|held| &held.instances)
    }

    /// Benchmark by benchmark, with ages and what it costs by the hour in this region by the shipped table. A load balancer has
    /// the price of us-east-1, without what passes through it.
    pub fn text(&self, region: &str, now: Timestamp) -> String {
        let mut text = String::new();
        for (benchmark, held) in &self.benchmarks {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{benchmark}: {}", sum(region, std::slice::from_ref(held)));
            for instance in &held.instances {
                let (id, kind, state) = (&instance.id, &instance.instance_type, instance.state.name());
                let (pool, old) = (tag(&instance.tags, POOL), age(now.duration_since(instance.launched_at)));
                let cost = match hourly(region, instance) {
                    _ if is_at_rest(instance) => "its volumes cost on; what its runs cost is in no list".to_owned(),
                    // Since when one does not run any more is in no list, nor how often it ran before.
                    Some(hourly) => {
                        let runs = matches!(instance.state, InstanceState::Pending | InstanceState::Running);
                        let bound = if runs { "" } else { "at most " };
                        cost(hourly, seconds(instance.launched_at, now), bound, "since its start")
                    }
                    None => "price unknown".to_owned(),
                };
                let _ = writeln!(text, "  {id}  {kind}  {pool}  {state}  {old}  {cost}");
            }
            for balancer in &held.load_balancers {
                let old = age(now.duration_since(balancer.created_at));
                // Each hour that has begun is paid whole.
                let hours = seconds(balancer.created_at, now).div_ceil(3_600);
                let (name, state) = (&balancer.name, balancer.state.name());
                let cost = cost(LOAD_BALANCER_HOUR, hours * 3_600, "", "so far");
                let _ = writeln!(text, "  {name}  load balancer  {state}  {old}  {cost}");
            }
            for group in &held.target_groups {
                let _ = writeln!(text, "  {}  target group", group.name);
            }
            for queue in &held.queues {
                let _ = writeln!(text, "  {}  queue", queue.name);
            }
            for bucket in &held.buckets {
                let _ = writeln!(text, "  {}  bucket", bucket.name);
            }
            for group in &held.groups {
                let _ = writeln!(text, "  {}  {}", group.id, group.name);
            }
        }
        let _ = writeln!(text, "in all {}", sum(region, &self.benchmarks.values().cloned().collect::<Vec<_>>()));
        for unseen in &self.unseen {
            let _ = writeln!(text, "not among it, because they cannot be listed: {unseen}");
        }
        text
    }
}

impl Benchmark {
    fn of(tags: &Tags) -> Self {
        Self {
            kubernetes_cluster: tag(tags, KUBERNETES_CLUSTER),
            namespace: tag(tags, NAMESPACE),
            name: tag(tags, NAME),
            uid: tag(tags, BENCHMARK_UID),
        }
    }
}

impl std::fmt::Display for Benchmark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kubernetes_cluster, namespace, name, uid } = self;
        write!(f, "{namespace}/{name} (uid {uid}, Kubernetes cluster {kubernetes_cluster})")
    }
}

fn tag(tags: &Tags, key: &str) -> String {
    tags.get(key).cloned().unwrap_or_default()
}

/// Stopped, or on its way there: only its volumes are billed (EC2 user guide, "Instance lifecycle"). It cannot end itself: its timer
/// stands still.
fn is_at_rest(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Stopping | InstanceState::Stopped)
}

/// An instance and its public address, for an hour. Its volumes are in no list of instances.
fn hourly(region: &str, instance: &Instance) -> Option<u64> {
    let address = if instance.public_address.is_some() { ADDRESS_HOUR } else { 0 };
    shipped(region, &instance.instance_type).map(|price| price.saturating_add(address))
}

/// Seconds that are paid of what began then.
fn seconds(begun: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(begun).as_secs().max(LEAST_SECONDS)).unwrap_or(0)
}

/// `0.0116 USD/h, 0.02 USD since its start`
fn cost(hourly: u64, seconds: u64, bound: &str, since: &str) -> String {
    format!("{}/h, {bound}{} USD {since}", dollars(hourly), usd::text(part_of_hour(hourly, seconds)))
}

/// Counts and cost. Types without a price are said, so that nobody takes a part of the sum for all of it.
fn sum(region: &str, held: &[Held]) -> String {
    let instances = || held.iter().flat_map(|held| &held.instances);
    let groups: usize = held.iter().map(|held| held.groups.len()).sum();
    let balancers: usize = held.iter().map(|held| held.load_balancers.len()).sum();
    let target_groups: usize = held.iter().map(|held| held.target_groups.len()).sum();
    let prices = || instances().filter(|instance| !is_at_rest(instance)).map(|instance| hourly(region, instance));
    let known: u64 = prices().flatten().sum::<u64>() + LOAD_BALANCER_HOUR * balancers as u64;
    let unknown = prices().filter(Option::is_none).count();
    let balancing = match (balancers, target_groups) {
        (0, 0) => String::new(),
        _ => format!("{balancers} load balancers, {target_groups} target groups, "),
    };
    let queues: usize = held.iter().map(|held| held.queues.len()).sum();
    let buckets: usize = held.iter().map(|held| held.buckets.len()).sum();
    let queueing = match (queues, buckets) {
        (0, 0) => String::new(),
        _ => format!("{queues} queues, {buckets} buckets, "),
    };
    let mut text =
        format!("{} instances, {balancing}{queueing}{groups} groups, {} an hour", instances().count(), dollars(known));
    if unknown > 0 {
        let _ = write!(text, " and {unknown} instances whose price is not known");
    }
    let at_rest = instances().filter(|instance| is_at_rest(instance)).count();
    if at_rest > 0 {
        let _ = write!(text, " and the volumes of {at_rest} stopped instances");
    }
    text
}

fn dollars(micros: u64) -> String {
    format!("{}.{:04} USD", micros / 1_000_000, micros % 1_000_000 / 100)
}

fn age(age: SignedDuration) -> String {
    let minutes = age.as_mins().max(0);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes}min"),
        (0, hours, minutes) => format!("{hours}h{minutes:02}min"),
        (days, hours, _) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Owner;

    fn tags(cluster: &str, uid: &str) -> Tags {
        let owner = Owner {
            installation: "test".into(),
            kubernetes_cluster: cluster.into(),
            benchmark_uid: uid.into(),
            namespace: "default".into(),
            name: format!("bench-{uid}"),
        };
        let mut tags = owner.tags(&Tags::new());
        tags.insert(POOL.into(), "a".into());
        tags
    }

    fn instance(id: &str, tags: Tags, kind: &str, state: InstanceState, minutes: i64) -> Instance {
        Instance {
            id: id.into(),
            state,
            token: None,
            instance_type: kind.into(),
            image_id: "ami-1".into(),
            zone: "eu-west-1a".into(),
            subnet_id: None,
            private_address: None,
            public_address: None,
            group_ids: Vec::new(),
            launched_at: Timestamp::UNIX_EPOCH - SignedDuration::from_mins(minutes),
            tags,
            state_reason: None,
        }
    }

    fn held() -> Found {
        let instances = vec![
            instance("i-1", tags("k1", "u1"), "t2.micro", InstanceState::Running, 72),
            instance("i-2", tags("k1", "u1"), "p5.48xlarge", InstanceState::ShuttingDown, 3),
            instance("i-3", tags("k1", "u1"), "t2.micro", InstanceState::Terminated, 3),
            instance("i-4", tags("k2", "u2"), "c6i.large", InstanceState::Stopped, 3_000),
            instance("i-5", tags("k2", "u2"), "c6i.large", InstanceState::Running, 50),
        ];
        let group = |id: &str, tags| Group {
            id: id.into(),
            name: "members".into(),
            vpc_id: "vpc-1".into(),
            tags,
            ingress: Vec::new(),
        };
        Found {
            instances,
            groups: vec![group("sg-1", tags("k1", "u1")), group("sg-2", tags("k2", "u3"))],
            ..Found::default()
        }
    }

    #[test]
    fn the_text_says_what_it_is_whose_and_what_it_costs() {
        let text = Inventory::new(held(), None).text("us-east-1", Timestamp::UNIX_EPOCH);
        assert_eq!(
            text,
            "\
default/bench-u1 (uid u1, Kubernetes cluster k1): 2 instances, 1 groups, 0.0116 USD an hour and 1 instances whose price is not known
  i-1  t2.micro  a  running  1h12min  0.0116 USD/h, 0.02 USD since its start
  i-2  p5.48xlarge  a  shutting-down  3min  price unknown
  sg-1  members
default/bench-u2 (uid u2, Kubernetes cluster k2): 2 instances, 0 groups, 0.0850 USD an hour and the volumes of 1 stopped instances
  i-4  c6i.large  a  stopped  2d02h  its volumes cost on; what its runs cost is in no list
  i-5  c6i.large  a  running  50min  0.0850 USD/h, 0.08 USD since its start
default/bench-u3 (uid u3, Kubernetes cluster k2): 0 instances, 1 groups, 0.0000 USD an hour
  sg-2  members
in all 4 instances, 2 groups, 0.0966 USD an hour and 1 instances whose price is not known and the volumes of 1 stopped instances
"
        );
    }

    #[test]
    fn prices_are_those_of_the_region() {
        let total = |region: &str| {
            let text = Inventory::new(held(), Some("k2")).text(region, Timestamp::UNIX_EPOCH);
            text.lines().last().unwrap().to_owned()
        };
        let volumes = "and the volumes of 1 stopped instances";
        assert_eq!(total("us-east-1"), format!("in all 2 instances, 1 groups, 0.0850 USD an hour {volumes}"));
        assert_eq!(total("eu-west-1"), format!("in all 2 instances, 1 groups, 0.0912 USD an hour {volumes}"));
        let unknown = "in all 2 instances, 1 groups, 0.0000 USD an hour and 1 instances whose price is not known";
        assert_eq!(total("mars-north-1"), format!("{unknown} {volumes}"));
    }

    #[test]
    fn groups_go_after_instances_and_only_of_the_kubernetes_cluster_that_was_named() {
        let all = Inventory::new(held(), None);
        assert_eq!(all.kubernetes_clusters().into_iter().collect::<Vec<_>>(), ["k1", "k2"]);
        assert_eq!((all.to_terminate(), all.to_delete()), (["i-1", "i-4", "i-5"].map(str::to_owned).to_vec(), vec![]));
        let one = Inventory::new(held(), Some("k1"));
        assert_eq!((one.to_terminate(), one.to_delete()), (vec!["i-1".to_owned()], vec![]));
        assert_eq!(Inventory::new(Found { instances: Vec::new(), ..held() }, Some("k2")).to_delete(), ["sg-2"]);
    }
}
