//! How many rounds, and when a run may look whether it is done.

use wire::{Comparison, Direction};

/// One wrong "faster" or "slower" in twenty runs of equal clusters, over all looks and comparisons of a run together.
pub const CONFIDENCE_ALPHA: f64 = 0.05;

/// `auto` looks after so many counted rounds. A gap of 10 % mostly ends at the first look, one of 5 % at the second.
pub const AUTO_LOOKS: [u32; 3] = [10, 20, 40];

/// Level of each of three looks, so that all together are wrong at [`CONFIDENCE_ALPHA`]: Pocock's constant for three
/// looks (S. J. Pocock, Biometrika 64, 1977). Looking after every round at 5 % is wrong in 13-17 % of campaigns.
const AUTO_ALPHA: f64 = 0.0221;

/// When the rounds are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Looks {
    /// Once, after a number of rounds that was fixed before.
    #[default]
    AtTheEnd,
    /// After 10, 20 and 40 rounds, whichever decides first.
    Auto,
}

/// Whether a run has measured enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Measure until so many rounds count, then ask again.
    Until(u32),
    Done,
}

impl Looks {
    /// Level of one look.
    pub fn alpha(self) -> f64 {
        match self {
            Self::AtTheEnd => CONFIDENCE_ALPHA,
            Self::Auto => AUTO_ALPHA,
        }
    }

    /// Level of each of the two one-sided tests of equivalence at one look.
    pub(crate) fn size_alpha(self) -> f64 {
        match self {
            Self::AtTheEnd => CONFIDENCE_ALPHA,
            Self::Auto => AUTO_ALPHA,
        }
    }

    /// How a run with `auto` rounds goes on after `counted` rounds, given what [`crate::compare`] says of them.
    /// Between looks nothing is decided, whatever the comparisons say.
    pub fn next(counted: u32, comparisons: &[Comparison]) -> Next {
        let last = AUTO_LOOKS[AUTO_LOOKS.len() - 1];
        if counted >= last {
            return Next::Done;
        }
        let at_a_look = AUTO_LOOKS.contains(&counted);
        if at_a_look && comparisons.iter().all(is_settled) {
            return Next::Done;
        }
        Next::Until(AUTO_LOOKS.into_iter().find(|look| *look > counted).unwrap_or(last))
    }
}

/// A run ends early for equivalence only when the interval lies within so many percent, less than the 5 that are
/// called equivalent: otherwise 4 % of the campaigns with a true gap of 5 % end before it is found.
const ENDS_WITHIN_PERCENT: f64 = 4.0;

/// More rounds would not change what is said: a direction is shown, or that there is none worth speaking of, or that
/// there is nothing to compare.
fn is_settled(comparison: &Comparison) -> bool {
    let inside = |[low, high]: [f64; 2]| low > -ENDS_WITHIN_PERCENT && high < ENDS_WITHIN_PERCENT;
    match comparison.direction {
        Direction::Faster | Direction::Slower | Direction::NotComparable => true,
        Direction::NoDifferenceShown => comparison.size_interval_percent.is_some_and(inside),
        Direction::Undecided => false,
    }
}
