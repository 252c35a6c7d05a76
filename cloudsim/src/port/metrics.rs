//! Metrics.

use planner::ports::{Answer, Datapoint, MetricQuery, Metrics, Minutes};
use planner::{CloudError, Failure};

use super::SharedSim;

impl Metrics for SharedSim {
    async fn metrics(&self, _: &[MetricQuery], _: &Minutes) -> Answer<Vec<Vec<Datapoint>>> {
        Err(CloudError::new(Failure::Unreachable, "NotBuilt", "not built yet"))
    }
}
