//! The data path's listener: one task per client connection, and a drain at the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent::Drain;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::balancer::Balancer;
use crate::inspect::Inspected;
use crate::proxy::Proxy;

/// Longest head of a request; longer ones are answered with 431. A hundred headers are hyper's own limit.
const HEAD_LIMIT_BYTES: usize = 32 * 1024;
/// Read and write buffer per connection: a head must fit twice, and a body gains nothing from more.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long a client's connection may be idle: nginx' default, and longer than the pauses in usual loads.
const IDLE: Duration = Duration::from_secs(75);
/// Pause after a failed accept: with no file descriptors left, an immediate retry would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Proxies what comes in on `listener` until `shutdown` resolves, then stops accepting and gives the requests in
/// flight `drain` to finish.
///
/// # Cancellation
/// Dropping the future closes the listener and cuts every connection.
pub async fn serve(
    listener: TcpListener,
    balancer: Arc<Balancer>,
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
                Ok((stream, client)) => {
                    connections.spawn(converse(stream, client, Arc::clone(&balancer), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task failed");
                }
            }
        }
    }
    drop(listener);
    match tokio::time::timeout(drain, graceful.shutdown()).await {
        Ok(()) => Drain::Complete,
        Err(_) => Drain::DeadlinePassed,
    }
}

async fn converse(stream: TcpStream, client: SocketAddr, balancer: Arc<Balancer>, watcher: Watcher) {
    // Answers are written whole: waiting to fill a packet would only add delay.
    let _ = stream.set_nodelay(true);
    let proxy = Arc::new(Proxy::new(balancer, client.ip()));
    let service = service_fn(move |request| {
        let proxy = Arc::clone(&proxy);
        async move { Ok::<_, Infallible>(proxy.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_header_size(HEAD_LIMIT_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Inspected::new(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%client, %error, "client connection ended");
    }
}
