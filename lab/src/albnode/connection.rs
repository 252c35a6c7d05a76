//! Connections to targets, kept while they are idle.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::client::conn::http1::SendRequest;
use tokio::net::{TcpSocket, TcpStream};

use super::upload::RequestBody;

/// A connection to a target, on which one request at a time is sent.
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    is_cut: Arc<AtomicBool>,
}

impl Connection {
    /// `is_cut` is set by whoever cuts it off.
    pub(super) fn new(sender: SendRequest<RequestBody>, is_cut: Arc<AtomicBool>) -> Self {
        Self { sender, is_cut }
    }

    /// Whether it was cut off: then the end of a body is none.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }
}

/// Connects from the node's own address, by which security groups and targets know it.
pub(super) async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(to).await?;
    // Small requests must not wait for the acknowledgement of the ones before.
    stream.set_nodelay(true)?;
    Ok(stream)
}
