//! Each member in turn.
//!
//! Source: the oldest rule there is, and the default of nginx and of the AWS Application Load Balancer.
//! Pathology: blind to everything. Equal shares for unequal members: four members of capacity 1 and four of
//! capacity 2 are overloaded at two thirds of what they could serve, and a slow member slows every eighth request.

use rand::Rng;

use super::{Candidate, MemberKey, Nanos, Pick, Policy};

/// Remembers who was last and takes the next higher key: correct whatever members come, go or fall ill meanwhile.
#[derive(Debug, Default)]
pub struct RoundRobin {
    last: Option<MemberKey>,
}

impl Policy for RoundRobin {
    fn members(&mut self, _now: Nanos, _members: &[MemberKey]) {}

    fn pick(&mut self, _now: Nanos, candidates: &[Candidate], _random: &mut dyn Rng) -> Pick {
        let after_last = |candidate: &Candidate| self.last.is_none_or(|last| candidate.key > last);
        let index = candidates.iter().position(after_last).unwrap_or(0);
        self.last = candidates.get(index).map(|candidate| candidate.key);
        Pick { index, note: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::simulation::{Simulation, candidates, random};

    #[test]
    fn every_member_gets_exactly_its_turn() {
        let mut simulation = Simulation::new(RoundRobin::default(), &[1_000, 1_000, 9_000]);
        simulation.open_loop(900, 500);
        assert_eq!(simulation.shares(), [300, 300, 300]);
    }

    #[test]
    fn a_member_that_is_out_is_skipped_and_the_turn_goes_on() {
        let (mut policy, mut random) = (RoundRobin::default(), random(1));
        let mut turn = |keys: &[u64]| {
            let candidates = candidates(keys);
            candidates[policy.pick(Nanos(0), &candidates, &mut random).index].key.0
        };
        assert_eq!([turn(&[1, 2, 3]), turn(&[1, 3]), turn(&[1, 2, 3]), turn(&[1, 2, 3])], [1, 3, 1, 2]);
        assert_eq!(turn(&[7]), 7);
    }

    #[test]
    fn a_failing_member_gets_no_more_than_its_turn() {
        let mut simulation = Simulation::new(RoundRobin::default(), &[1_000, 1_000, 10]);
        simulation.fail(2);
        simulation.open_loop(300, 500);
        assert_eq!(simulation.shares(), [100, 100, 100]);
    }
}
