//! `ClusterBenchmark`: the question of a user, and its spec.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::balancer::Balancer;
use crate::cost::Budget;
use crate::load::Load;
use crate::rules;
use crate::status::Status;

/// Measures a service on clusters of EC2 instances and compares them.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "clusterbench.dev",
    version = "v1alpha1",
    kind = "ClusterBenchmark",
    plural = "clusterbenchmarks",
    shortname = "cbench",
    category = "benchmarks",
    namespaced,
    status = "Status",
    derive = "PartialEq",
    doc = "Measures a service on clusters of EC2 instances and compares them. Applying it launches instances, installs the worker and the balancer, drives the load and records the result in status; deleting it terminates everything that it made.",
    validation = Rule::new("self.metadata.name.size() <= 40").message("metadata.name has more than 40 characters: AWS resource names contain it, choose a shorter one"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Instances", type_ = "string", json_path = ".status.instancesReady"),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress"),
    printcolumn(name = "Queue", type_ = "string", json_path = ".status.queue"),
    printcolumn(name = "Result", type_ = "string", json_path = ".status.result"),
    printcolumn(name = "Cost", type_ = "string", json_path = ".status.cost.summary"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Region", type_ = "string", json_path = ".status.placement.region", priority = 1),
    printcolumn(name = "Hourly", type_ = "string", json_path = ".status.cost.hourlyUsd", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", priority = 1),
    printcolumn(name = "Thresholds", type_ = "string", json_path = ".status.conditions[?(@.type==\"ThresholdsMet\")].status", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)").message("region cannot be changed: delete the benchmark and create it in the other region").field_path(".region"),
    validation = Rule::new("has(self.network) == has(oldSelf.network) && (!has(self.network) || self.network == oldSelf.network)").message("network cannot be changed: delete the benchmark and create it again").field_path(".network"),
    validation = Rule::new("has(self.image) == has(oldSelf.image) && (!has(self.image) || self.image == oldSelf.image)").message("image cannot be changed: delete the benchmark and create it again").field_path(".image"),
    validation = Rule::new("self.lifecycle.maxLifetimeSeconds == oldSelf.lifecycle.maxLifetimeSeconds").message("lifecycle.maxLifetimeSeconds cannot be changed: instances end themselves at the time that was set when they were launched").field_path(".lifecycle.maxLifetimeSeconds"),
    validation = Rule::new("(has(self.worker.update) ? self.worker.update : 'Replace') == (has(oldSelf.worker.update) ? oldSelf.worker.update : 'Replace')").message("worker.update cannot be changed: instances are launched for one or the other; delete the benchmark and create it again").field_path(".worker.update"),
    validation = Rule::new("self.clusters.all(c, self.clusters.exists_one(d, d.name == c.name))").message("clusters: two clusters have the same name, give each its own").field_path(".clusters"),
    validation = Rule::new("self.clusters.all(c, self.clusters.exists_one(d, (has(d.path) ? d.path : '/' + d.name) == (has(c.path) ? c.path : '/' + c.name)))").message("clusters: two clusters are served at the same path, set path on one of them").field_path(".clusters"),
    validation = Rule::new("!has(self.load.rounds) || self.load.rounds * (has(self.load.launches) ? self.load.launches : 1) * (self.clusters.size() + (has(self.load.selfTest) && self.load.selfTest ? 1 : 0) + (has(self.balancer.shared) && has(self.balancer.shared.measured) && self.balancer.shared.measured ? 1 : 0)) <= 1500").message("load.rounds: more than 1500 measurements (rounds times launches times clusters, one more with selfTest, one more with a shared path that is measured) do not fit into a report, lower rounds").field_path(".load.rounds"),
    validation = Rule::new("!has(self.load.thresholds) || self.load.thresholds.all(t, self.clusters.exists(c, c.name == t.cluster) && (!has(t.fasterThan) || self.clusters.exists(c, c.name == t.fasterThan)))").message("load.thresholds: cluster and fasterThan must be names of clusters of this benchmark").field_path(".load.thresholds"),
    validation = Rule::new("!has(self.network) || self.clusters.all(c, c.count % (has(self.network.zones) ? self.network.zones.size() : (has(self.network.zoneCount) ? self.network.zoneCount : 1)) == 0)").message("clusters: each count must be a multiple of the number of zones, so that every cluster has as many instances in each: change count, or network.zones or zoneCount").field_path(".clusters"),
    validation = Rule::new("!has(self.balancer.shared) || !self.clusters.exists(c, c.name == 'shared')").message("clusters: with balancer.shared no cluster may have the name shared, which is that of all members together: give it another, or remove balancer.shared").field_path(".clusters"),
    validation = Rule::new("!has(self.balancer.shared) || self.clusters.all(c, (has(c.path) ? c.path : '/' + c.name) != self.balancer.shared.path)").message("balancer.shared.path: a cluster is served at this path, choose another, such as /").field_path(".balancer"),
    validation = Rule::new("!has(self.balancer.shared) || !has(self.balancer.kind) || self.balancer.kind != 'Application' || self.clusters.size() <= 5").message("balancer.shared: an Application Load Balancer spreads one path over at most five clusters, remove some, or set balancer.kind Custom").field_path(".balancer"),
    validation = Rule::new("!has(self.balancer.publicStatus) || !self.balancer.publicStatus || (self.clusters.all(c, (has(c.path) ? c.path : '/' + c.name) != '/status') && (!has(self.balancer.shared) || self.balancer.shared.path != '/status'))").message("balancer.publicStatus: the balancer itself would answer at /status, where a cluster is served: set path on the cluster, or remove publicStatus").field_path(".balancer"),
    validation = Rule::new("!has(self.balancer.application) || !has(self.balancer.application.scheme) || self.balancer.application.scheme != 'InternetFacing' || (has(self.network) && has(self.network.ingressCidrs) && self.network.ingressCidrs.size() > 0)").message("balancer.application.scheme: InternetFacing needs network.ingressCidrs, the networks that may send requests, such as 203.0.113.7/32; of a benchmark that exists network cannot be changed: delete it and create it again").field_path(".balancer"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || ((!has(self.load.comparison) || !has(self.load.comparison.metric) || self.load.comparison.metric != 'RequestsPerUsd') && (!has(self.load.thresholds) || self.load.thresholds.all(t, !has(t.metric) || t.metric != 'RequestsPerUsd')))").message("load: metric RequestsPerUsd is what the workers cost, and behind queues each request costs calls of SQS and S3 as well: choose another metric, or set balancer.kind Custom or Application").field_path(".load"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || !has(self.worker.update) || self.worker.update != 'InPlace'").message("worker.update: InPlace is for balancer.kind Custom and Application, behind queues another program is another launch: remove it; of a benchmark that exists worker.update cannot be changed: delete it and create it again, or keep its balancer.kind").field_path(".worker"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || self.worker.port != 8082").message("worker.port: with balancer.kind Queue 8082 is where the puller beside the program answers, choose another port").field_path(".worker"),
    validation = Rule::new("self.clusters.map(c, c.count).sum() <= 256").message("clusters: more than 256 instances in one benchmark, lower the counts").field_path(".clusters"),
)]
pub struct ClusterBenchmarkSpec {
    /// AWS region to measure in, such as eu-west-1. Default: the region that the operator runs with. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub region: Option<String>,
    /// Clusters to measure and compare; the first one is the baseline that the others are compared with.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(min = 1, max = 16))]
    pub clusters: Vec<Cluster>,
    /// Load that every cluster is given in every round.
    pub load: Load,
    /// Service under test. Default: our worker on port 8080, answering at once.
    #[serde(default)]
    pub worker: Worker,
    /// Load balancer in front of the clusters.
    #[serde(default)]
    pub balancer: Balancer,
    /// Where in the network the instances live. Default: the default VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Machine image of all instances. Default: the newest Amazon Linux 2023.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// What happens to the instances when the result is there, and at the latest when.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Most money that it may cost. Instances end themselves before it is spent. A lower one ends them earlier, by the
    /// operator; a higher one moves nothing. Default: no limit but maxLifetimeSeconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Tags written on every AWS resource, beside those that mark it as ours. A change holds for what is made later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["key".to_owned()]), validation = rules::no_reserved_tag())]
    #[schemars(length(max = 30))]
    pub tags: Vec<Tag>,
    /// While true, nothing is launched, replaced or measured anew, and what exists is left alone. A run that is on
    /// finishes its round and goes on when this is false again; of several generators, which keep to the clock, it is
    /// finished. Deletion and the end of maxLifetimeSeconds, which is not prolonged, still terminate everything, and a
    /// report that is finished is still collected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// Name of the measurement. Another value measures again on the same instances.
    #[serde(default = "first_run")]
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = rules::run_id())]
    pub run_id: String,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn first_run() -> String {
    "1".to_owned()
}

