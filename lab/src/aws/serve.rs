//! Connections: one task each, until the listener's task is dropped.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cloudsim::{NetworkFault, SharedSim};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::protocol::Request as Asked;
use super::sending::Sending;
use super::{Lost, Served, answer, signature};

/// Above the largest request: a message of 1 MiB in JSON, whose every character may be escaped.
const LARGEST_REQUEST: usize = 4 << 20;
/// The largest object; S3 takes 5 GiB in one call. It is held in memory while it comes and while it goes.
const LARGEST_OBJECT: usize = 64 << 20;
/// A thousand keys of a kilobyte each, escaped.
const LARGEST_DOCUMENT: usize = 8 << 20;

/// Accepts connections for ever. Dropping the future ends all of them.
pub(crate) async fn serve(listener: TcpListener, served: Arc<Served>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, served.clone()));
                }
                // Out of file descriptors or a client that gave up: the next one may do better.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_ended) = connections.join_next() => (),
        }
    }
}

async fn connection(stream: TcpStream, served: Arc<Served>) {
    // The same socket once more, to tell the kernel how it is to end.
    let socket = stream.as_fd().try_clone_to_owned().ok().map(Arc::new);
    let service = service_fn(move |request| {
        let (served, socket) = (served.clone(), socket.clone());
        async move { exchange(request, &served, socket.as_deref()).await }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // An error here is a client that went away, or a lost answer that was asked for.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn exchange(
    request: Request<Incoming>,
    served: &Served,
    socket: Option<&OwnedFd>,
) -> Result<Response<Sending>, Lost> {
    let (head, body) = request.into_parts();
    let is_for_s3 = signature::is_for_s3(&head);
    let largest = match head.method {
        Method::PUT if is_for_s3 => LARGEST_OBJECT,
        _ if is_for_s3 => LARGEST_DOCUMENT,
        _ => LARGEST_REQUEST,
    };
    let body = match Limited::new(body, largest).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large")),
    };
    if !is_for_s3 && !matches!(head.method, Method::GET | Method::POST) {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "GET or POST"));
    }
    let fault = network_fault(&served.sim);
    match fault {
        Some(NetworkFault::Status503) => {
            return Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "<html><body>503 Service Unavailable</body></html>"));
        }
        Some(NetworkFault::Reset) => return Err(reset(socket)),
        Some(NetworkFault::Cut) | None => (),
    }
    let request_id = new_request_id();
    let query = head.uri.query().unwrap_or_default();
    let asked = Asked { method: &head.method, path: head.uri.path(), query, headers: &head.headers, body: &body };
    let response = answer(served, &asked, &request_id).await;
    served.changed.notify_one();
    let response = response?;
    Ok(match fault {
        Some(NetworkFault::Cut) => response.map(|body| body.cut(|length| served.sim.lock().cut(length))),
        _ => response,
    })
}

fn network_fault(sim: &SharedSim) -> Option<NetworkFault> {
    let now = sim.now();
    sim.lock().network_fault(now)
}

/// Has the kernel send RST instead of an orderly end when the connection is closed, which is what the error does.
fn reset(socket: Option<&OwnedFd>) -> Lost {
    if let Some(socket) = socket
        && let Err(error) = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO))
    {
        tracing::warn!(%error, "a connection ends in order that was to be reset");
    }
    Lost
}

/// A random UUID.
fn new_request_id() -> String {
    let bits: u128 = rand::random();
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn plain(status: StatusCode, text: &'static str) -> Response<Sending> {
    let mut response = Response::new(Sending::whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
