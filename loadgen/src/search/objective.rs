//! The objective of a search, and how far a step is from it.

use std::time::Duration;

use super::step::Seen;

/// How far a step is from the objective is told no further than this, either way: ten times the allowed share.
const FARTHEST: f64 = std::f64::consts::LN_10;

/// What the answers of a target have to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Longest time of an answer that is in time.
    pub at_most: Duration,
    /// Share of the requests that may take longer, above 0 and below 1: a hundredth for a 99th percentile.
    pub slow: f64,
    /// Share of the requests that may fail, from 0 on.
    pub failed: f64,
}

impl Objective {
    /// How many times as many were slow or failed as may be, as a logarithm: the step kept the objective exactly when it is
    /// not above 0. No step shows more than ten times too many, or ten times fewer than may be.
    pub fn excess(&self, seen: &Seen) -> f64 {
        if seen.was_cut {
            return FARTHEST;
        }
        let slow = excess(seen.slow, seen.requests, self.slow);
        // None failed: that half a request more would be too many where few were sent says nothing of failures.
        let failed = if seen.failed == 0 { -FARTHEST } else { excess(seen.failed, seen.requests, self.failed) };
        slow.max(failed)
    }

    /// How many requests of `planned` are slow or failed when the step has shown enough: what is sent on would only become
    /// a backlog. More than may be slow and may fail together, so that one of both is too many for sure.
    pub fn enough(&self, planned: u64) -> u64 {
        let may_be = (self.slow + self.failed).min(1.0);
        let share = (10.0 * self.slow.max(self.failed)).min(f64::midpoint(1.0, may_be));
        (share * planned as f64).ceil() as u64
    }
}

/// Half a request more, as for a share that is estimated from few; but where there is none, none is too many.
fn excess(count: u64, requests: u64, allowed: f64) -> f64 {
    if allowed <= 0.0 {
        return FARTHEST;
    }
    let share = (count as f64 + 0.5) / (requests as f64 + 1.0);
    let most = if count == 0 { 0.0 } else { FARTHEST };
    (share / allowed).ln().clamp(-FARTHEST, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const P99: Objective = Objective { at_most: Duration::from_millis(100), slow: 0.01, failed: 0.001 };

    fn seen(slow: u64, failed: u64) -> Seen {
        Seen { requests: 10_000, slow, failed, was_cut: false }
    }

    #[test]
    fn a_step_keeps_the_objective_when_no_more_are_slow_or_fail_than_may() {
        assert!(P99.excess(&seen(99, 0)) <= 0.0);
        assert!(P99.excess(&seen(100, 0)) > 0.0, "half a request more");
        assert!(P99.excess(&seen(0, 9)) <= 0.0);
        assert!(P99.excess(&seen(0, 10)) > 0.0);
        assert!((P99.excess(&seen(200, 0)) - 2.0_f64.ln()).abs() < 0.01, "twice as many");
        assert_eq!(P99.excess(&seen(9_000, 0)), FARTHEST);
        assert!(P99.excess(&seen(0, 0)) < -2.0, "ten thousand show that few fail, and not that hardly any does");
        let no_failure = Seen { requests: 500, ..seen(4, 0) };
        let of_slow_ones = ((4.5 / 501.0) / 0.01_f64).ln();
        assert_eq!(P99.excess(&no_failure), of_slow_ones, "500 without a failure do not show that a thousandth failed");
        let few = Seen { requests: 20, ..seen(0, 0) };
        assert_eq!(P99.excess(&few), 0.0, "twenty in time show nothing, and are no miss");
        assert_eq!(P99.excess(&Seen { was_cut: true, ..seen(0, 0) }), FARTHEST);
    }

    #[test]
    fn where_none_may_fail_one_failure_is_a_miss_and_none_is_no_claim() {
        let none = Objective { failed: 0.0, ..P99 };
        assert_eq!(none.excess(&seen(50, 1)), FARTHEST);
        assert_eq!(none.excess(&seen(50, 0)), P99.excess(&seen(50, 0)));
    }

    #[test]
    fn a_step_is_cut_when_it_has_clearly_missed_and_never_before() {
        assert_eq!(P99.enough(7_490), 749);
        let median = Objective { slow: 0.5, ..P99 };
        assert_eq!(median.enough(1_000), 751, "half of them may be slow");
        let tenth = Objective { slow: 0.1, ..P99 };
        assert_eq!(tenth.enough(1_000), 551);
        for (slow, failed) in [(0.001, 0.02), (0.01, 0.1), (0.1, 0.3), (0.5, 0.5), (0.01, 0.0)] {
            let objective = Objective { slow, failed, ..P99 };
            let may_be = ((slow + failed) * 10_000.0) as u64;
            assert!(objective.enough(10_000) >= may_be, "{slow} {failed}: a step that keeps the objective is not cut");
        }
    }
}
