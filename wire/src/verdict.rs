//! Verdict of a run: gates, comparisons, thresholds.
//!
//! The only floats of our documents are here, where ratios are what is meant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::search::Objective;

/// Something that is checked before a number is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Kind of the check.
    pub kind: GateKind,
    /// Subject: a cluster with its phase, a generator, a member. Empty: the whole run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Value that was measured, in `unit`.
    pub measured: u64,
    /// Value that is allowed, in `unit`.
    pub limit: u64,
    /// Unit of both values.
    pub unit: Unit,
    /// Whether it passed.
    pub outcome: GateOutcome,
    /// When it failed: what happened, with value and limit, and the way out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Kind of a gate, by the value that it checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum GateKind {
    /// Rounds that count, of those that were asked for.
    Rounds,
    /// Rounds voided.
    Voids,
    /// Rounds that one cluster voided, beyond those of the cluster that voided fewest.
    UnequalVoids,
    /// 99th percentile of how late requests were sent.
    SendLag,
    /// Requests sent of those planned.
    Sent,
    /// Requests that a limit of the generator itself kept from being sent, or kept waiting.
    GeneratorLimit,
    /// CPU used by a generator.
    GeneratorCpu,
    /// CPU taken from a generator by the hypervisor.
    GeneratorSteal,
    /// CPU taken from a member by the hypervisor.
    MemberSteal,
    /// Movement of a generator's wall clock against its monotonic one.
    ClockStep,
    /// Connections opened for requests that should have found one open.
    ConnectionChurn,
    /// Change of a member's speed between before and after.
    Calibration,
    /// Rounds at another speed than most, of a burstable type.
    MixedSpeed,
    /// Requests without a good answer: at the limit all of them.
    AllFailed,
}

/// Unit of the values of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    /// Things counted.
    Count,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Thousandths.
    PerMille,
}

/// Outcome of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GateOutcome {
    /// The limit was kept.
    Passed,
    /// The run is not valid.
    Failed,
}

/// One cluster against another, over the rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Cluster that is compared.
    pub cluster: String,
    /// Cluster that it is compared with.
    pub baseline: String,
    /// Metric that they are compared by.
    pub metric: Metric,
    /// Rounds that count.
    pub rounds: u32,
    /// Launches that these rounds measured, each of them new instances.
    #[serde(default)]
    pub launches: u32,
    /// Subject of the claim, which decides what one independent measurement is.
    #[serde(default)]
    pub about: About,
    /// Which one is faster, if that is shown.
    pub direction: Direction,
    /// Bound of the difference, the other one of two statements: both may be true at once.
    #[serde(default)]
    pub size: Size,
    /// Why there is no direction: too few rounds, failures that reached the metric, speeds that were mixed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Hodges-Lehmann estimate of how much faster the cluster is, in percent; negative = slower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faster_percent: Option<f64>,
    /// Exact Wilcoxon signed-rank interval around it. Absent below 6 measurements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_percent: Option<[f64; 2]>,
    /// Achieved confidence of the interval, in percent, corrected for looks and for other comparisons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_percent: Option<f64>,
    /// The interval that `size` is judged by: of 90 %, and of 95 % where capacities are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_interval_percent: Option<[f64; 2]>,
    /// Estimate of the rounds (launches, if it is about types) that show a difference of `gapPercent` in four of five
    /// campaigns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds_needed: Option<u32>,
    /// The gap that `roundsNeeded` is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_percent: Option<f64>,
    /// Answered requests of all, in thousandths: of the cluster, and of the baseline.
    #[serde(default)]
    pub answered_per_mille: [u32; 2],
    /// 95 % interval of the difference between these shares over the rounds, in percentage points; negative = the
    /// cluster answered fewer. Absent when they never differed, or below 6 rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_interval_points: Option<[f64; 2]>,
    /// What both cost, where they are compared by that. Absent with any other metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_usd: Option<PerUsd>,
    /// What right answers of both cost, where they are compared by that. Absent with any other metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_thousand: Option<PerThousand>,
    /// Capacities of both, where they are compared by them, or by requests per dollar at them. Absent with any other metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacities: Option<Capacities>,
    /// Conditions to know before the sentence is quoted.
    #[serde(default, skip_serializing_if = "Vec::is_empty", alias = "cautions")]
    pub warnings: Vec<Warning>,
    /// The comparison as one sentence.
    pub sentence: String,
}

/// Prices behind a comparison by requests per US dollar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PerUsd {
    /// What the instances cost, of the cluster and of the baseline, in millionths of a US dollar an hour: the mean by time
    /// over the rounds.
    pub hourly_usd_micros: [u64; 2],
    /// Which of these two are upper bounds.
    #[serde(default)]
    pub is_at_most: [bool; 2],
    /// Which of these two ran at the full speed that standard CPU credits give, and only until they are spent.
    #[serde(default)]
    pub on_credits: [bool; 2],
    /// Cost of the cluster, in the same unit, at which the nearer end of the interval would be a ratio of 1: a cluster that
    /// is shown to answer more for a dollar does so below it, one that answers less above it. Absent: neither is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_even_usd_micros: Option<u64>,
    /// Users of the closed loop, fewest and most over its phases. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<[u32; 2]>,
    /// Where the prices come from and of when they are. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
}

