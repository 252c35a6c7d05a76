//! The cost of a call of CloudWatch, and the question to IAM about it.

use super::Action;
use crate::engine::throttle::{Cost, Limit};
use crate::iam::Ask;

/// 50 a second of GetMetricData, 25 of ListMetrics (CloudWatch user guide, "CloudWatch service quotas").
pub(crate) fn costs(action: Action) -> Vec<Cost<Action>> {
    let per_second = match action {
        Action::GetMetricData => 50,
        Action::ListMetrics => 25,
    };
    vec![Cost { bucket: action, limit: Limit { size: per_second, per_second }, tokens: 1 }]
}

/// Neither knows resources (Service Authorization Reference, CloudWatch).
pub(crate) fn asks(action: Action, region: &str) -> Vec<Ask> {
    let ask = Ask::new(format!("{}:{}", Action::SERVICE, action.name()), "*".to_owned());
    vec![ask.with("aws:RequestedRegion", region)]
}
