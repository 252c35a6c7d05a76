//! Policies spread a cluster's requests over its members: pure rules, the same live and in a simulation.
//!
//! A policy is told what happens and is asked where the next request goes. Time and randomness come in as arguments,
//! so it replays exactly from a seed and a trace. It never waits, locks or reads a clock.
//!
//! # How it is driven
//! One policy per cluster, its calls one after the other (live: behind one short lock of that cluster, which nobody
//! holds while waiting; no call allocates in steady state). Per client request:
//! 1. [`Policy::arrived`], once, and the request joins the end of the cluster's one FIFO queue of parked requests.
//! 2. While the queue is not empty, [`Policy::pick`] for its head, with the length of the queue:
//!    - [`Pick::Send`]: the head leaves the queue and is sent. The policy counts on exactly one [`Policy::finished`]
//!      for it, whatever happens to it. Then the next head, if any.
//!    - [`Pick::Hold`]: stop. Ask again at the next event of the cluster (any `finished`, `probed` or `members`, or a
//!      change of who is eligible), at the next arrival, and at the latest at the moment it names.
//!    - [`Pick::Probe`]: the head leaves the queue; its members are probed one after the other, each told by
//!      [`Policy::probed`]; then it is picked for again, outside the queue.
//!
//! A retry does not queue: it is picked for at once, with the member to avoid left out of the candidates and `may_hold`
//! false. So is every request while health is ignored (less than half of the members are healthy): holding requests
//! back for members that are probably ill would make it worse.
//!
//! Who is eligible by health checks, drain and retry is the caller's; ejection by evidence from requests is the
//! policy's, within `pick`. Requests to the same members that another rule sent, because they came by another path, are
//! told by [`Policy::sent`] and end with [`Policy::finished`] like its own. What a rule must remember of one request (how busy the member was, whether it was a
//! measurement) travels with that request as a note and comes back in [`Policy::finished`].

#[cfg(test)]
mod checks;
mod fastest_of_ten;
#[cfg(test)]
mod goals;
mod least_requests;
mod metric_threshold;
mod p2c_least_requests;
mod peak_ewma;
mod probe_ewma;
mod random;
mod retry_budget;
mod roster;
mod round_robin;
mod shortest_expected_delay;

use rand::{Rng, RngExt};

pub use fastest_of_ten::FastestOfTen;
pub use least_requests::LeastRequests;
pub use metric_threshold::MetricThreshold;
pub use p2c_least_requests::P2cLeastRequests;
pub use peak_ewma::PeakEwma;
pub use probe_ewma::ProbeEwma;
pub use random::Random;
pub(crate) use retry_budget::RetryBudget;
pub use round_robin::RoundRobin;
pub use shortest_expected_delay::{Parts, ShortestExpectedDelay};

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

/// Number of requests that a member serves at the same time, and the source of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parallelism {
    /// Declared by the worker itself: that many slots with a FIFO queue in front of them.
    Slots(u32),
    /// Virtual CPUs of its instance type: what waits there is usually time-sliced.
    Vcpus(u32),
}

/// A member that may be given the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub key: MemberKey,
    /// Requests sent to it and not finished.
    pub in_flight: u64,
    /// `None` when nothing is known about it.
    pub parallelism: Option<Parallelism>,
    /// Shortest round trip seen to it; zero when unknown.
    pub round_trip: Nanos,
}

/// The question that a policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Never empty, rising keys, only members that may be used now.
    pub candidates: &'a [Candidate],
    /// Requests in the queue, this one included.
    pub parked: usize,
    /// [`Pick::Hold`] is a possible answer.
    pub may_hold: bool,
}

/// The answer of a policy: what is done with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// It goes to the candidate at `index` now; `note` comes back when it is finished.
    Send { index: usize, note: u32 },
    /// It stays parked; ask again at the next event, at the latest then.
    Hold { until: Nanos },
    /// The candidates are to be probed one after the other first: each with a GET of the cluster's own path, which is
    /// as much work as a client's request.
    Probe,
}

/// The end of a request, as evidence about the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer below 500.
    Success,
    /// No answer, half an answer, or one of 5xx: its latency says nothing good about the member.
    Failure,
    /// The client went away first: evidence of nothing.
    Abandoned,
}

/// Probes a policy wants beside the health checks of the data path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// Time from one probe of a member to its next.
    pub interval: Nanos,
    /// A probe that takes longer has failed.
    pub timeout: Nanos,
}

/// The view that a policy has of a member, for people who look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opinion {
    /// Estimated time to serve one request, without waiting.
    pub service: Option<Nanos>,
    /// The parallelism it reckons with; `None` when it reckons with none.
    pub parallelism: Option<u32>,
    /// That figure is the policy's own, because the evidence refuted what was declared.
    pub is_hint_refuted: bool,
    /// Taken out after failures.
    pub is_ejected: bool,
}

/// A rule that spreads requests over members.
pub trait Policy: Send {
    /// The members changed: forget those not in `members` (rising keys), meet the new ones.
    fn members(&mut self, now: Nanos, members: &[MemberKey]);

    /// A client's request came in: called once for it, before it is picked for.
    fn arrived(&mut self, _now: Nanos) {}

    /// A request was sent to this member, by this rule or by another one that chooses among the same members: what a rule
    /// learns of a member, it learns from all its requests. The note comes back in [`Policy::finished`].
    fn sent(&mut self, _now: Nanos, _member: &Candidate) -> u32 {
        0
    }

    /// Decides about one request. [`Pick::Send`] counts as sent from now on, without a call of [`Policy::sent`].
    fn pick(&mut self, now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick;

    /// A request that was sent ended; `latency` is the time from [`Pick::Send`] to the first byte of the answer and
    /// counts only for a success.
    fn finished(&mut self, _now: Nanos, _member: MemberKey, _note: u32, _outcome: Outcome, _latency: Nanos) {}

    /// A probe of this member ended: one that [`Pick::Probe`] or [`Policy::probes`] asked for.
    fn probed(&mut self, _now: Nanos, _member: MemberKey, _outcome: Outcome, _latency: Nanos) {}

    /// The probes it lives on, if it does; the same for as long as the policy lives.
    fn probes(&self) -> Option<Probes> {
        None
    }

    /// The view that it has of this member.
    fn opinion(&self, _now: Nanos, _member: MemberKey) -> Opinion {
        Opinion::default()
    }
}

/// A fresh policy of this kind.
pub fn build(kind: wire::Policy) -> Box<dyn Policy> {
    match kind {
        wire::Policy::RoundRobin => Box::new(RoundRobin::default()),
        wire::Policy::Random => Box::new(Random),
        wire::Policy::LeastRequests => Box::new(LeastRequests),
        wire::Policy::P2cLeastRequests => Box::new(P2cLeastRequests),
        wire::Policy::PeakEwma => Box::new(PeakEwma::default()),
        wire::Policy::FastestOfTen => Box::new(FastestOfTen::default()),
        wire::Policy::ProbeEwma => Box::new(ProbeEwma::default()),
        wire::Policy::MetricThreshold => Box::new(MetricThreshold::default()),
        wire::Policy::ShortestExpectedDelay => Box::new(ShortestExpectedDelay::default()),
    }
}

/// Position of the candidate with the lowest cost; ties are broken at random, never by position, because at low
/// load everything ties and a fixed order would give one member all of it.
/// `None` when no candidate has a cost.
fn lowest<C: PartialOrd>(
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
