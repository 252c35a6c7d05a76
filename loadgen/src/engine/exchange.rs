//! One request over one connection: connect, write, read, judge.

use agent::{is_of_one_address, own_limit, own_limit_at_start};
use rustix::io::Errno;
use rustix::net::sockopt;
use wire::{GeneratorLimit, WRONG_ANSWERS};

use super::addresses::OPENING_NANOS;
use super::connections::{Answer, Request, State};
use super::expected::keep;
use super::poller::{Ready, now_nanos};
use super::response::{HEAD_LIMIT_BYTES, NotHttp, eat, head};
use super::segment::LoadSegment;
use super::socket::Received;
use super::tls::BROKEN;
use crate::engine::recording::{Failure, micros};
use crate::mutant::Mutant;
use crate::target::distrust::refusal;

/// All bytes of a request are written.
const ALL: usize = usize::MAX;
/// Longest `x-request-id` of an answer that is told whole: more than any such id is long.
const REQUEST_ID_BYTES: usize = 128;

/// Outcome of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// All, or as much as fits for now.
    Fine,
    /// The server had closed the kept connection before anything was sent: that is its right, and no failure of this
    /// request.
    NotSent,
    Failed,
    /// This machine could not.
    Limited(GeneratorLimit),
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Partial,
    Whole { has_more: bool },
}

