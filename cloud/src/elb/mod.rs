//! Application Load Balancers over aws-sdk-elasticloadbalancingv2.

mod calls;
mod listener;
mod lists;
mod load_balancer;
mod tags;
mod target;
mod target_group;

use planner::{CloudError, Failure};

/// A number as the SDK takes it.
fn number(value: u32, field: &str) -> Result<i32, CloudError> {
    i32::try_from(value).map_err(|_| {
        CloudError::new(Failure::Rejected, "InvalidParameterValue", format!("{field} {value} is too large"))
    })
}
