//! Gate for limits of the generator, which are none of what it measured. Pure.

use wire::{Gate, GateKind, GeneratorLimit, LimitHits, MOST_CONNECTIONS, Unit};

use super::evidence::PhaseEvidence;
use super::gate::at_most;

/// One request is enough: whoever met such a limit once was slower than the cluster made it, by an unknown time.
pub(crate) fn gate(phase: &PhaseEvidence) -> Gate {
    let about = phase.about.as_str();
    let hit: u64 = phase.limits.iter().map(|hits| hits.requests).sum();
    at_most(GateKind::GeneratorLimit, about, hit, 0, Unit::Count).or(|_| {
        let met: Vec<String> = phase.limits.iter().map(said).collect();
        let requests = if hit == 1 { "1 request".to_owned() } else { format!("{hit} requests") };
        format!("{about}: {requests} met a limit of the generator, not of what it measures: {}", met.join("; "))
    })
}

/// `12 found no open file left (EMFILE): raise ...`
fn said(hits: &LimitHits) -> String {
    format!("{} {}", hits.requests, words(hits.limit))
}

/// Words for what ran out, with the way out.
fn words(limit: GeneratorLimit) -> String {
    let text = match limit {
        GeneratorLimit::OpenFiles => {
            "found no open file left for a connection (EMFILE): raise the hard limit (ulimit -Hn), or send from several \
             generators"
        }
        GeneratorLimit::Connections => {
            return format!(
                "waited because {MOST_CONNECTIONS} connections are opened at most without being asked for more: give \
                 --max-connections (maxConnections), or send from several generators"
            );
        }
        GeneratorLimit::FilesOfMachine => {
            "found no open file left on the generator's machine (ENFILE): raise sysctl fs.file-max"
        }
        GeneratorLimit::LocalPorts => {
            "found no local port or address to connect from (EADDRNOTAVAIL): widen sysctl net.ipv4.ip_local_port_range, \
             keep connections, or send from several generators"
        }
        GeneratorLimit::SocketMemory => {
            "found no memory left for sockets (ENOBUFS, ENOMEM): raise sysctl net.ipv4.tcp_mem, or send from several \
             generators"
        }
        GeneratorLimit::WatchedSockets => {
            "could not be waited for (ENOSPC of epoll): raise sysctl fs.epoll.max_user_watches"
        }
        GeneratorLimit::LocalRule => {
            "were not permitted to connect (EACCES, EPERM): look at firewall and sandbox of the generator's machine"
        }
        GeneratorLimit::Route => {
            "found no way to the address (ENETUNREACH): look at routes and interfaces of the generator's machine"
        }
    };
    text.to_owned()
}
