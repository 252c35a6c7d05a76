//! CloudWatch's account of a run through an Application Load Balancer, beside the generator's own.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Metrics of the run's whole UTC minutes, as CloudWatch had them when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudWatch {
    /// Whether all of it is here.
    pub state: CloudWatchState,
    /// Why not. Empty: it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Dimension `LoadBalancer`: `app/NAME/ID`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub load_balancer: String,
    /// Begin of the first UTC minute that was read: minute 0 of all points.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub start: Timestamp,
    /// Whole minutes that were read.
    pub minutes: u32,
    /// Metrics of the whole load balancer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<MetricPoints>,
    /// Metrics of each cluster's target group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<CloudWatchCluster>,
    /// Its count of the requests of each cluster against the generator's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CountCheck>,
}

/// How much of what was asked for is here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CloudWatchState {
    /// Two answers, a minute apart, were the same.
    Complete,
    /// Minutes were still missing or changing when waiting ended.
    Partial,
    /// Nothing could be read.
    #[default]
    None,
}

/// Metrics of one cluster's target group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudWatchCluster {
    /// Name of the cluster.
    pub cluster: String,
    /// Dimension `TargetGroup`: `targetgroup/NAME/ID`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_group: String,
    /// Metrics in the order of [`CLOUD_WATCH_METRICS`].
    pub metrics: Vec<MetricPoints>,
}

/// One statistic of one metric, by minutes of 60 seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricPoints {
    /// Name, as CloudWatch has it: `RequestCount`.
    pub metric: String,
    /// Statistic, as CloudWatch has it: `Sum`, `Average`, `Minimum`, `SampleCount`, `p99`.
    pub statistic: String,
    /// Unit of the values.
    pub unit: MetricUnit,
    /// Numbers of the minutes, counted from `start`, ascending. A minute without traffic has no point.
    pub at: Vec<u32>,
    /// A value for each of them.
    pub values: Vec<u64>,
}

impl MetricPoints {
    /// All values added up.
    pub fn total(&self) -> u64 {
        self.values.iter().sum()
    }

    /// Minutes with their values.
    pub fn points(&self) -> impl Iterator<Item = (u32, u64)> {
        self.at.iter().copied().zip(self.values.iter().copied())
    }
}

/// Unit of a metric's values, which are whole numbers here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricUnit {
    /// Things counted.
    #[default]
    Count,
    /// Thousandths of things counted.
    Thousandths,
    /// Microseconds.
    Micros,
}

impl MetricUnit {
    /// The whole number for a value of CloudWatch, which has seconds for times. Below zero and not a number: 0.
    pub fn of(self, value: f64) -> u64 {
        let scale = match self {
            Self::Count => 1.0,
            Self::Thousandths => 1e3,
            Self::Micros => 1e6,
        };
        // A cast saturates at both ends, and makes 0 of what is no number.
        (value * scale).round() as u64
    }
}

/// Owner of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricOf {
    /// Dimension LoadBalancer alone.
    LoadBalancer,
    /// Dimensions LoadBalancer and TargetGroup.
    TargetGroup,
}

/// A metric that is read after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudWatchMetric {
    /// Name.
    pub metric: &'static str,
    /// Statistics that are read, each with its unit.
    pub statistics: &'static [(&'static str, MetricUnit)],
    /// Owner.
    pub of: MetricOf,
}

const SUM: &[(&str, MetricUnit)] = &[("Sum", MetricUnit::Count)];

const fn sum(metric: &'static str, of: MetricOf) -> CloudWatchMetric {
    CloudWatchMetric { metric, statistics: SUM, of }
}

/// Metrics that are read after a run, of namespace `AWS/ApplicationELB` (user guide, "CloudWatch metrics for your
/// Application Load Balancer").
///
/// Only the Sum of RequestCount means anything: its Minimum, Maximum and Average all return 1. The Sum of
/// RequestCountPerTarget *is* the mean per target, and its Average that of the single samples: it says no more than when
/// there was traffic. No metric counts the requests of one target.
pub const CLOUD_WATCH_METRICS: [CloudWatchMetric; 9] = [
    sum("RequestCount", MetricOf::TargetGroup),
    CloudWatchMetric {
        metric: "RequestCountPerTarget",
        statistics: &[("Sum", MetricUnit::Thousandths), ("Average", MetricUnit::Thousandths)],
        of: MetricOf::TargetGroup,
    },
    CloudWatchMetric {
        metric: "TargetResponseTime",
        statistics: &[
            ("Average", MetricUnit::Micros),
            ("p50", MetricUnit::Micros),
            ("p99", MetricUnit::Micros),
            ("SampleCount", MetricUnit::Count),
        ],
        of: MetricOf::TargetGroup,
    },
    sum("HTTPCode_Target_2XX_Count", MetricOf::TargetGroup),
    sum("HTTPCode_Target_3XX_Count", MetricOf::TargetGroup),
    sum("HTTPCode_Target_4XX_Count", MetricOf::TargetGroup),
    sum("HTTPCode_Target_5XX_Count", MetricOf::TargetGroup),
    CloudWatchMetric {
        metric: "HealthyHostCount",
        statistics: &[("Minimum", MetricUnit::Count)],
        of: MetricOf::TargetGroup,
    },
    sum("HTTPCode_ELB_5XX_Count", MetricOf::LoadBalancer),
];

impl CloudWatchCluster {
    /// Points of this metric and statistic, if they were read.
    pub fn points(&self, metric: &str, statistic: &str) -> Option<&MetricPoints> {
        self.metrics.iter().find(|points| points.metric == metric && points.statistic == statistic)
    }
}

/// CloudWatch's count of one cluster's requests against that of the generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountCheck {
    /// Name of the cluster.
    pub cluster: String,
    /// Requests that CloudWatch counted: the sum of RequestCount.
    pub counted: u64,
    /// Requests that the generator sent, warm-up and voided rounds included.
    pub sent: u64,
    /// Whether they agree.
    pub outcome: CountOutcome,
    /// The same in words.
    pub sentence: String,
}

/// Whether two counts agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CountOutcome {
    /// They do, within one percent.
    Agrees,
    /// They do not: one of the two did not see what the other saw.
    Caution,
    /// One of the two is not known, or not complete.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_cloudwatch_become_whole_numbers() {
        assert_eq!(MetricUnit::Micros.of(0.001_94), 1940);
        assert_eq!(MetricUnit::Thousandths.of(0.25), 250);
        assert_eq!(MetricUnit::Count.of(2_499.999_999), 2500);
        assert_eq!([f64::NAN, -1.0].map(|value| MetricUnit::Count.of(value)), [0, 0]);
    }
}
