//! Sockets that start a service for each connection (systemd.socket(5), "Accept=").

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::units::Socket;

/// The pause between two looks for connections.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A connection, and the instance of the service that it starts.
pub(super) struct Connection {
    pub stream: TcpStream,
    /// `NUMBER-LOCAL-PEER`, as systemd names it (systemd.socket(5), "Accept=").
    pub instance: String,
}

/// Whether one more connection has room beside those of these instances (systemd.socket(5), "MaxConnections=",
/// "MaxConnectionsPerSource=").
pub(super) fn has_room<'a>(socket: &Socket, peer: IpAddr, instances: impl Iterator<Item = &'a String>) -> bool {
    let peers: Vec<Option<IpAddr>> = instances.map(|name| peer_of(name)).collect();
    let of_one = peers.iter().filter(|one| **one == Some(peer)).count();
    peers.len() < socket.most && socket.most_of_one.is_none_or(|most| of_one < most)
}

/// The address behind the last dash of `a@NUMBER-LOCAL-PEER.service`.
fn peer_of(instance: &str) -> Option<IpAddr> {
    let peer = instance.trim_end_matches(".service").rsplit('-').next()?;
    peer.parse().ok().map(|peer: SocketAddr| peer.ip())
}

/// Takes connections until `is_stopped` says so after a pause. Those for which there is no room are closed at once.
pub(super) fn accept(
    listener: &TcpListener,
    mut has_room: impl FnMut(IpAddr) -> bool,
    mut serve: impl FnMut(Connection),
    mut is_stopped: impl FnMut(Duration) -> bool,
) {
    let mut number = 0u64;
    loop {
        match listener.accept() {
            Ok((stream, peer)) if has_room(peer.ip()) => {
                if let Ok(connection) = connection(stream, peer, number) {
                    number += 1;
                    serve(connection);
                }
            }
            Ok(_) => {}
            // There is none, or it was given up before it was taken.
            Err(_) => {
                if is_stopped(POLL_INTERVAL) {
                    return;
                }
            }
        }
    }
}

/// Listens; does not wait for connections.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The service's name for one connection to a socket.
pub(super) fn instance(socket: &str, connection: &Connection) -> String {
    format!("{}@{}.service", socket.trim_end_matches(".socket"), connection.instance)
}

/// The file of a unit that is an instance of a template: `a@.service` for `a@b.service` (systemd.unit(5)).
pub(super) fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (_, kind) = rest.rsplit_once('.')?;
    Some(format!("{prefix}@.{kind}"))
}

fn connection(stream: TcpStream, peer: SocketAddr, number: u64) -> io::Result<Connection> {
    stream.set_nonblocking(false)?;
    let instance = format!("{number}-{}-{peer}", stream.local_addr()?);
    Ok(Connection { stream, instance })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_the_file_of_their_template() {
        assert_eq!(template("a@0-10.0.0.1:8081-10.0.0.2:999.service").as_deref(), Some("a@.service"));
        assert_eq!(template("a.service"), None);
    }

    #[test]
    fn no_address_has_all_the_room() {
        let address = "10.0.0.1:8081".parse().expect("address");
        let socket = Socket { address, most: 3, most_of_one: Some(2) };
        let of = |peers: &[&str]| -> Vec<String> {
            peers.iter().map(|peer| format!("a@0-10.0.0.1:8081-{peer}:999.service")).collect()
        };
        let room = |peers: &[&str], peer: &str| has_room(&socket, peer.parse().expect("address"), of(peers).iter());
        let both = ["10.0.0.2", "10.0.0.2"];
        assert!(room(&both[..1], "10.0.0.2") && !room(&both, "10.0.0.2") && room(&both, "10.0.0.22"));
        assert!(!room(&["10.0.0.2", "10.0.0.3", "10.0.0.4"], "10.0.0.5"));
        let unbounded = Socket { most_of_one: None, ..socket };
        assert!(has_room(&unbounded, "10.0.0.2".parse().expect("address"), of(&both).iter()));
    }
}
