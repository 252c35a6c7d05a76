//! The listener, and the connections of clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::answer::answer;
use super::node::Node;

/// Pause after a failed accept. It fails when the process has no file descriptor left, and would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes connections, for ever.
pub(super) async fn serve(listener: TcpListener, node: Arc<Node>) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(open) = Open::begin(&node) else {
            node.counts.rejected_connection();
            continue;
        };
        node.counts.connection();
        let node = node.clone();
        tokio::spawn(async move {
            converse(stream, client, &node).await;
            drop(open);
        });
    }
}

async fn converse(stream: TcpStream, client: std::net::SocketAddr, node: &Arc<Node>) {
    // Small answers must not wait for the acknowledgement of the ones before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(node.clone(), client, request));
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        // It begins anew after each answer: this is what closes a connection that is kept alive for nothing.
        .header_read_timeout(node.limits.idle)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // hyper has answered it, or there was nobody to answer.
    if ended.is_err_and(|error| error.is_parse()) {
        node.counts.own(400);
    }
}

/// A connection that counts until this is dropped.
struct Open(Arc<Node>);

impl Open {
    /// `None`: there are as many as there may be.
    fn begin(node: &Arc<Node>) -> Option<Self> {
        // Counted first, so that a drop always takes back what was counted.
        let open = Self(node.clone());
        let others = node.connections.fetch_add(1, Ordering::Relaxed);
        (others < node.limits.connections).then_some(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
