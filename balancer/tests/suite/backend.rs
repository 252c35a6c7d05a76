//! Members: a well-behaved one, and raw ones for everything HTTP libraries do not do.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A member that answers what it received: method, target and headers line by line, an empty line, the body.
/// Targets that end in `/slow` wait until [`Backend::release`].
pub(crate) struct Backend {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    release: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// Requests other than health checks, when they arrive.
    pub(crate) requests: AtomicU64,
    /// Open connections.
    pub(crate) connections: AtomicU64,
    /// Status that `/health` answers; 0 is 200.
    pub(crate) health: AtomicU64,
    /// Extra header lines of every answer.
    pub(crate) headers: Mutex<Vec<(String, String)>>,
}

impl Backend {
    pub(crate) async fn start(id: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, (release, released)) = (Arc::new(Seen::default()), watch::channel(false));
        let task = tokio::spawn(serve(listener, Arc::clone(&seen), released));
        Self { id: id.to_owned(), address, seen, release, task }
    }

    pub(crate) fn member(&self) -> wire::Member {
        wire::Member { id: self.id.clone(), address: self.address.to_string(), vcpus: None }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.seen.requests.load(Relaxed)
    }

    pub(crate) fn release(&self) {
        self.release.send_replace(true);
    }

    pub(crate) fn header(&self, name: &str, value: &str) {
        self.seen.headers.lock().unwrap().push((name.to_owned(), value.to_owned()));
    }

    /// Its process is gone: the port is closed and every connection with it.
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

async fn serve(listener: TcpListener, seen: Arc<Seen>, released: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (seen, released) = (Arc::clone(&seen), released.clone());
        connections.spawn(async move {
            seen.connections.fetch_add(1, Relaxed);
            let answer = |request| echo(request, Arc::clone(&seen), released.clone());
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            seen.connections.fetch_sub(1, Relaxed);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn echo(
    request: Request<Incoming>,
    seen: Arc<Seen>,
    mut released: watch::Receiver<bool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    for (name, value) in seen.headers.lock().unwrap().iter() {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    if request.uri().path() == "/health" {
        let status = Some(seen.health.load(Relaxed) as u16).filter(|status| *status > 0).unwrap_or(200);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        return Ok(response);
    }
    seen.requests.fetch_add(1, Relaxed);
    if request.uri().path().ends_with("/slow") {
        released.wait_for(|go| *go).await.unwrap();
    }
    let (head, body) = request.into_parts();
    let mut lines: Vec<String> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    let mut text = format!("{} {}\n{}\n\n", head.method, head.uri, lines.join("\n")).into_bytes();
    text.extend_from_slice(&body.collect().await.unwrap().to_bytes());
    *response.body_mut() = Full::new(Bytes::from(text));
    Ok(response)
}

/// A member that speaks bytes: health checks are answered, every other connection is given to `talk` with the bytes
/// of its first request's head.
pub(crate) async fn raw<F, Fut>(id: &str, talk: F) -> wire::Member
where
    F: Fn(TcpStream, Vec<u8>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let talk = talk.clone();
            tokio::spawn(async move {
                let Some(head) = read_head(&mut stream).await else { return };
                if head.starts_with(b"GET /health ") {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                } else {
                    talk(stream, head).await;
                }
            });
        }
    });
    wire::Member { id: id.to_owned(), address, vcpus: None }
}

/// One head; `None` when the connection ends first.
pub(crate) async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(head)
}

/// A port of 127.0.0.1 where nothing listens.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
