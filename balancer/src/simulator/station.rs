//! A member at work, in virtual time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::scenario::{Discipline, Drift, Station};
use super::streams::{Name, Stream, normal, stream};

/// Index of a job of the engine.
pub(super) type JobId = u32;

/// Serves jobs. Whatever changes its next completion makes a new [`Working::next`]; the engine asks for it after each
/// call and ignores completions that were announced before.
#[derive(Debug)]
pub(super) struct Working {
    slots: usize,
    speed: f64,
    /// Share of requests that fail, and after how many nanoseconds.
    pub(super) fails: Option<(f64, u64)>,
    drift: Option<(Drift, f64, Stream)>,
    queue: Queue,
    /// Nanoseconds of the last change.
    since: u64,
}

#[derive(Debug)]
enum Queue {
    Fifo {
        /// (work left at `since`, job).
        busy: Vec<(f64, JobId)>,
        waiting: VecDeque<(f64, JobId)>,
    },
    Sharing {
        /// (work per job at which it is finished, order, job): all jobs advance together.
        jobs: BinaryHeap<Reverse<(Ordered, u64, JobId)>>,
        served: f64,
        order: u64,
    },
}

/// A float with a total order.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Working {
    pub(super) fn new(station: &Station, seed: u64, number: usize) -> Self {
        let drift = station.drift.map(|drift| {
            let mut stream = stream(seed, Name::Drift(number as u64));
            let start = drift.sigma * normal(&mut stream);
            (drift, start, stream)
        });
        let queue = match station.discipline {
            Discipline::Fifo => Queue::Fifo { busy: Vec::new(), waiting: VecDeque::new() },
            Discipline::Sharing => Queue::Sharing { jobs: BinaryHeap::new(), served: 0.0, order: 0 },
        };
        Self { slots: station.slots as usize, speed: station.speed, fails: None, drift, queue, since: 0 }
    }

    /// A job of so many nanoseconds of work comes in.
    pub(super) fn push(&mut self, now: u64, job: JobId, mut work: f64) {
        self.advance(now);
        if let Some((drift, x, stream)) = &mut self.drift {
            *x = drift.phi * *x + drift.sigma * (1.0 - drift.phi * drift.phi).sqrt() * normal(stream);
            work *= (*x - drift.sigma * drift.sigma / 2.0).exp();
        }
        match &mut self.queue {
            Queue::Fifo { busy, .. } if busy.len() < self.slots => busy.push((work, job)),
            Queue::Fifo { waiting, .. } => waiting.push_back((work, job)),
            Queue::Sharing { jobs, served, order } => {
                *order += 1;
                jobs.push(Reverse((Ordered(*served + work), *order, job)));
            }
        }
    }

    /// The moment at which the next job is finished, if nothing changes before.
    pub(super) fn next(&self) -> Option<u64> {
        if self.speed <= 0.0 {
            return None;
        }
        let left = match &self.queue {
            Queue::Fifo { busy, .. } => busy.iter().map(|(left, _)| *left).min_by(f64::total_cmp)? / self.speed,
            Queue::Sharing { jobs, served, .. } => {
                let Reverse((Ordered(end), ..)) = jobs.peek()?;
                (end - served) / self.rate(jobs.len())
            }
        };
        Some(self.since + left.max(0.0).round() as u64)
    }

    /// Takes out the job that is finished now.
    pub(super) fn pop(&mut self, now: u64) -> Option<JobId> {
        self.advance(now);
        match &mut self.queue {
            Queue::Fifo { busy, waiting } => {
                let first = (0..busy.len()).min_by(|a, b| busy[*a].0.total_cmp(&busy[*b].0))?;
                let (_, job) = busy.swap_remove(first);
                if busy.len() < self.slots {
                    busy.extend(waiting.pop_front());
                }
                Some(job)
            }
            Queue::Sharing { jobs, .. } => jobs.pop().map(|Reverse((_, _, job))| job),
        }
    }

    pub(super) fn set_speed(&mut self, now: u64, speed: f64) {
        self.advance(now);
        self.speed = speed;
    }

    pub(super) fn set_slots(&mut self, now: u64, slots: u32) {
        self.advance(now);
        self.slots = slots as usize;
        if let Queue::Fifo { busy, waiting } = &mut self.queue {
            while busy.len() < self.slots {
                let Some(next) = waiting.pop_front() else { break };
                busy.push(next);
            }
        }
    }

    /// Work done per job and nanosecond when `jobs` share the cores.
    fn rate(&self, jobs: usize) -> f64 {
        self.speed * (self.slots as f64 / jobs.max(1) as f64).min(1.0)
    }

    fn advance(&mut self, now: u64) {
        let elapsed = (now - self.since) as f64;
        self.since = now;
        let (slots, speed) = (self.slots, self.speed);
        match &mut self.queue {
            Queue::Fifo { busy, .. } => busy.iter_mut().for_each(|(left, _)| *left -= elapsed * speed),
            Queue::Sharing { jobs, served, .. } => {
                *served += elapsed * speed * (slots as f64 / jobs.len().max(1) as f64).min(1.0);
            }
        }
    }
}
