//! Load segment, the part of a load that one thread sends: sends what is due, takes what comes back, ends in time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use stats::{AddressTally, Answers};
use wire::GeneratorLimit;

use super::arrivals::{Arrivals, Planned, slice_of_thread};
use super::connections::{Connections, Request, State};
use super::counted::ThreadCount;
use super::load::{Load, Plan};
use super::poller::{Poller, now_nanos};
use super::wall_clock::NANOS_PER_SECOND;
use crate::engine::recording::{Backends, Failure, Tally, micros};
use crate::mutant::Mutant;

const NANOS_PER_MILLI: u64 = 1_000_000;
/// How long a user waits after a connection was refused. Refusals take microseconds: without a pause a dead cluster
/// would turn the generator into a busy loop of millions of failures.
const AFTER_REFUSAL_NANOS: u64 = 10 * NANOS_PER_MILLI;
/// How often a thread looks whether it should stop.
const LOOK_NANOS: u64 = 20 * NANOS_PER_MILLI;
/// Requests sent in one go when the generator is late. Answers have to be taken in between, or their times would be
/// those of the sending.
const BURST: usize = 32;
/// Bytes read at once: most answers fit, and several threads' buffers stay in the cache.
const RECEIVE_BYTES: usize = 64 * 1024;

/// Counts of one second of load, on one thread. It is told in two parts where a UTC second ends within it, and in two where
/// requests were planned too early to count.
#[derive(Debug)]
pub(crate) struct Second {
    pub(crate) thread: u32,
    /// From the start of the segment.
    pub(crate) number: u64,
    /// Since 1970.
    pub(crate) utc_second: u64,
    pub(crate) tally: Tally,
    /// Not where its requests were planned too early to count.
    pub(crate) counts: bool,
    /// Whole answers by member.
    pub(crate) members: Vec<(Arc<[u8]>, u64)>,
    /// Planned and real moments of the requests sent, from the start of the segment, when they are asked for.
    pub(crate) sends: Vec<(u64, u64)>,
    /// The thread tells nothing more of this second of the segment.
    pub(crate) is_over: bool,
    /// The thread tells nothing more.
    pub(crate) is_last: bool,
}

/// How a segment ended on one thread.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) backends: Backends,
    /// When the last request ended.
    pub(crate) last_nanos: Option<u64>,
    /// Most requests under way at the same time.
    pub(crate) peak: usize,
    /// What each address of the name did.
    pub(crate) served: Vec<(SocketAddr, AddressTally)>,
    /// Answers of each zone of the run.
    pub(crate) zones: Vec<(String, Answers)>,
}

/// Buffers that a thread keeps from segment to segment.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(super) received: Vec<u8>,
    pub(super) request: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { received: vec![0; RECEIVE_BYTES], request: Vec::new() }
    }
}

/// One thread's part of a load.
pub(crate) struct LoadSegment<'a> {
    pub(super) load: &'a Load,
    thread: u32,
    pub(super) poller: &'a mut Poller,
    pub(super) connections: &'a mut Connections,
    pub(super) buffers: &'a mut Buffers,
    /// The rest of the plan, of an open loop.
    arrivals: Option<Arrivals>,
    next: Option<Planned>,
    /// When the next request is due, on the monotonic clock.
    pub(super) due_nanos: u64,
    pub(super) most_connections: usize,
    /// Owner of that limit, unless it was asked for.
    connections_limit: Option<GeneratorLimit>,
    /// No connection is idle and none more is allowed.
    is_blocked: bool,
    /// Requests planned before this moment had to wait for a connection.
    blocked_until_nanos: u64,
    /// Users of a closed loop that still send.
    users: usize,
    /// When users may try again to connect.
    resting: VecDeque<u64>,
    /// When what is being opened is given up for the name's next address, and its token.
    pub(super) opening: VecDeque<(u64, u64)>,
    /// Since when nothing more is planned.
    planned_until_nanos: Option<u64>,
    pub(super) tally: Tally,
    pub(super) count: ThreadCount,
    second: u64,
    utc_second: u64,
    /// When one of both seconds ends, on the monotonic clock.
    turns_nanos: u64,
    pub(super) backends: Backends,
    /// Counts by number of the address.
    pub(super) served: Vec<AddressTally>,
    /// Answers by number of the zone.
    zones: Vec<Answers>,
    /// Whether the report tells addresses apart.
    is_named: bool,
    pub(super) last_nanos: Option<u64>,
    /// An answer came, on this thread.
    has_answers: bool,
    sends: Vec<(u64, u64)>,
}

