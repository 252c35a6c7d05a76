//! Metrics.

use planner::ports::{Answer, Datapoint, MetricQuery, Metrics, Minutes};
use planner::{CloudError, Failure};

use crate::Region;

impl Metrics for Region {
    async fn metrics(&self, _: &[MetricQuery], _: &Minutes) -> Answer<Vec<Vec<Datapoint>>> {
        Err(CloudError::new(Failure::Unreachable, "NotBuilt", "not built yet"))
    }
}
