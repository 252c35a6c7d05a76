//! One rate that is tried: how long, and what was seen.

use super::objective::Objective;

/// At the beginning of each step, and not counted: queues of the rate before are gone, and those of this rate are there.
pub const NOT_COUNTED_SECONDS: u32 = 1;
/// An overload of a tenth needs ten limits of time to show; steps of 10, 20 and 40 limits overstate by 10, 6 and 2 %.
const LIMITS: f64 = 40.0;
/// Slow requests come in bursts, and the median stretch has fewer than the mean: steps in which fewer are expected overstate
/// the capacity of small targets by up to 8 %.
const EXPECTED_SLOW: f64 = 30.0;
const SHORTEST_SECONDS: f64 = 10.0;
const LONGEST_SECONDS: f64 = 60.0;

/// What one step showed, without its first second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests that were sent.
    pub requests: u64,
    /// Those of them that were not answered in time. The last ones are waited for after the step has ended, as long as an answer may
    /// take.
    pub slow: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Whether it ended early, because enough were slow or failed.
    pub was_cut: bool,
}

impl Objective {
    /// Whether steps at this rate are the longest ones and nevertheless expect too few slow requests: what they find may be up to
    /// 8 % too high.
    pub fn is_short(&self, requests_per_second: u32) -> bool {
        self.slow * f64::from(requests_per_second) * LONGEST_SECONDS < EXPECTED_SLOW
    }

    /// How long a step at this rate counts, in seconds.
    pub fn seconds(&self, requests_per_second: u32) -> u32 {
        let limits = LIMITS * self.at_most.as_secs_f64();
        let slow = EXPECTED_SLOW / (self.slow * f64::from(requests_per_second.max(1)));
        limits.max(slow).clamp(SHORTEST_SECONDS, LONGEST_SECONDS).ceil() as u32
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_step_lasts_until_an_overload_can_show_and_enough_are_slow() {
        let of = |millis, rate| {
            let objective = Objective { at_most: Duration::from_millis(millis), slow: 0.01, failed: 0.001 };
            objective.seconds(rate)
        };
        assert_eq!(of(100, 749), 10);
        assert_eq!(of(500, 749), 20, "40 limits");
        assert_eq!(of(100, 76), 40, "30 slow ones of 76 x .01 a second");
        assert_eq!(of(100, 1), 60, "no longer, whatever the rate");
        assert_eq!(of(30_000, 749), 60);
        let objective = Objective { at_most: Duration::from_millis(100), slow: 0.01, failed: 0.001 };
        assert_eq!([49, 50].map(|rate| objective.is_short(rate)), [true, false]);
    }
}
