//! Connections to targets, kept while they are idle.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::body::RequestBody;
use super::table::Target;

/// A connection to a target, on which one request at a time is sent.
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    is_cut: Arc<AtomicBool>,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoConnection {
    Refused,
    TimedOut,
}

impl Connection {
    /// An idle one, or a new one.
    pub(super) async fn to(
        target: &Target,
        from: IpAddr,
        oldest: Duration,
        limit: Duration,
    ) -> Result<Self, NoConnection> {
        while target.is_reachable()
            && let Some(mut idle) = target.idle_connection(oldest)
        {
            // One that the target has closed is known to be closed, unless it did so in this moment.
            if idle.sender.ready().await.is_ok() {
                return Ok(idle);
            }
        }
        Self::new(target, from, limit).await
    }

    async fn new(target: &Target, from: IpAddr, limit: Duration) -> Result<Self, NoConnection> {
        if !target.is_reachable() {
            sleep(limit).await;
            return Err(NoConnection::TimedOut);
        }
        let connected = timeout(limit, connect(from, target.address)).await;
        let stream = connected.map_err(|_| NoConnection::TimedOut)?.map_err(|_| NoConnection::Refused)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| NoConnection::Refused)?;
        let is_cut = Arc::new(AtomicBool::default());
        let (cut, mut gone) = (is_cut.clone(), target.gone());
        tokio::spawn(async move {
            tokio::pin!(connection);
            tokio::select! {
                // Whoever waits for an answer learns how it ended.
                _ = &mut connection => {}
                // When the deregistration delay is over, what is left is cut off (user guide, "HTTP 502: Bad gateway").
                _ = gone.wait_for(|gone| *gone) => cut.store(true, Ordering::Relaxed),
            }
        });
        Ok(Self { sender, is_cut })
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