/// Instances of one type behind one path.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::no_page_of_a_worker(), validation = Rule::new("!self.name.matches('^(balancer|front|generator|generator-[0-9]+)$')").message("name: balancer, front and generator are names of our own pools, choose another"))]
pub struct Cluster {
    /// Name of the cluster, unique in the benchmark.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = rules::cluster_name())]
    pub name: String,
    /// EC2 instance type, such as t2.micro.
    #[schemars(length(min = 3, max = 32))]
    #[x_kube(validation = rules::instance_type())]
    pub instance_type: String,
    /// Number of instances.
    #[schemars(range(min = 1, max = 100))]
    pub count: i32,
    /// URL path that is served by this cluster. Default: / and the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::cluster_path())]
    pub path: Option<String>,
    /// The service of this cluster, in place of what worker says: two versions of a program are two clusters of one type.
    /// The port is the same for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<ClusterWorker>,
}

/// The service of one cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::artifact_with_hash(),
    validation = rules::no_work_of_others(),
)]
pub struct ClusterWorker {
    /// Work that our worker does for each request. Default: Echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<ClusterWork>,
    /// URL of a program of your own, as in worker.artifactUrl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::artifact_url())]
    pub artifact_url: Option<String>,
    /// SHA-256 of that program, as in worker.artifactSha256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::sha256())]
    pub artifact_sha256: Option<String>,
}