impl<'a> LoadSegment<'a> {
    pub(crate) fn new(
        load: &'a Load,
        (thread, threads): (u32, u32),
        poller: &'a mut Poller,
        connections: &'a mut Connections,
        buffers: &'a mut Buffers,
    ) -> Self {
        let (mut arrivals, mut users, mut connections_limit) = (None, 0, None);
        match &load.plan {
            Plan::Open { load, seed, phase, slice, limit, .. } => {
                arrivals = Some(Arrivals::new(load, *seed, *phase, slice_of_thread(*slice, thread, threads)));
                connections_limit = *limit;
            }
            Plan::Closed(_) => users = load.connections_of(thread, threads),
        }
        let most_connections = match &load.plan {
            Plan::Open { .. } => load.connections_of(thread, threads),
            Plan::Closed(_) => usize::MAX,
        };
        let ends = arrivals.as_ref().and_then(Arrivals::ends_nanos).map(|end| load.starts_nanos + end);
        connections.peak = 0;
        let served = vec![AddressTally::default(); connections.addresses.len()];
        let mut segment = Self {
            load,
            thread,
            poller,
            connections,
            buffers,
            arrivals,
            next: None,
            due_nanos: u64::MAX,
            most_connections,
            connections_limit,
            is_blocked: false,
            blocked_until_nanos: 0,
            users,
            resting: VecDeque::new(),
            opening: VecDeque::new(),
            planned_until_nanos: ends,
            tally: Tally::default(),
            count: ThreadCount::default(),
            second: 0,
            utc_second: load.wall.second(load.starts_nanos),
            turns_nanos: (load.starts_nanos + NANOS_PER_SECOND).min(load.wall.end_of_second(load.starts_nanos)),
            backends: Backends::of(&load.zones),
            served,
            zones: load.zones.unanswered(),
            is_named: load.target.is_named(),
            last_nanos: None,
            has_answers: false,
            sends: Vec::new(),
        };
        segment.plan_next();
        segment
    }

    /// Runs to the end. `emit` is given every second that is over.
    pub(crate) fn run(mut self, mut emit: impl FnMut(Second)) -> rustix::io::Result<Ended> {
        // Connections that were closed while nobody looked are dropped before they are used.
        while now_nanos() < self.load.starts_nanos && !self.load.life.is_cut() {
            self.wait(Some(self.load.starts_nanos), LOOK_NANOS, &mut emit)?;
        }
        self.wait(None, 0, &mut emit)?;
        for _ in 0..self.users {
            self.user_goes_on(now_nanos().max(self.load.starts_nanos));
        }
        loop {
            let now = now_nanos();
            self.turn_second(now, &mut emit);
            self.send_due(now);
            self.expire(now);
            if self.planned_until_nanos.is_none_or(|until| now < until) && self.has_enough(now) {
                self.plan_no_more(now);
            }
            if self.load.life.is_cut() || self.load.life.is_given_up() || self.is_over(now) {
                break;
            }
            let (exact, coarse) = (self.exact_nanos(), self.coarse_nanos(now));
            self.wait(exact, coarse, &mut emit)?;
        }
        self.turn_second(now_nanos(), &mut emit);
        self.cut_open_requests();
        self.tell_what_was_before(&mut emit);
        emit(self.end_second(true));
        let at = |(number, served): (usize, AddressTally)| Some((self.connections.addresses.at(number)?, served));
        let served = self.served.into_iter().enumerate().filter_map(at).collect();
        let zones = self.load.zones.named(self.zones);
        Ok(Ended { backends: self.backends, last_nanos: self.last_nanos, peak: self.connections.peak, served, zones })
    }

    fn wait(&mut self, exact: Option<u64>, coarse_nanos: u64, emit: &mut impl FnMut(Second)) -> rustix::io::Result<()> {
        let ready = self.poller.wait(exact, coarse_nanos)?;
        // What happened belongs to the second in which it is seen.
        self.turn_second(now_nanos(), emit);
        for number in 0..ready {
            if let Some(ready) = self.poller.ready(number) {
                let now = self.event(ready);
                if self.due_nanos <= now && !self.is_blocked {
                    self.send_due(now);
                }
            }
        }
        Ok(())
    }

    /// Sends what is due, until nothing is, or no connection is allowed, or it is time to look at answers.
    fn send_due(&mut self, mut now: u64) {
        while self.resting.front().is_some_and(|due| *due <= now) {
            self.resting.pop_front();
            self.user_goes_on(now);
        }
        for _ in 0..BURST {
            let Some(next) = self.next.filter(|_| self.due_nanos <= now) else { return };
            if self.due_nanos + self.load.limit_nanos <= now {
                // It waited for a connection as long as a request may take.
                self.note_failed(self.due_nanos, Failure::Timeout);
                self.waited(self.due_nanos);
            } else if !self.send_planned(next, now) {
                return;
            }
            self.plan_next();
            now = now_nanos();
        }
    }

