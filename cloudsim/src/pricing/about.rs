//! The cost of a call of the Price List, the question to IAM about it, and its words for a refusal.

use planner::prices::list::endpoint;

use super::Action;
use crate::engine::error::SimError;
use crate::engine::throttle::{Cost, Limit};
use crate::iam::Ask;

/// AWS publishes no figures for the Price List; these are those of STS here.
pub(crate) fn costs(action: Action) -> Vec<Cost<Action>> {
    vec![Cost { bucket: action, limit: Limit { size: 50, per_second: 10 }, tokens: 1 }]
}

/// It knows no resources (Service Authorization Reference, AWS Price List). The call goes to the region of the endpoint.
pub(crate) fn asks(action: Action, region: &str) -> Vec<Ask> {
    let ask = Ask::new(format!("{}:{}", Action::SERVICE, action.name()), "*".to_owned());
    vec![ask.with_some("aws:RequestedRegion", endpoint(region))]
}

pub(crate) fn denied(principal: &str, ask: &Ask) -> SimError {
    let message = format!(
        "User: {principal} is not authorized to perform: {} because no identity-based policy allows the {} action",
        ask.action, ask.action
    );
    in_json(SimError::new("AccessDenied", message))
}

/// A refusal that all services have, as services that speak JSON spell it, with HTTP 400 (AWS Billing API reference, "Common
/// errors").
pub(crate) fn in_json(refusal: SimError) -> SimError {
    let code = match refusal.code.as_str() {
        "AccessDenied" => "AccessDeniedException",
        "ExpiredToken" => "ExpiredTokenException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        "InvalidClientTokenId" => "UnrecognizedClientException",
        _ => return refusal,
    };
    SimError::new(code, refusal.message)
}
