//! Limit of the connections that a run has open at the same time, with its owner. Pure.

use wire::{GeneratorLimit, MOST_CONNECTIONS, Phase, RunSpec};

/// Whether the connections that all loads of a round keep could together be more than `most`.
pub(crate) fn is_crowded(spec: &RunSpec, authorities: usize, most: usize) -> bool {
    let of_phase = |phase: &Phase| match phase {
        Phase::Pause { .. } => 0,
        Phase::ClosedLoop(load) => load.concurrency as usize,
        Phase::OpenLoop(load) => most_connections(load.max_connections, most).0,
    };
    // One phase after the other: its threads may be others, and then so are its connections.
    let of_search = spec.search.iter().map(|_| most_connections(None, most).0);
    authorities.saturating_mul(spec.phases.iter().map(of_phase).chain(of_search).sum()) > most
}

/// Connections of an open loop at the same time, and whose limit that is: `None` when so many were asked for.
pub(crate) fn most_connections(asked: Option<u32>, open_files: usize) -> (usize, Option<GeneratorLimit>) {
    let (wanted, limit) = match asked {
        Some(most) => (most as usize, None),
        None => (MOST_CONNECTIONS as usize, Some(GeneratorLimit::Connections)),
    };
    if open_files < wanted { (open_files, Some(GeneratorLimit::OpenFiles)) } else { (wanted, limit) }
}

#[cfg(test)]
mod tests {
    use wire::{Arrivals, ClosedLoop, OpenLoop, Stop};

    use super::*;

    fn spec(phases: Vec<Phase>) -> RunSpec {
        RunSpec { phases, ..RunSpec::default() }
    }

    #[test]
    fn connections_have_a_limit_that_has_an_owner() {
        assert_eq!(most_connections(Some(20), 960), (20, None));
        assert_eq!(most_connections(Some(20_000), 90_000), (20_000, None));
        assert_eq!(most_connections(None, 90_000), (10_000, Some(GeneratorLimit::Connections)));
        assert_eq!(most_connections(None, 960), (960, Some(GeneratorLimit::OpenFiles)));
        assert_eq!(
            most_connections(Some(20), 10),
            (10, Some(GeneratorLimit::OpenFiles)),
            "also when it is refused before"
        );
    }

    #[test]
    fn a_run_is_crowded_when_all_that_its_loads_keep_is_more_than_there_may_be() {
        let closed = |concurrency| Phase::ClosedLoop(ClosedLoop { concurrency, stop: Stop::Requests(1) });
        let one = spec(vec![closed(50), Phase::Pause { seconds: 1 }]);
        assert_eq!([1, 2, 3].map(|authorities| is_crowded(&one, authorities, 100)), [false, false, true]);
        assert!(is_crowded(&spec(vec![closed(50), closed(51)]), 1, 100));
        let (arrivals, stop) = (Arrivals::Constant, Stop::Requests(1));
        let open = OpenLoop { arrivals, requests_per_second: 1, stop, ramp: None, max_connections: None };
        let open = spec(vec![Phase::OpenLoop(open)]);
        assert_eq!([100, 19_999, 20_000].map(|most| is_crowded(&open, 2, most)), [true, true, false]);
        assert!(!is_crowded(&open, 1, 100));
    }
}
