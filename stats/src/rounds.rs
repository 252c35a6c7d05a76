//! Rounds that count. Pure.

use wire::{ClusterReport, RoundOutcome, RoundReport};

/// Rounds that count, in the order measured.
pub fn counted(rounds: &[RoundReport]) -> impl Iterator<Item = &RoundReport> {
    rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted)
}

/// One cluster in the rounds that count, in which it was measured.
pub fn counted_of<'a>(rounds: &'a [RoundReport], name: &str) -> impl Iterator<Item = &'a ClusterReport> {
    counted(rounds).flat_map(|round| &round.clusters).filter(move |cluster| cluster.cluster == name)
}
