//! The listener: routes are served until it is told to stop, then open requests may finish.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Time that a client may take to send a request's head, and for which an idle connection is kept.
/// The operator's requests come at once; whoever holds a connection longer only costs memory.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections that may wait to be accepted; Linux caps it at its own limit, 4,096 by default.
/// The usual 128 overflow when 500 clients connect at once, and each one dropped waits a second to try again: measured
/// as a p99 of 1.5 s where the work took 0.5 s.
const BACKLOG: u32 = 4096;

/// Pause after a failed accept: with no file descriptors left, an immediate retry would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The end of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Every open request was answered.
    Complete,
    /// The deadline passed; what was still open has been cut.
    DeadlinePassed,
}

/// Binds `address`; `flag` is named in the error.
///
/// # Errors
/// When the address is in use, not on this instance, or its port is privileged.
pub async fn listen(flag: &str, address: SocketAddr) -> io::Result<TcpListener> {
    bind(address).map_err(|error| {
        io::Error::new(error.kind(), format!("{flag}: cannot listen on {address}: {error}; choose another address"))
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the process before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers HTTP/1.1 requests by `routes` until `shutdown` resolves, then stops accepting and gives the open
/// requests `drain` to finish.
///
/// # Cancellation
/// Dropping the future closes the listener and cuts every connection.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> Drain {
    let mut shutdown = pin!(shutdown);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(answer(stream, routes.clone(), graceful.watcher())); }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    match tokio::time::timeout(drain, graceful.shutdown()).await {
        Ok(()) => Drain::Complete,
        Err(_) => Drain::DeadlinePassed,
    }
}

async fn answer(stream: TcpStream, routes: Router, watcher: hyper_util::server::graceful::Watcher) {
    // Answers are small: waiting to fill a packet would only add delay.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "control connection ended");
    }
}
