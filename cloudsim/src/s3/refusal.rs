//! Refusals in the words of S3 (API reference, "Error responses"), with their statuses.

use super::{About, Action};
use crate::engine::error::SimError;
use crate::iam::{Ask, Verdict};

/// Code and message as other services have them since 2024; before, S3 said "Access Denied" and no more.
pub(crate) fn denied(principal: &str, ask: &Ask, verdict: Verdict) -> SimError {
    crate::elb::denied(principal, ask, verdict)
}

/// The action and bucket of a call whose caller may hear that an object is not there only if he may list the bucket (API
/// reference, GetObject, "Permissions": 404 with `s3:ListBucket`, else 403).
pub(crate) fn hidden(about: &About) -> Option<&str> {
    match about {
        About::Object(call) if matches!(call.action, Action::GetObject | Action::HeadObject) => Some(&call.bucket),
        _ => None,
    }
}

/// A refusal of credentials, whose codes S3 has of its own.
pub(crate) fn in_rest(refusal: SimError) -> SimError {
    match refusal.code.as_str() {
        "InvalidClientTokenId" => unknown_key(),
        "SignatureDoesNotMatch" => {
            let message = "The difference between the request time and the server's time is too large.";
            SimError::new("RequestTimeTooSkewed", message).with_status(403)
        }
        _ => refusal,
    }
}

/// The refusal of a key that nobody has.
pub fn unknown_key() -> SimError {
    let message = "The AWS Access Key Id you provided does not exist in our records.";
    SimError::new("InvalidAccessKeyId", message).with_status(403)
}

pub(crate) fn slow_down() -> SimError {
    SimError::new("SlowDown", "Please reduce your request rate.").with_status(503)
}

pub(super) fn no_such_bucket() -> SimError {
    SimError::new("NoSuchBucket", "The specified bucket does not exist").with_status(404)
}

pub(super) fn no_such_key() -> SimError {
    SimError::new("NoSuchKey", "The specified key does not exist.").with_status(404)
}

pub(super) fn access_denied() -> SimError {
    SimError::new("AccessDenied", "Access Denied")
}

pub(super) fn bad_digest() -> SimError {
    let message = "The checksum or Content-MD5 you specified did not match what we received.";
    SimError::new("BadDigest", message)
}

pub(super) fn precondition_failed() -> SimError {
    let message = "At least one of the pre-conditions you specified did not hold";
    SimError::new("PreconditionFailed", message).with_status(412)
}

/// API reference, PutObject: If-None-Match.
pub(super) fn conditional_conflict() -> SimError {
    let message = "The conditional request cannot succeed due to a conflicting operation against this resource.";
    conflict("ConditionalRequestConflict", message)
}

/// Something is already so, or in the way.
pub(super) fn conflict(code: &str, message: &str) -> SimError {
    SimError::new(code, message).with_status(409)
}

pub(super) fn malformed() -> SimError {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    SimError::new("MalformedXML", message)
}

pub(super) fn invalid_argument(message: impl Into<String>) -> SimError {
    SimError::new("InvalidArgument", message)
}
