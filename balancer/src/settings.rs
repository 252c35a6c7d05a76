//! Settings from outside, each with its default.

use std::num::NonZero;
use std::time::Duration;

pub use crate::proxy::gathering::Gathering;

/// Everything but addresses and members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Threads that serve, each with its own connections.
    pub shards: usize,
    /// Most client connections at the same time; whoever comes then is told so and closed.
    pub max_connections: usize,
    /// Requests out of a thousand that are written to the access log; 0 is no log.
    pub access_log_per_mille: u32,
    pub gathering: Gathering,
    pub timeouts: Timeouts,
}

/// Time limits of the parts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening a connection. Members are in the same zone, where it takes a millisecond; but a first packet that is
    /// lost, as it is when the member's queue of connections is full, is sent again after 1 s, and once more after 2 s
    /// more (RFC 6298, 2.1 and 5.5; each second since Linux 6.5, tcp_syn_linear_timeouts): all need their chance, where
    /// no other member is there to be asked meanwhile.
    pub connect: Duration,
    /// A request's head, from its first to its last byte. Heads fit in one or two packets, so this is several
    /// retransmissions; a client that dribbles longer only holds a connection open.
    pub header: Duration,
    /// Time from the end of the request to the head of its response.
    pub answer: Duration,
    /// Time from one piece of a body to the next, whoever is waited for.
    pub body: Duration,
    /// Time from a response to the next request on its connection: nginx' default, and longer than the pauses in usual
    /// loads.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            header: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(75),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Affinity and quota count: what is left for this process.
            shards: std::thread::available_parallelism().map_or(1, NonZero::get),
            max_connections: 10_000,
            access_log_per_mille: 0,
            gathering: Gathering { nap: Duration::ZERO, from: 16 },
            timeouts: Timeouts::default(),
        }
    }
}
