//! Connections of one thread to one authority: those in use in the order their requests began, and those idle, by
//! address, the last one used first. Nothing here allocates once as many connections were open as will be.

use std::sync::Arc;

use http1::BodyReader;
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};

use super::addresses::Addresses;
use super::poller::Poller;
use super::socket::Socket;
use crate::target::trust::Tls;

/// No connection.
const NONE: u32 = u32::MAX;

/// A request that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request {
    pub(crate) index: u64,
    /// Its clock starts here, whatever happens afterwards.
    pub(crate) planned_nanos: u64,
    /// When its first byte was sent; 0 while it was not.
    pub(crate) sent_nanos: u64,
    pub(crate) written_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    /// The connection is there, and TLS is being agreed on.
    ShakingHands,
    /// A request is being written or its answer read.
    Busy,
    Idle,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    pub(crate) state: State,
    pub(crate) request: Request,
    /// Which of the authority's addresses.
    pub(crate) address: usize,
    /// How many addresses were tried for its request, this one included.
    pub(crate) attempt: usize,
    /// Answers that came over it.
    pub(crate) answers: u64,
    /// When its last answer ended.
    rested_nanos: u64,
    /// Start of the last load that sent a request over it.
    pub(crate) carried_for_nanos: u64,
    /// A head that has not arrived whole, or a body that will be looked at.
    pub(crate) carried: Vec<u8>,
    /// What the answer that is being read calls its request, where wrong answers are told.
    pub(crate) request_id: Vec<u8>,
    /// Once the head was read.
    pub(crate) answer: Option<Answer>,
    /// Where it is among the idle ones of its address.
    place: usize,
    newer: u32,
    older: u32,
}

/// An answer whose body is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) is_kept: bool,
    pub(crate) is_known_member: bool,
    /// Number of the one that answers, in the thread's list.
    pub(crate) member: usize,
    pub(crate) body: BodyReader,
}

#[derive(Debug, Default)]
struct Slot {
    /// Events of a connection that is gone must not reach the next one in its place.
    generation: u32,
    connection: Option<Connection>,
}

#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) addresses: Arc<Addresses>,
    /// TLS that every connection begins with, of https.
    pub(crate) tls: Option<Arc<Tls>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Numbers by address.
    idle: Vec<Vec<u32>>,
    /// The address whose idle connection is taken next.
    turn: usize,
    oldest: u32,
    newest: u32,
    busy: usize,
    /// Most requests under way at the same time, since it was last set to 0.
    pub(crate) peak: usize,
}

impl Connections {
    pub(crate) fn new(addresses: Arc<Addresses>, tls: Option<Arc<Tls>>) -> Self {
        let (slots, free, idle) = (Vec::new(), Vec::new(), vec![Vec::new(); addresses.len()]);
        Self { addresses, tls, slots, free, idle, turn: 0, oldest: NONE, newest: NONE, busy: 0, peak: 0 }
    }

    /// From now on the name leads to `addresses`. When they are others than before, all idle connections are closed: what is
    /// measured is the name, so that an address that left gets nothing more, and one that came gets its part.
    pub(crate) fn lead_to(&mut self, addresses: &Arc<Addresses>) {
        if Arc::ptr_eq(&self.addresses, addresses) {
            return;
        }
        self.close_idle(|_| true);
        self.idle = vec![Vec::new(); addresses.len()];
        self.addresses = addresses.clone();
    }

    /// Closes what has been idle since this moment or longer.
    pub(crate) fn let_go(&mut self, since_nanos: u64) {
        self.close_idle(|connection| connection.rested_nanos <= since_nanos);
    }

    fn close_idle(&mut self, is_meant: impl Fn(&Connection) -> bool) {
        let idle: Vec<u32> = self.idle.iter().flatten().copied().collect();
        for number in idle {
            if self.get(number).is_some_and(|connection| is_meant(connection)) {
                drop(self.close(number));
            }
        }
    }

    /// Connections that are open or being opened.
    pub(crate) fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn has_idle(&self) -> bool {
        self.idle.iter().any(|idle| !idle.is_empty())
    }

    /// Closes idle connections until at most `most` are left: always one to the address that has most of them.
    pub(crate) fn keep(&mut self, most: usize) {
        while self.open() > most {
            let fullest = self.idle.iter().max_by_key(|idle| idle.len());
            let Some(number) = fullest.and_then(|idle| idle.last().copied()) else { return };
            drop(self.close(number));
        }
    }

    pub(crate) fn get(&mut self, number: u32) -> Option<&mut Connection> {
        self.slots.get_mut(number as usize)?.connection.as_mut()
    }

    /// The connection that an event is about, unless it is gone.
    pub(crate) fn of_token(&self, token: u64) -> Option<u32> {
        let number = token as u32;
        let slot = self.slots.get(number as usize)?;
        (slot.generation == (token >> 32) as u32 && slot.connection.is_some()).then_some(number)
    }

