//! Moments at which the requests of an open-loop phase are due: fixed by the seed before the first one is sent. Pure.
//!
//! There is one schedule for all threads and all generators. A sender with slice `i` of `n` draws the whole of it and
//! sends every n-th request: the slices of any number of senders add up to exactly the schedule of one.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::{Arrivals as Kind, OpenLoop, Slice, Stop};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Arrivals have streams of their own, apart from those that orders and work are drawn from with the same seed.
const STREAM: u64 = 1 << 32;

/// A request and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Counts from 0 through all senders of the phase.
    pub(crate) index: u64,
    /// From the start of the phase.
    pub(crate) at_nanos: u64,
}

/// The planned requests of one phase, for one slice of it. Constant memory, whatever their number.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    random: ChaCha8Rng,
    kind: Kind,
    /// Rates, each until a moment; the last one's moment ends the phase.
    steps: Vec<Step>,
    step: usize,
    slice: Slice,
    /// Requests of all senders that are still to come, at most.
    left: u64,
    index: u64,
    /// Moment of the last request; of constant arrivals, the number of requests since the step began.
    at_nanos: u64,
    within_step: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    requests_per_second: u64,
    from_nanos: u64,
    until_nanos: u64,
}

impl Arrivals {
    /// `phase` numbers the phases of a round, so that each has arrivals of its own.
    pub(crate) fn new(load: &OpenLoop, seed: u64, phase: u64, slice: Slice) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(STREAM + phase);
        let left = match load.stop {
            Stop::Requests(requests) => requests,
            Stop::DurationSeconds(_) => u64::MAX,
        };
        Self {
            random,
            kind: load.arrivals,
            steps: steps(load),
            step: 0,
            slice,
            left,
            index: 0,
            at_nanos: 0,
            within_step: 0,
        }
    }

    /// When the phase is over by the clock, for one that stops by the clock.
    pub(crate) fn ends_nanos(&self) -> Option<u64> {
        self.steps.last().map(|step| step.until_nanos).filter(|end| *end != u64::MAX)
    }

    fn next_of_all(&mut self) -> Option<Planned> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let step = *self.steps.get(self.step)?;
            let at_nanos = match self.kind {
                // From the number of the request, not by adding up gaps: no rounding error grows.
                Kind::Constant => step.from_nanos + gaps(self.within_step, step.requests_per_second),
                Kind::Poisson => self.at_nanos.saturating_add(self.gap(step.requests_per_second)),
            };
            if at_nanos >= step.until_nanos {
                // The exponential gap forgets: at a new rate it may be drawn anew from where the rate changes.
                (self.step, self.within_step, self.at_nanos) = (self.step + 1, 0, step.until_nanos);
                continue;
            }
            self.within_step += 1;
            self.at_nanos = at_nanos;
            let planned = Planned { index: self.index, at_nanos };
            self.index += 1;
            return Some(planned);
        }
    }

    /// An exponential gap: `-ln(u) / rate` with u in (0, 1], 53 bits of it.
    fn gap(&mut self, requests_per_second: u64) -> u64 {
        let uniform = ((self.random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        (-uniform.ln() * NANOS_PER_SECOND as f64 / requests_per_second as f64).round() as u64
    }
}

impl Iterator for Arrivals {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let (index, count) = (u64::from(self.slice.index), u64::from(self.slice.count.max(1)));
        loop {
            let planned = self.next_of_all()?;
            if planned.index % count == index {
                return Some(planned);
            }
        }
    }
}

/// Slice `thread` of `threads` of what `slice` sends.
pub(crate) fn slice_of_thread(slice: Slice, thread: u32, threads: u32) -> Slice {
    Slice { index: slice.index + thread * slice.count, count: slice.count * threads }
}

fn gaps(count: u64, requests_per_second: u64) -> u64 {
    (u128::from(count) * u128::from(NANOS_PER_SECOND) / u128::from(requests_per_second)) as u64
}

