//! The facts that can be told of a unit.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Activating,
    Active,
    Inactive,
    Failed,
}

/// The facts that can be told of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub state: State,
    pub restarts: u32,
    /// Result and exit status (or number of the signal) of its last process, while none runs.
    pub ended: (&'static str, i32),
}

impl Seen {
    pub(super) const NOT_STARTED: Self = Self { state: State::Inactive, restarts: 0, ended: ("success", 0) };

    /// The lines that `systemctl show` prints.
    pub(super) fn properties(&self) -> [(&'static str, String); 3] {
        let (result, status) = self.ended;
        [
            ("Result", result.to_owned()),
            ("NRestarts", self.restarts.to_string()),
            ("ExecMainStatus", status.to_string()),
        ]
    }
}

impl State {
    /// The word that `systemctl is-active` prints.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
        }
    }
}
