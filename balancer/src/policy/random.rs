//! Any member, each with the same chance.
//!
//! Source: `random` of HAProxy and nginx with one draw; M/M/1 queues in the textbooks.
//! Pathology: blind, and uneven on top: with n requests out, shares differ by about the root of n, so some member has
//! a queue while another is idle. At 90 % load of 8 members the mean is 5.3 times that of one central queue.

use rand::{Rng, RngExt};

use super::{Ask, MemberKey, Nanos, Pick, Policy};

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct Random;

impl Policy for Random {
    fn members(&mut self, _now: Nanos, _members: &[MemberKey]) {}

    fn pick(&mut self, _now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        Pick::Send { index: random.random_range(0..ask.candidates.len().max(1)), note: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, placed, random};

    #[test]
    fn shares_are_equal_but_for_chance() {
        let (members, mut random) = (candidates(&[1, 2, 3]), random(5));
        let mut shares = [0; 3];
        (0..3_000).for_each(|_| shares[placed(&mut Random, &members, &mut random)] += 1);
        assert!(shares.iter().all(|share| (870..1_130).contains(share)) && shares[0] != shares[1], "{shares:?}");
    }
}
