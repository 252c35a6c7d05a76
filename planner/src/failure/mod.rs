//! The ways in which a call can fail, told apart by what one can do about each.

pub mod codes;
pub mod retry;
mod unknown;

use std::fmt;

use jiff::Timestamp;

pub use unknown::Unknown;

macro_rules! failures {
    ($($(#[doc = $sentence:literal])+ $failure:ident, $tried_again:literal;)*) => {
        /// The closed set that decisions branch on. An adapter maps codes to it, never message text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Failure { $($(#[doc = $sentence])+ $failure,)* }

        impl Failure {
            pub const ALL: &[Self] = &[$(Self::$failure,)*];

            /// One word, as conditions, the ledger and metrics spell it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$failure => stringify!($failure),)* }
            }

            /// One sentence, for `docs/conditions.md`.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$failure => concat!($($sentence,)+),)* }
            }

            /// When it is tried again and what somebody may do, for `docs/conditions.md`.
            pub fn tried_again(self) -> &'static str {
                match self { $(Self::$failure => $tried_again,)* }
            }
        }
    };
}

failures! {
    /// Too many calls; nothing was done.
    Throttled, "with pauses that grow from a second to a minute";
    /// AWS has none of this type in this zone now; nothing was launched, and the token may be spent.
    NoCapacity, "after a minute";
    /// This type, as it is asked for, is not supported in this zone, and nothing was launched; when every zone at hand
    /// said so, it is not the zone.
    Unsupported, "after a minute; another type or image";
    /// A quota of the account is reached; nothing was launched.
    QuotaReached, "after a minute; ask AWS for more, or lower the counts";
    /// A permission is missing; compare with [the policy](iam-policy.json), which lists the instance types that may be
    /// launched.
    Unauthorized, "each minute; a launch anew when it is certain that it made nothing";
    /// Credentials are missing, expired or not valid (any more); see [AWS](aws.md#credentials).
    CredentialsExpired, "each half minute; a launch anew when it is certain that it made nothing";
    /// The account may not do this at all: free plan, not opted in, suspended.
    AccountRestricted, "after a minute; another type or account";
    /// The request is wrong and will stay so.
    Rejected, "after a minute; change the spec as the message says";
    /// A launch was used up by an earlier call, with other parameters or with instances that are terminated; these are
    /// looked up.
    TokenSpent, "when it is certain that there are none, under a new number";
    /// The thing does not exist, or is not visible yet.
    NotFound, "with pauses that grow from a second to a minute";
    /// A thing that was just made is not visible to this call yet.
    NotYetVisible, "at once";
    /// A thing of this name exists already.
    AlreadyExists, "at once: lists show whose it is";
    /// Something that does not carry our tags has the name of a resource of this benchmark, or somebody edited the tags of
    /// ours; it is left alone.
    NameTaken, "with pauses that grow from a second to a minute; put the tags back, or delete it";
    /// Something still uses it, or its name: that of a queue is not free for a minute after the queue was deleted.
    DependencyViolation, "with pauses that grow from a second to a minute";
    /// The call was not made: its time was over before it could be sent.
    TooLate, "at once, where it is still wanted";
    /// No answer, a broken or truncated answer, or a 5xx: the outcome is unknown.
    Unreachable, "with pauses that grow from a second to a minute";
}

impl Failure {
    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|failure| failure.name() == word).copied()
    }

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
