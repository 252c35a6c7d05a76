//! Where numbers were measured. Numbers of one environment say nothing of another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    #[serde(default)]
    pub place: Place,
    /// One for each generator of the run.
    #[serde(default)]
    pub generators: Vec<GeneratorFacts>,
    /// In the order of the clusters of the report.
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
    /// What has no field of its own, and what was left out of this report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What the operator knows and a generator cannot see: it is given to the run, and comes back in its report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    pub place: Place,
    /// Type of the generator's instance.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub generator_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterFacts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Number of the launch that is measured, from 1; 0: it is the only one.
    #[serde(skip_serializing_if = "is_zero")]
    pub launch: u32,
}

impl Facts {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub kind: PlaceKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// As the account calls it, with the id that is the same for all accounts: `eu-west-1b (euw1-az2)`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
}

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
    pub instance_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// Processors that it may use.
    pub parallelism: u32,
    pub cpu_model: String,
    pub kernel: String,
    /// CPU time the hypervisor took from it during the run, in thousandths of the time passed.
    pub steal_per_mille: u32,
    /// CPU time it used during load, in thousandths of what it was allowed.
    pub cpu_per_mille: u32,
    /// By how much its wall clock moved against its monotonic one during the run.
    #[serde(default)]
    pub clock_step_millis: i64,
}

/// What a cluster was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    pub cluster: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    #[serde(default)]
    pub vcpus: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Absent: the type is not burstable, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberFacts>,
}

/// The CPU credits of a burstable type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credits {
    pub mode: CreditMode,
    /// What it may use for ever, in thousandths of one vCPU, for each vCPU.
    pub baseline_per_mille: u32,
}

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
    pub id: String,
    #[serde(default = "first")]
    pub launch: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cpu_model: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel: String,
    /// What a fixed amount of work, about a quarter of a second, takes: before the first load and after the last. Absent: not
    /// measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_before_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_after_micros: Option<u64>,
}

fn first() -> u32 {
    1
}
