//! Metrics and questions about them, as values.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::query::PageRequest;

/// The namespace of what Application Load Balancers report.
pub const NAMESPACE: &str = "AWS/ApplicationELB";

/// A metric: its namespace, its name, and all its dimensions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    /// Dimensions by name, such as `LoadBalancer` = `app/NAME/ID`.
    pub dimensions: BTreeMap<String, String>,
}

/// A GetMetricData request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetMetricData {
    pub queries: Vec<MetricDataQuery>,
    pub start: Timestamp,
    pub end: Timestamp,
    pub scan_by: ScanBy,
    /// Points on a page; AWS's default is 100,800.
    pub max_datapoints: Option<usize>,
    pub next_token: Option<String>,
}

/// One question of a GetMetricData request. Expressions are not simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricDataQuery {
    /// Unique in the request; begins with a small letter.
    pub id: String,
    pub metric: Metric,
    /// Seconds, a multiple of 60.
    pub period: u32,
    /// `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount` or a percentile such as `p99` or `p99.9`.
    pub statistic: String,
    /// The metric's name when absent.
    pub label: Option<String>,
}

/// Order of the points of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScanBy {
    /// CloudWatch's default: the newest first.
    #[default]
    TimestampDescending,
    TimestampAscending,
}

/// A page of the answer to GetMetricData.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricData {
    /// The queries of which this page has points, in their order, and on the first page those without any.
    pub results: Vec<MetricDataResult>,
    pub next_token: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetricDataResult {
    pub id: String,
    pub label: String,
    pub points: Vec<Point>,
    pub status: StatusCode,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Begin of the period.
    pub at: Timestamp,
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusCode {
    Complete,
    /// More points of this query follow on the next page.
    PartialData,
}

impl StatusCode {
    /// CloudWatch's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::PartialData => "PartialData",
        }
    }
}

/// A ListMetrics request. What is absent is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListMetrics {
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// Dimensions that a metric must have: with this value, or with any.
    pub dimensions: Vec<(String, Option<String>)>,
    /// Its size is fixed (500): only the token counts.
    pub page: PageRequest,
}