/// Costs behind a comparison by what right answers cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PerThousand {
    /// A thousand right answers of the cluster and of the baseline, in millionths of a US dollar: over all rounds.
    pub usd_micros: [u64; 2],
    /// Which of these two are upper bounds.
    #[serde(default)]
    pub is_at_most: [bool; 2],
    /// Load came by a schedule: it is the cost at this rate, and no limit of a cluster.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_at_fixed_rate: bool,
    /// Where the prices come from and of when they are. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
}

/// Capacities behind a comparison, of the cluster and of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacities {
    /// What the answers had to keep.
    pub objective: Objective,
    /// Thousandths of a request a second: the Hodges-Lehmann median over the rounds, or a lower bound. Absent: no rate is known to
    /// be kept.
    pub milli_rps: [Option<u64>; 2],
    /// Which of these two are lower bounds.
    #[serde(default)]
    pub is_at_least: [bool; 2],
    /// How much more the cluster carries at least, in percent, where its bound and the interval of the baseline decide that it
    /// carries more. Negative: how much less at least. Absent: neither is decided, or no capacity is a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounded_percent: Option<f64>,
}

/// Subject of a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum About {
    /// The instances that were launched: the unit is the round.
    #[default]
    TheseInstances,
    /// The instance types: the unit is the launch, each of them new instances.
    InstanceTypes,
    /// The versions of a program on one instance type: the unit is the launch.
    Versions,
    /// Instance types with another program each, which cannot be told apart: the unit is the launch.
    TypesWithPrograms,
}

/// Which cluster is faster, as far as that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Direction {
    /// The whole interval is above zero: the cluster is faster than the baseline.
    Faster,
    /// The whole interval is below zero: the cluster is slower than the baseline.
    Slower,
    /// The interval contains zero.
    NoDifferenceShown,
    /// There is no interval: too few rounds.
    Undecided,
    /// No number of rounds would decide it, see `why`.
    NotComparable,
}

/// How large a difference may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Size {
    /// The difference may be larger than 5 %, or it is not known.
    #[default]
    Open,
    /// The interval of 90 % (95 % where capacities are compared) lies within 5 % on both sides: two one-sided tests.
    EquivalentWithin5Percent,
}

/// A condition under which a comparison is weaker than it looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Kind of the condition.
    pub kind: WarningKind,
    /// The same in words, with the numbers.
    pub sentence: String,
}

/// Kind of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WarningKind {
    /// So busy that waiting, not speed, is what was measured.
    NearSaturation,
    /// One cluster has outlier rounds and the other has not: means differ and medians need not.
    UnequalOutliers,
    /// The rounds have too few requests for this metric.
    TooFewRequests,
    /// Shares of failed requests differ between the clusters.
    UnequalFailures,
    /// A burstable type: what holds for how long.
    Burstable,
    /// Requests per second, or capacities, are compared, and not requests per US dollar: a price is not known.
    NoPrice,
    /// The balancer was so busy at the capacity of a cluster that it may be the balancer's.
    BalancerBound,
}

/// Something that is asked of the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threshold {
    /// Cluster that it is about.
    pub cluster: String,
    /// Metric that it is about.
    pub metric: Metric,
    /// Limit on that metric.
    pub limit: Limit,
}

/// Limit on a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Limit {
    /// Upper bound, in the unit of the metric.
    AtMost(u64),
    /// Lower bound, in the unit of the metric.
    AtLeast(u64),
    /// Faster than another cluster by at least so much; negative: slower by at most so much.
    #[serde(rename_all = "camelCase")]
    FasterThan {
        /// Name of the other cluster.
        cluster: String,
        /// Percent by which it is faster at least.
        percent: i32,
    },
}

/// Outcome of one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdResult {
    /// Threshold as it was asked for.
    pub threshold: Threshold,
    /// Whether it is met.
    pub outcome: ThresholdOutcome,
    /// With what was measured: `p99 of cluster1 is 43.1 ms, at most 50 ms`.
    pub sentence: String,
}

/// Outcome of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ThresholdOutcome {
    /// The result keeps the limit.
    Met,
    /// The result does not keep the limit.
    NotMet,
    /// The run cannot tell: it is not valid, or the interval contains the limit.
    Undecided,
}

impl ThresholdOutcome {
    /// All together: not met if one is not, undecided if one is, met otherwise.
    pub fn of_all(results: &[ThresholdResult]) -> Self {
        let any = |outcome| results.iter().any(|result| result.outcome == outcome);
        [Self::NotMet, Self::Undecided].into_iter().find(|outcome| any(*outcome)).unwrap_or(Self::Met)
    }
}

/// One cluster measured twice in every round, under two names: any difference is the campaign's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfTest {
    /// Whether a difference was found.
    pub outcome: SelfTestOutcome,
    /// Each cluster that was measured twice, against itself.
    pub comparisons: Vec<Comparison>,
    /// The same as one sentence.
    pub sentence: String,
}

/// Outcome of a self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelfTestOutcome {
    /// No difference was found.
    Passed,
    /// A difference was found where there is none. One in twenty does that by chance.
    Alarm,
    /// Too few rounds.
    Undecided,
}
