//! Metrics that AWS keeps: CloudWatch.

use std::future::Future;

use jiff::Timestamp;

use super::Answer;

/// Metrics of the region.
pub trait Metrics {
    /// The values of each query by UTC minutes, in the order of the queries: all pages of them.
    ///
    /// A minute without traffic has no point. The newest minute is incomplete, and minutes may still change for a while.
    fn metrics(
        &self,
        queries: &[MetricQuery],
        minutes: &Minutes,
    ) -> impl Future<Output = Answer<Vec<Vec<Datapoint>>>> + Send;
}

/// One series of one metric of namespace `AWS/ApplicationELB`, with a period of 60 seconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricQuery {
    /// Name, such as `RequestCount`.
    pub metric: String,
    /// Statistic, such as `Sum`, `Average`, `Minimum`, `SampleCount` or `p99`.
    pub statistic: String,
    /// Dimension `LoadBalancer`: `app/NAME/ID`.
    pub load_balancer: String,
    /// Dimension `TargetGroup`: `targetgroup/NAME/ID`. `None`: of the whole load balancer.
    pub target_group: Option<String>,
}

/// A span of whole UTC minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minutes {
    /// Begin of the first minute.
    pub from: Timestamp,
    /// End of the last minute.
    pub to: Timestamp,
}

/// The value of one minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// Begin of the minute.
    pub at: Timestamp,
    /// Value, in the unit of the metric.
    pub value: f64,
}
