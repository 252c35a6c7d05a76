//! The ways in which load generators are known to lie, so that tests can show that each would be noticed.
//!
//! A lie can only be switched on in this crate's own tests: elsewhere [`Honesty::tells`] is a constant.

/// What is done wrong on purpose.
#[cfg_attr(not(test), allow(dead_code, reason = "told in tests only"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// The clock of a request starts when it is sent, not when it was planned: coordinated omission.
    ClockAtSendTime,
    /// Requests that took too long are counted nowhere.
    TimeoutsDropped,
    /// Requests still open at the end are cut and counted nowhere.
    OpenRequestsDropped,
    /// An open loop that waits for answers before it sends.
    ClosedLoopPretendsOpen,
    /// Quantiles over good answers are called quantiles over all.
    FailuresLeftOut,
    /// A fast error counts as a fast answer.
    ErrorsAreAnswers,
    /// Requests of the warm-up are among those that count.
    WarmUpIncluded,
    /// Quantiles of rounds are averaged.
    QuantilesAveraged,
    /// The latest arrivals are left out when the generator cannot keep up.
    LateArrivalsSkipped,
    /// All rounds of one cluster, then all of the next.
    RoundsNotShuffled,
}

/// No lies, except in a test that asks for one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Honesty {
    #[cfg(test)]
    pub(crate) lie: Option<Lie>,
}

impl Honesty {
    #[cfg(test)]
    pub(crate) fn tells(self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) fn tells(self, _: Lie) -> bool {
        false
    }
}