    /// Token of the connection in this place, until it is gone.
    pub(crate) fn token(&self, number: u32) -> u64 {
        let generation = self.slots.get(number as usize).map_or(0, |slot| slot.generation);
        u64::from(generation) << 32 | u64::from(number)
    }

    /// The connection whose request began first.
    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Requests under way that were planned at this moment or before it, and not before `from`.
    pub(crate) fn begun_before(&mut self, until_nanos: u64, from_nanos: u64) -> u64 {
        let (mut count, mut number) = (0, self.oldest);
        while let Some(connection) = self.get(number) {
            let planned = connection.request.planned_nanos;
            if planned > until_nanos {
                break;
            }
            count += u64::from(planned >= from_nanos);
            number = connection.newer;
        }
        count
    }

    /// Begins to connect, with a request that will be sent as soon as the connection is there. The place at the address is
    /// taken already; it is free again when that cannot begin.
    pub(crate) fn start(&mut self, poller: &Poller, address: usize, request: Request) -> Result<u32> {
        self.connect(poller, address, request).inspect_err(|_| self.addresses.closed(address))
    }

    fn connect(&mut self, poller: &Poller, address: usize, request: Request) -> Result<u32> {
        // Nowhere: the name was not found.
        let to = self.addresses.at(address).ok_or(Errno::CONNREFUSED)?;
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        // Without it small requests would wait for acknowledgements.
        sockopt::set_tcp_nodelay(&socket, true)?;
        match connect(&socket, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let number = self.free.pop().unwrap_or(self.slots.len() as u32);
        if number as usize == self.slots.len() {
            self.slots.push(Slot::default());
        }
        let slot = &mut self.slots[number as usize];
        if let Err(error) = poller.add(&socket, u64::from(slot.generation) << 32 | u64::from(number)) {
            self.free.push(number);
            return Err(error);
        }
        slot.connection = Some(Connection {
            socket: Socket::new(socket),
            state: State::Connecting,
            request,
            address,
            attempt: 1,
            answers: 0,
            rested_nanos: 0,
            carried_for_nanos: 0,
            carried: Vec::new(),
            request_id: Vec::new(),
            answer: None,
            place: 0,
            newer: NONE,
            older: NONE,
        });
        self.append(number);
        Ok(number)
    }

    /// An idle connection, now busy with `request`: of each address in turn.
    pub(crate) fn take(&mut self, request: Request) -> Option<u32> {
        let count = self.idle.len();
        let mut turns = (0..count).map(|step| (self.turn + step) % count);
        let (address, number) = turns.find_map(|address| Some((address, self.idle[address].pop()?)))?;
        self.turn = address + 1;
        let connection = self.get(number)?;
        (connection.state, connection.request) = (State::Busy, request);
        self.append(number);
        Some(number)
    }

    /// Its request has ended well; it may be taken again.
    pub(crate) fn rest(&mut self, number: u32, now_nanos: u64) {
        self.unlink(number);
        if let Some(connection) = self.get(number) {
            (connection.state, connection.rested_nanos) = (State::Idle, now_nanos);
            let address = connection.address;
            self.lay(number, address);
        }
    }

    fn lay(&mut self, number: u32, address: usize) {
        let place = self.idle[address].len();
        self.idle[address].push(number);
        if let Some(connection) = self.get(number) {
            connection.place = place;
        }
    }

    /// Takes it from the idle ones. The last one comes into its place: thousands may be closed at once, and looking for
    /// each, or moving all others, would take a time that grows with the square of their number.
    fn lift(&mut self, address: usize, place: usize) {
        self.idle[address].swap_remove(place);
        if let Some(moved) = self.idle[address].get(place).copied()
            && let Some(connection) = self.get(moved)
        {
            connection.place = place;
        }
    }

    /// Closes it.
    pub(crate) fn close(&mut self, number: u32) -> Option<Connection> {
        let connection = self.get(number)?;
        let (state, address, place) = (connection.state, connection.address, connection.place);
        if state == State::Idle {
            self.lift(address, place);
        } else {
            self.unlink(number);
        }
        self.addresses.closed(address);
        self.forget(number)
    }

    /// Its place is free.
    fn forget(&mut self, number: u32) -> Option<Connection> {
        let slot = self.slots.get_mut(number as usize)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(number);
        slot.connection.take()
    }

    /// Puts it behind the others, or a request that began before them and tries another address where it belongs: it is
    /// among the oldest, so that it is looked for from there.
    fn append(&mut self, number: u32) {
        self.busy += 1;
        self.peak = self.peak.max(self.busy);
        let planned = self.planned(number);
        let mut newer = NONE;
        if self.newest != NONE && planned < self.planned(self.newest) {
            newer = self.oldest;
            while self.planned(newer) <= planned {
                newer = self.get(newer).map_or(NONE, |connection| connection.newer);
            }
        }
        let newest = self.newest;
        let older = self.get(newer).map_or(newest, |connection| connection.older);
        if let Some(connection) = self.get(number) {
            (connection.older, connection.newer) = (older, newer);
        }
        match self.get(older) {
            Some(older) => older.newer = number,
            None => self.oldest = number,
        }
        match self.get(newer) {
            Some(newer) => newer.older = number,
            None => self.newest = number,
        }
    }

    fn planned(&mut self, number: u32) -> u64 {
        self.get(number).map_or(u64::MAX, |connection| connection.request.planned_nanos)
    }

    fn unlink(&mut self, number: u32) {
        let Some(connection) = self.get(number) else { return };
        let (older, newer) = (connection.older, connection.newer);
        self.busy -= 1;
        match self.get(older) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
        match self.get(newer) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(all: &mut Connections, poller: &Poller, address: usize, request: Request) -> u32 {
        all.addresses.opened(address);
        all.start(poller, address, request).unwrap()
    }

    #[test]
    fn the_oldest_request_is_known_and_the_last_connection_is_used_first() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let poller = Poller::new().unwrap();
        let mut all = Connections::new(Arc::new(Addresses::new(vec![listener.local_addr().unwrap()])), None);
        let [a, b, c] = [0, 1, 2].map(|index| start(&mut all, &poller, 0, Request { index, ..Request::default() }));
        assert_eq!((all.oldest(), all.open()), (Some(a), 3));
        all.rest(b, 1);
        all.rest(a, 2);
        assert_eq!(all.oldest(), Some(c));
        assert_eq!(all.take(Request::default()), Some(a));
        assert_eq!(all.oldest(), Some(c), "it began before");
        all.close(c);
        assert_eq!((all.oldest(), all.open()), (Some(a), 2));
        all.close(b);
        assert_eq!(all.take(Request::default()), None, "a closed connection is not idle");
        all.close(a);
        assert_eq!((all.oldest(), all.open()), (None, 0));
    }

    #[test]
    fn a_request_that_tries_another_address_keeps_its_place_among_the_oldest() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let poller = Poller::new().unwrap();
        let mut all = Connections::new(Arc::new(Addresses::new(vec![listener.local_addr().unwrap()])), None);
        for planned_nanos in [10, 30, 40, 20, 5, 40] {
            start(&mut all, &poller, 0, Request { planned_nanos, ..Request::default() });
        }
        let order = std::iter::from_fn(|| {
            let oldest = all.oldest()?;
            Some(all.close(oldest)?.request.planned_nanos)
        });
        assert_eq!(order.collect::<Vec<_>>(), [5, 10, 20, 30, 40, 40]);
    }

