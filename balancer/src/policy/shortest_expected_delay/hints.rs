//! The parallelism of a kind of member: as it was declared, until the evidence refutes it.
//!
//! The declared figure belongs to a kind of member (an instance type), never to one: learning it per member from
//! throughput feeds back on itself and diverges. It is only ever refuted upwards, by departures that come faster than
//! the declared slots could make them; after that the kind has no limit.

use crate::policy::Parallelism;

/// Only a limit of few slots is worth holding requests for: with more, a queue at one member is short anyway.
const MOST_LIMITED: u32 = 4;
/// Gaps between departures before a verdict.
const LEAST_GAPS: f64 = 24.0;
/// Gaps remembered; then their weight is halved.
const MOST_GAPS: f64 = 1_024.0;
/// A declaration is good when departures are, two standard errors aside, not even this much faster.
const GOOD: f64 = 1.5;
/// Factor by which departures must come faster than declared, three standard errors aside.
const FASTER: f64 = 1.2;
/// Holds from one experiment to the next.
const EXPERIMENT: u64 = 512;
/// The same for a declaration that looked good for long.
const RARELY: u64 = 4_096;
/// Holds that one counts for in front of a deep queue.
const DEEP: u64 = 32;

/// One kind of member.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    declared: Option<Parallelism>,
    /// The parallelism that is reckoned with.
    pub(super) parallelism: f64,
    /// Requests in flight at which a member is full; infinite when there is no limit.
    pub(super) limit: f64,
    pub(super) is_refuted: bool,
    /// Count and sum of gaps between departures of a member that had more in flight than it is said to serve, in units
    /// of the gap expected.
    gaps: (f64, f64),
    holds: u64,
    next_experiment: u64,
}

impl Kind {
    fn new(declared: Option<Parallelism>) -> Self {
        let known = slots(declared);
        Self {
            declared,
            parallelism: f64::from(known.unwrap_or(1)),
            limit: known.filter(|known| *known <= MOST_LIMITED).map_or(f64::INFINITY, f64::from),
            is_refuted: false,
            gaps: (0.0, 0.0),
            holds: 0,
            next_experiment: EXPERIMENT,
        }
    }

    /// A gap between two departures with more than `parallelism` requests left in flight after the first.
    pub(super) fn gap(&mut self, gap: f64, service: f64, cv2: f64) {
        if self.limit.is_infinite() || service <= 0.0 {
            return;
        }
        let (count, sum) = &mut self.gaps;
        if *count >= MOST_GAPS {
            (*count, *sum) = (*count / 2.0, *sum / 2.0);
        }
        *count += 1.0;
        *sum += gap * self.parallelism / service;
        let faster = *count / sum.max(1e-9);
        if *count >= LEAST_GAPS && faster * (-3.0 * standard_error(*count, cv2)).exp() > FASTER {
            self.parallelism = (self.parallelism * faster).round();
            (self.limit, self.is_refuted) = (f64::INFINITY, true);
        }
    }

    /// A request is held back because of this kind's limit; whether one is to be sent beyond it instead. In front of a
    /// deep queue that costs next to nothing, for no slot falls idle by it.
    pub(super) fn holds(&mut self, is_deep: bool, cv2: f64) -> bool {
        self.holds += if is_deep { DEEP } else { 1 };
        if self.holds < self.next_experiment {
            return false;
        }
        // What is good is doubted ever more rarely, but never not at all: it may have looked good by bad luck.
        let (count, sum) = self.gaps;
        let at_most = count / sum.max(1e-9) * (2.0 * standard_error(count, cv2)).exp();
        let is_good = count >= MOST_GAPS / 2.0 || (count >= LEAST_GAPS && at_most < GOOD);
        self.next_experiment = self.holds + if is_good { self.holds.min(RARELY) } else { EXPERIMENT };
        true
    }
}

/// All kinds of one cluster: few, so a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds(Vec<Kind>);

impl Kinds {
    /// Position of the kind with this declaration.
    pub(super) fn position(&mut self, declared: Option<Parallelism>) -> usize {
        self.0.iter().position(|kind| kind.declared == declared).unwrap_or_else(|| {
            self.0.push(Kind::new(declared));
            self.0.len() - 1
        })
    }

    /// `None` while no member of any kind was asked about.
    pub(super) fn known(&self, position: usize) -> Option<&Kind> {
        self.0.get(position)
    }

    pub(super) fn of(&self, position: usize) -> &Kind {
        &self.0[position]
    }

    pub(super) fn of_mut(&mut self, position: usize) -> &mut Kind {
        &mut self.0[position]
    }
}

fn slots(declared: Option<Parallelism>) -> Option<u32> {
    match declared? {
        Parallelism::Slots(known) | Parallelism::Vcpus(known) => Some(known.max(1)),
    }
}

/// Standard error of the logarithm of a mean of so many gaps.
fn standard_error(count: f64, cv2: f64) -> f64 {
    (cv2.max(1.0) / count).sqrt()
}
