//! Status of a `ClusterBenchmark`. Only `placement`, `launches` and `runs` are ever read back to decide something;
//! all else is for people.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::balancer::Scheme;
use crate::cost::{Cost, PlacedPrice, UnpricedTime};
use crate::live::Live;
use crate::placement::{PlacedArtifact, PlacedImage};
use crate::run::Run;

/// State of a launch that may still make instances.
pub const LAUNCH_OPEN: &str = "Open";
/// State of a launch that certainly makes no further instance.
pub const LAUNCH_CLOSED: &str = "Closed";

/// State of a benchmark, as the operator last saw and decided it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the benchmark is, in one word, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Instances that run of those wanted, balancer and generator included, such as 8/10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances_ready: Option<String>,
    /// Rounds done of those wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The queues of all clusters: requests that wait and that workers have taken, answers that wait, instances that take
    /// requests, objects put in and out, such as 12 waiting, 3 taken, 0 answers, 4 running, 100 in, 84 out. For balancer.kind
    /// Queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The last result in at most 68 characters; all of it is in runs, in the condition Ready and in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What is true of the benchmark, each with reason and message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// SHA-256 over this object's uid, placement and launches. Where it does not fit, somebody edited them, and nothing
    /// that they say is believed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seal: String,
    /// Where everything lives; chosen before the first launch and then kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Instances wanted and running for each purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pools: Vec<Pool>,
    /// Every launch that may have made instances, written before it is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub launches: Vec<Launch>,
    /// Instances that EC2 lists for this benchmark, terminated ones left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub instances: Vec<Instance>,
    /// The load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<BalancerStatus>,
    /// The queues of each cluster. For balancer.kind Queue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub queues: Vec<QueueStatus>,
    /// The run that is on, for people who watch: every five seconds at most. Absent with several generators: each knows its slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// What it cost so far, and what it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The last three measurements, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub runs: Vec<Run>,
    /// What is still to be removed, while the benchmark is being torn down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub leftovers: Vec<String>,
}

/// Where everything of a benchmark lives.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Placement {
    /// Name of the operator's installation that made it.
    pub installation: String,
    /// Uid of the Kubernetes cluster (of its namespace kube-system) that made it.
    pub kubernetes_cluster: String,
    /// AWS account.
    pub account_id: String,
    /// AWS region.
    pub region: String,
    /// VPC.
    pub vpc_id: String,
    /// OperatorAddress where it is the VPC that the operator itself is in. Absent: it is that of network.subnetIds, or the default
    /// VPC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vpc_chosen_by: String,
    /// Subnet that all instances are in; with several zones, the first one, that of balancer and generators.
    pub subnet_id: String,
    /// Availability zone of that subnet, as this account names it.
    pub zone: String,
    /// Id of that zone, the same in every account.
    pub zone_id: String,
    /// Subnets of the further zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further_subnets: Vec<PlacedSubnet>,
    /// Public or Private: whether instances get a public address.
    pub addressing: String,
    /// None where instances have no way out of their subnets that is known, because nothing had to be fetched when it was placed.
    /// Absent: they have one, or network.addressing says how it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub egress: String,
    /// Public where the operator dials balancer or front, and generators, at public addresses, which they have then whatever
    /// addressing says. Absent: at private ones.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub control: String,
    /// The networks that the operator's requests come from: those that it was told last (controlSources), else as it knew them when
    /// the benchmark was placed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub control_sources: Vec<String>,
    /// Networks that these were before: what was open to them is closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former_control_sources: Vec<String>,
    /// Image and root device for each architecture in use.
    pub images: Vec<PlacedImage>,
    /// Public key that balancer and generator accept changes from.
    pub public_key: String,
    /// Version of the binaries on the instances.
    pub version: String,
    /// The binaries themselves.
    pub artifacts: Vec<PlacedArtifact>,
    /// Fields of the spec that these binaries know and the first ones did not, such as balancer.shared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known_fields: Vec<String>,
    /// Zones that it had to leave because they had no capacity, or do not support what is asked for. While the zone
    /// it is in is among them, everything there is being removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LeftZone>,
    /// The Application Load Balancer, as it is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancer: Option<PlacedBalancer>,
    /// The queues and the bucket, as they are to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<PlacedQueue>,
    /// Kinds of resources that are created by name for it, such as SecurityGroup: each is written here before the first
    /// of its kind is created. An operator that does not know one of them keeps the benchmark's finalizer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Time after which nothing is created by name for it, until this is moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_not_after: Option<Time>,
    /// When everything is terminated at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Prices of the instance types, each as it was when the type was first needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<PlacedPrice>,
    /// Cost of launches whose lines are not kept any more, in millionths of a US dollar.
    #[serde(skip_serializing_if = "is_zero")]
    pub spent_usd_micros: i64,
    /// AtMost where that is an upper bound.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub spent_bound: String,
    /// Instances of launches whose lines are not kept any more that had no price: their volumes and addresses are in
    /// spentUsdMicros. They are counted as soon as their type has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spent_unpriced: Vec<UnpricedTime>,
    /// budget.maxUsd when expiresAt was chosen.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_usd: String,
    /// When budget.maxUsd was spent, but for what the end costs: nothing is wanted from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_spent_at: Option<Time>,
    /// When the Application Load Balancer was created, as AWS says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancer_since: Option<Time>,
    /// When it was not listed any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancer_until: Option<Time>,
    /// What it costs an hour with its public addresses, in millionths of a US dollar, by its scheme and its zones when it was
    /// first listed. 0: by those of balancer.
    #[serde(skip_serializing_if = "is_zero")]
    pub balancer_hourly_usd_micros: i64,
    /// How often all workers were replaced for load.launches.
    #[serde(skip_serializing_if = "is_zero")]
    pub relaunches: i64,
}

