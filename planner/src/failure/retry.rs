//! The retry policy: the next try after a failure.

use jiff::SignedDuration;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    /// With growing pauses: it will pass.
    Backoff,
    /// After a fixed pause: nobody tells us when it is over, and asking often does not help.
    After(SignedDuration),
    /// It is no failure for us: look again.
    Now,
}

/// The longest of the growing pauses.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

impl RetryPolicy {
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
    let after = |seconds: i64| RetryPolicy::After(SignedDuration::from_secs(seconds));
    match failure {
        // A launch that is refused waits for `refusal_pause` on top: its line is closed, and the next one is held back.
        Failure::NoCapacity | Failure::Unsupported | Failure::QuotaReached => RetryPolicy::Backoff,
        Failure::Throttled | Failure::Rejected | Failure::NotFound => RetryPolicy::Backoff,
        Failure::DependencyViolation | Failure::NameTaken | Failure::Unreachable => RetryPolicy::Backoff,
        Failure::Unauthorized | Failure::AccountRestricted => after(60),
        Failure::CredentialsExpired => after(30),
        Failure::TokenSpent | Failure::NotYetVisible | Failure::AlreadyExists | Failure::TooLate => RetryPolicy::Now,
    }
}