impl LoadSegment<'_> {
    /// Sends a request over an idle connection, or a new one. `false`: there is none and none more is allowed.
    pub(super) fn begin(&mut self, request: Request, now: u64) -> bool {
        let has_room = self.connections.open() < self.most_connections;
        // All of a name's addresses are measured, also by few users and by requests that seldom meet.
        if has_room
            && self.connections.has_idle()
            && let Some(unused) = self.connections.addresses.unused(now)
        {
            self.connect(request, unused, 1, now);
            return true;
        }
        while let Some(number) = self.connections.take(request) {
            match self.write(number, now) {
                Written::NotSent => drop(self.connections.close(number)),
                written => {
                    self.unless_fine(number, written, now);
                    return true;
                }
            }
        }
        if self.connections.open() >= self.most_connections {
            return false;
        }
        let addresses = &self.connections.addresses;
        let next = if self.load.keeps_connections { addresses.next_to_keep(now) } else { addresses.next(now) };
        self.connect(request, next, 1, now);
        true
    }

    /// Connects to `address`, where a place is taken, the `attempt`-th that is tried for this request; to the next one where
    /// that cannot begin.
    fn connect(&mut self, request: Request, mut address: usize, mut attempt: usize, now: u64) {
        loop {
            let error = match self.connections.start(self.poller, address, request) {
                Ok(number) => {
                    if let Some(connection) = self.connections.get(number) {
                        connection.attempt = attempt;
                    }
                    self.connections.addresses.asked(address, now);
                    if attempt < self.connections.addresses.len() {
                        self.opening.push_back((now + OPENING_NANOS, self.connections.token(number)));
                    }
                    return;
                }
                Err(error) => error,
            };
            match self.next_address(&request, (address, attempt), own_limit_at_start(error), now) {
                Some(next) => (address, attempt) = (next, attempt + 1),
                None => return,
            }
        }
    }

    /// `address`, the `attempt`-th of a request, let nobody in, for `limit` if that is ours. A place at the next one is
    /// taken. `None`: there is no other one to try, and the request has ended.
    fn next_address(
        &mut self,
        request: &Request,
        (address, attempt): (usize, usize),
        limit: Option<GeneratorLimit>,
        now: u64,
    ) -> Option<usize> {
        let addresses = &self.connections.addresses;
        // Another address is no way round what this process lacks, nor round what an address that works lacks now.
        if let Some(limit) = limit.filter(|limit| !is_of_one_address(*limit) || addresses.has_worked(address)) {
            self.limited(request.planned_nanos, limit, now);
            return None;
        }
        addresses.failed(address, limit.is_none(), now);
        if attempt < addresses.len() {
            let next = (address + 1) % addresses.len();
            addresses.opened(next);
            return Some(next);
        }
        match limit.filter(|_| !addresses.any_answers()) {
            Some(limit) => self.limited(request.planned_nanos, limit, now),
            None => self.unconnected(request.planned_nanos, now),
        }
        None
    }

    /// The connection did not come about: its request goes on to the next address, or has ended.
    pub(super) fn passed_over(&mut self, number: u32, limit: Option<GeneratorLimit>, now: u64) {
        let Some(closed) = self.connections.close(number) else { return };
        if let Some(next) = self.next_address(&closed.request, (closed.address, closed.attempt), limit, now) {
            self.connect(closed.request, next, closed.attempt + 1, now);
        }
        self.released(now);
    }

    /// Nobody was there to connect to.
    fn unconnected(&mut self, planned_nanos: u64, now: u64) {
        self.note_failed(planned_nanos, Failure::Connect);
        self.last_nanos = Some(now);
        self.refused(now);
    }

    /// The generator could not do its part: that is no failure of the one it measures.
    fn limited(&mut self, planned_nanos: u64, limit: GeneratorLimit, now: u64) {
        self.tally_of(planned_nanos).limited(limit);
        self.last_nanos = Some(now);
        self.refused(now);
    }

    /// Something happened to a socket. Returns the time.
    pub(super) fn event(&mut self, ready: Ready) -> u64 {
        let Some(number) = self.connections.of_token(ready.token) else { return 0 };
        let Some(connection) = self.connections.get(number) else { return 0 };
        match connection.state {
            State::Connecting if ready.can_write() => self.connected(number, ready),
            State::Connecting => 0,
            State::ShakingHands => self.shake_hands(number, ready),
            State::Busy => {
                let must_write = connection.request.written_bytes != ALL;
                if must_write && ready.can_write() {
                    let now = now_nanos();
                    let written = self.write(number, now);
                    if !self.unless_fine(number, written, now) {
                        return now;
                    }
                }
                if ready.can_read() { self.read(number, ready.is_ending()) } else { 0 }
            }
            State::Idle if !ready.is_ending() && connection.socket.is_quiet() => 0,
            // It was closed, or the server says something that nobody asked for.
            State::Idle if ready.can_read() => {
                drop(self.connections.close(number));
                let now = now_nanos();
                self.released(now);
                now
            }
            State::Idle => 0,
        }
    }

    fn connected(&mut self, number: u32, ready: Ready) -> u64 {
        let now = now_nanos();
        let Some(connection) = self.connections.get(number) else { return now };
        if let Err(error) = sockopt::socket_error(&connection.socket).flatten() {
            self.passed_over(number, own_limit(error), now);
            return now;
        }
        let address = connection.address;
        self.connections.addresses.works(address);
        let Some(tls) = self.connections.tls.clone() else { return self.ready_to_send(number, ready, now) };
        let Some(connection) = self.connections.get(number) else { return now };
        connection.state = State::ShakingHands;
        match connection.socket.secure(&tls, now) {
            Ok(()) => self.shake_hands(number, ready),
            Err(error) => {
                self.load.life.refuse(error.to_string());
                self.fail(number, Failure::Connect, now);
                now
            }
        }
    }

    /// Goes on with the handshake. It takes the time of the request that waits for the connection, as connecting does.
    fn shake_hands(&mut self, number: u32, ready: Ready) -> u64 {
        let Some(connection) = self.connections.get(number) else { return now_nanos() };
        let done = connection.socket.shake_hands();
        // What rustls computed took time: the request that waits has not been sent yet.
        let now = now_nanos();
        match done {
            Ok(true) => {
                if let Some(handshake) = connection.socket.handshake(now) {
                    self.tally.shook_hands(&handshake);
                }
                // What came with the last bytes of the handshake is not told again.
                self.ready_to_send(number, ready.with_reading(), now)
            }
            Ok(false) => now,
            Err(error) => {
                self.note_refusal(number);
                self.lost(number, error, Failure::Connect, now);
                now
            }
        }
    }

    /// A server that is not believed, or wants what we have not got, ends the run: that is no failure of its requests.
    fn note_refusal(&mut self, number: u32) {
        let Some(connection) = self.connections.get(number) else { return };
        if let Some(why) = connection.socket.error().and_then(refusal) {
            self.load.life.refuse(why);
        }
    }

    /// A call failed: for what this machine lacks, or else by the other side, as `failure`.
    fn lost(&mut self, number: u32, error: Errno, failure: Failure, now: u64) {
        match own_limit(error) {
            Some(limit) => self.cut(number, limit, now),
            None => self.fail(number, failure, now),
        }
    }

    /// The connection can carry its first request.
    fn ready_to_send(&mut self, number: u32, ready: Ready, now: u64) -> u64 {
        let Some(connection) = self.connections.get(number) else { return now };
        connection.state = State::Busy;
        self.tally.connections += 1;
        self.load.life.shown();
        let written = self.write(number, now);
        let goes_on = self.unless_fine(number, written, now);
        if goes_on && ready.can_read() { self.read(number, ready.is_ending()) } else { now }
    }

    /// Ends the request whose bytes could not be written; `false` then.
    fn unless_fine(&mut self, number: u32, written: Written, now: u64) -> bool {
        match written {
            Written::Fine => return true,
            Written::NotSent | Written::Failed => self.fail(number, Failure::Reset, now),
            Written::Limited(limit) => self.cut(number, limit, now),
        }
        false
    }

    /// Writes what is left of the request. `now` is when its first byte is sent.
    fn write(&mut self, number: u32, now: u64) -> Written {
        let Some(connection) = self.connections.get(number) else { return Written::Failed };
        let request = &mut connection.request;
        self.load.template.write(request.index, &mut self.buffers.request);
        let bytes = &self.buffers.request;
        while let Some(rest) = bytes.get(request.written_bytes..).filter(|rest| !rest.is_empty()) {
            match connection.socket.send(rest) {
                Ok(written) => {
                    if request.sent_nanos == 0 {
                        request.sent_nanos = now;
                        let counts = self.load.counts(request.planned_nanos);
                        let tally = if counts { &mut self.tally } else { &mut self.count.before };
                        tally.sent += 1;
                        let before = std::mem::replace(&mut connection.carried_for_nanos, self.load.starts_nanos);
                        if before != self.load.starts_nanos
                            && let Some(served) = self.served.get_mut(connection.address)
                        {
                            served.connections += 1;
                        }
                    }
                    request.written_bytes += written;
                }
                Err(Errno::AGAIN) => return Written::Fine,
                Err(Errno::INTR) => {}
                Err(error) if let Some(limit) = own_limit(error) => return Written::Limited(limit),
                Err(_) if request.written_bytes == 0 && connection.answers > 0 => return Written::NotSent,
                Err(_) => return Written::Failed,
            }
        }
        match connection.socket.flush() {
            Ok(()) => request.written_bytes = ALL,
            Err(Errno::AGAIN) => {}
            Err(error) => return own_limit(error).map_or(Written::Failed, Written::Limited),
        }
        Written::Fine
    }

    /// Reads what has arrived. `is_ending`: nothing will arrive afterwards, so it is read to its end.
    fn read(&mut self, number: u32, is_ending: bool) -> u64 {
        loop {
            let Some(connection) = self.connections.get(number) else { return now_nanos() };
            let received = connection.socket.receive(&mut self.buffers.received);
            let now = now_nanos();
            match received {
                Ok(Received { length: 0, .. }) => {
                    let until_close = connection.answer.as_ref().is_some_and(|answer| answer.body.is_until_close());
                    if until_close {
                        self.complete(number, false, now);
                    } else {
                        self.fail(number, Failure::Broken, now);
                    }
                    return now;
                }
                Ok(Received { length, is_all, is_last }) => match self.feed(number, length) {
                    Ok(Progress::Partial) if is_all && !is_ending => return now,
                    Ok(Progress::Partial) => {}
                    Ok(Progress::Whole { has_more }) => {
                        self.complete(number, !has_more && !is_ending && !is_last, now);
                        return now;
                    }
                    Err(NotHttp) => {
                        self.fail(number, Failure::Broken, now);
                        return now;
                    }
                },
                Err(Errno::AGAIN) => return now,
                Err(Errno::INTR) => {}
                Err(error) => {
                    self.note_refusal(number);
                    self.lost(number, error, if error == BROKEN { Failure::Broken } else { Failure::Reset }, now);
                    return now;
                }
            }
        }
    }

    /// Takes in the first `length` bytes of the buffer.
    fn feed(&mut self, number: u32, length: usize) -> Result<Progress, NotHttp> {
        let Some(connection) = self.connections.get(number) else { return Err(NotHttp) };
        let received = self.buffers.received.get(..length).unwrap_or_default();
        // Taken out, so that head and body may be read from it; put back below, and nothing is allocated.
        let mut carried = std::mem::take(&mut connection.carried);
        let result = (|| {
            let expected = &self.load.expected;
            let mut body_bytes = received;
            if connection.answer.is_none() {
                let is_carried = !carried.is_empty();
                if is_carried {
                    carried.extend_from_slice(received);
                }
                let mut bytes: &[u8] = if is_carried { &carried } else { received };
                let found = loop {
                    match head(bytes, self.load.template.is_head)? {
                        // Switching protocols is not what was asked for.
                        Some(found) if found.status == 101 => return Err(NotHttp),
                        Some(found) if found.status < 200 => bytes = bytes.get(found.length..).unwrap_or_default(),
                        found => break found,
                    }
                };
                let Some(found) = found else {
                    let left = bytes.len();
                    if left > HEAD_LIMIT_BYTES {
                        return Err(NotHttp);
                    }
                    if is_carried {
                        carried.drain(..carried.len() - left);
                    } else {
                        carried.extend_from_slice(received.get(length - left..).unwrap_or_default());
                    }
                    return Ok(Progress::Partial);
                };
                let after_head = bytes.len() - found.length;
                if self.load.template.has_files() {
                    let shown = found.request_id.get(..REQUEST_ID_BYTES).unwrap_or(found.request_id);
                    connection.request_id.clear();
                    connection.request_id.extend_from_slice(shown);
                }
                connection.answer = Some(Answer {
                    status: found.status,
                    is_kept: found.is_kept,
                    is_known_member: expected.knows(found.backend),
                    member: self.backends.seen(found.backend, found.boot),
                    body: found.body,
                });
                // What follows the head arrived last: heads are longer than nothing, so it lies within this piece.
                body_bytes = received.get(length.saturating_sub(after_head)..).unwrap_or_default();
                carried.clear();
            }
            let Some(answer) = &mut connection.answer else { return Err(NotHttp) };
            let looks = expected.looks_at_bodies();
            let eaten = eat(&mut answer.body, body_bytes, |content| {
                if looks {
                    keep(&mut carried, content);
                }
            })?;
            if eaten.is_whole {
                Ok(Progress::Whole { has_more: eaten.bytes < body_bytes.len() })
            } else {
                Ok(Progress::Partial)
            }
        })();
        connection.carried = carried;
        result
    }

    /// The answer is whole.
    fn complete(&mut self, number: u32, may_be_kept: bool, now: u64) {
        let Some(connection) = self.connections.get(number) else { return };
        let Some(answer) = connection.answer.take() else { return };
        let request = connection.request;
        let file = self.load.template.file(request.index);
        let judged = self.load.expected.judge(answer.status, answer.is_known_member, &connection.carried, file);
        let lists = self.load.notes_wrong || self.tally.wrong.len() < WRONG_ANSWERS;
        if let (Err(Failure::WrongAnswer), Some(file), true) = (judged, file, lists) {
            let instance = self.backends.name(answer.member);
            self.tally.wrong.push(file.wrong(&connection.carried, &connection.request_id, instance));
        }
        connection.carried.clear();
        connection.answers += 1;
        let address = connection.address;
        let zone = self.backends.answered(answer.member);
        self.answered();
        let mutation = self.load.mutation;
        match judged {
            Err(failure) if !mutation.is(Mutant::ErrorsAreAnswers) => {
                self.served(address, zone, None);
                self.tally_of(request.planned_nanos).answered_badly(failure, answer.status);
                self.note_bad(request.planned_nanos);
            }
            _ => {
                let since =
                    if mutation.is(Mutant::ClockAtSendTime) { request.sent_nanos } else { request.planned_nanos };
                let took = micros(now.saturating_sub(since));
                self.served(address, zone, Some(took));
                let tally = self.tally_of(request.planned_nanos);
                tally.response.record(took);
                tally.service.record(micros(now.saturating_sub(request.sent_nanos)));
                self.note_time(request.planned_nanos, now.saturating_sub(request.planned_nanos));
            }
        }
        self.last_nanos = Some(now);
        if self.load.keeps_connections && !answer.is_kept {
            self.tally.announced_ends += 1;
        }
        let is_kept = may_be_kept && answer.is_kept && self.load.keeps_connections && request.written_bytes == ALL;
        if is_kept {
            self.connections.rest(number, now);
        } else {
            drop(self.connections.close(number));
        }
        self.released(now);
        self.user_goes_on(now);
    }

    /// Ends a request that this machine could not carry on with.
    fn cut(&mut self, number: u32, limit: GeneratorLimit, now: u64) {
        let Some(closed) = self.connections.close(number) else { return };
        self.released(now);
        self.limited(closed.request.planned_nanos, limit, now);
    }

    /// The request has no good answer. The connection cannot be used again: an answer might still come.
    pub(super) fn fail(&mut self, number: u32, failure: Failure, now: u64) {
        let Some(closed) = self.connections.close(number) else { return };
        if !(failure == Failure::Timeout && self.load.mutation.is(Mutant::TimeoutsDropped)) {
            self.note_failed(closed.request.planned_nanos, failure);
        }
        self.last_nanos = Some(now);
        self.released(now);
        if failure == Failure::Connect {
            self.refused(now);
        } else {
            self.user_goes_on(now);
        }
    }
}