fn steps(load: &OpenLoop) -> Vec<Step> {
    let rate = u64::from(load.requests_per_second.max(1));
    let end = match load.stop {
        Stop::Requests(_) => u64::MAX,
        Stop::DurationSeconds(seconds) => u64::from(seconds) * NANOS_PER_SECOND,
    };
    let Some(ramp) = load.ramp.filter(|ramp| ramp.steps > 1 && end != u64::MAX) else {
        return vec![Step { requests_per_second: rate, from_nanos: 0, until_nanos: end }];
    };
    let (to, count) = (i64::from(ramp.to_requests_per_second.max(1)), i64::from(ramp.steps));
    let step = |number: i64| Step {
        requests_per_second: (rate as i64 + (to - rate as i64) * number / (count - 1)) as u64,
        from_nanos: end / count as u64 * number as u64,
        until_nanos: if number + 1 == count { end } else { end / count as u64 * (number + 1) as u64 },
    };
    (0..count).map(step).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::Ramp;

    use super::*;

    const ALL: Slice = Slice { index: 0, count: 1 };

    fn load(arrivals: Kind, requests_per_second: u32, stop: Stop) -> OpenLoop {
        OpenLoop { arrivals, requests_per_second, stop, ramp: None, max_connections: None }
    }

    fn times(load: &OpenLoop, seed: u64) -> Vec<u64> {
        Arrivals::new(load, seed, 0, ALL).map(|planned| planned.at_nanos).collect()
    }

    #[test]
    fn constant_gaps_do_not_drift() {
        let third = load(Kind::Constant, 3, Stop::DurationSeconds(1000));
        let times = times(&third, 1);
        assert_eq!(times.len(), 3000);
        assert_eq!(&times[..4], [0, 333_333_333, 666_666_666, 1_000_000_000]);
        assert_eq!(times[2997], 999_000_000_000);
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        const RATE: u32 = 20_000;
        let times = times(&load(Kind::Poisson, RATE, Stop::Requests(200_000)), 7);
        let mut gaps: Vec<f64> =
            times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 * f64::from(RATE) / 1e9).collect();
        gaps.sort_by(f64::total_cmp);
        let count = gaps.len() as f64;
        let distance =
            gaps.iter().enumerate().map(|(rank, gap)| ((rank as f64 + 0.5) / count + (-gap).exp() - 1.0).abs());
        // Kolmogorov-Smirnov at 1 %: 1.63 / sqrt(n).
        let distance = distance.fold(0.0, f64::max);
        assert!(distance < 1.63 / count.sqrt(), "{distance}");
    }

    #[test]
    fn the_schedule_of_a_seed_never_changes() {
        let load = load(Kind::Poisson, 1000, Stop::Requests(4));
        assert_eq!(times(&load, 42), [561_809, 1_819_201, 3_853_173, 4_107_362]);
        assert_ne!(times(&load, 42), times(&load, 43));
        let second_phase: Vec<u64> = Arrivals::new(&load, 42, 1, ALL).map(|planned| planned.at_nanos).collect();
        assert_ne!(times(&load, 42), second_phase);
    }

    #[test]
    fn a_ramp_goes_up_in_steps() {
        let mut load = load(Kind::Constant, 100, Stop::DurationSeconds(3));
        load.ramp = Some(Ramp { to_requests_per_second: 300, steps: 3 });
        let times = times(&load, 1);
        let within = |second: u64| times.iter().filter(|at| **at / NANOS_PER_SECOND == second).count();
        assert_eq!([within(0), within(1), within(2)], [100, 200, 300]);
        load.arrivals = Kind::Poisson;
        let count = Arrivals::new(&load, 1, 0, ALL).count() as f64;
        assert!((count - 600.0).abs() < 4.0 * 600f64.sqrt(), "{count}");
    }

    proptest! {
        #[test]
        fn slices_add_up_to_the_whole(seed: u64, generators in 1u32..5, threads in 1u32..4, poisson: bool) {
            let kind = if poisson { Kind::Poisson } else { Kind::Constant };
            let load = load(kind, 997, Stop::DurationSeconds(1));
            let whole: Vec<Planned> = Arrivals::new(&load, seed, 0, ALL).collect();
            let shares = (0..generators).flat_map(|index| (0..threads).map(move |thread| (index, thread)));
            let mut parts: Vec<Planned> = shares
                .flat_map(|(index, thread)| {
                    let slice = slice_of_thread(Slice { index, count: generators }, thread, threads);
                    Arrivals::new(&load, seed, 0, slice)
                })
                .collect();
            parts.sort_by_key(|planned| planned.index);
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn times_never_go_back_and_end_in_time(seed: u64, rate in 1u32..50_000, poisson: bool) {
            let kind = if poisson { Kind::Poisson } else { Kind::Constant };
            let times = times(&load(kind, rate, Stop::DurationSeconds(1)), seed);
            prop_assert!(times.is_sorted());
            prop_assert!(times.iter().all(|at| *at < NANOS_PER_SECOND));
        }
    }
}
