//! Search for the capacity of targets: what is asked, and what was found.
//!
//! A *step* is one rate, tried for some seconds. A *way* is the steps of one target in one round. The *capacity* of a target
//! is the rate at which it just keeps the objective.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// Search for the highest rate at which each target keeps an objective, in place of phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// What the answers have to keep.
    pub objective: Objective,
    /// No step asks for more requests a second; users that wait for their answers, before the first round, are not held to it.
    /// Absent: for as many as the target can answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_requests_per_second: Option<u32>,
    /// The report says how many instances of each cluster carry this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizing: Option<AskedRate>,
}

/// What the answers of a target have to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Objective {
    /// A quantile of the latency: 99 of a hundred requests are in time with `p99Micros`.
    pub metric: Metric,
    /// Longest time of an answer that is in time, in microseconds.
    pub at_most_micros: u64,
    /// Requests of a thousand that may fail.
    #[serde(default = "one")]
    pub max_failed_per_mille: u32,
}

fn one() -> u32 {
    1
}

/// A rate that instances have to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskedRate {
    /// Requests a second, within the objective.
    pub requests_per_second: u32,
    /// Instances more than it takes, for those that fail.
    #[serde(default)]
    pub spare: u32,
}

/// The steps of one target in one round, and what they found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// How it ended.
    pub outcome: WayOutcome,
    /// The capacity that it found, in thousandths of a request a second; with `AtLeast` the highest rate that was kept. Absent:
    /// no rate was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_milli_rps: Option<u64>,
    /// Why it ended before its end, in words: `AtLeast` because the generator was late. Empty: it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How busy the balancer was at the crossing, in thousandths of its CPU time. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer_busy_per_mille: Option<u32>,
    /// Its steps in the order in which they were tried. Empty: none was, or they were left out of a report that was too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// How a way ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WayOutcome {
    /// Between a rate that was kept and one that was not, close enough.
    #[default]
    Found,
    /// The target kept the highest rate that was asked for, or the generator could send no more.
    AtLeast,
    /// Not one request a second was kept.
    Nothing,
}

/// One rate that was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Rate that was asked for.
    pub requests_per_second: u32,
    /// Requests that were sent, without the first second.
    pub requests: u64,
    /// Those that were not answered in time.
    pub slow: u64,
    /// Those that failed.
    pub failed: u64,
    /// How long it was counted.
    pub millis: u64,
    /// What it showed.
    pub outcome: StepOutcome,
}

/// What a step showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepOutcome {
    /// The objective was kept.
    #[default]
    Met,
    /// Too many were slow or failed.
    Missed,
    /// So many were slow or failed that it was ended early.
    Cut,
    /// The generator was not able to send it as planned: it shows nothing of the target.
    NotSent,
}

/// What one request at a time showed, before the first round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AloneReport {
    /// Requests that were sent, one at a time.
    pub requests: u64,
    /// Those that were not answered in time.
    pub slow: u64,
    /// Those that failed.
    pub failed: u64,
    /// The quantile of the objective, in microseconds. Absent: so many failed that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile_micros: Option<u64>,
    /// No rate keeps the objective: it was missed by more than chance, twice. The target has no ways.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unmet: bool,
}

/// The capacity of a cluster, over the rounds that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReport {
    /// What is known of it.
    pub outcome: CapacityOutcome,
    /// Thousandths of a request a second: the Hodges-Lehmann median over the rounds; with `AtLeast` the median of what the rounds
    /// found, of which some found only that it is no lower. Absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milli_rps: Option<u64>,
    /// The interval around it, as sure as comparisons of capacities are, and 3 % wider at both ends: a margin for what the
    /// method itself finds too much or too little. Absent: too few rounds, or `AtLeast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[u64; 2]>,
    /// That of the worst round, for planning. Absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_milli_rps: Option<u64>,
    /// Why it is no more than that, in words. Empty with `Found`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The balancer was so busy at the crossing that it may be the balancer's capacity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_balancer_bound: bool,
    /// What one request at a time showed. Absent: a former version wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<AloneReport>,
    /// How many instances carry the rate that was asked for. Absent: none was asked for, or no capacity was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizing: Option<Sizing>,
}

/// What is known of a capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CapacityOutcome {
    /// Rounds found it.
    #[default]
    Found,
    /// It is at least so high: two rounds that were not below the others ended because no more could be sent, or none may be
    /// asked for.
    AtLeast,
    /// No rate keeps the objective.
    Unmet,
}

impl CapacityOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Found, Self::AtLeast, Self::Unmet];

    /// The word for it in status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "Found",
            Self::AtLeast => "AtLeast",
            Self::Unmet => "Unmet",
        }
    }
}

/// The capacity of a target while its search is on, as far as the finished rounds know it. Nothing is judged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveCapacity {
    /// What is known of it.
    pub outcome: CapacityOutcome,
    /// Thousandths of a request a second: the median of the rounds that found it; with `AtLeast` that of all rounds, of which some
    /// found only that it is no lower. Absent: none is known yet, or no rate keeps the objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milli_rps: Option<u64>,
    /// Finished rounds that say so.
    #[serde(default)]
    pub rounds: u32,
}

/// How many instances carry a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sizing {
    /// Instances that carry it, without those to spare.
    pub instances: u32,
    /// Instances to spare.
    pub spare: u32,
    /// So many carry it, and fewer may: of the capacity only a lower bound is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_at_most: bool,
    /// More, or fewer, than were measured: it is a guess from `measured`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_extrapolated: bool,
    /// Instances that were measured.
    pub measured: u32,
    /// What all of them cost, in millionths of a US dollar an hour. Absent: a price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_usd_micros: Option<u64>,
}
