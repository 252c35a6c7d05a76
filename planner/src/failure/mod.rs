//! The ways in which a call can fail, told apart by what one can do about each.

pub mod codes;
pub mod retry;

use std::fmt;

use jiff::Timestamp;

/// The closed set that decisions branch on. An adapter maps codes to it, never message text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// Too many calls; nothing was done.
    Throttled,
    /// No capacity for this type in this zone; nothing was launched, the token may be spent.
    NoCapacity,
    /// This type, as it is asked for, is not supported here; nothing was launched. Often it is the zone, and not always.
    Unsupported,
    /// A quota of the account is reached; nothing was launched.
    QuotaReached,
    /// Permission is missing.
    Unauthorized,
    /// The credentials are expired or not valid (any more).
    CredentialsExpired,
    /// The account may not do this at all: not opted in, free plan, suspended.
    AccountRestricted,
    /// The request is wrong and will stay so.
    Rejected,
    /// The token belongs to a request with other parameters, or to instances that are terminated.
    TokenSpent,
    /// The thing does not exist, or is not visible yet.
    NotFound,
    /// A thing that was just made is not visible to this call yet.
    NotYetVisible,
    /// A thing of this name exists already.
    AlreadyExists,
    /// Something that is not ours has the name of a resource of ours.
    NameTaken,
    /// Something still uses it.
    DependencyViolation,
    /// The call was not made: its time was over before it could be sent.
    TooLate,
    /// No answer, a broken or truncated answer, or a 5xx: the outcome is unknown.
    Unreachable,
}

impl Failure {
    /// Whether the call certainly had no effect. Everything else must be looked up before it is believed.
    pub fn is_refusal(self) -> bool {
        self != Self::Unreachable
    }
}

/// A failed call: the class to branch on, and for people the code and text that the cloud gave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CloudError {
    pub failure: Failure,
    /// The cloud's own code, such as `InsufficientInstanceCapacity`; `Timeout`, `Truncated`, ... where it gave none.
    pub code: String,
    /// The cloud's own words. Shown, never matched.
    pub message: String,
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl CloudError {
    /// For a call that must not be made any more: a process that stood still since it decided on it must not send it.
    pub fn too_late(not_after: Timestamp, now: Timestamp) -> Result<(), Self> {
        if now <= not_after {
            return Ok(());
        }
        let seconds = now.duration_since(not_after).as_secs();
        Err(Self::new(Failure::TooLate, "TooLate", format!("not sent: its time was over {seconds} s ago")))
    }

    pub fn new(failure: Failure, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { failure, code: code.into(), message: message.into() }
    }
}
