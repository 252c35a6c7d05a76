//! Mutants of this generator: each has one fault that load generators are known for, so that a test can show that it
//! would be noticed.
//!
//! A mutant can only be switched on in this crate's own tests: elsewhere [`Mutation::is`] is a constant.

/// One fault, made on purpose.
#[cfg_attr(not(test), allow(dead_code, reason = "switched on in tests only"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
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
    /// Each step of a search is a second long: an overload has no time to show.
    StepsOfASecond,
    /// The ways of a round begin equally far from the estimates of all clusters: rounds agree with each other, and not with the
    /// truth.
    OneStartForAll,
}

/// No mutant, except in a test that asks for one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mutation {
    #[cfg(test)]
    pub(crate) mutant: Option<Mutant>,
}

impl Mutation {
    #[cfg(test)]
    pub(crate) fn is(self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) fn is(self, _: Mutant) -> bool {
        false
    }
}
