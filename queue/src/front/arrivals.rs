//! Arrivals of the last minute, second by second. Pure: time is an input.

/// Stretches that are reported.
const STRETCHES: usize = 6;
/// Length of each in seconds.
const STRETCH: usize = 10;
const SECONDS: usize = STRETCHES * STRETCH;

/// Counts of the last 60 seconds.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    counts: [u64; SECONDS],
    /// The newest second that is counted.
    second: u64,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self { counts: [0; SECONDS], second: 0 }
    }

    /// One more, at so many milliseconds since the start.
    pub(super) fn record(&mut self, now: u64) {
        self.advance(now);
        self.counts[slot(self.second)] += 1;
    }

    /// Those of each ten seconds that end now, the newest last.
    pub(super) fn stretches(&mut self, now: u64) -> Vec<u64> {
        self.advance(now);
        let of_age = |age: usize| age as u64 <= self.second;
        let at_age = |age: usize| if of_age(age) { self.counts[slot(self.second - age as u64)] } else { 0 };
        let stretch = |index: usize| (index * STRETCH..(index + 1) * STRETCH).map(at_age).sum();
        (0..STRETCHES).rev().map(stretch).collect()
    }

    fn advance(&mut self, now: u64) {
        let second = now / 1_000;
        let passed = second.saturating_sub(self.second).min(SECONDS as u64);
        for step in 1..=passed {
            self.counts[slot(second - (passed - step))] = 0;
        }
        self.second = self.second.max(second);
    }
}

fn slot(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_wanders_through_the_stretches_and_is_forgotten() {
        let mut arrivals = Arrivals::new();
        (0..5).for_each(|_| arrivals.record(500));
        assert_eq!(arrivals.stretches(600), [0, 0, 0, 0, 0, 5]);
        assert_eq!(arrivals.stretches(9_999), [0, 0, 0, 0, 0, 5]);
        assert_eq!(arrivals.stretches(10_000), [0, 0, 0, 0, 5, 0]);
        assert_eq!(arrivals.stretches(59_999), [5, 0, 0, 0, 0, 0]);
        assert_eq!(arrivals.stretches(60_000), [0; 6]);
    }

    proptest! {
        #[test]
        fn it_counts_what_a_list_of_moments_would(mut moments in proptest::collection::vec(0..200_000_u64, 1..200)) {
            moments.sort_unstable();
            let now = moments[moments.len() - 1];
            let mut arrivals = Arrivals::new();
            moments.iter().for_each(|moment| arrivals.record(*moment));
            let age = |moment: u64| now / 1_000 - moment / 1_000;
            let expected = |index: u64| moments.iter().filter(|moment| age(**moment) / 10 == index).count() as u64;
            let expected: Vec<u64> = (0..6).rev().map(expected).collect();
            prop_assert_eq!(arrivals.stretches(now), expected);
        }
    }
}
