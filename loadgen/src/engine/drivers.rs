//! Threads that send: one per processor, each with its own sockets, sharing nothing for a request but a counter.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stats::{AddressTally, Answers};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::engine::addresses::Addresses;
use crate::engine::connections::Connections;
use crate::engine::load::{Load, Plan};
use crate::engine::poller::Poller;
use crate::engine::recording::{Backends, Tally};
use crate::engine::segment::{Buffers, Ended, LoadSegment, Second};
use crate::target::Origin;

/// Rate that one thread sends and receives with less than half of its processor. Below it one thread sends all, so that
/// no more of them have to wake up than are needed.
const PER_THREAD: u32 = 25_000;
/// The same with TLS: each request is encrypted, each answer decrypted and copied.
const PER_THREAD_WITH_TLS: u32 = 10_000;
/// The same with a handshake for each request, which takes some 300 us of a processor.
const PER_THREAD_WITH_HANDSHAKES: u32 = 1_500;

/// A driver thread ended: a defect of the generator, never of what it measures.
#[derive(Debug, thiserror::Error)]
pub enum DriverLost {
    #[error(
        "a driver thread could not be started: {0}; raise the limit of processes (ulimit -u, or pids.max of the cgroup)"
    )]
    NotStarted(#[from] io::Error),
    #[error("a driver thread cannot wait for its sockets: {0}; look at the limit of open files (ulimit -Hn)")]
    Poller(rustix::io::Errno),
    #[error("a driver thread ended by a panic; its message is in the log")]
    Panicked,
}

/// Threads that carry out one segment of load after the other. Connections live as long as this value.
#[derive(Debug)]
pub(crate) struct Drivers {
    threads: Vec<Driver>,
}

#[derive(Debug)]
struct Driver {
    /// `None` only while dropping.
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Drive {
        load: Arc<Load>,
        /// Which thread of how many.
        part: (u32, u32),
        told: UnboundedSender<Told>,
    },
    /// Connections are made ready for a load of which this thread has so many at most.
    Prepare { load: Arc<Prepared>, most: usize, told: UnboundedSender<Told> },
}

/// What is known of a load before it begins.
struct Prepared {
    origin: Origin,
    addresses: Arc<Addresses>,
    /// Since when a connection may be idle.
    idle_since_nanos: u64,
    /// Every file is needed: connections of other loads are closed.
    is_crowded: bool,
}

enum Told {
    Ready,
    Second(Box<Second>),
    Ended(Ended),
    Failed(rustix::io::Errno),
}

/// One segment of load, measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driven {
    pub(crate) tally: Tally,
    /// Requests that were planned too early to count.
    pub(crate) before: Tally,
    /// How long it was counted before it was cut, if it was.
    pub(crate) cut_after: Option<Duration>,
    pub(crate) backends: Backends,
    /// From the start of the load until the end of its last request.
    pub(crate) took: Duration,
    /// Most requests under way at the same time, each thread's added up.
    pub(crate) peak: u64,
    /// Answers by address: of all those that the name led to.
    pub(crate) served: BTreeMap<SocketAddr, AddressTally>,
    /// Answers of each zone of the run.
    pub(crate) zones: BTreeMap<String, Answers>,
    /// The target let nobody in.
    pub(crate) gave_up: bool,
    /// Why, if TLS with it is refused.
    pub(crate) refused: Option<String>,
}

impl Driven {
    /// Another segment, of the same target.
    pub(crate) fn add(&mut self, other: Self) {
        self.tally.merge(&other.tally);
        self.before.merge(&other.before);
        self.cut_after = self.cut_after.or(other.cut_after);
        self.backends.merge(other.backends);
        self.took += other.took;
        self.peak = self.peak.max(other.peak);
        self.serve(other.served, other.zones);
        self.gave_up |= other.gave_up;
        self.refused = self.refused.take().or(other.refused);
    }

    fn serve(
        &mut self,
        served: impl IntoIterator<Item = (SocketAddr, AddressTally)>,
        zones: impl IntoIterator<Item = (String, Answers)>,
    ) {
        for (at, more) in served {
            self.served.entry(at).or_default().merge(&more);
        }
        for (zone, more) in zones {
            self.zones.entry(zone).or_default().merge(&more);
        }
    }
}

