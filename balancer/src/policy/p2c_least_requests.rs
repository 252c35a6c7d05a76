//! Two members are drawn at random, and the one with fewer requests in flight is picked.
//!
//! Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001); default of Envoy and YARP,
//! `random two least_conn` of nginx, `random(2)` of HAProxy.
//! Made for many balancers that do not see each other's requests: two draws avoid that all run to the same member. One
//! balancer that sees all its members throws information away with it: a pick misses the only idle one of eight three
//! times in four. It shares the other pathologies of least requests: blind to cores, and drawn to what fails at once.

use rand::{Rng, RngExt};

use super::{Ask, MemberKey, Nanos, Pick, Policy};

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct P2cLeastRequests;

impl Policy for P2cLeastRequests {
    fn members(&mut self, _now: Nanos, _members: &[MemberKey]) {}

    fn pick(&mut self, _now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        let (first, second) = two(ask.candidates.len(), random);
        let in_flight = |index: usize| ask.candidates.get(index).map(|candidate| candidate.in_flight);
        let index = if in_flight(second) < in_flight(first) { second } else { first };
        Pick::Send { index, note: 0 }
    }
}

/// Two different positions of so many, in random order; the same twice when there is only one.
pub(super) fn two(of: usize, random: &mut dyn Rng) -> (usize, usize) {
    if of < 2 {
        return (0, 0);
    }
    let (first, step) = (random.random_range(0..of), random.random_range(1..of));
    (first, (first + step) % of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checks::{candidates, placed, random};

    #[test]
    fn the_busiest_is_never_taken_and_the_idlest_two_times_in_three() {
        let (mut members, mut random) = (candidates(&[1, 2, 3]), random(5));
        (members[0].in_flight, members[1].in_flight, members[2].in_flight) = (5, 9, 0);
        let mut shares = [0; 3];
        (0..3_000).for_each(|_| shares[placed(&mut P2cLeastRequests, &members, &mut random)] += 1);
        assert!(shares[1] == 0 && (1_870..2_130).contains(&shares[2]), "{shares:?}");
        assert_eq!(two(1, &mut random), (0, 0));
    }
}
