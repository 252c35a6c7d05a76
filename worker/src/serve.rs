//! The listener: HTTP/1.1 with keep-alive until told to stop, then a drain.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::TcpListener;

use crate::answer::Worker;

/// Longest drain: under systemd's default stop timeout of 90 s, and longer than an ordinary request.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// How long a connection may wait for its next request. Longer than what stands in front keeps it, by the rule of Application
/// Load Balancers, which use connections again for 60 s ("Edit attributes for your Application Load Balancer"): whoever
/// closes first makes a 502 of a request that is just being sent.
const IDLE_LIMIT: Duration = Duration::from_secs(75);

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
        let connection = connection(TokioIo::new(stream), worker.clone());
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

fn connection(
    stream: impl Read + Write + Unpin + 'static,
    worker: Arc<Worker>,
) -> impl GracefulConnection<Error = hyper::Error> {
    let answer = service_fn(move |request| {
        let worker = worker.clone();
        async move { Ok::<_, Infallible>(worker.answer(request).await) }
    });
    // The timeout for a head is also that for the next one to begin.
    http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(IDLE_LIMIT).serve_connection(stream, answer)
}

async fn drain(connections: GracefulShutdown) -> io::Result<()> {
    let open = connections.count();
    tokio::time::timeout(DRAIN_LIMIT, connections.shutdown()).await.map_err(|_| {
        let seconds = DRAIN_LIMIT.as_secs();
        io::Error::new(io::ErrorKind::TimedOut, format!("of {open} connections some were not done after {seconds} s"))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;
    use crate::Config;

    /// Sends a request and reads what comes within a moment; empty: the connection has ended.
    async fn ask(client: &mut DuplexStream) -> String {
        if client.write_all(b"GET /health HTTP/1.1\r\nhost: worker\r\n\r\n").await.is_err() {
            return String::new();
        }
        let mut answer = String::new();
        let mut piece = [0; 1024];
        while !answer.ends_with("ok\n") {
            match client.read(&mut piece).await {
                Ok(length) if length > 0 => answer.push_str(&String::from_utf8_lossy(&piece[..length])),
                _ => return String::new(),
            }
        }
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_longer_than_a_load_balancer_keeps_it() {
        let config = Config::try_parse_from(["worker"]).expect("no flag is needed");
        let worker = Worker::new(&config, "127.0.0.1:8001".parse().expect("address")).expect("valid path");
        let (mut client, server) = duplex(4096);
        let serving = tokio::spawn(connection(TokioIo::new(server), Arc::new(worker)));
        for idle in [0, 61, 74] {
            sleep(Duration::from_secs(idle)).await;
            assert!(ask(&mut client).await.starts_with("HTTP/1.1 200 "), "after {idle} s");
        }
        sleep(Duration::from_secs(76)).await;
        assert_eq!(ask(&mut client).await, "", "nobody is waited for without end");
        let _ended = serving.await.expect("no panic");
    }
}
