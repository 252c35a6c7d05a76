//! One round: a way for each target, the targets in turn step by step.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::estimate::Estimate;
use super::way::{Found, Way};

/// Starts of ways have streams of their own, apart from those of arrivals and work that the same seed gives.
const STREAM: u64 = 1 << 40;

/// What the start of a target's way is drawn from.
pub(crate) fn start_of(seed: u64, number: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM + number as u64);
    random
}

/// The ways of one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Number of each target, and its way, in the order of the round.
    ways: Vec<(usize, Way)>,
    turn: usize,
}

impl Round {
    /// `targets`: the number of each, in the order of the round, with what is believed of it and the most that may be asked of it.
    pub fn new<'a>(seed: u64, targets: impl IntoIterator<Item = (usize, &'a Estimate, u32)>) -> Self {
        let targets = targets.into_iter();
        Self::begun(targets.map(|(number, estimate, most)| (number, estimate.start(&mut start_of(seed, number)), most)))
    }

    /// Ways that begin at these rates: number of each target, its first rate, and the most that may be asked of it.
    pub(crate) fn begun(starts: impl IntoIterator<Item = (usize, f64, u32)>) -> Self {
        let way = |(number, start, most)| (number, Way::new(start, most));
        Self { ways: starts.into_iter().map(way).collect(), turn: 0 }
    }

    /// The target that is to be tried now, and the rate; `None` when all ways are walked.
    pub fn next(&self) -> Option<(usize, u32)> {
        let (number, way) = self.in_turn()?;
        Some((*number, way.next().ok()?))
    }

    /// What the step of [`Self::next`] showed. The next target has its turn.
    pub fn tried(&mut self, excess: f64) {
        let Some(index) = self.index_in_turn() else { return };
        self.ways[index].1.tried(excess);
        self.turn = index + 1;
    }

    /// The step of [`Self::next`] showed nothing of its target: its way ends, at the highest rate that it kept, if any.
    pub fn gives_up(&mut self) -> Option<u32> {
        let index = self.index_in_turn()?;
        let (_, way) = self.ways.remove(index);
        self.turn = index;
        way.met()
    }

    /// What each way found that was walked to its end, by number of its target.
    pub fn found(&self) -> impl Iterator<Item = (usize, Found)> {
        self.ways.iter().filter_map(|(number, way)| Some((*number, way.next().err()?)))
    }

    fn in_turn(&self) -> Option<&(usize, Way)> {
        self.ways.get(self.index_in_turn()?)
    }

    fn index_in_turn(&self) -> Option<usize> {
        let count = self.ways.len();
        (self.turn..self.turn + count).map(|index| index % count).find(|index| self.ways[*index].1.next().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimates() -> [Estimate; 2] {
        [Estimate::new(1_000.0), Estimate::new(2_000.0)]
    }

    fn round(estimates: &[Estimate; 2], seed: u64) -> Round {
        Round::new(seed, [(1, &estimates[1], 10_000), (0, &estimates[0], 10_000)])
    }

    #[test]
    fn targets_take_turns_until_their_ways_are_walked() {
        let estimates = estimates();
        let mut round = round(&estimates, 7);
        let mut turns = Vec::new();
        while let Some((number, rate)) = round.next() {
            turns.push(number);
            let capacity = [749.0, 1_498.0][number];
            round.tried(8.0 * (f64::from(rate) / capacity).ln());
        }
        assert_eq!(turns[..4], [1, 0, 1, 0]);
        let found: Vec<(usize, Found)> = round.found().collect();
        assert!(
            matches!(found[0], (1, Found::Capacity(capacity)) if (capacity / 1_498.0 - 1.0).abs() < 0.01),
            "{found:?}"
        );
        assert!(
            matches!(found[1], (0, Found::Capacity(capacity)) if (capacity / 749.0 - 1.0).abs() < 0.01),
            "{found:?}"
        );
    }

    #[test]
    fn each_target_begins_elsewhere_and_a_seed_always_in_the_same_place() {
        let estimates = [Estimate::new(1_000.0), Estimate::new(1_000.0)];
        let starts = |seed| round(&estimates, seed).ways.iter().map(|(_, way)| way.next()).collect::<Vec<_>>();
        assert_ne!(starts(7)[0], starts(7)[1]);
        assert_eq!(starts(7), starts(7));
        assert_ne!(starts(7), starts(8));
    }

    #[test]
    fn a_target_that_shows_nothing_leaves_the_others_alone() {
        let estimates = estimates();
        let mut round = round(&estimates, 7);
        assert_eq!(round.next().map(|(number, _)| number), Some(1));
        round.tried(-1.0);
        assert_eq!(round.next().map(|(number, _)| number), Some(0));
        assert_eq!(round.gives_up(), None, "none was kept");
        while let Some((number, _)) = round.next() {
            assert_eq!(number, 1);
            round.tried(1.0);
        }
        assert_eq!(round.found().map(|(number, _)| number).collect::<Vec<_>>(), [1]);
    }
}
