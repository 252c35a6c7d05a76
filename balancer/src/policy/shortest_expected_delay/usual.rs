//! The usual service of members of one kind at each occupancy.
//!
//! A member that serves two at a time may take longer for each: because the two share a core, or because it really
//! serves one. Members are compared at equal occupancy, or the busier one would be taken for the slower one.

use super::speed::{OCCUPANCIES, Service};

/// Answers for each member that the level of a kind is taken over: those of lowest occupancy.
const ENOUGH: f64 = 96.0;

/// Usual service of the members of one kind.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    members: f64,
    slots: usize,
    /// Count and sum of roots, then mean root, by occupancy.
    at: Vec<(f64, f64)>,
    /// Logarithm of the squared mean root.
    level: f64,
}

impl Default for Usual {
    fn default() -> Self {
        Self { members: 0.0, slots: 0, at: vec![(0.0, 0.0); OCCUPANCIES], level: 0.0 }
    }
}

impl Usual {
    pub(super) fn clear(&mut self) {
        self.members = 0.0;
        self.at.fill((0.0, 0.0));
    }

    pub(super) fn add(&mut self, service: &Service, parallelism: f64) {
        self.members += 1.0;
        self.slots = (parallelism as usize).clamp(1, OCCUPANCIES);
        for (occupancy, (count, roots)) in self.at[..self.slots].iter_mut().enumerate() {
            let (more, their_roots) = service.at(occupancy);
            (*count, *roots) = (*count + more, *roots + their_roots);
        }
    }

    /// All members are in.
    pub(super) fn settle(&mut self) {
        let (mut count, mut roots) = (0.0, 0.0);
        for at in &mut self.at[..self.slots] {
            if count < ENOUGH * self.members {
                (count, roots) = (count + at.0, roots + at.1);
            }
            at.1 = if at.0 > 0.0 { at.1 / at.0 } else { 0.0 };
        }
        if count > 0.0 {
            self.level = 2.0 * (roots / count).max(1.0).ln();
        }
    }

    /// Answers of this member that did not wait, and the level they speak for.
    pub(super) fn level_of(&self, service: &Service) -> (f64, f64) {
        let (mut count, mut roots, mut usual) = (0.0, 0.0, 0.0);
        for (occupancy, (_, mean)) in self.at[..self.slots].iter().enumerate() {
            let (more, their_roots) = service.at(occupancy);
            (count, roots, usual) = (count + more, roots + their_roots, usual + more * mean);
        }
        (count, if usual > 0.0 && roots > 0.0 { self.level + 2.0 * (roots / usual).ln() } else { self.level })
    }
}