impl Placement {
    /// The subnet of each zone, that of balancer and generators first.
    pub fn subnets(&self) -> Vec<PlacedSubnet> {
        let Self { subnet_id, zone, zone_id, further_subnets, .. } = self;
        let first = PlacedSubnet { subnet_id: subnet_id.clone(), zone: zone.clone(), zone_id: zone_id.clone() };
        std::iter::once(first).chain(further_subnets.iter().cloned()).collect()
    }

    /// The zones for people, each with its id: `us-east-1a (use1-az1), us-east-1b (use1-az2)`.
    pub fn zones(&self) -> String {
        let named = self.subnets().into_iter().map(|subnet| format!("{} ({})", subnet.zone, subnet.zone_id));
        named.collect::<Vec<_>>().join(", ")
    }

    /// Index in [`subnets`](Self::subnets) of the first that fits; 0 when none does.
    pub fn zone_index(&self, fits: impl Fn(&PlacedSubnet) -> bool) -> usize {
        self.subnets().iter().position(fits).unwrap_or(0)
    }
}

/// A subnet of one of several zones.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedSubnet {
    /// Subnet.
    pub subnet_id: String,
    /// Its availability zone, as this account names it.
    pub zone: String,
    /// Id of that zone, the same in every account.
    pub zone_id: String,
}

pub(crate) fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// The Application Load Balancer of a benchmark, before it is created.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedBalancer {
    /// Number in its name. One with other subnets or another scheme has the next: a name that was used is never used for
    /// other settings.
    pub number: i64,
    /// Subnets of its nodes, in at least two zones; the first is that of the instances.
    pub subnet_ids: Vec<String>,
    /// Their availability zones.
    pub zones: Vec<String>,
    /// Who can reach it. Absent: Internal.
    #[serde(skip_serializing_if = "Scheme::is_default")]
    pub scheme: Scheme,
    /// Whether one before it was InternetFacing: generators were let in by their public addresses then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub was_internet_facing: bool,
}

/// The queues and the bucket of a benchmark, before they are created.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedQueue {
    /// Number of its settings. Others have the next, and other names: one that was used is never used for other settings.
    pub number: i64,
    /// What the names of its queues begin with: each is followed by a cluster and by in or out.
    pub stem: String,
    /// Name of its bucket.
    pub bucket: String,
    /// Instance profile of front and workers. Empty, like all but the number, where the spec asks for no queues any more.
    pub instance_profile: String,
    /// VisibilityTimeout of the queues that requests wait in.
    pub visibility_seconds: i32,
}