impl Cluster {
    /// The path it is served at.
    pub fn path(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("/{}", self.name))
    }
}

/// The service under test.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::artifact_with_hash(),
    validation = rules::no_work_of_others(),
    validation = Rule::new("!has(self.maxUnavailablePercent) || has(self.update) && self.update == 'InPlace'").message("worker.maxUnavailablePercent is for update InPlace: set worker.update, or remove it"),
    validation = Rule::new("!has(self.update) || self.update != 'InPlace' || self.port != 8081").message("worker.port: 8081 is where workers with update InPlace take signed changes, choose another port"),
)]
pub struct Worker {
    /// TCP port that the service listens on.
    #[serde(default = "worker_port")]
    #[schemars(range(min = 1024, max = 65535))]
    pub port: i32,
    /// Work that our worker does for each request. Default: Echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// URL of a program of your own to measure instead of our worker: one executable file for Linux, started with
    /// LISTEN, CLUSTER, CLUSTER_PATH and INSTANCE_ID in its environment. It must answer GET /health (404 will do).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::artifact_url())]
    pub artifact_url: Option<String>,
    /// SHA-256 of that program, 64 lower-case hexadecimal digits; it is not started when it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::sha256())]
    pub artifact_sha256: Option<String>,
    /// How another work or artifact reaches the workers: Replace launches new instances, InPlace starts the new program on
    /// those that run, which then listen on port 8081 too, for what our operator signs.
    #[serde(default, skip_serializing_if = "Update::is_default")]
    pub update: Update,
    /// Workers of a cluster that may be out at the same time while they are updated, in percent, at least one. For update
    /// InPlace. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_unavailable_percent: Option<i32>,
}

/// How another work or artifact reaches the workers.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Update {
    #[default]
    Replace,
    InPlace,
}

impl Update {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn worker_port() -> i32 {
    8080
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            port: worker_port(),
            work: None,
            artifact_url: None,
            artifact_sha256: None,
            update: Update::default(),
            max_unavailable_percent: None,
        }
    }
}

/// The same as worker.work. No field of it has a default: it is in a list, and a server that adds one would make every later
/// apply of the same file a change.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::time_of_work())]
pub struct ClusterWork {
    /// Echo answers at once, Sleep waits, Spin burns CPU time.
    pub profile: WorkProfile,
    /// Distribution of the time. Absent: Deterministic, the same for every request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Mean time of a request in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000_000))]
    pub mean_micros: Option<i64>,
}

