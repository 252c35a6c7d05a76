//! The event loop: clients, the queue of parked requests, the policy, stations.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::clients::Clients;
use super::outcome::{Attempt, Measured};
use super::scenario::{Arrivals, Change, Scenario};
use super::station::{JobId, Working};
use super::streams::{Name, Stream, stream, unit};
use crate::policy::RetryBudget;
use crate::policy::{Ask, Candidate, MemberKey, Nanos, Outcome, Pick, Policy};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Changes(usize),
    Arrives,
    /// A job reaches its station, or what is left of it after the way there.
    Reaches(JobId),
    /// The station's next job is finished, unless it was announced anew since.
    Finishes {
        station: usize,
        announced: u64,
    },
    Answers {
        job: JobId,
        succeeded: bool,
    },
    Probes(usize),
}

#[derive(Clone, Copy, Debug)]
struct Job {
    purpose: Purpose,
    work: f64,
    arrived: u64,
    sent: u64,
    station: usize,
    note: u32,
    is_retry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Client,
    /// Measures its station on behalf of this request.
    ProbeFor(JobId),
    /// Measures its station each interval.
    Probe,
}

struct Engine<'a> {
    scenario: &'a Scenario,
    policy: &'a mut dyn Policy,
    clients: Clients,
    random: Stream,
    faults: Stream,
    probes: Stream,
    budget: RetryBudget,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    stations: Vec<Working>,
    announced: Vec<u64>,
    jobs: Vec<Job>,
    free: Vec<JobId>,
    parked: VecDeque<JobId>,
    wake: u64,
    /// Usable members in rising order; in flight is counted here.
    candidates: Vec<Candidate>,
    others: Vec<Candidate>,
    in_flight: Vec<u64>,
    /// Since when how many requests are in flight in all.
    load: (u64, u64),
    measured: Measured,
}

/// Runs one experiment to the end of its last request. Equal arguments give equal results.
pub fn simulate(scenario: &Scenario, policy: &mut dyn Policy, seed: u64) -> Measured {
    let stations = scenario.stations.iter().enumerate().map(|(number, s)| Working::new(s, seed, number)).collect();
    let count = scenario.stations.len();
    let mut engine = Engine {
        scenario,
        policy,
        clients: Clients::new(scenario, seed),
        random: stream(seed, Name::Policy),
        faults: stream(seed, Name::Faults),
        probes: stream(seed, Name::Probes),
        budget: RetryBudget::default(),
        now: 0,
        events: BinaryHeap::new(),
        sequence: 0,
        stations,
        announced: vec![0; count],
        jobs: Vec::new(),
        free: Vec::new(),
        parked: VecDeque::new(),
        wake: u64::MAX,
        candidates: Vec::new(),
        others: Vec::new(),
        in_flight: vec![0; count],
        load: (0, 0),
        measured: Measured { shares: vec![0; count], ..Measured::default() },
    };
    engine.measured.responses.reserve(scenario.requests as usize);
    engine.run();
    engine.measured
}

