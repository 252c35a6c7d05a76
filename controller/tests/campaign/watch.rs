//! Watching a life: somebody looks at every pass before it begins, and may know the rest.

use crate::script::Step;
use crate::stage::judge::Broken;
use crate::stage::play::Play;

/// Somebody who looks at every pass of a play before it begins.
pub(crate) trait Watch {
    /// The play begins.
    fn begins(&mut self, _play: &Play) {}

    /// Whether what follows from here, in the step of this number, is known, so that nobody has to play it.
    fn knows(&mut self, play: &Play, step: usize) -> bool;

    /// What people do before the pass of this number, beside what the script says.
    fn deed(&mut self, _number: usize) -> Option<Step> {
        None
    }
}

/// Why a life ends before its end.
pub(crate) enum Stop {
    Broken(Broken),
    Known,
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}