/// Threads go on with a load until they are told that nobody waits for it.
struct CutWhenDropped(Arc<Load>);

impl Drop for CutWhenDropped {
    fn drop(&mut self) {
        self.0.life.cut();
    }
}

impl Drivers {
    pub(crate) fn start(threads: usize) -> Result<Self, DriverLost> {
        let threads = (0..threads.max(1)).map(Driver::start).collect::<Result<_, _>>()?;
        Ok(Self { threads })
    }

    /// Carries out `load`. `second` is given what happened in each second, by each thread.
    ///
    /// # Cancellation
    /// Dropping the future ends the load at once; open requests are cut and counted nowhere.
    pub(crate) async fn drive(&self, load: Arc<Load>, mut second: impl FnMut(&Second)) -> Result<Driven, DriverLost> {
        let _cut = CutWhenDropped(load.clone());
        let threads = self.threads(&load);
        let (told, mut receiver) = unbounded_channel();
        for (number, thread) in self.threads.iter().take(threads as usize).enumerate() {
            thread.order(Order::Drive { load: load.clone(), part: (number as u32, threads), told: told.clone() });
        }
        drop(told);
        let mut driven = Driven::default();
        let mut last_nanos = None;
        for _ in 0..threads {
            let ended = until_ended(&mut receiver, |part| {
                second(part);
                let counts = if part.counts { &mut driven.tally } else { &mut driven.before };
                counts.merge(&part.tally);
            });
            let ended = ended.await?;
            driven.backends.merge(ended.backends);
            driven.serve(ended.served, ended.zones);
            driven.peak += ended.peak as u64;
            last_nanos = last_nanos.max(ended.last_nanos);
        }
        // Each address of a name has a connection, also where fewer would do.
        driven.peak = driven.peak.max(driven.served.len() as u64);
        driven.took = Duration::from_nanos(last_nanos.map_or(0, |last| last.saturating_sub(load.starts_nanos)));
        driven.cut_after = load.counted.as_ref().and_then(|counted| {
            Some(Duration::from_nanos(counted.cut_nanos()?.saturating_sub(load.starts_nanos + counted.after_nanos)))
        });
        driven.gave_up = load.life.is_given_up();
        driven.refused = load.life.refused().map(str::to_owned);
        Ok(driven)
    }

    /// Threads that this load takes.
    pub(crate) fn threads(&self, load: &Load) -> u32 {
        threads_for(&load.plan, per_thread(load), self.threads.len() as u32)
    }

    /// Makes the connections ready for `load`, on all threads, also on those that it does not need. It takes time that
    /// belongs to no load. Closed are:
    /// - those to addresses that its name no longer leads to;
    /// - those that were idle for so long that the other side may be closing them just now: an Application Load Balancer
    ///   does after 60 s ("Edit attributes for your Application Load Balancer", idle_timeout.timeout_seconds), and a
    ///   request on one would fail although nobody is to blame;
    /// - those of threads that it does not need, where a name has several addresses: an address would seem to have its
    ///   part of the connections with some that nothing is sent over;
    /// - where files are few, what other loads keep open.
    pub(crate) async fn prepare(&self, load: &Load, is_crowded: bool) {
        let threads = self.threads(load);
        let (told, mut receiver) = unbounded_channel();
        let prepared = Arc::new(Prepared {
            origin: load.target.origin(),
            addresses: load.addresses.clone(),
            idle_since_nanos: load.starts_nanos.saturating_sub(load.idle_nanos),
            is_crowded,
        });
        for (number, thread) in (0..).zip(&self.threads) {
            let most = if number < threads { load.connections_of(number, threads) } else { 0 };
            thread.order(Order::Prepare { load: prepared.clone(), most, told: told.clone() });
        }
        drop(told);
        while receiver.recv().await.is_some() {}
    }
}

/// The next thread that ends.
async fn until_ended(told: &mut UnboundedReceiver<Told>, mut second: impl FnMut(&Second)) -> Result<Ended, DriverLost> {
    loop {
        match told.recv().await {
            Some(Told::Ready) => {}
            Some(Told::Second(part)) => second(&part),
            Some(Told::Ended(ended)) => return Ok(ended),
            Some(Told::Failed(error)) => return Err(DriverLost::Poller(error)),
            None => return Err(DriverLost::Panicked),
        }
    }
}

