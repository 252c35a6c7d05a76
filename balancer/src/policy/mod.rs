//! How a cluster's requests are spread over its members: pure rules, the same live and in a simulation.
//!
//! A policy sees four events: the members changed, a request is to be placed, it was started, it was finished.
//! Time and randomness come in as arguments, so a policy replays exactly from a seed and a trace.
//! What a rule must remember of one request (how busy the member was, whether it was a measurement) travels with
//! that request as [`Pick::note`] and comes back in [`Policy::finished`].

mod fastest_of_ten;
mod least_requests;
mod round_robin;
#[cfg(test)]
mod simulation;

use rand::{Rng, RngExt};

pub use fastest_of_ten::FastestOfTen;
pub use least_requests::LeastRequests;
pub use round_robin::RoundRobin;

/// Nanoseconds since some fixed moment. Only differences mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Time from `earlier` to this moment, zero when `earlier` is later.
    pub fn since(self, earlier: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// Whole microseconds.
    pub fn micros(self) -> u64 {
        self.0 / 1_000
    }
}

/// Names a member towards a policy. Given once, in rising order, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey(pub u64);

/// A member that may be given the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub key: MemberKey,
    /// Requests sent to it and not finished.
    pub in_flight: u64,
    /// How many requests it serves at the same time: its declared slots, else its vCPUs, else unknown.
    pub parallelism: Option<u32>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Position in the candidates.
    pub index: usize,
    /// The policy's own note about this request.
    pub note: u32,
}

/// How a request ended, as evidence about the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer below 500.
    Success,
    /// No answer, half an answer, or one of 5xx: its latency says nothing good about the member.
    Failure,
    /// The client went away first: evidence of nothing.
    Abandoned,
}

/// A rule that spreads requests over members.
pub trait Policy: Send {
    /// The members changed: forget those not in `members` (rising keys), meet the new ones.
    fn members(&mut self, now: Nanos, members: &[MemberKey]);

    /// Chooses one of `candidates`: never empty, rising keys, only members that may be used now.
    fn pick(&mut self, now: Nanos, candidates: &[Candidate], random: &mut dyn Rng) -> Pick;

    /// The request went out to `member`.
    fn started(&mut self, _now: Nanos, _member: MemberKey, _note: u32) {}

    /// The request ended; `latency` is the time to the first byte of the answer and counts only for a success.
    fn finished(&mut self, _now: Nanos, _member: MemberKey, _note: u32, _outcome: Outcome, _latency: Nanos) {}
}

/// A fresh policy of this kind.
pub fn build(kind: wire::Policy) -> Box<dyn Policy> {
    match kind {
        wire::Policy::RoundRobin => Box::new(RoundRobin::default()),
        wire::Policy::LeastRequests => Box::new(LeastRequests),
        wire::Policy::FastestOfTen => Box::new(FastestOfTen::default()),
    }
}

/// Position of the candidate with the lowest cost; ties are broken at random, never by position, because at low
/// load everything ties and a fixed order would give one member all of it.
/// `None` when no candidate has a cost.
fn lowest<C: Ord>(
    candidates: &[Candidate],
    random: &mut dyn Rng,
    cost: impl Fn(&Candidate) -> Option<C>,
) -> Option<usize> {
    let (mut best, mut ties) = (None::<(usize, C)>, 1u32);
    for (index, candidate) in candidates.iter().enumerate() {
        let Some(cost) = cost(candidate) else { continue };
        match &best {
            Some((_, lowest)) if cost > *lowest => {}
            Some((_, lowest)) if cost == *lowest => {
                // Reservoir of one: the i-th of the equal ones replaces the choice with probability 1/i.
                ties += 1;
                if random.random_range(0..ties) == 0 {
                    best = Some((index, cost));
                }
            }
            _ => (best, ties) = (Some((index, cost)), 1),
        }
    }
    best.map(|(index, _)| index)
}
