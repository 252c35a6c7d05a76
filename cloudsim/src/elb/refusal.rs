//! A denial of IAM in the words of ELBv2, CloudWatch and most services that are not EC2.

use crate::engine::error::SimError;
use crate::iam::{Ask, Verdict};

/// Code and message as in kubernetes-sigs/aws-load-balancer-controller#2692.
pub(crate) fn denied(principal: &str, ask: &Ask, verdict: Verdict) -> SimError {
    let Ask { action, resource, .. } = ask;
    let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
    let because = match verdict {
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        _ => format!("because no identity-based policy allows the {action} action"),
    };
    let message = format!("User: {principal} is not authorized to perform: {action}{on} {because}");
    SimError::new("AccessDenied", message)
}
