//! The outcome of a run: parsed here and nowhere else, and written by their names.

use api::Run;

use crate::conditions::Reason;

/// How a run ended, or that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    Running,
    Valid,
    Invalid,
    /// Stopped before its end.
    Aborted,
    /// Ended by itself, because going on was useless.
    Failed,
}

impl RunOutcome {
    pub const ALL: [Self; 5] = [Self::Running, Self::Valid, Self::Invalid, Self::Aborted, Self::Failed];

    /// The spelling of status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Valid => "Valid",
            Self::Invalid => "Invalid",
            Self::Aborted => "Aborted",
            Self::Failed => "Failed",
        }
    }

    /// `None`: this version does not know the word. Such a run is neither on nor ended.
    pub fn of(run: &Run) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == run.outcome)
    }

    /// Whether `run` has this outcome.
    pub fn is_of(self, run: &Run) -> bool {
        Self::of(run) == Some(self)
    }

    /// Whether the run is on, or may be: this version does not know the word that says so.
    pub fn may_be_on(run: &Run) -> bool {
        Self::of(run).is_none_or(|outcome| outcome == Self::Running)
    }

    /// Whether the run came to an end of its own: measuring the same again is for somebody to ask for.
    pub fn is_result(self) -> bool {
        matches!(self, Self::Valid | Self::Invalid | Self::Failed)
    }

    /// The reason of a condition that is about such a run.
    pub fn reason(self) -> Reason {
        match self {
            Self::Running => Reason::Running,
            Self::Valid => Reason::Valid,
            Self::Invalid => Reason::Invalid,
            Self::Aborted => Reason::Aborted,
            Self::Failed => Reason::Failed,
        }
    }
}
