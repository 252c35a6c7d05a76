//! A denial of IAM in EC2's own words.

use crate::engine::error::SimError;
use crate::iam::{Ask, Verdict};

/// The message as EC2 writes it (seen in aws/karpenter-provider-aws#2100 and many others), with the part that is another
/// one in every answer: what is compared or shown must not hang on it. Who may call sts:DecodeAuthorizationMessage
/// reads there what was asked.
pub(crate) fn unauthorized(principal: &str, ask: &Ask, verdict: Verdict, nth: u64) -> SimError {
    let action = &ask.action;
    let resource = if ask.resource == "*" { String::new() } else { format!(" on resource: {}", ask.resource) };
    let because = match verdict {
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        _ => format!("because no identity-based policy allows the {action} action"),
    };
    let encoded = encoded(nth);
    SimError::new(
        "UnauthorizedOperation",
        format!(
            "You are not authorized to perform this operation. User: {principal} is not authorized to perform: \
             {action}{resource} {because}. Encoded authorization failure message: {encoded}"
        ),
    )
}

/// Another one in each answer.
fn encoded(nth: u64) -> String {
    format!("{:032x}", u128::from(nth).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}
