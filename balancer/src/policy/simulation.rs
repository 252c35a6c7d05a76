//! A cluster in virtual time, to see what a policy does with it. Members serve any number of requests at the same
//! time, each in the member's own constant time; one that fails does so after that time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Candidate, MemberKey, Nanos, Outcome, Pick, Policy};

/// A generator of the given seed; the seed is printed so that a failure can be repeated.
pub(super) fn random(seed: u64) -> ChaCha8Rng {
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Idle candidates with these keys.
pub(super) fn candidates(keys: &[u64]) -> Vec<Candidate> {
    keys.iter().map(|key| Candidate { key: MemberKey(*key), in_flight: 0, parallelism: None }).collect()
}

pub(super) struct Simulation<P> {
    policy: P,
    random: ChaCha8Rng,
    latency: Vec<Nanos>,
    failing: Vec<bool>,
    members: Vec<Candidate>,
    sent: Vec<u64>,
    now: Nanos,
    /// (end, sequence number, member, note): the number makes equal ends happen in order of their starts.
    open: BinaryHeap<Reverse<(Nanos, u64, usize, u32)>>,
    started: u64,
}

impl<P: Policy> Simulation<P> {
    /// Members that answer after so many microseconds.
    pub(super) fn new(mut policy: P, latency_micros: &[u64]) -> Self {
        let keys: Vec<u64> = (0..latency_micros.len() as u64).collect();
        policy.members(Nanos(0), &keys.iter().copied().map(MemberKey).collect::<Vec<_>>());
        Self {
            policy,
            random: random(7),
            latency: latency_micros.iter().map(|micros| Nanos(micros * 1_000)).collect(),
            failing: vec![false; keys.len()],
            members: candidates(&keys),
            sent: vec![0; keys.len()],
            now: Nanos(0),
            open: BinaryHeap::new(),
            started: 0,
        }
    }

    pub(super) fn fail(&mut self, member: usize) {
        self.failing[member] = true;
    }

    /// How many requests each member was given.
    pub(super) fn shares(&self) -> Vec<u64> {
        self.sent.clone()
    }

    /// `requests` in all, `concurrency` at a time.
    pub(super) fn closed_loop(&mut self, requests: u64, concurrency: usize) {
        for _ in 0..requests {
            if self.open.len() >= concurrency {
                self.finish_next();
            }
            self.start();
        }
        while !self.open.is_empty() {
            self.finish_next();
        }
    }

    /// `requests` in all, one each `1/per_second` seconds whatever happens.
    pub(super) fn open_loop(&mut self, requests: u64, per_second: u64) {
        for number in 0..requests {
            let arrival = Nanos(number * 1_000_000_000 / per_second);
            while self.open.peek().is_some_and(|Reverse((end, ..))| *end <= arrival) {
                self.finish_next();
            }
            self.now = arrival;
            self.start();
        }
        while !self.open.is_empty() {
            self.finish_next();
        }
    }

    fn start(&mut self) {
        let Pick { index, note } = self.policy.pick(self.now, &self.members, &mut self.random);
        self.members[index].in_flight += 1;
        self.sent[index] += 1;
        self.started += 1;
        self.policy.started(self.now, self.members[index].key, note);
        self.open.push(Reverse((Nanos(self.now.0 + self.latency[index].0), self.started, index, note)));
    }

    fn finish_next(&mut self) {
        let Some(Reverse((end, _, index, note))) = self.open.pop() else { return };
        self.now = end;
        self.members[index].in_flight -= 1;
        let outcome = if self.failing[index] { Outcome::Failure } else { Outcome::Success };
        self.policy.finished(end, self.members[index].key, note, outcome, self.latency[index]);
    }
}
