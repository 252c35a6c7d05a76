//! Limits of the generator's own machine and process. A request that they hold back is no failure of
//! what is measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Connections that a generator opens to one target at the same time, unless `maxConnections` gives another number: more
/// than a client of one service ever has, and below the number of local ports.
pub const MOST_CONNECTIONS: u32 = 10_000;

/// A limit of the generator, by what ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum GeneratorLimit {
    /// Open files of the process (EMFILE), or the connections that they leave room for.
    OpenFiles,
    /// Connections that it opens without being told a number.
    Connections,
    /// Open files of the whole machine (ENFILE).
    FilesOfMachine,
    /// Local ports, or a local address to connect from (EADDRNOTAVAIL).
    LocalPorts,
    /// Memory for sockets (ENOBUFS, ENOMEM).
    SocketMemory,
    /// Sockets that may be waited for (ENOSPC).
    WatchedSockets,
    /// A rule on the generator's machine that forbids the connection (EACCES, EPERM).
    LocalRule,
    /// A way to the address: no route, no interface, no protocol of its kind (ENETUNREACH, ENETDOWN, EAFNOSUPPORT).
    Route,
}

impl GeneratorLimit {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 8] = [
        Self::OpenFiles,
        Self::Connections,
        Self::FilesOfMachine,
        Self::LocalPorts,
        Self::SocketMemory,
        Self::WatchedSockets,
        Self::LocalRule,
        Self::Route,
    ];
}

/// Requests that a limit of the generator kept from being sent, or kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitHits {
    /// Limit that was met.
    pub limit: GeneratorLimit,
    /// Requests that met it.
    pub requests: u64,
}
