//! The result of a simulated run.

use crate::policy::Nanos;

/// One attempt at a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Moment at which it was sent.
    pub sent: Nanos,
    pub station: usize,
    pub succeeded: bool,
}

/// Figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Nanoseconds from arrival to answer of each measured request, in order of the answers; failed ones included.
    pub responses: Vec<u64>,
    /// The same with the time of arrival, when attempts are kept.
    pub timeline: Vec<(Nanos, u64)>,
    /// Attempts in order of their ends, when they are kept.
    pub attempts: Vec<Attempt>,
    pub arrived: u64,
    pub answered: u64,
    /// Clients that got a failure.
    pub failed: u64,
    pub sent: u64,
    pub failed_attempts: u64,
    /// Requests sent to each station.
    pub shares: Vec<u64>,
    /// Integral of requests in flight over time and sum of the times in flight: equal by Little's law.
    pub area: u128,
    pub sojourns: u128,
    /// Longest queue of parked requests.
    pub most_parked: usize,
    /// Moment at which the last answer came.
    pub end: Nanos,
}

impl Measured {
    /// Nanoseconds.
    pub fn mean(&self) -> f64 {
        self.responses.iter().map(|response| *response as f64).sum::<f64>() / self.responses.len() as f64
    }

    /// Nanoseconds below which this share of the responses is.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut responses = self.responses.clone();
        let rank = ((responses.len() as f64 * share) as usize).min(responses.len().saturating_sub(1));
        if responses.is_empty() { f64::NAN } else { *responses.select_nth_unstable(rank).1 as f64 }
    }
}
