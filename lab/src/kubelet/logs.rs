//! `kubectl logs`: the API server asks the node for the words of a container, by HTTPS (`pkg/registry/core/pod/strategy.go`,
//! `LogLocation`). Nobody verifies the certificate (kubernetes.io, Control Plane-Node Communication), and only this machine gets here.

use std::convert::Infallible;
use std::io::{Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use futures::stream;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::kubelet::board::{Board, Entry};

/// The port of every kubelet (kubernetes.io, Ports and Protocols).
pub(super) const PORT: u16 = 10_250;
/// Between two looks at a log that is followed.
const LOOK: Duration = Duration::from_millis(100);
/// A client that does not speak TLS by then is let go.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Read at a time.
const PIECE: u64 = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    follow: bool,
    #[serde(default)]
    previous: bool,
    tail_lines: Option<usize>,
    limit_bytes: Option<u64>,
}

/// Serves until the node's address cannot be listened at any more.
pub(super) async fn serve(listener: Tls, board: Board) -> std::io::Result<()> {
    let router = Router::new().route("/containerLogs/{namespace}/{pod}/{container}", get(log)).with_state(board);
    axum::serve(listener, router).await
}

async fn log(
    State(board): State<Board>,
    Path((namespace, pod, _)): Path<(String, String, String)>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let Some(entry) = board.find(&namespace, &pod) else {
        return (StatusCode::NOT_FOUND, format!("there is no pod {namespace}/{pod} on this node")).into_response();
    };
    let range = match (wanted.previous, entry.began) {
        (true, None) => return (StatusCode::BAD_REQUEST, "there is no process before this one").into_response(),
        (true, Some(began)) => (began, Some(entry.begins)),
        (false, _) => (entry.begins, entry.ends),
    };
    let mut text = read(&entry.log, range.0, range.1);
    let position = range.0 + text.len() as u64;
    if let Some(lines) = wanted.tail_lines {
        text.drain(..tail(&text, lines));
    }
    if let Some(limit) = wanted.limit_bytes.and_then(|limit| usize::try_from(limit).ok()) {
        text.truncate(limit);
    }
    if !wanted.follow || wanted.previous {
        return Bytes::from(text).into_response();
    }
    let begins = entry.begins;
    let following = Following { board, namespace, pod, begins, position };
    let rest = stream::unfold((Some(text), following), |(first, mut following)| async move {
        let text = match first {
            Some(text) => text,
            None => following.more().await?,
        };
        Some((Ok::<_, Infallible>(Bytes::from(text)), (None, following)))
    });
    Body::from_stream(rest).into_response()
}

/// Bytes of a log, at most to `end`.
fn read(log: &PathBuf, begin: u64, end: Option<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut fill = || -> std::io::Result<()> {
        let mut file = std::fs::File::open(log)?;
        file.seek(SeekFrom::Start(begin))?;
        match end {
            Some(end) => file.take(end.saturating_sub(begin)).read_to_end(&mut bytes)?,
            None => file.read_to_end(&mut bytes)?,
        };
        Ok(())
    };
    let _ = fill(); // what could be read is shown
    bytes
}

/// Where the last lines begin.
fn tail(text: &[u8], lines: usize) -> usize {
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let mut begins: Vec<usize> = std::iter::once(0).chain(ends).filter(|begin| *begin < text.len()).collect();
    let kept = begins.len().saturating_sub(lines);
    begins.drain(..kept);
    begins.first().copied().unwrap_or(text.len())
}

struct Following {
    board: Board,
    namespace: String,
    pod: String,
    begins: u64,
    position: u64,
}

impl Following {
    /// What came since, once there is something; `None` when the process has ended and all is told.
    async fn more(&mut self) -> Option<Vec<u8>> {
        loop {
            let same = |entry: &Entry| entry.begins == self.begins;
            let entry = self.board.find(&self.namespace, &self.pod).filter(same);
            let end = entry.as_ref().and_then(|entry| entry.ends);
            let until = end.unwrap_or(u64::MAX).min(self.position + PIECE);
            let text = entry.as_ref().map(|entry| read(&entry.log, self.position, Some(until))).unwrap_or_default();
            if !text.is_empty() {
                self.position += text.len() as u64;
                return Some(text);
            }
            if entry.is_none() || end.is_some() {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// HTTPS with a certificate that was made for it.
pub(super) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Tls {
    pub(super) async fn at(address: Ipv4Addr) -> anyhow::Result<Self> {
        let made =
            rcgen::generate_simple_self_signed([address.to_string()]).context("no certificate for the kubelet")?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|why| anyhow::anyhow!("{why}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)?;
        let listener = TcpListener::bind((address, PORT)).await;
        let listener = listener.with_context(|| format!("{address}:{PORT} cannot be bound"))?;
        Ok(Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_begin_after_a_line() {
        let text = b"one\ntwo\nthree";
        let tail = |lines| std::str::from_utf8(&text[tail(text, lines)..]).unwrap();
        assert_eq!([tail(0), tail(1), tail(2), tail(9)], ["", "three", "two\nthree", "one\ntwo\nthree"]);
        assert_eq!(super::tail(b"one\ntwo\n", 1), 4);
    }
}
