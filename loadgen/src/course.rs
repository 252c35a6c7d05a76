//! The phases of a spec as stretches of load, in order. Pure but for the clock reading that starts one.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use wire::{
    ClosedLoop, Connections, DRAIN_SECONDS, GeneratorLimit, MOST_CONNECTIONS, OpenLoop, Phase, RunSpec, Share, Stop,
};

use crate::Target;
use crate::engine::expected::Expected;
use crate::engine::load::{Closed, Life, Load, Plan};
use crate::engine::poller::now_nanos;
use crate::engine::request::Template;
use crate::round::Course;

/// After a phase that stops by the clock the numbers of requests go on at the next multiple of this, whatever was
/// sent: the next phase asks every cluster for the same.
const NUMBERS_OF_A_PHASE: u64 = 1_000_000_000;
/// Threads need a moment to begin together.
pub(crate) const AHEAD_NANOS: u64 = 1_000_000;

/// A phase with its place in the round.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) number: u64,
    pub(crate) first_index: u64,
    /// Zero: it is a load.
    pub(crate) pause: Duration,
    load: Option<Kind>,
}

#[derive(Clone, Debug)]
enum Kind {
    Open(OpenLoop),
    Closed(ClosedLoop),
}

pub(crate) struct Stretches;

impl Stretches {
    /// What every round does with every cluster.
    pub(crate) fn of_round(spec: &RunSpec) -> Vec<Placed> {
        let mut first_index = 0;
        let placed = |(number, phase): (usize, &Phase)| {
            let number = number as u64;
            let (pause, load, stop) = match phase {
                Phase::Pause { seconds } => (Duration::from_secs(u64::from(*seconds)), None, Stop::Requests(0)),
                Phase::OpenLoop(load) => (Duration::ZERO, Some(Kind::Open(load.clone())), load.stop),
                Phase::ClosedLoop(load) => (Duration::ZERO, Some(Kind::Closed(load.clone())), load.stop),
            };
            let placed = Placed { number, first_index, pause, load };
            first_index = match stop {
                Stop::Requests(requests) => first_index.saturating_add(requests),
                Stop::DurationSeconds(_) => (first_index / NUMBERS_OF_A_PHASE + 1) * NUMBERS_OF_A_PHASE,
            };
            placed
        };
        spec.phases.iter().enumerate().map(placed).collect()
    }

    /// Before the first round: the first load of a round, for as long as the warm-up takes.
    pub(crate) fn of_warm_up(spec: &RunSpec) -> Vec<Placed> {
        let first = Self::of_round(spec).into_iter().find_map(|placed| placed.load);
        let Some(first) = first else { return Vec::new() };
        let mut stops = Vec::new();
        if spec.warmup_requests > 0 {
            stops.push(Stop::Requests(spec.warmup_requests));
        }
        if spec.warmup_seconds > 0 {
            stops.push(Stop::DurationSeconds(spec.warmup_seconds));
        }
        let stretch = |(number, stop): (usize, Stop)| Placed {
            number: number as u64,
            first_index: number as u64 * spec.warmup_requests,
            pause: Duration::ZERO,
            load: Some(match first.clone() {
                // Steps belong to the phase and not to a part of it.
                Kind::Open(load) => Kind::Open(OpenLoop { stop, ramp: None, ..load }),
                Kind::Closed(load) => Kind::Closed(ClosedLoop { stop, ..load }),
            }),
        };
        stops.into_iter().enumerate().map(stretch).collect()
    }
}

/// One stretch of load for one cluster, that begins at `begins_nanos` or at once.
pub(crate) fn load(
    course: &Course<'_>,
    target: &Arc<Target>,
    seed: u64,
    placed: &Placed,
    members: Option<HashSet<Vec<u8>>>,
    begins_nanos: Option<u64>,
) -> Load {
    let spec = course.spec;
    let starts_nanos = begins_nanos.unwrap_or_else(|| now_nanos() + AHEAD_NANOS);
    let limit_nanos = course.request_limit.as_nanos() as u64;
    let drain_nanos = u64::from(spec.drain_seconds.unwrap_or(DRAIN_SECONDS)) * 1_000_000_000;
    let plan = match &placed.load {
        Some(Kind::Open(load)) => {
            let (most_connections, limit) = most_connections(load.max_connections, course.most_connections);
            let (load, phase, share) = (load.clone(), placed.number, spec.share);
            Plan::Open { load, seed, phase, share, most_connections, limit }
        }
        Some(Kind::Closed(load)) => closed(load, spec.share, starts_nanos),
        None => closed(&ClosedLoop { concurrency: 0, stop: Stop::Requests(0) }, spec.share, starts_nanos),
    };
    Load {
        target: target.clone(),
        addresses: course.names.of(&target.authority),
        template: Template::new(target, &spec.request, seed),
        expected: Expected::new(&spec.request.expect, &target.serves, members),
        keeps_connections: spec.request.connections == Connections::Kept,
        plan,
        starts_nanos,
        limit_nanos,
        drain_nanos: drain_nanos.min(limit_nanos),
        give_up_nanos: course.give_up.as_nanos() as u64,
        first_index: placed.first_index,
        notes_sends: course.sends.is_some(),
        life: Life::default(),
        honesty: course.honesty,
    }
}

