//! CloudWatch: samples by minute, and the questions about them.
//!
//! Nothing here makes up a number: whoever runs the nodes of load balancers says what passed through them
//! ([`CloudWatch::passed`], [`CloudWatch::put`]).

mod about;
mod answers;
mod metric;
mod samples;
mod statistic;
mod store;

pub use crate::actions::cloudwatch::Action;
pub use metric::{
    GetMetricData, ListMetrics, Metric, MetricData, MetricDataQuery, MetricDataResult, NAMESPACE, Point, ScanBy,
    StatusCode,
};
pub use samples::{Passed, Served};
pub use store::State;

pub(crate) use about::{asks, costs};

use crate::engine::Engine;
use crate::settings::Settings;

/// CloudWatch at one moment.
pub struct CloudWatch<'a> {
    engine: &'a mut Engine,
    settings: &'a Settings,
    state: &'a mut State,
}

impl<'a> CloudWatch<'a> {
    pub(crate) fn new(engine: &'a mut Engine, settings: &'a Settings, state: &'a mut State) -> Self {
        Self { engine, settings, state }
    }
}
