//! One request at a time: whether any rate can keep the objective.

use super::binomial::at_least;
use super::objective::Objective;
use super::step::Seen;

/// How long one request at a time is sent.
pub const ALONE_SECONDS: u32 = 10;
/// Time from one try to the next: a stretch in which a neighbour slows an instance down is over by then.
pub const BETWEEN_ALONE_SECONDS: u32 = 60;
/// How unlikely it has to be that no more are slow in the long run than may be: one side of 95 %.
const CHANCE: f64 = 0.025;

/// What one request at a time showed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alone {
    missed: u32,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Rates are worth trying.
    Keeps,
    /// It has to be seen once more, [`BETWEEN_ALONE_SECONDS`] later.
    Again,
    /// No rate keeps the objective.
    Unmet,
}

impl Alone {
    /// More than chance explains were slow, twice: no rate is worth trying.
    pub fn seen(&mut self, objective: &Objective, seen: &Seen) -> Verdict {
        let beyond = |count, share: f64| share > 0.0 && at_least(count, seen.requests, share) < CHANCE;
        let fails = objective.failed <= 0.0 && seen.failed > 0;
        if !fails && !beyond(seen.slow, objective.slow) && !beyond(seen.failed, objective.failed) {
            return Verdict::Keeps;
        }
        self.missed += 1;
        if self.missed < 2 { Verdict::Again } else { Verdict::Unmet }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const P99: Objective = Objective { at_most: Duration::from_millis(55), slow: 0.01, failed: 0.001 };

    fn seen(slow: u64, failed: u64) -> Seen {
        Seen { requests: 1_000, slow, failed, was_cut: false }
    }

    #[test]
    fn what_chance_explains_is_no_miss() {
        assert_eq!(Alone::default().seen(&P99, &seen(16, 0)), Verdict::Keeps, "16 or more in one of 20");
        assert_eq!(Alone::default().seen(&P99, &seen(18, 0)), Verdict::Again);
        assert_eq!(Alone::default().seen(&P99, &seen(0, 2)), Verdict::Keeps);
        assert_eq!(Alone::default().seen(&P99, &seen(0, 5)), Verdict::Again);
    }

    #[test]
    fn twice_is_enough_and_once_is_not() {
        let mut alone = Alone::default();
        assert_eq!(alone.seen(&P99, &seen(100, 0)), Verdict::Again);
        assert_eq!(alone.seen(&P99, &seen(5, 0)), Verdict::Keeps);
        let mut alone = Alone::default();
        assert_eq!(alone.seen(&P99, &seen(100, 0)), Verdict::Again);
        assert_eq!(alone.seen(&P99, &seen(100, 0)), Verdict::Unmet);
    }

    #[test]
    fn where_none_may_fail_one_failure_is_a_miss() {
        let none = Objective { failed: 0.0, ..P99 };
        assert_eq!(Alone::default().seen(&none, &seen(0, 1)), Verdict::Again);
    }
}