fn per_thread(load: &Load) -> u32 {
    match (&load.target.tls, load.keeps_connections) {
        (None, _) => PER_THREAD,
        (Some(_), true) => PER_THREAD_WITH_TLS,
        (Some(_), false) => PER_THREAD_WITH_HANDSHAKES,
    }
}

fn threads_for(plan: &Plan, per_thread: u32, threads: u32) -> u32 {
    let most = match plan {
        Plan::Closed(closed) => closed.users,
        Plan::Open { load, slice, most_connections, .. } => {
            let fastest = load.ramp.map_or(0, |ramp| ramp.to_requests_per_second).max(load.requests_per_second);
            // A thread without a connection could not send its part.
            (fastest / slice.count.max(1))
                .div_ceil(per_thread)
                .min(u32::try_from(*most_connections).unwrap_or(u32::MAX))
        }
    };
    threads.min(most).max(1)
}

impl Driver {
    fn start(number: usize) -> Result<Self, DriverLost> {
        let (orders, received) = mpsc::channel();
        let thread = thread::Builder::new().name(format!("driver-{number}")).spawn(move || work(&received))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// A thread that is gone drops the order, which its receiver notices.
    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _gone = orders.send(order);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Its load was cut, so it ends soon. A panic was reported already.
            let _panicked = thread.join();
        }
    }
}

/// A poller for each authority, plain or with TLS: its events are about its connections only.
type Authorities = HashMap<Origin, (Poller, Connections)>;

fn work(orders: &mpsc::Receiver<Order>) {
    let mut authorities = Authorities::new();
    let mut buffers = Buffers::default();
    while let Ok(order) = orders.recv() {
        match order {
            Order::Prepare { load, most, told } => {
                prepare(&mut authorities, &load, most);
                let _aborted = told.send(Told::Ready);
            }
            Order::Drive { load, part, told } => {
                let ended = carry_out(&load, part, &mut authorities, &mut buffers, &told);
                // Not received: the run was aborted in this very moment.
                let _aborted = told.send(ended.map_or_else(Told::Failed, Told::Ended));
            }
        }
    }
}

fn prepare(authorities: &mut Authorities, load: &Prepared, most: usize) {
    for (origin, (_, connections)) in authorities {
        let is_meant = *origin == load.origin;
        if is_meant {
            connections.lead_to(&load.addresses);
            connections.let_go(load.idle_since_nanos);
        }
        let is_in_the_way = if is_meant { most == 0 && load.addresses.len() > 1 } else { load.is_crowded };
        if is_in_the_way {
            connections.keep(0);
        } else if load.is_crowded {
            connections.keep(most);
        }
    }
}

fn carry_out(
    load: &Load,
    part: (u32, u32),
    authorities: &mut Authorities,
    buffers: &mut Buffers,
    told: &UnboundedSender<Told>,
) -> rustix::io::Result<Ended> {
    let target = &load.target;
    let origin = target.origin();
    if !authorities.contains_key(&origin) {
        let new = (Poller::new()?, Connections::new(load.addresses.clone(), target.tls.clone()));
        authorities.insert(origin.clone(), new);
    }
    let Some((poller, connections)) = authorities.get_mut(&origin) else {
        return Err(rustix::io::Errno::INVAL);
    };
    LoadSegment::new(load, part, poller, connections, buffers).run(|second| {
        let _aborted = told.send(Told::Second(Box::new(second)));
    })
}

#[cfg(test)]
mod tests {
    use wire::{Arrivals, OpenLoop, Slice, Stop};

    use super::*;

    #[test]
    fn slow_loads_need_one_thread() {
        let open = |requests_per_second, count| Plan::Open {
            load: OpenLoop {
                arrivals: Arrivals::Poisson,
                requests_per_second,
                stop: Stop::DurationSeconds(1),
                ramp: None,
                max_connections: None,
            },
            seed: 0,
            phase: 0,
            slice: Slice { index: 0, count },
            most_connections: 1000,
            limit: None,
        };
        assert_eq!([1, 25_000, 25_001, 1_000_000].map(|rate| threads_for(&open(rate, 1), PER_THREAD, 8)), [1, 1, 2, 8]);
        assert_eq!(threads_for(&open(100_000, 4), PER_THREAD, 8), 1, "each of four generators sends a quarter");
    }
}
