//! The steps of one target in one round.

/// How far apart two rates are, as a logarithm, between which nothing is tried: 6 %. Twice as far costs 1.3 points of the
/// interval's half-width, and half as far saves little of it for half as many steps again.
const RUNG: f64 = 0.058_268_908_123_975_8;
/// Rates are whole requests a second, so that a rung is not hit exactly.
const CLOSE: f64 = 1.4 * RUNG;
/// The gallop doubles its leap until it is so many rungs.
const LONGEST_LEAP: f64 = 64.0 * RUNG;

/// A rate that was tried, and how far it was from the objective (see [`super::Objective::excess`]).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tried {
    rate: u32,
    excess: f64,
}

/// What a way found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// The rate at which the objective is just kept, in requests a second.
    Capacity(f64),
    /// The highest rate that may be tried was kept.
    AtLeast(u32),
    /// Not one request a second is kept.
    Nothing,
}

/// The steps of one target in one round. The same excesses give the same rates.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    most: u32,
    next: u32,
    leap: f64,
    /// The highest rate that was kept.
    met: Option<Tried>,
    /// The lowest rate that was not.
    missed: Option<Tried>,
    found: Option<Found>,
}

impl Way {
    /// A way that begins at `start` requests a second and never asks for more than `most`.
    pub fn new(start: f64, most: u32) -> Self {
        let most = most.max(1);
        Self { most, next: whole(start, most), leap: RUNG, met: None, missed: None, found: None }
    }

    /// The rate to try now; what was found, when there is nothing to try any more.
    pub fn next(&self) -> Result<u32, Found> {
        self.found.map_or(Ok(self.next), Err)
    }

    /// The highest rate that was kept so far.
    pub fn met(&self) -> Option<u32> {
        self.met.map(|tried| tried.rate)
    }

    /// Goes on from what the step at [`Self::next`] showed.
    pub fn tried(&mut self, excess: f64) {
        if self.found.is_some() {
            return;
        }
        let tried = Tried { rate: self.next, excess };
        if excess <= 0.0 {
            self.met = Some(tried);
        } else {
            self.missed = Some(tried);
        }
        match (self.met, self.missed) {
            (Some(met), Some(missed)) => self.halve(met, missed),
            (Some(met), None) if met.rate >= self.most => self.found = Some(Found::AtLeast(met.rate)),
            (None, Some(missed)) if missed.rate <= 1 => self.found = Some(Found::Nothing),
            (Some(met), None) => {
                self.next = whole(f64::from(met.rate) * self.leap.exp(), self.most).max(met.rate + 1);
                self.leap = (2.0 * self.leap).min(LONGEST_LEAP);
            }
            (None, Some(missed)) => {
                self.next = whole(f64::from(missed.rate) / self.leap.exp(), self.most).min(missed.rate - 1);
                self.leap = (2.0 * self.leap).min(LONGEST_LEAP);
            }
            (None, None) => {}
        }
    }

    fn halve(&mut self, met: Tried, missed: Tried) {
        let apart = (f64::from(missed.rate) / f64::from(met.rate)).ln();
        if apart > CLOSE && missed.rate - met.rate > 1 {
            let between = (f64::from(met.rate) * f64::from(missed.rate)).sqrt();
            self.next = whole(between, self.most).clamp(met.rate + 1, missed.rate - 1);
            return;
        }
        let share = -met.excess / (missed.excess - met.excess);
        self.found = Some(Found::Capacity(f64::from(met.rate) * (share * apart).exp()));
    }
}

