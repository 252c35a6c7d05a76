//! Environment of a measurement. Numbers of one environment say nothing of another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a run was measured, from where, and on what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Account of machines that it was measured in.
    #[serde(default)]
    pub place: Place,
    /// One for each generator of the run.
    #[serde(default)]
    pub generators: Vec<GeneratorFacts>,
    /// Clusters in the order of the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterFacts>,
    /// Programs and their versions: `loadgen 0.1.0`, `balancer 0.1.0`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// How the programs were set: `balancer: ShortestExpectedDelay on c6i.large`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Id of the balancer's instance; of a run with several launches each one that was measured through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balancers: Vec<String>,
    /// Notes on what has no field of its own, and on what was left out of this report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Facts that the operator knows and a generator cannot see: the run is given them, and its report returns them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Place as the operator knows it.
    pub place: Place,
    /// Type of the generator's instance.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub generator_type: String,
    /// Clusters in the order of the targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterFacts>,
    /// Programs and their versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// How the programs were set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// What is paid besides the clusters while the run is on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Paid>,
    /// Number of the launch that is measured, from 1; 0: it is the only one.
    #[serde(skip_serializing_if = "is_zero")]
    pub launch: u32,
    /// The benchmark that asks for the run. Absent: nobody said, or a former version asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<Asked>,
}

/// A benchmark as it asks for a run: it may be gone, or another, when the report is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    /// Namespace of the benchmark.
    pub namespace: String,
    /// Name of the benchmark.
    pub name: String,
    /// What of it is measured, as YAML that can be applied. Empty: it was left out, because the report was too long.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub yaml: String,
}

impl Facts {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Place of a measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Kind of the place.
    pub kind: PlaceKind,
    /// AWS region. Empty: not known, or none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Zone as the account calls it, with the id that is the same for all accounts: `eu-west-1b (euw1-az2)`. Of several
    /// zones each one: `us-east-1a (use1-az1), us-east-1b (use1-az2)`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
}

/// Kind of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlaceKind {
    /// Nobody said: a generator that was started by hand.
    #[default]
    Unknown,
    /// Instances of their own, made through EC2's API.
    Aws,
    /// One machine that plays all instances, seen by the boot that they share: its numbers describe the lab.
    Lab,
}

/// A generator, and how hard the load was for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorFacts {
    /// Id of its instance, or the name that it was given.
    pub instance_id: String,
    /// Type of its instance. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// Processors that it may use.
    pub parallelism: u32,
    /// Model of its processors, as the kernel names it.
    pub cpu_model: String,
    /// Release of its kernel.
    pub kernel: String,
    /// CPU time the hypervisor took from it during the run, in thousandths of the time passed.
    pub steal_per_mille: u32,
    /// CPU time it used during load, in thousandths of what it was allowed.
    pub cpu_per_mille: u32,
    /// Movement of its wall clock against its monotonic one during the run, in milliseconds.
    #[serde(default)]
    pub clock_step_millis: i64,
}

/// Facts about one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    /// Name of the cluster.
    pub cluster: String,
    /// Type of its instances. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// Processors of each instance. 0: not known.
    #[serde(default)]
    pub vcpus: u32,
    /// Machine image of its instances. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Absent: the type is not burstable, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// The program that serves its requests, where clusters have different ones. Empty: all have the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub program: String,
    /// Where its instances are, when they are in several availability zones: `4 in us-east-1a and 4 in us-east-1b`. Empty:
    /// they are in one, or nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zones: String,
    /// What its instances cost. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Its instances, of all launches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberFacts>,
}

/// What the instances of a cluster cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Instances that it has at a time.
    pub instances: u32,
    /// One instance, in millionths of a US dollar an hour.
    pub instance_usd_micros: u64,
    /// Its volumes and its public address, in the same unit.
    #[serde(default)]
    pub extras_usd_micros: u64,
    /// One vCPU of surplus CPU credits for an hour, in millionths of a US dollar: what an instance uses above its baseline is
    /// paid. Absent: it uses none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surplus_usd_micros: Option<u64>,
    /// Fewest instances, where their number follows a queue: `instances` are the most then. Absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
    /// One instance that is stopped, in millionths of a US dollar an hour: its volumes. Absent: none is ever stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_usd_micros: Option<u64>,
    /// Calls of SQS and S3, where requests go through queues. Absent: they do not, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallPrices>,
    /// Where the price comes from and of when it is: `on-demand, eu-west-1, Price List API, 2026-11-30`.
    pub basis: String,
}

/// What a million calls cost, in millionths of a US dollar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallPrices {
    /// Requests to SQS.
    pub sqs_usd_micros: u64,
    /// PUT, COPY, POST and LIST requests to S3.
    pub s3_put_usd_micros: u64,
    /// GET and all other requests to S3.
    pub s3_get_usd_micros: u64,
    /// Where these prices come from and of when they are.
    pub basis: String,
}

/// Something that is paid while a run is on and serves all clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Paid {
    /// Words for it: `balancer`, `generators`, `load balancer`.
    pub what: String,
    /// Type of its instances. Empty: it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// All of it, in millionths of a US dollar an hour. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly_usd_micros: Option<u64>,
    /// Surplus CPU credits are in it as if it were always busy.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_at_most: bool,
}

/// The CPU credits of a burstable type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credits {
    /// Whether credits may be overdrawn.
    pub mode: CreditMode,
    /// CPU time that it may use for ever, in thousandths of one vCPU, for each vCPU.
    pub baseline_per_mille: u32,
}

/// Rule for an instance whose CPU credits are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreditMode {
    /// Falls to its baseline when credits are spent.
    Standard,
    /// Goes on at full speed, and surplus credits are paid.
    Unlimited,
}

/// One instance of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberFacts {
    /// Id of the instance.
    pub id: String,
    /// Launch that it came with, from 1.
    #[serde(default = "first")]
    pub launch: u32,
    /// Model of its processors, as the kernel names it. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cpu_model: String,
    /// Release of its kernel. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel: String,
    /// Time that a fixed amount of work, about a quarter of a second, takes before the first load, in
    /// microseconds. Absent: not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_before_micros: Option<u64>,
    /// The same after the last load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_after_micros: Option<u64>,
}

fn first() -> u32 {
    1
}