    /// `false`: it has to wait for a connection.
    fn send_planned(&mut self, next: Planned, now: u64) -> bool {
        let mutation = self.load.mutation;
        let (mut planned_nanos, index) = (self.due_nanos, self.load.first_index + next.index);
        if mutation.is(Mutant::LateArrivalsSkipped) && now - planned_nanos > NANOS_PER_MILLI {
            return true;
        }
        if mutation.is(Mutant::ClosedLoopPretendsOpen) {
            if self.connections.oldest().is_some() {
                self.is_blocked = true;
                return false;
            }
            planned_nanos = now;
        }
        if !self.begin(Request { index, planned_nanos, ..Request::default() }, now) {
            self.is_blocked = true;
            return false;
        }
        if planned_nanos <= self.blocked_until_nanos {
            self.waited(planned_nanos);
        } else {
            self.tally_of(planned_nanos).send_lag.record(micros(now - planned_nanos));
        }
        if self.load.notes_sends {
            self.sends.push((planned_nanos - self.load.starts_nanos, now - self.load.starts_nanos));
        }
        true
    }

    fn plan_next(&mut self) {
        if self.arrivals.is_none() {
            return;
        }
        if self.next.is_some() {
            self.tally_of(self.due_nanos).planned += 1;
        }
        self.next = self.arrivals.as_mut().and_then(Iterator::next);
        match self.next {
            Some(next) => self.due_nanos = self.load.starts_nanos + next.at_nanos,
            None => {
                // Without an end by the clock, the last planned moment is the end.
                let last = if self.due_nanos == u64::MAX { self.load.starts_nanos } else { self.due_nanos };
                self.planned_until_nanos.get_or_insert(last);
                self.due_nanos = u64::MAX;
            }
        }
    }

    /// Nothing more is sent: enough was seen.
    fn plan_no_more(&mut self, now: u64) {
        (self.arrivals, self.next, self.due_nanos) = (None, None, u64::MAX);
        self.planned_until_nanos = Some(now);
    }

    /// A connection became idle or went: a request that waited for one may go.
    pub(super) fn released(&mut self, now: u64) {
        if self.is_blocked {
            (self.is_blocked, self.blocked_until_nanos) = (false, now);
        }
    }

    /// A request found no connection free, and none more allowed.
    fn waited(&mut self, planned_nanos: u64) {
        let limit = self.connections_limit;
        let tally = self.tally_of(planned_nanos);
        tally.waited += 1;
        if let Some(limit) = limit {
            tally.limited(limit);
        }
    }

    /// An answer came over a connection to this address, from a member in this zone, after so long if it is a good one.
    pub(super) fn served(&mut self, address: usize, zone: Option<usize>, took_micros: Option<u64>) {
        if let Some(served) = self.served.get_mut(address) {
            served.answers.add(took_micros.filter(|_| self.is_named));
        }
        if let Some(answers) = zone.and_then(|zone| self.zones.get_mut(zone)) {
            answers.add(took_micros);
        }
    }

    /// The target is there. Told to the other threads once: they share the place where it is written.
    pub(super) fn answered(&mut self) {
        if !self.has_answers {
            self.has_answers = true;
            self.load.life.shown();
        }
    }

    /// A user whose request has ended sends the next one, or is done.
    pub(super) fn user_goes_on(&mut self, now: u64) {
        let Plan::Closed(closed) = &self.load.plan else { return };
        let Some(index) = closed.claim(now) else {
            self.users -= 1;
            self.planned_until_nanos.get_or_insert(now);
            return;
        };
        let request = Request { index: self.load.first_index + index, planned_nanos: now, ..Request::default() };
        self.tally.send_lag.record(0);
        self.begin(request, now);
    }

    /// No connection: a user rests before it tries again, and in the end nobody does.
    pub(super) fn refused(&mut self, now: u64) {
        if matches!(self.load.plan, Plan::Closed(_)) {
            self.resting.push_back(now + AFTER_REFUSAL_NANOS);
        }
        if !self.load.life.was_shown() && now - self.load.starts_nanos >= self.load.give_up_nanos {
            self.load.life.give_up();
        }
    }

    /// Ends requests that took too long. They are in the order of their planned starts, so the oldest tells.
    fn expire(&mut self, now: u64) {
        self.pass_over_the_silent(now);
        while let Some(number) = self.connections.oldest() {
            let Some(connection) = self.connections.get(number) else { return };
            if connection.request.planned_nanos + self.load.limit_nanos > now {
                return;
            }
            let (state, address) = (connection.state, connection.address);
            let is_opening = matches!(state, State::Connecting | State::ShakingHands);
            if is_opening {
                self.connections.addresses.failed(address, true, now);
            }
            self.fail(number, if is_opening { Failure::Connect } else { Failure::Timeout }, now);
        }
    }

