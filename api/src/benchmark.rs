//! `ClusterBenchmark`: the question of a user, and its spec.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::balancer::Balancer;
use crate::cost::Budget;
use crate::load::Load;
use crate::rules;
use crate::scaling::Scaling;
use crate::status::Status;
use crate::worker::{ClusterWorker, Worker};

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
    validation = Rule::new("!has(self.worker.update) || self.worker.update != 'InPlace' || self.worker.port == oldSelf.worker.port").message("worker.port: with worker.update InPlace workers keep the port that they were launched with: set it back, or delete the benchmark and create it again").field_path(".worker"),
    validation = Rule::new("!has(self.worker.update) || self.worker.update != 'InPlace' || self.clusters.all(c, oldSelf.clusters.all(o, o.name != c.name || (has(c.worker) ? has(c.worker.archive) : has(self.worker.archive)) == (has(o.worker) ? has(o.worker.archive) : has(oldSelf.worker.archive))))").message("worker.archive: with worker.update InPlace an archive is followed by another archive, work or artifactUrl by one of these two, because instances are launched for one or the other: set it back, give the cluster another name, or delete the benchmark and create it again").field_path(".worker"),
    validation = Rule::new("!has(self.worker.update) || self.worker.update != 'InPlace' || self.clusters.all(c, oldSelf.clusters.all(o, o.name != c.name || (has(c.worker) ? (has(c.worker.packages) ? c.worker.packages : []) : (has(self.worker.packages) ? self.worker.packages : [])) == (has(o.worker) ? (has(o.worker.packages) ? o.worker.packages : []) : (has(oldSelf.worker.packages) ? oldSelf.worker.packages : []))))").message("worker.packages: with worker.update InPlace they are installed when an instance boots, and not later: set them back, put what is missing into the archive or the setup, give the cluster another name, or delete the benchmark and create it again").field_path(".worker"),
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
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || ((!has(self.load.comparison) || !has(self.load.comparison.metric) || self.load.comparison.metric != 'RequestsPerUsd') && (!has(self.load.thresholds) || self.load.thresholds.all(t, !has(t.metric) || t.metric != 'RequestsPerUsd')))").message("load: metric RequestsPerUsd is what the workers cost, and behind queues each request costs calls of SQS and S3 as well: choose UsdMicrosPerThousand, which counts them, or set balancer.kind Custom or Application").field_path(".load"),
    validation = Rule::new("has(self.balancer.kind) && self.balancer.kind == 'Queue' || ((!has(self.load.comparison) || !has(self.load.comparison.metric) || self.load.comparison.metric != 'UsdMicrosPerThousand') && (!has(self.load.thresholds) || self.load.thresholds.all(t, !has(t.metric) || t.metric != 'UsdMicrosPerThousand')))").message("load: metric UsdMicrosPerThousand is what instances, SQS and S3 cost behind queues: choose RequestsPerUsd or another metric, or set balancer.kind Queue").field_path(".load"),
    validation = Rule::new("!has(self.load.search) || !has(self.balancer.kind) || self.balancer.kind != 'Queue'").message("load.search: behind queues requests wait for as long as it takes, and with scaling the instances follow the rate: set load.phases in place of search, or set balancer.kind Custom or Application and remove scaling").field_path(".load"),
    validation = Rule::new("!has(self.load.search) || !has(self.balancer.shared) || !has(self.balancer.shared.measured) || !self.balancer.shared.measured").message("balancer.shared.measured: a search is of each cluster alone, remove measured, or set load.phases in place of search").field_path(".balancer"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || !has(self.worker.update) || self.worker.update != 'InPlace'").message("worker.update: InPlace is for balancer.kind Custom and Application, behind queues another program is another launch: remove it; of a benchmark that exists worker.update cannot be changed: delete it and create it again, or keep its balancer.kind").field_path(".worker"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || self.worker.port != 8082").message("worker.port: with balancer.kind Queue 8082 is where the puller beside the program answers, choose another port").field_path(".worker"),
    validation = Rule::new("self.clusters.all(c, !has(c.scaling)) || has(self.balancer.kind) && self.balancer.kind == 'Queue'").message("clusters: scaling follows what waits in a queue: set balancer.kind Queue, or remove scaling").field_path(".clusters"),
    validation = Rule::new("self.clusters.all(c, !has(c.scaling)) || !has(self.load.generator) || !has(self.load.generator.count) || self.load.generator.count == 1").message("load.generator.count: several generators keep to a timetable, and nobody knows before when a cluster with scaling is at rest again: set count 1, or remove scaling").field_path(".load"),
    validation = Rule::new("self.clusters.all(c, !has(c.scaling)) || !has(self.load.launches) || self.load.launches == 1").message("load.launches: clusters with scaling have other instances in each round already: remove launches, or remove scaling").field_path(".load"),
    validation = Rule::new("self.clusters.all(c, !has(c.scaling) || has(c.scaling.min) && c.scaling.min > 0) || has(self.load.timeoutSeconds)").message("load.timeoutSeconds: it is needed where a cluster scales from 0 instances, because the first answers wait for a boot and requests fail after 30 seconds else: set it to what a client would wait, such as 600").field_path(".load"),
    validation = Rule::new("self.clusters.all(c, !has(c.scaling) || !has(c.scaling.targetSeconds) || c.scaling.targetSeconds < (has(self.load.timeoutSeconds) ? self.load.timeoutSeconds : 30))").message("clusters: scaling.targetSeconds must be less than load.timeoutSeconds (30 seconds without it), at which requests fail, so that none would be answered later than the target: lower targetSeconds, or raise load.timeoutSeconds").field_path(".clusters"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || !has(self.load.request) || !has(self.load.request.headers) || self.load.request.headers.all(h, h.name.lowerAscii() == 'content-type')").message("load.request.headers: behind queues only Content-Type gets to the program: remove the others, or set balancer.kind Custom or Application").field_path(".load"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Queue' || !has(self.load.request) || !has(self.load.request.expectStatus) || self.load.request.expectStatus < 500").message("load.request.expectStatus: behind queues a status from 500 on is no answer, and the request is given to a worker again: set one below 500, or set balancer.kind Custom or Application").field_path(".load"),
    validation = Rule::new("(has(self.image) && has(self.image.id)) || (!has(self.worker.preinstalled) && self.clusters.all(c, !has(c.worker) || !has(c.worker.preinstalled)))").message("worker.preinstalled: the unit is one of an image of your own: set image.id").field_path(".worker"),
    validation = Rule::new("!has(self.worker.update) || self.worker.update != 'InPlace' || (!has(self.worker.container) && !has(self.worker.preinstalled) && self.clusters.all(c, !has(c.worker) || (!has(c.worker.container) && !has(c.worker.preinstalled))))").message("worker.update: InPlace is for work, artifactUrl and archive; container and preinstalled reach workers by new instances: remove update, or set it to Replace; of a benchmark that exists worker.update cannot be changed: delete it and create it again").field_path(".worker"),
    validation = Rule::new("!has(self.balancer.kind) || self.balancer.kind != 'Application' || ((!has(self.worker.health) || !has(self.worker.health.status) || self.worker.health.status < 500) && self.clusters.all(c, !has(c.worker) || !has(c.worker.health) || !has(c.worker.health.status) || c.worker.health.status < 500))").message("worker.health.status: an Application Load Balancer takes statuses from 200 to 499 for healthy: set one of these, or another balancer.kind").field_path(".worker"),
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
    /// Where in the network the instances live. Default: the VPC that the operator itself is in, else the default VPC.
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
    /// While true, nothing is launched, replaced or measured anew, and what exists is left alone; of a cluster with
    /// scaling, whoever its queue does not need still finishes and ends. A run that is on finishes its round, which is void
    /// if such a cluster needs more instances for it, and goes on when this is false again; of several generators, which
    /// keep to the clock, it is finished. Deletion and the end of maxLifetimeSeconds, which is not prolonged, still
    /// terminate everything, and a report that is finished is still collected.
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
#[x_kube(validation = rules::no_page_of_a_worker(), validation = Rule::new("!has(self.scaling) || !has(self.scaling.min) || self.scaling.min <= self.count").message("scaling.min: it is more than count, which is the most instances: lower min, or raise count"), validation = Rule::new("!self.name.matches('^(balancer|front|generator|generator-[0-9]+)$')").message("name: balancer, front and generator are names of our own pools, choose another"))]
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
    /// How the number of instances follows the queue: count is then the most. For balancer.kind Queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
}

impl Cluster {
    /// The path it is served at.
    pub fn path(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("/{}", self.name))
    }
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
    /// Subnets to choose from, in one VPC; all instances of a zone go into one of them. Default: those of the VPC that the
    /// operator itself is in, else the default subnets. Cannot be changed, like all of network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 32)))]
    #[x_kube(validation = rules::subnet_ids())]
    pub subnet_ids: Vec<String>,
    /// Whether instances get a public address. Auto: when the subnet reaches the internet only with one.
    #[serde(default)]
    pub addressing: Addressing,
    /// Address at which the operator dials balancer or front, and generators. Public: they get a public address, which is
    /// paid for, and the operator's own public addresses, each a /32 of controlSources, may reach its control port; for an
    /// operator that does not reach private addresses of the VPC. Workers get none by this.
    #[serde(default)]
    pub control: Control,
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

/// The addresses at which the operator dials its programs on instances.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Control {
    #[default]
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
