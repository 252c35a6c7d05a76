//! Loopback addresses and ports, chosen so that labs can run side by side.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use anyhow::{Context, bail};
use rand::RngExt;

/// Second octets of the VPC networks to try. 127.31.0.0/16 first: the number of the default VPC's 172.31.0.0/16.
const BLOCKS: std::ops::RangeInclusive<u8> = 31..=62;

/// Port at the end of a VPC network whose holder owns the network. A bound port frees itself when its process dies.
const LOCK_PORT: u16 = 9999;

/// Ports for processes of ours: below the ephemeral range, from which outgoing connections take theirs at random.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A /16 of the loopback network, ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) first: Ipv4Addr,
    _lock: TcpListener,
}

impl Network {
    /// Takes the first free network.
    pub(crate) fn claim() -> anyhow::Result<Self> {
        for block in BLOCKS {
            let end = SocketAddrV4::new(Ipv4Addr::new(127, block, 255, 254), LOCK_PORT);
            match TcpListener::bind(end) {
                Ok(lock) => return Ok(Self { first: Ipv4Addr::new(127, block, 0, 0), _lock: lock }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error).with_context(|| format!("{end} cannot be bound")),
            }
        }
        bail!("all {} loopback networks are taken by other labs: end one with `lab down`", BLOCKS.count())
    }

    pub(crate) fn cidr(&self) -> String {
        format!("{}/16", self.first)
    }

    /// The network of public addresses: another /16 for each lab, above those of all VPC networks.
    pub(crate) fn public_cidr(&self) -> String {
        let [_, block, ..] = self.first.octets();
        format!("127.{}.0.0/16", block + 64)
    }

    /// The first address of the network of pods: another /16 for each lab, above the public ones.
    pub(crate) fn of_pods(&self) -> Ipv4Addr {
        let [_, block, ..] = self.first.octets();
        Ipv4Addr::new(127, block + 128, 0, 0)
    }
}

/// A port on 127.0.0.1 that is free now and not in `taken`. Between this and its use somebody may take it; the
/// random choice makes that rare, and the part that meets it says so and is started again.
pub(crate) fn free_port(taken: &[u16]) -> anyhow::Result<u16> {
    let mut random = rand::rng();
    for _ in 0..1000 {
        let port = random.random_range(PORTS);
        if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port between {} and {} on 127.0.0.1 is free", PORTS.start, PORTS.end)
}

/// Whether nobody listens on a port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// A child that another test forks holds a copy of every open listener until it execs: a closed port is free soon,
    /// not at once.
    fn soon(what: impl Fn() -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while !what() {
            if Instant::now() > end {
                return false;
            }
            thread::yield_now();
        }
        true
    }

    #[test]
    fn two_labs_get_two_networks() {
        let (one, other) = (Network::claim().unwrap(), Network::claim().unwrap());
        assert_ne!(one.cidr(), other.cidr());
        let freed = one.first;
        drop(one);
        assert!(soon(|| TcpListener::bind((Ipv4Addr::new(127, freed.octets()[1], 255, 254), LOCK_PORT)).is_ok()));
    }

    #[test]
    fn a_free_port_is_free_and_new() {
        let port = free_port(&[]).unwrap();
        assert!(soon(|| is_free(port)));
        assert_ne!(free_port(&[port]).unwrap(), port);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
