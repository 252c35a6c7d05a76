//! A campaign with `auto` rounds, carried through the functions that a real one uses.

use stats::{Next, Rules, compare, next_look};
use wire::{AUTO_LOOKS, Comparison, RoundReport};

/// What is said at the end of a campaign whose every round is in `rounds` already, and after how many it ended.
pub(crate) fn auto(rules: &Rules, rounds: &[RoundReport], clusters: &[&str]) -> (Vec<Comparison>, usize) {
    let mut counted = AUTO_LOOKS[0] as usize;
    loop {
        let comparisons = compare(rules, &rounds[..counted], clusters);
        match next_look(counted as u32, &comparisons) {
            Next::Done => return (comparisons, counted),
            Next::Until(more) => counted = more as usize,
        }
    }
}