impl From<ClusterWork> for Work {
    fn from(work: ClusterWork) -> Self {
        let ClusterWork { profile, distribution, mean_micros } = work;
        Self { profile, distribution: distribution.unwrap_or_default(), mean_micros }
    }
}

/// What our worker does for a request: Sleep waits, Spin burns CPU time, both on as many slots as the instance has
/// vCPUs; further requests queue in order.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::time_of_work())]
pub struct Work {
    /// Echo answers at once, Sleep waits, Spin burns CPU time.
    pub profile: WorkProfile,
    /// Distribution of the time. Default: Deterministic, the same for every request.
    #[serde(default)]
    pub distribution: Distribution,
    /// Mean time of a request in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000_000))]
    pub mean_micros: Option<i64>,
}

/// What our worker does for a request.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum WorkProfile {
    Echo,
    Sleep,
    Spin,
}

/// How the work of requests is spread around its mean. Lognormal has sigma 1.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Distribution {
    #[default]
    Deterministic,
    Exponential,
    Lognormal,
}

/// Where in the network the instances live.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.zones) || !has(self.zoneCount)").message("network: set zones or zoneCount, and not both"))]
pub struct Network {
    /// Availability zones of the instances, one to three. Every cluster has as many instances in each; balancer and
    /// generators are in the first by name. Where one of them has no capacity, the benchmark waits. Default: one zone,
    /// which the operator chooses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 3), inner(length(min = 1, max = 32)))]
    #[x_kube(validation = Rule::new("self.all(z, self.exists_one(y, y == z))").message("zones: a zone is named twice, name each once"))]
    pub zones: Vec<String>,
    /// Number of zones, which the operator chooses, and leaves together where one of them has no capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3))]
    pub zone_count: Option<i32>,
    /// Subnets to choose from, in one VPC; all instances of a zone go into one of them. Default: the default subnets. Cannot
    /// be changed, like all of network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 32)))]
    #[x_kube(validation = rules::subnet_ids())]
    pub subnet_ids: Vec<String>,
    /// Whether instances get a public address. Auto: when the subnet reaches the internet only with one.
    #[serde(default)]
    pub addressing: Addressing,
    // Compared as text: Kubernetes 1.31 gives the comparison of two networks no bound, and refuses the rule for its cost.
    /// CIDRs that may send requests to the balancer from outside. Default: none; the load comes from inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 43)))]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c) && cidr(c).ip().family() == 4 && cidr(c).prefixLength() > 0 && string(cidr(c).masked()) == c)").message("ingressCidrs: each entry is an IPv4 network such as 203.0.113.0/24, without bits set behind the prefix; the whole internet is not accepted"))]
    pub ingress_cidrs: Vec<String>,
}

/// Whether instances get a public address.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Addressing {
    #[default]
    Auto,
    Private,
    Public,
}

/// The machine image of all instances.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.alias) != has(self.id)").message("image: set exactly one of alias and id"))]
pub struct Image {
    /// Family of images of which the newest is taken, for each architecture: al2023.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = rules::image_alias())]
    pub alias: Option<String>,
    /// Id of one image, such as ami-0123456789abcdef0. Needs bash, curl and systemd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::image_id())]
    pub id: Option<String>,
}

/// How long the instances live.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Lifecycle {
    /// Keep: instances stay until the benchmark is deleted or expires. Terminate: they go when the result is recorded.
    pub after_run: AfterRun,
    /// Seconds after which everything is terminated; the results stay. Instances also end themselves then.
    #[schemars(range(min = 600, max = 604_800))]
    pub max_lifetime_seconds: i32,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { after_run: AfterRun::Keep, max_lifetime_seconds: 7200 }
    }
}

/// What happens to the instances when the result is recorded.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum AfterRun {
    #[default]
    Keep,
    Terminate,
}

/// A tag on every AWS resource.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Key of the tag.
    #[schemars(length(min = 1, max = 128))]
    pub key: String,
    /// Value of the tag.
    #[schemars(length(max = 256))]
    pub value: String,
}
