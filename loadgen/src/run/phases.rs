//! Phases of a spec in order, and the load of each. Pure but for the clock reading that starts one.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use wire::{ClosedLoop, Connections, OpenLoop, Phase, RunSpec, Slice, Stop};

use crate::Target;
use crate::engine::expected::Expected;
use crate::engine::load::{Closed, Life, Load, Plan};
use crate::engine::poller::now_nanos;
use crate::engine::request::Template;
use crate::run::connection_limit::most_connections;
use crate::run::course::Course;
use crate::search::USERS_PER_SLOT;

/// After a phase that stops by the clock the numbers of requests go on at the next multiple of this, whatever was
/// sent: the next phase asks every cluster for the same.
const NUMBERS_OF_A_PHASE: u64 = 1_000_000_000;
/// Threads need a moment to begin together.
pub(crate) const AHEAD_NANOS: u64 = 1_000_000;

/// A phase with its place in the round.
#[derive(Clone, Debug)]
pub(crate) struct PlacedPhase {
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

impl PlacedPhase {
    /// A load by a schedule that has this number in its round.
    pub(crate) fn open(number: u64, load: OpenLoop) -> Self {
        Self::numbered(number, Kind::Open(load))
    }

    /// A load by users that has this number in its round.
    pub(crate) fn closed(number: u64, load: ClosedLoop) -> Self {
        Self::numbered(number, Kind::Closed(load))
    }

    fn numbered(number: u64, load: Kind) -> Self {
        Self { number, first_index: number * NUMBERS_OF_A_PHASE, pause: Duration::ZERO, load: Some(load) }
    }
}

/// Phases of a round, the same for every cluster.
pub(crate) fn of_round(spec: &RunSpec) -> Vec<PlacedPhase> {
    let mut first_index = 0;
    let placed = |(number, phase): (usize, &Phase)| {
        let number = number as u64;
        let (pause, load, stop) = match phase {
            Phase::Pause { seconds } => (Duration::from_secs(u64::from(*seconds)), None, Stop::Requests(0)),
            Phase::OpenLoop(load) => (Duration::ZERO, Some(Kind::Open(load.clone())), load.stop),
            Phase::ClosedLoop(load) => (Duration::ZERO, Some(Kind::Closed(load.clone())), load.stop),
        };
        let placed = PlacedPhase { number, first_index, pause, load };
        first_index = match stop {
            Stop::Requests(requests) => first_index.saturating_add(requests),
            Stop::DurationSeconds(_) => (first_index / NUMBERS_OF_A_PHASE + 1) * NUMBERS_OF_A_PHASE,
        };
        placed
    };
    spec.phases.iter().enumerate().map(placed).collect()
}

/// Phases of the warm-up, before the first round: the first load of a round, for as long as the warm-up takes.
pub(crate) fn of_warm_up(spec: &RunSpec) -> Vec<PlacedPhase> {
    let first = of_round(spec).into_iter().find_map(|placed| placed.load);
    // A search has no load before it has found one: a few users overload nothing.
    let few = ClosedLoop { concurrency: USERS_PER_SLOT, stop: Stop::Requests(0) };
    let first = first.or_else(|| spec.search.as_ref().map(|_| Kind::Closed(few)));
    let Some(first) = first else { return Vec::new() };
    let mut stops = Vec::new();
    if spec.warmup_requests > 0 {
        stops.push(Stop::Requests(spec.warmup_requests));
    }
    if spec.warmup_seconds > 0 {
        stops.push(Stop::DurationSeconds(spec.warmup_seconds));
    }
    let segment = |(number, stop): (usize, Stop)| PlacedPhase {
        number: number as u64,
        first_index: number as u64 * spec.warmup_requests,
        pause: Duration::ZERO,
        load: Some(match first.clone() {
            // Steps belong to the phase and not to a part of it.
            Kind::Open(load) => Kind::Open(OpenLoop { stop, ramp: None, ..load }),
            Kind::Closed(load) => Kind::Closed(ClosedLoop { stop, ..load }),
        }),
    };
    stops.into_iter().enumerate().map(segment).collect()
}

/// Names of the clusters of which one has to answer.
fn clusters_of<'a>(course: &'a Course<'_>, target: &'a Target) -> Vec<&'a str> {
    let others = || course.targets.iter().filter(|other| !other.is_shared).map(|other| other.serves.as_str());
    if target.is_shared { others().collect() } else { vec![target.serves.as_str()] }
}

