//! The retry policy: the meaning of a failure for the user and for the next try.

use jiff::SignedDuration;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Reason of the condition.
    pub reason: &'static str,
    pub retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// With growing pauses: it will pass.
    Backoff,
    /// After a fixed pause: nobody tells us when it is over, and asking often does not help.
    After(SignedDuration),
    /// It is no failure for us: look again.
    Now,
}

/// The longest of the growing pauses.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

impl Retry {
    /// Pause after the `nth` failed pass in a row, counting from 1.
    pub fn pause(self, nth: u32) -> SignedDuration {
        match self {
            Self::Backoff => SignedDuration::from_secs(1 << nth.saturating_sub(1).min(10)).min(LONGEST),
            Self::After(pause) => pause,
            Self::Now => SignedDuration::ZERO,
        }
    }
}

/// Exhaustive on purpose: a new failure does not compile until somebody decides what it means.
pub fn retry_policy(failure: Failure) -> RetryPolicy {
    let after = |seconds: i64| Retry::After(SignedDuration::from_secs(seconds));
    let (reason, retry) = match failure {
        Failure::Throttled => ("Throttled", Retry::Backoff),
        // A launch that is refused waits for `refusal_pause` on top: its line is closed, and the next one is held back.
        Failure::NoCapacity => ("NoCapacity", Retry::Backoff),
        Failure::Unsupported => ("Unsupported", Retry::Backoff),
        Failure::QuotaReached => ("QuotaReached", Retry::Backoff),
        Failure::Unauthorized => ("Unauthorized", after(60)),
        Failure::CredentialsExpired => ("CredentialsExpired", after(30)),
        Failure::AccountRestricted => ("AccountRestricted", after(60)),
        Failure::Rejected => ("Rejected", Retry::Backoff),
        Failure::TokenSpent => ("TokenSpent", Retry::Now),
        Failure::NotFound => ("NotFound", Retry::Backoff),
        Failure::NotYetVisible => ("NotYetVisible", Retry::Now),
        Failure::AlreadyExists => ("AlreadyExists", Retry::Now),
        Failure::NameTaken => ("NameTaken", Retry::Backoff),
        Failure::DependencyViolation => ("DependencyViolation", Retry::Backoff),
        Failure::TooLate => ("TooLate", Retry::Now),
        Failure::Unreachable => ("Unreachable", Retry::Backoff),
    };
    RetryPolicy { reason, retry }
}
