//! What a failure means for the user and for the next try.

use jiff::SignedDuration;

use crate::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Reason of the condition.
    pub reason: &'static str,
    pub retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// With growing pauses: it will pass.
    Backoff,
    /// After a fixed pause: nobody tells us when it is over.
    After(SignedDuration),
    /// It is no failure for us: look again.
    Now,
}

const MINUTES: i64 = 60;

/// Exhaustive on purpose: a new failure does not compile until somebody decides what it means.
pub fn verdict(failure: Failure) -> Verdict {
    let minutes = |n: i64| Retry::After(SignedDuration::from_secs(n * MINUTES));
    let (reason, retry) = match failure {
        Failure::Throttled => ("Throttled", Retry::Backoff),
        Failure::NoCapacity => ("NoCapacity", minutes(1)),
        Failure::QuotaReached => ("QuotaReached", minutes(5)),
        Failure::Unauthorized => ("Unauthorized", minutes(5)),
        Failure::CredentialsExpired => ("CredentialsExpired", minutes(1)),
        Failure::AccountRestricted => ("AccountRestricted", minutes(5)),
        Failure::Rejected => ("Rejected", minutes(5)),
        Failure::TokenSpent => ("TokenSpent", Retry::Now),
        Failure::NotFound => ("NotFound", Retry::Backoff),
        Failure::NotYetVisible => ("NotYetVisible", Retry::Backoff),
        Failure::AlreadyExists => ("AlreadyExists", Retry::Backoff),
        Failure::DependencyViolation => ("DependencyViolation", Retry::Backoff),
        Failure::Unreachable => ("Unreachable", Retry::Backoff),
    };
    Verdict { reason, retry }
}