    #[test]
    fn idle_connections_that_have_to_go_are_those_of_all_addresses() {
        let listeners = [0, 1, 2].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let poller = Poller::new().unwrap();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let mut all = Connections::new(Arc::new(Addresses::new(addresses)), None);
        for number in 0..12 {
            let number = start(&mut all, &poller, number % 3, Request::default());
            all.rest(number, 1);
        }
        all.keep(6);
        assert_eq!(all.idle.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
        all.close(all.idle[1][0]);
        all.close(all.idle[1][0]);
        let numbers: std::collections::BTreeSet<_> = std::iter::from_fn(|| all.take(Request::default())).collect();
        assert_eq!((numbers.len(), all.open(), all.idle[1].len()), (4, 4, 0));
    }

    #[test]
    fn what_was_idle_for_long_goes_and_what_is_busy_stays() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let poller = Poller::new().unwrap();
        let addresses = Arc::new(Addresses::new(vec![listener.local_addr().unwrap()]));
        let mut all = Connections::new(addresses.clone(), None);
        let [long, short, busy] = [(); 3].map(|()| start(&mut all, &poller, 0, Request::default()));
        all.rest(long, 10);
        all.rest(short, 11);
        all.let_go(10);
        assert_eq!((all.open(), all.take(Request::default()), all.oldest()), (2, Some(short), Some(busy)));
        all.rest(short, 12);
        all.lead_to(&addresses);
        assert_eq!(all.open(), 2, "the name leads where it led");
        all.close(busy);
        all.lead_to(&Arc::new(Addresses::new(Vec::new())));
        assert_eq!((all.open(), addresses.unused(0)), (0, None));
    }

    #[test]
    fn a_late_event_does_not_reach_the_successor() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let poller = Poller::new().unwrap();
        let mut all = Connections::new(Arc::new(Addresses::new(vec![listener.local_addr().unwrap()])), None);
        let first = start(&mut all, &poller, 0, Request::default());
        assert_eq!(all.of_token(u64::from(first)), Some(first));
        all.close(first);
        assert_eq!(all.of_token(u64::from(first)), None);
        assert_eq!(start(&mut all, &poller, 0, Request::default()), first);
        assert_eq!(all.of_token(u64::from(first)), None);
        assert_eq!(all.of_token(1 << 32 | u64::from(first)), Some(first));
    }
}