    /// Requests that an address has not let in for a while go on to the next one.
    fn pass_over_the_silent(&mut self, now: u64) {
        while let Some((_, token)) = self.opening.pop_front_if(|(until, _)| *until <= now) {
            let number = self.connections.of_token(token);
            let connection = number.and_then(|number| self.connections.get(number));
            if connection.is_some_and(|connection| connection.state == State::Connecting)
                && let Some(number) = number
            {
                self.passed_over(number, None, now);
            }
        }
    }

    fn is_over(&self, now: u64) -> bool {
        let Some(until) = self.planned_until_nanos else { return false };
        if now < until {
            return false;
        }
        let all_begun = self.next.is_none() && self.users == 0;
        let all_ended = self.connections.oldest().is_none() || self.load.mutation.is(Mutant::OpenRequestsDropped);
        all_begun && all_ended || now >= until + self.load.drain_nanos
    }

    /// Counts requests that have not ended by now: they are at least so slow.
    fn cut_open_requests(&mut self) {
        let now = now_nanos();
        let life = &self.load.life;
        let counts = !life.is_cut() && !self.load.mutation.is(Mutant::OpenRequestsDropped);
        let is_given_up = life.is_given_up();
        while let Some(connection) = self.connections.oldest().and_then(|number| self.connections.close(number)) {
            if is_given_up {
                self.note_failed(connection.request.planned_nanos, Failure::Connect);
            } else if counts {
                self.open_at_end(connection.request.planned_nanos, now);
                self.last_nanos = Some(now);
            }
        }
        while counts && !is_given_up && self.next.is_some() {
            self.open_at_end(self.due_nanos, now);
            if self.is_blocked {
                self.waited(self.due_nanos);
            }
            self.plan_next();
        }
    }

    fn open_at_end(&mut self, planned_nanos: u64, now: u64) {
        let age = now.saturating_sub(planned_nanos);
        self.tally_of(planned_nanos).open.record(micros(age));
        self.note_time(planned_nanos, age);
    }

    fn exact_nanos(&self) -> Option<u64> {
        let due = if self.is_blocked { u64::MAX } else { self.due_nanos };
        let end = self.planned_until_nanos.filter(|_| self.connections.oldest().is_none()).unwrap_or(u64::MAX);
        let resting = self.resting.front().copied().unwrap_or(u64::MAX);
        Some(due.min(end).min(resting)).filter(|exact| *exact != u64::MAX)
    }

    /// The next moment at which a millisecond does not matter.
    fn coarse_nanos(&mut self, now: u64) -> u64 {
        let oldest = self.connections.oldest();
        let expires = oldest.and_then(|number| self.connections.get(number)).map(|it| it.request.planned_nanos);
        let expires = expires.map_or(u64::MAX, |planned| planned + self.load.limit_nanos);
        let drained = self.planned_until_nanos.map_or(u64::MAX, |until| until + self.load.drain_nanos);
        let ahead = expires.min(drained).saturating_sub(now);
        // Not zero: that would not sleep at all.
        ahead.clamp(NANOS_PER_MILLI, LOOK_NANOS)
    }

    fn turn_second(&mut self, now: u64, emit: &mut impl FnMut(Second)) {
        if now < self.turns_nanos {
            return;
        }
        let starts = self.load.starts_nanos;
        let second = now.saturating_sub(starts) / NANOS_PER_SECOND;
        let is_over = second > self.second;
        self.tell_what_was_before(emit);
        emit(Second { is_over, ..self.end_second(false) });
        (self.second, self.utc_second) = (second, self.load.wall.second(now));
        self.turns_nanos = (starts + (second + 1) * NANOS_PER_SECOND).min(self.load.wall.end_of_second(now));
    }

    fn tell_what_was_before(&mut self, emit: &mut impl FnMut(Second)) {
        if !self.count.before.is_empty() {
            let (thread, number, utc_second) = (self.thread, self.second, self.utc_second);
            let (tally, members, sends) = (std::mem::take(&mut self.count.before), Vec::new(), Vec::new());
            let (counts, is_over, is_last) = (false, false, false);
            emit(Second { thread, number, utc_second, tally, counts, members, sends, is_over, is_last });
        }
    }

    fn end_second(&mut self, is_last: bool) -> Second {
        let (tally, sends) = (std::mem::take(&mut self.tally), std::mem::take(&mut self.sends));
        let (thread, number, utc_second) = (self.thread, self.second, self.utc_second);
        let (members, counts, is_over) = (self.backends.news(), true, true);
        Second { thread, number, utc_second, tally, counts, members, sends, is_over, is_last }
    }
}
