//! The estimate of a target, near which its next way begins.

use rand::{Rng, RngExt as _};

/// Users of the closed loop that shows the most that a target can answer, for each slot or processor of it.
pub const USERS_PER_SLOT: u32 = 8;
/// How long they ask.
pub const MOST_SECONDS: u32 = 5;
/// What a target answers to users that wait is no rate that it keeps, but near it; and a bound that overloads nothing.
const OF_THE_MOST: f64 = 0.9;
/// Rounds that are remembered: their median follows a cloud that drifts, and one odd round does not move it.
const REMEMBERED: usize = 5;
/// How far from the estimate a way begins, at most, in rungs of 6 %.
const FARTHEST: f64 = 2.0;

/// What is believed of one target's capacity.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    first: f64,
    capacities: Vec<f64>,
}

impl Estimate {
    /// From the requests a second that users who wait were answered.
    pub fn new(answered_per_second: f64) -> Self {
        Self { first: OF_THE_MOST * answered_per_second, capacities: Vec::new() }
    }

    /// From the capacity that was found before.
    pub fn at(capacity: f64) -> Self {
        Self { first: capacity, capacities: Vec::new() }
    }

    /// The capacity of one more round.
    pub fn learn(&mut self, capacity: f64) {
        self.capacities.push(capacity);
    }

    /// Requests a second.
    pub fn value(&self) -> f64 {
        let mut last = self.capacities[self.capacities.len().saturating_sub(REMEMBERED)..].to_vec();
        last.sort_unstable_by(f64::total_cmp);
        let middle = last.len() / 2;
        match last.len() {
            0 => self.first,
            odd if odd % 2 == 1 => last[middle],
            _ => f64::midpoint(last[middle - 1], last[middle]),
        }
    }

    /// Where a way begins: anywhere near the estimate, and elsewhere for each target. A start that all targets of a round share,
    /// or that is the estimate itself, makes rounds agree with each other instead of with the truth.
    pub fn start(&self, random: &mut impl Rng) -> f64 {
        self.value() * 1.06_f64.powf(random.random_range(-FARTHEST..=FARTHEST))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_estimate_is_the_median_of_the_last_five_rounds() {
        let mut estimate = Estimate::new(1_000.0);
        assert_eq!(estimate.value(), 900.0);
        for (capacity, value) in
            [(700.0, 700.0), (800.0, 750.0), (710.0, 710.0), (3_000.0, 755.0), (720.0, 720.0), (730.0, 730.0)]
        {
            estimate.learn(capacity);
            assert_eq!(estimate.value(), value);
        }
    }

    #[test]
    fn ways_begin_within_two_rungs_of_it_and_not_twice_at_the_same_rate() {
        let estimate = Estimate::new(1_000.0);
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let starts: Vec<f64> = (0..1_000).map(|_| estimate.start(&mut random)).collect();
        let (low, high) = (900.0 / 1.06_f64.powi(2), 900.0 * 1.06_f64.powi(2));
        assert!(starts.iter().all(|start| (low..=high).contains(start)));
        assert!(starts.iter().any(|start| *start < low * 1.01) && starts.iter().any(|start| *start > high / 1.01));
        assert!(starts.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
