//! The choice of one target among those that may take a request.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::config::Algorithm;

/// A target that may take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub(super) id: &'a str,
    /// Requests that this node waits for.
    pub(super) outstanding: usize,
}

/// The index of the one that takes the next request, of candidates sorted by id. `last` took the one before.
pub(super) fn choose(
    algorithm: Algorithm,
    candidates: &[Candidate],
    last: Option<&str>,
    random: &mut StdRng,
) -> Option<usize> {
    if candidates.is_empty() {
        return None;
    }
    match algorithm {
        Algorithm::RoundRobin => Some(next(candidates, last, |_| true)),
        // Those with equally few take turns.
        Algorithm::LeastOutstandingRequests => {
            let fewest = candidates.iter().map(|candidate| candidate.outstanding).min()?;
            Some(next(candidates, last, |candidate| candidate.outstanding == fewest))
        }
        // All weights are equal as long as no anomaly is mitigated, which is off by default (user guide, "Edit target
        // group attributes").
        Algorithm::WeightedRandom => Some(random.random_range(0..candidates.len())),
    }
}

/// The first eligible one after `last`, and after the last of all the first.
fn next(candidates: &[Candidate], last: Option<&str>, is_eligible: impl Fn(&Candidate) -> bool) -> usize {
    let eligible = || candidates.iter().enumerate().filter(|(_, candidate)| is_eligible(candidate));
    let after = eligible().find(|(_, candidate)| last.is_none_or(|last| candidate.id > last));
    after.or_else(|| eligible().next()).map_or(0, |(index, _)| index)
}

/// The id that a request goes to, by weights. `None`: all of them are 0.
pub(super) fn by_weight<'a>(
    weights: impl Iterator<Item = (&'a str, u32)> + Clone,
    random: &mut StdRng,
) -> Option<&'a str> {
    let sum: u64 = weights.clone().map(|(_, weight)| u64::from(weight)).sum();
    let mut positive = weights.filter(|(_, weight)| *weight > 0);
    if sum == 0 {
        return None;
    }
    let mut drawn = random.random_range(0..sum);
    positive.find_map(|(id, weight)| {
        let is_it = drawn < u64::from(weight);
        drawn = drawn.saturating_sub(u64::from(weight));
        is_it.then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng as _;

    use super::*;

    fn candidates<'a>(all: &[(&'a str, usize)]) -> Vec<Candidate<'a>> {
        all.iter().map(|(id, outstanding)| Candidate { id, outstanding: *outstanding }).collect()
    }

    #[test]
    fn turns_go_on_when_targets_come_and_go() {
        let mut random = StdRng::seed_from_u64(1);
        let mut chosen = |all: &[(&str, usize)], last| {
            choose(Algorithm::RoundRobin, &candidates(all), last, &mut random).map(|index| all[index].0.to_owned())
        };
        let all = [("a", 0), ("b", 9), ("d", 0)];
        assert_eq!(chosen(&all, None).unwrap(), "a");
        assert_eq!(chosen(&all, Some("a")).unwrap(), "b");
        assert_eq!(chosen(&all, Some("c")).unwrap(), "d", "c has left");
        assert_eq!(chosen(&all, Some("d")).unwrap(), "a");
        assert_eq!(chosen(&[], Some("d")), None);
    }

    #[test]
    fn the_fewest_outstanding_wins_and_equals_take_turns() {
        let mut random = StdRng::seed_from_u64(1);
        let all = candidates(&[("a", 1), ("b", 3), ("c", 1)]);
        let mut least = |last| choose(Algorithm::LeastOutstandingRequests, &all, Some(last), &mut random).unwrap();
        assert_eq!([least("a"), least("b"), least("c")], [2, 2, 0]);
    }

    #[test]
    fn chance_is_fair_and_comes_from_the_seed() {
        let all = candidates(&[("a", 0), ("b", 50), ("c", 0), ("d", 0)]);
        let draws = |seed| -> Vec<usize> {
            let mut random = StdRng::seed_from_u64(seed);
            (0..4000).map(|_| choose(Algorithm::WeightedRandom, &all, None, &mut random).unwrap()).collect()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        for index in 0..4 {
            let share = draws(7).iter().filter(|drawn| **drawn == index).count();
            assert!((880..1120).contains(&share), "{index} was drawn {share} times of 4000");
        }
    }

    #[test]
    fn weights_are_kept_and_none_means_nobody() {
        let mut random = StdRng::seed_from_u64(3);
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for _ in 0..4000 {
            let weights = [("a", 0), ("b", 1), ("c", 3)].into_iter();
            *counts.entry(by_weight(weights, &mut random).unwrap()).or_default() += 1;
        }
        assert!(!counts.contains_key("a") && (900..1100).contains(&counts["b"]), "{counts:?}");
        assert_eq!(by_weight([("a", 0)].into_iter(), &mut random), None);
    }
}