/// Load of one phase for one cluster, that begins at `begins_nanos` or at once.
pub(crate) fn load(
    course: &Course<'_>,
    target: &Arc<Target>,
    seed: u64,
    placed: &PlacedPhase,
    members: Option<HashSet<Vec<u8>>>,
    begins_nanos: Option<u64>,
) -> Load {
    let spec = course.spec;
    let starts_nanos = begins_nanos.unwrap_or_else(|| now_nanos() + AHEAD_NANOS);
    let limit_nanos = course.request_limit.as_nanos() as u64;
    let drain_nanos = u64::from(spec.drains_for()) * 1_000_000_000;
    let plan = match &placed.load {
        Some(Kind::Open(load)) => {
            let (most_connections, limit) = most_connections(load.max_connections, course.most_connections);
            let (load, phase, slice) = (load.clone(), placed.number, spec.slice);
            Plan::Open { load, seed, phase, slice, most_connections, limit }
        }
        Some(Kind::Closed(load)) => closed(load, spec.slice, starts_nanos),
        None => closed(&ClosedLoop { concurrency: 0, stop: Stop::Requests(0) }, spec.slice, starts_nanos),
    };
    Load {
        target: target.clone(),
        addresses: course.names.of(&target.authority),
        template: Template::new(target, &spec.request, seed, course.files_in_turn(seed)),
        expected: Expected::new(&spec.request.expect, &clusters_of(course, target), members)
            .by_file(course.files.is_some()),
        zones: course.zones.clone(),
        keeps_connections: spec.request.connections == Connections::Kept,
        plan,
        starts_nanos,
        wall: course.series.wall(),
        limit_nanos,
        drain_nanos: drain_nanos.min(limit_nanos),
        counted: None,
        idle_nanos: course.idle_limit.as_nanos() as u64,
        give_up_nanos: course.give_up.as_nanos() as u64,
        first_index: placed.first_index,
        notes_sends: course.sends.is_some(),
        notes_wrong: course.wrong.is_some(),
        life: Life::default(),
        mutation: course.mutation,
    }
}

fn closed(load: &ClosedLoop, slice: Slice, starts_nanos: u64) -> Plan {
    let of_slice = |all: u64| {
        let (index, count) = (u64::from(slice.index), u64::from(slice.count.max(1)));
        all / count + u64::from(index < all % count)
    };
    let (most, ends_nanos) = match load.stop {
        Stop::Requests(requests) => (of_slice(requests), None),
        Stop::DurationSeconds(seconds) => (u64::MAX, Some(starts_nanos + u64::from(seconds) * 1_000_000_000)),
    };
    let users = of_slice(u64::from(load.concurrency)) as u32;
    Plan::Closed(Closed { users, slice, begun: AtomicU64::new(0), most, ends_nanos })
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
        let segments = of_round(&spec(phases));
        let firsts: Vec<u64> = segments.iter().map(|segment| segment.first_index).collect();
        assert_eq!(firsts, [0, 10, 10, 1_000_000_000, 1_000_000_001]);
        let pauses: Vec<u64> = segments.iter().map(|segment| segment.pause.as_secs()).collect();
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
        let warm_up = of_warm_up(&spec(vec![Phase::Pause { seconds: 1 }, Phase::OpenLoop(open.clone())]));
        let stops: Vec<_> = warm_up
            .iter()
            .map(|segment| match &segment.load {
                Some(Kind::Open(load)) => (load.stop, load.ramp, load.requests_per_second),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(stops, [(Stop::Requests(7), None, 10), (Stop::DurationSeconds(2), None, 10)]);
        let none = RunSpec { warmup_requests: 0, warmup_seconds: 0, ..spec(vec![Phase::OpenLoop(open)]) };
        assert!(of_warm_up(&none).is_empty());
    }

    #[test]
    fn generators_split_users_and_requests_exactly() {
        let load = ClosedLoop { concurrency: 10, stop: Stop::Requests(1001) };
        let parts: Vec<(u32, u64)> = (0..3)
            .map(|index| match closed(&load, Slice { index, count: 3 }, 0) {
                Plan::Closed(closed) => (closed.users, closed.most),
                Plan::Open { .. } => (0, 0),
            })
            .collect();
        assert_eq!(parts, [(4, 334), (3, 334), (3, 333)]);
    }
}