/// Whether the connections that all loads of a round keep could together be more than `most`.
pub(crate) fn is_crowded(spec: &RunSpec, authorities: usize, most: usize) -> bool {
    let of_phase = |phase: &Phase| match phase {
        Phase::Pause { .. } => 0,
        Phase::ClosedLoop(load) => load.concurrency as usize,
        Phase::OpenLoop(load) => most_connections(load.max_connections, most).0,
    };
    // One phase after the other: its threads may be others, and then so are its connections.
    authorities.saturating_mul(spec.phases.iter().map(of_phase).sum()) > most
}

/// Connections of an open loop at the same time, and whose limit that is: `None` when so many were asked for.
fn most_connections(asked: Option<u32>, open_files: usize) -> (usize, Option<GeneratorLimit>) {
    let (wanted, limit) = match asked {
        Some(most) => (most as usize, None),
        None => (MOST_CONNECTIONS as usize, Some(GeneratorLimit::Connections)),
    };
    if open_files < wanted { (open_files, Some(GeneratorLimit::OpenFiles)) } else { (wanted, limit) }
}

fn closed(load: &ClosedLoop, share: Share, starts_nanos: u64) -> Plan {
    let of_share = |all: u64| {
        let (index, count) = (u64::from(share.index), u64::from(share.count.max(1)));
        all / count + u64::from(index < all % count)
    };
    let (most, ends_nanos) = match load.stop {
        Stop::Requests(requests) => (of_share(requests), None),
        Stop::DurationSeconds(seconds) => (u64::MAX, Some(starts_nanos + u64::from(seconds) * 1_000_000_000)),
    };
    let users = of_share(u64::from(load.concurrency)) as u32;
    Plan::Closed(Closed { users, share, begun: AtomicU64::new(0), most, ends_nanos })
}

#[cfg(test)]
mod tests {
    use wire::Arrivals;

    use super::*;

    fn spec(phases: Vec<Phase>) -> RunSpec {
        RunSpec { phases, warmup_requests: 7, warmup_seconds: 2, ..RunSpec::default() }
    }

    fn closed_loop(stop: Stop) -> Phase {
        Phase::ClosedLoop(ClosedLoop { concurrency: 3, stop })
    }

    #[test]
    fn numbers_go_on_from_phase_to_phase_and_never_depend_on_what_was_sent() {
        let phases = vec![
            closed_loop(Stop::Requests(10)),
            Phase::Pause { seconds: 3 },
            closed_loop(Stop::DurationSeconds(5)),
            closed_loop(Stop::Requests(1)),
            closed_loop(Stop::Requests(1)),
        ];
        let stretches = Stretches::of_round(&spec(phases));
        let firsts: Vec<u64> = stretches.iter().map(|stretch| stretch.first_index).collect();
        assert_eq!(firsts, [0, 10, 10, 1_000_000_000, 1_000_000_001]);
        let pauses: Vec<u64> = stretches.iter().map(|stretch| stretch.pause.as_secs()).collect();
        assert_eq!(pauses, [0, 3, 0, 0, 0]);
    }

    #[test]
    fn the_warm_up_is_the_first_load_without_its_steps() {
        let open = OpenLoop {
            arrivals: Arrivals::Poisson,
            requests_per_second: 10,
            stop: Stop::DurationSeconds(60),
            ramp: Some(wire::Ramp { to_requests_per_second: 20, steps: 2 }),
            max_connections: None,
        };
        let warm_up = Stretches::of_warm_up(&spec(vec![Phase::Pause { seconds: 1 }, Phase::OpenLoop(open.clone())]));
        let stops: Vec<_> = warm_up
            .iter()
            .map(|stretch| match &stretch.load {
                Some(Kind::Open(load)) => (load.stop, load.ramp, load.requests_per_second),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(stops, [(Stop::Requests(7), None, 10), (Stop::DurationSeconds(2), None, 10)]);
        let none = RunSpec { warmup_requests: 0, warmup_seconds: 0, ..spec(vec![Phase::OpenLoop(open)]) };
        assert!(Stretches::of_warm_up(&none).is_empty());
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

    #[test]
    fn generators_split_users_and_requests_exactly() {
        let load = ClosedLoop { concurrency: 10, stop: Stop::Requests(1001) };
        let parts: Vec<(u32, u64)> = (0..3)
            .map(|index| match closed(&load, Share { index, count: 3 }, 0) {
                Plan::Closed(closed) => (closed.users, closed.most),
                Plan::Open { .. } => (0, 0),
            })
            .collect();
        assert_eq!(parts, [(4, 334), (3, 334), (3, 333)]);
    }
}