fn whole(rate: f64, most: u32) -> u32 {
    rate.round().clamp(1.0, f64::from(most)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rates of a way on a target that keeps rates up to `capacity`, and what it found.
    fn walked(start: f64, most: u32, mut excess: impl FnMut(u32) -> f64) -> (Vec<u32>, Found) {
        let mut way = Way::new(start, most);
        let mut rates = Vec::new();
        loop {
            match way.next() {
                Ok(rate) => {
                    rates.push(rate);
                    way.tried(excess(rate));
                }
                Err(found) => return (rates, found),
            }
        }
    }

    /// A target whose slow share grows with the rate by a power.
    fn steep(capacity: f64) -> impl Fn(u32) -> f64 {
        move |rate| (8.0 * (f64::from(rate) / capacity).ln()).clamp(-2.3, 2.3)
    }

    #[test]
    fn a_way_gallops_until_it_has_both_sides_and_halves_between_them() {
        let (rates, found) = walked(700.0, 10_000, steep(749.0));
        assert_eq!(rates, [700, 742, 834, 787]);
        let Found::Capacity(capacity) = found else { panic!("{found:?}") };
        assert!((capacity / 749.0 - 1.0).abs() < 0.001, "{capacity}");
    }

    #[test]
    fn a_first_step_that_is_missed_leads_down() {
        let (rates, found) = walked(1_000.0, 10_000, steep(749.0));
        assert_eq!(rates, [1_000, 943, 839, 665, 747, 792]);
        assert!(matches!(found, Found::Capacity(capacity) if (capacity / 749.0 - 1.0).abs() < 0.001));
    }

    #[test]
    fn all_met_is_at_least_the_most_and_all_missed_is_nothing() {
        let (rates, found) = walked(700.0, 1_000, |_| -1.0);
        assert_eq!((rates, found), (vec![700, 742, 834, 1_000], Found::AtLeast(1_000)));
        let (rates, found) = walked(700.0, 1_000, |_| 2.3);
        assert_eq!(found, Found::Nothing);
        assert!(rates.len() < 12, "{rates:?}");
    }

    #[test]
    fn a_cut_step_counts_as_far_beyond() {
        let (_, found) = walked(750.0, 10_000, |rate| if rate > 760 { 2.3 } else { -0.1 });
        let Found::Capacity(capacity) = found else { panic!("{found:?}") };
        assert!((751.0..755.0).contains(&capacity), "near the rate that was just kept: {capacity}");
    }

    #[test]
    fn a_target_that_says_otherwise_at_each_step_ends_as_well() {
        // Missed, missed, met far below, then missed between: the bracket only ever shrinks.
        let mut answers = [1.0, 1.0, -0.5, 0.4, -0.2, 0.3, 0.1].into_iter().cycle();
        let (rates, found) = walked(500.0, 10_000, |_| answers.next().unwrap());
        assert!(rates.len() < 8 && matches!(found, Found::Capacity(_)), "{rates:?} {found:?}");
    }

    #[test]
    fn few_requests_a_second_are_told_apart_as_far_as_whole_numbers_go() {
        let (rates, found) = walked(3.0, 100, |rate| if rate >= 5 { 1.0 } else { -1.0 });
        assert_eq!(rates, [3, 4, 5]);
        assert!(matches!(found, Found::Capacity(capacity) if (4.0..5.0).contains(&capacity)));
    }

    proptest! {
        #[test]
        fn a_way_ends_on_any_answers_and_stays_within_its_bounds(
            start in 0.0f64..1e6,
            most in 1u32..1_000_000,
            answers in prop::collection::vec(-2.3f64..2.3, 64),
        ) {
            let mut answers = answers.into_iter();
            let (rates, found) = walked(start, most, |_| answers.next().expect("it ends"));
            prop_assert!(rates.iter().all(|rate| (1..=most).contains(rate)));
            let distinct: std::collections::BTreeSet<_> = rates.iter().collect();
            prop_assert_eq!(distinct.len(), rates.len(), "no rate is tried twice");
            if let Found::Capacity(capacity) = found {
                prop_assert!((1.0..=f64::from(most)).contains(&capacity));
            }
        }

        #[test]
        fn the_same_answers_give_the_same_rates(start in 1.0f64..1e5, capacity in 1.0f64..1e5) {
            prop_assert_eq!(walked(start, 200_000, steep(capacity)), walked(start, 200_000, steep(capacity)));
        }

        #[test]
        fn what_is_found_is_where_the_objective_is_just_kept(start in 100.0f64..1e5, capacity in 100.0f64..1e5) {
            let (_, found) = walked(start, 1_000_000, steep(capacity));
            let Found::Capacity(seen) = found else { panic!("{found:?}") };
            prop_assert!((seen / capacity).ln().abs() < RUNG, "{} of {}", seen, capacity);
        }
    }
}