impl Engine<'_> {
    fn run(&mut self) {
        for number in 0..self.stations.len() {
            if self.scenario.stations[number].is_member {
                self.join(number);
            }
        }
        for (index, (when, ..)) in self.scenario.changes.iter().enumerate() {
            self.at(when.0, Event::Changes(index));
        }
        match self.scenario.arrivals {
            Arrivals::Closed { users, think } => (0..users).for_each(|_| self.think(think.0)),
            _ => self.next_arrival(),
        }
        if self.policy.probes().is_some() {
            (0..self.stations.len()).for_each(|station| self.at(0, Event::Probes(station)));
        }
        while self.measured.answered < self.scenario.requests {
            let next = self.events.peek().map_or(u64::MAX, |Reverse((when, ..))| *when);
            if self.wake < next {
                self.now = self.wake;
                self.place();
                continue;
            }
            // Nothing left to happen: a policy that holds for ever, or stations that stand still for ever.
            let Some(Reverse((when, _, event))) = self.events.pop() else { break };
            self.now = when;
            self.happen(event);
        }
        self.measured.end = Nanos(self.now);
    }

    fn at(&mut self, when: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((when, self.sequence, event)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives => self.arrive(),
            Event::Reaches(job) => self.reach(job),
            Event::Finishes { station, announced } => {
                if announced == self.announced[station] {
                    if let Some(job) = self.stations[station].pop(self.now) {
                        self.answer_after(self.scenario.round_trip.0 / 2, job, true);
                    }
                    self.announce(station);
                }
            }
            Event::Answers { job, succeeded } => self.answer(job, succeeded),
            Event::Probes(station) => self.probe(station),
            Event::Changes(index) => self.change(index),
        }
    }

    fn next_arrival(&mut self) {
        if let Some(when) = self.clients.next(&self.scenario.arrivals) {
            self.at(when, Event::Arrives);
        }
    }

    fn think(&mut self, think: u64) {
        if let Some(when) = self.clients.again(self.now, think) {
            self.at(when, Event::Arrives);
        }
    }

    fn arrive(&mut self) {
        let work = self.clients.work(self.scenario);
        let job = self.keep(Job {
            purpose: Purpose::Client,
            work,
            arrived: self.now,
            sent: 0,
            station: 0,
            note: 0,
            is_retry: false,
        });
        self.measured.arrived += 1;
        self.budget.request(Nanos(self.now));
        self.policy.arrived(Nanos(self.now));
        self.parked.push_back(job);
        self.measured.most_parked = self.measured.most_parked.max(self.parked.len());
        self.next_arrival();
        self.place();
    }

    /// Asks the policy for the head of the queue until it holds or none is left.
    fn place(&mut self) {
        self.wake = u64::MAX;
        while let Some(job) = self.parked.front().copied() {
            if self.candidates.is_empty() {
                return;
            }
            let ask = Ask { candidates: &self.candidates, parked: self.parked.len(), may_hold: true };
            match self.policy.pick(Nanos(self.now), &ask, &mut self.random) {
                Pick::Send { index, note } => {
                    self.parked.pop_front();
                    self.send(job, self.candidates[index].key, note);
                }
                Pick::Hold { until } => {
                    self.wake = until.0.max(self.now + 1);
                    return;
                }
                Pick::Probe => {
                    self.parked.pop_front();
                    self.probe_for(job, 0);
                }
            }
        }
    }

    /// Outside the queue: a retry that avoids a member, or a request whose probes are in.
    fn place_now(&mut self, job: JobId, avoid: Option<MemberKey>) -> bool {
        self.others.clear();
        self.others.extend(self.candidates.iter().filter(|candidate| Some(candidate.key) != avoid));
        if self.others.is_empty() {
            return false;
        }
        let ask = Ask { candidates: &self.others, parked: self.parked.len() + 1, may_hold: false };
        let Pick::Send { index, note } = self.policy.pick(Nanos(self.now), &ask, &mut self.random) else {
            return false;
        };
        self.send(job, self.others[index].key, note);
        true
    }

    fn send(&mut self, job: JobId, to: MemberKey, note: u32) {
        let station = to.0 as usize;
        self.count(station, 1);
        self.measured.sent += 1;
        self.measured.shares[station] += 1;
        let entry = &mut self.jobs[job as usize];
        (entry.sent, entry.station, entry.note) = (self.now, station, note);
        self.leave(job);
    }

    /// Sends it from the balancer to the station.
    fn leave(&mut self, job: JobId) {
        match self.scenario.round_trip.0 / 2 {
            0 => self.reach(job),
            way => self.at(self.now + way, Event::Reaches(job)),
        }
    }

    fn reach(&mut self, job: JobId) {
        let Job { station, work, .. } = self.jobs[job as usize];
        if let Some((share, after)) = self.stations[station].fails
            && unit(&mut self.faults) <= share
        {
            self.answer_after(after + self.scenario.round_trip.0 / 2, job, false);
            return;
        }
        self.stations[station].push(self.now, job, work);
        self.announce(station);
    }

    fn announce(&mut self, station: usize) {
        self.announced[station] += 1;
        if let Some(when) = self.stations[station].next() {
            self.at(when.max(self.now), Event::Finishes { station, announced: self.announced[station] });
        }
    }

    fn answer_after(&mut self, wait: u64, job: JobId, succeeded: bool) {
        match wait {
            0 => self.answer(job, succeeded),
            wait => self.at(self.now + wait, Event::Answers { job, succeeded }),
        }
    }

    fn answer(&mut self, job: JobId, succeeded: bool) {
        let Job { purpose, arrived, sent, station, note, is_retry, .. } = self.jobs[job as usize];
        let outcome = if succeeded { Outcome::Success } else { Outcome::Failure };
        let (now, key) = (Nanos(self.now), MemberKey(station as u64));
        let latency = Nanos(self.now - sent);
        match purpose {
            Purpose::Probe => self.policy.probed(now, key, outcome, latency),
            Purpose::ProbeFor(request) => {
                self.policy.probed(now, key, outcome, latency);
                self.probe_for(request, station + 1);
            }
            Purpose::Client => {
                self.count(station, -1);
                self.measured.sojourns += u128::from(latency.0);
                self.measured.failed_attempts += u64::from(!succeeded);
                if self.scenario.keeps_attempts {
                    self.measured.attempts.push(Attempt { sent: Nanos(sent), station, succeeded });
                }
                self.policy.finished(now, key, note, outcome, latency);
                if !succeeded && !is_retry && self.scenario.retries && self.budget.allows(now) {
                    self.jobs[job as usize].is_retry = true;
                    if self.place_now(job, Some(key)) {
                        self.budget.retry(now);
                        self.place();
                        return;
                    }
                }
                self.finish(arrived, succeeded);
            }
        }
        self.free.push(job);
        self.place();
    }

    fn finish(&mut self, arrived: u64, succeeded: bool) {
        self.measured.answered += 1;
        self.measured.failed += u64::from(!succeeded);
        if self.measured.answered > self.scenario.warmup {
            self.measured.responses.push(self.now - arrived);
        }
        if self.scenario.keeps_attempts {
            self.measured.timeline.push((Nanos(arrived), self.now - arrived));
        }
        if let Arrivals::Closed { think, .. } = self.scenario.arrivals {
            self.think(think.0);
        }
    }

    /// Probes the members from this station on, one after the other, then sends the request.
    fn probe_for(&mut self, request: JobId, from: usize) {
        let next = self.candidates.iter().find(|candidate| candidate.key.0 as usize >= from);
        match next.map(|candidate| candidate.key.0 as usize) {
            Some(station) => self.send_probe(station, Purpose::ProbeFor(request)),
            None => drop(self.place_now(request, None)),
        }
    }

    fn probe(&mut self, station: usize) {
        if let Some(probes) = self.policy.probes() {
            self.at(self.now + probes.interval.0, Event::Probes(station));
            self.send_probe(station, Purpose::Probe);
        }
    }

    fn send_probe(&mut self, station: usize, purpose: Purpose) {
        let work = self.scenario.demand.draw(&mut self.probes) * self.scenario.service.0 as f64;
        let now = self.now;
        let job = self.keep(Job { purpose, work, arrived: now, sent: now, station, note: 0, is_retry: false });
        self.leave(job);
    }

    fn change(&mut self, index: usize) {
        let (_, station, change) = self.scenario.changes[index];
        match change {
            Change::Speed(speed) => self.stations[station].set_speed(self.now, speed),
            Change::Slots(slots) => self.stations[station].set_slots(self.now, slots),
            Change::Fails { share, after } => self.stations[station].fails = Some((share, after.0)),
            Change::Joins => self.join(station),
            Change::Leaves => {
                self.candidates.retain(|candidate| candidate.key.0 as usize != station);
                self.tell_members();
            }
        }
        self.announce(station);
        self.place();
    }

    fn join(&mut self, station: usize) {
        self.candidates.push(Candidate {
            key: MemberKey(station as u64),
            in_flight: self.in_flight[station],
            parallelism: self.scenario.stations[station].hint,
            round_trip: self.scenario.round_trip,
        });
        self.candidates.sort_unstable_by_key(|candidate| candidate.key);
        self.tell_members();
    }

    fn tell_members(&mut self) {
        let keys: Vec<MemberKey> = self.candidates.iter().map(|candidate| candidate.key).collect();
        self.policy.members(Nanos(self.now), &keys);
    }

    fn count(&mut self, station: usize, step: i64) {
        let (since, total) = self.load;
        self.measured.area += u128::from(total) * u128::from(self.now - since);
        self.load = (self.now, total.saturating_add_signed(step));
        self.in_flight[station] = self.in_flight[station].saturating_add_signed(step);
        let key = MemberKey(station as u64);
        if let Ok(index) = self.candidates.binary_search_by_key(&key, |candidate| candidate.key) {
            self.candidates[index].in_flight = self.in_flight[station];
        }
    }

    fn keep(&mut self, job: Job) -> JobId {
        if let Some(id) = self.free.pop() {
            self.jobs[id as usize] = job;
            return id;
        }
        self.jobs.push(job);
        (self.jobs.len() - 1) as JobId
    }
}
