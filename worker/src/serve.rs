//! The listener: HTTP/1.1 with keep-alive until told to stop, then a drain.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use crate::answer::Worker;

/// Longest drain: under systemd's default stop timeout of 90 s, and longer than an ordinary request.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Pause after a failed accept. It fails when the process has no file descriptor left, and would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` completes, then takes no more connections and answers what was received, for at most
/// [`DRAIN_LIMIT`].
///
/// *Errors*: the drain took too long; the number is that of connections cut off.
pub async fn serve(listener: TcpListener, worker: Arc<Worker>, stop: impl Future<Output = ()>) -> io::Result<()> {
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small answers must not wait for the acknowledgement of the ones before.
        let _ = stream.set_nodelay(true);
        let worker = worker.clone();
        let answer = service_fn(move |request| {
            let worker = worker.clone();
            async move { Ok::<_, Infallible>(worker.answer(&request).await) }
        });
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer);
        let connection = connections.watch(connection);
        // Not joined one by one: the drain waits for all of them, and a connection that breaks is its client's.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    drain(connections).await
}

async fn drain(connections: GracefulShutdown) -> io::Result<()> {
    let open = connections.count();
    tokio::time::timeout(DRAIN_LIMIT, connections.shutdown()).await.map_err(|_| {
        let seconds = DRAIN_LIMIT.as_secs();
        io::Error::new(io::ErrorKind::TimedOut, format!("of {open} connections some were not done after {seconds} s"))
    })
}