/// The queues of one cluster, as the front last said.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueStatus {
    /// Name of the cluster.
    pub cluster: String,
    /// Requests in the queue that no worker has taken.
    pub waiting: i64,
    /// Requests that workers have taken and not answered.
    pub in_flight: i64,
    /// Answers in the queue that the front has not taken.
    pub answers_waiting: i64,
    /// Instances of the cluster that take requests.
    pub running: i64,
    /// Objects that the front has put into the bucket for it: one for each request.
    pub inputs: i64,
    /// Objects that the workers have put there: one for each answer.
    pub outputs: i64,
    /// Age of the oldest request that is not answered, in seconds.
    pub oldest_seconds: i64,
    /// Instances that take requests or are on their way to it, as the rule of a scaled cluster wants them. Absent: it is not
    /// scaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<i64>,
    /// Instances of a scaled cluster that are on their way to take requests.
    #[serde(skip_serializing_if = "is_zero")]
    pub starting: i64,
    /// Instances of a scaled cluster that finish what they have and take no more.
    #[serde(skip_serializing_if = "is_zero")]
    pub draining: i64,
}

/// A zone without what is asked for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LeftZone {
    /// Availability zone.
    pub zone: String,
    /// Subnet of that zone.
    pub subnet_id: String,
    /// Instance type that it had no capacity for, or does not support.
    pub instance_type: String,
    /// Unsupported; absent when it had no capacity.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}

/// Instances for one purpose: a cluster, the balancer, the generator.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Name of the cluster, or balancer, or generator.
    pub name: String,
    /// Instances wanted.
    #[serde(default)]
    pub desired: i32,
    /// Instances that do their work.
    #[serde(default)]
    pub ready: i32,
    /// Highest launch number ever used; never used again.
    #[serde(default)]
    pub last_launch: i64,
}

/// One RunInstances call, written down before it is made.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Launch {
    /// Pool that it serves.
    pub pool: String,
    /// Number within the pool.
    pub number: i64,
    /// Client token of the call.
    #[serde(default)]
    pub token: String,
    /// Type of the instances.
    #[serde(default)]
    pub instance_type: String,
    /// Subnet of the instances.
    #[serde(default)]
    pub subnet_id: String,
    /// Image of the instances.
    #[serde(default)]
    pub image_id: String,
    /// Security groups of the instances.
    #[serde(default)]
    pub group_ids: Vec<String>,
    /// Number of instances, all or none.
    #[serde(default)]
    pub count: i32,
    /// The operator's process that makes the call; another one takes the line over before it makes it again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// What its instances are, as the spec asked for them.
    #[serde(default)]
    pub revision: String,
    /// SHA-256 of the whole request: it is sent only if it can be rebuilt exactly.
    #[serde(default)]
    pub request_sha256: String,
    /// Open: may still make instances. Closed: certainly not.
    #[serde(default)]
    pub state: String,
    /// What went wrong with it, such as NoCapacity, NeverSeen or BootFailed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The same in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
    /// When its instances were first seen, by EC2's own clock where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched_at: Option<Time>,
    /// When the last of its instances was seen terminated: none of them is paid for later. While others live, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// AtMost: nobody looked when its instances ended, so endedAt is an upper bound.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound: String,
    /// Instances that ended before the others: what they cost is in placement.spentUsdMicros.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub booked: i64,
    /// Price of one instance, in millionths of a US dollar an hour, without volume and address. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_usd_micros: Option<i64>,
    /// Its volumes and its public address, in the same unit. Absent in lines of earlier versions: as the placement has them now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extras_usd_micros: Option<i64>,
    /// Surplus CPU credits of its instances, as far as runs have measured them. Absent: no run has, or its type has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_surplus: Option<MeasuredSurplus>,
    /// Application that its workers start with, where they are updated in place: SHA-256 over URL, hash and settings.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Time after which the call is never made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Instances that it made, as far as seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_ids: Vec<String>,
}

/// Surplus CPU credits of the instances of a launch in the time of runs that said how busy they were.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeasuredSurplus {
    /// End of the last of those runs: no time before it is measured again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Time of all those runs.
    pub seconds: i64,
    /// Surplus credits of one instance in that time, in millionths of a US dollar.
    pub usd_micros: i64,
}

/// One EC2 instance.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Instance id.
    pub id: String,
    /// Cluster, balancer or generator.
    #[serde(default)]
    pub pool: String,
    /// EC2's state, or Ready when it does its work.
    #[serde(default)]
    pub state: String,
    /// Private address.
    #[serde(default)]
    pub address: String,
    /// Share of its cluster's requests since it joined, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_per_mille: Option<i32>,
}

/// What stands in front of the clusters.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BalancerStatus {
    /// Custom or Application. Empty in the status of an earlier version: Custom.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Name of the Application Load Balancer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it takes requests.
    pub endpoint: String,
    /// State of the Application Load Balancer in AWS's words, such as provisioning or active.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Availability zones of its nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Healthy targets of all, such as 7/8.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub targets: String,
}
