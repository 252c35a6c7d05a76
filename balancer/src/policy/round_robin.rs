//! Each member in turn.
//!
//! Source: the oldest rule there is, and the default of nginx and of the AWS Application Load Balancer.
//! Pathology: blind to everything. Equal shares for unequal members: four members of capacity 1 and four of
//! capacity 2 are overloaded at two thirds of what they could serve, and a slow member slows every eighth request.

use rand::Rng;

use super::{Ask, Candidate, MemberKey, Nanos, Pick, Policy};

/// Remembers who was last and takes the next higher key: correct whatever members come, go or fall ill meanwhile.
#[derive(Debug, Default)]
pub struct RoundRobin {
    last: Option<MemberKey>,
}

impl Policy for RoundRobin {
    fn members(&mut self, _now: Nanos, _members: &[MemberKey]) {}

    fn pick(&mut self, _now: Nanos, ask: &Ask<'_>, _random: &mut dyn Rng) -> Pick {
        let candidates = ask.candidates;
        let after_last = |candidate: &Candidate| self.last.is_none_or(|last| candidate.key > last);
        let index = candidates.iter().position(after_last).unwrap_or(0);
        self.last = candidates.get(index).map(|candidate| candidate.key);
        Pick::Send { index, note: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, placed, random, shares};

    #[test]
    fn every_member_gets_exactly_its_turn() {
        assert_eq!(shares(&mut RoundRobin::default(), Some(0.1)), [1_000, 1_000, 1_000]);
    }

    #[test]
    fn a_member_that_is_out_is_skipped_and_the_turn_goes_on() {
        let (mut policy, mut random) = (RoundRobin::default(), random(1));
        let mut turn = |keys: &[u64]| {
            let candidates = candidates(keys);
            candidates[placed(&mut policy, &candidates, &mut random)].key.0
        };
        assert_eq!([turn(&[1, 2, 3]), turn(&[1, 3]), turn(&[1, 2, 3]), turn(&[1, 2, 3])], [1, 3, 1, 2]);
        assert_eq!(turn(&[7]), 7);
    }

    #[test]
    fn a_failing_member_gets_no_more_than_its_turn() {
        assert_eq!(shares(&mut RoundRobin::default(), None), [1_000, 1_000, 1_000]);
    }
}
