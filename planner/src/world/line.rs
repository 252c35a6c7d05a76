//! The words of a ledger line: parsed here and nowhere else, and written by their names.
//!
//! A word that this version does not know is never guessed. Nothing is launched, terminated or let go on its ground: a line
//! of an unknown state may still make instances, however long ago it was written.

use api::{LAUNCH_CLOSED, LAUNCH_OPEN, Launch};

use crate::conditions::Reason;
use crate::failure::Failure;

/// What a line may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineState {
    /// It may still make instances.
    Open,
    /// It certainly makes no further instance.
    Closed,
}

impl LineState {
    pub const ALL: [Self; 2] = [Self::Open, Self::Closed];

    /// The spelling of status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => LAUNCH_OPEN,
            Self::Closed => LAUNCH_CLOSED,
        }
    }

    /// `None`: this version does not know the word.
    pub fn of(line: &Launch) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == line.state)
    }
}

/// What went wrong with a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The call failed, or EC2 gave the instance up as if it had.
    Call(Failure),
    /// It was closed because its instances were never seen.
    NeverSeen,
    /// An instance of it did not get ready.
    BootFailed,
}

impl Refusal {
    /// The spelling of status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call(failure) => failure.name(),
            Self::NeverSeen => "NeverSeen",
            Self::BootFailed => "BootFailed",
        }
    }

    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        let known = [Self::NeverSeen, Self::BootFailed].into_iter().find(|refusal| refusal.name() == word);
        known.or_else(|| Failure::parse(word).map(Self::Call))
    }

    /// The reason of `Provisioned` while it is in the way.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Call(failure) => failure.into(),
            Self::NeverSeen => Reason::Launching,
            Self::BootFailed => Reason::BootFailed,
        }
    }
}

/// Whether the line may be sent, and may be closed.
pub fn is_open(line: &Launch) -> bool {
    LineState::of(line) == Some(LineState::Open)
}

/// Whether the line certainly makes no further instance. One that is neither open nor closed is not understood.
pub fn is_closed(line: &Launch) -> bool {
    LineState::of(line) == Some(LineState::Closed)
}

/// What went wrong with the launch. `None`: nothing did, or it is not understood.
pub fn refusal(line: &Launch) -> Option<Refusal> {
    Refusal::parse(&line.reason)
}

/// Whether something went wrong with the launch, whatever it was.
pub fn is_refused(line: &Launch) -> bool {
    !line.reason.is_empty()
}

/// Whether this version knows every word of the line that decisions look at.
pub fn is_understood(line: &Launch) -> bool {
    LineState::of(line).is_some() && (!is_refused(line) || refusal(line).is_some())
}
