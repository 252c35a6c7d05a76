//! Connections: one task each, until the listener's task is dropped.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use cloudsim::SharedSim;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Lost, answer};
use crate::machine::Machines;

/// Far above the largest request: user data of 16 KiB, base64 and percent-encoded, and a thousand ids.
const LARGEST_REQUEST: usize = 1 << 20;

/// What the endpoint serves.
pub(crate) struct Served {
    pub(crate) sim: SharedSim,
    /// Told after every call, because something may be due now.
    pub(crate) changed: Notify,
    /// Where consoles are read.
    pub(crate) machines: Option<Arc<dyn Machines>>,
}

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
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
            Some(_ended) = connections.join_next() => (),
        }
    }
}

async fn connection(stream: TcpStream, served: Arc<Served>) {
    let service = service_fn(move |request| {
        let served = served.clone();
        async move { exchange(request, &served).await }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // An error here is a client that went away, or a lost answer that was asked for.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn exchange(request: Request<Incoming>, served: &Served) -> Result<Response<Full<Bytes>>, Lost> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large")),
    };
    let form = match head.method {
        Method::POST => body,
        Method::GET => Bytes::from(head.uri.query().unwrap_or_default().to_owned()),
        _ => return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "GET or POST")),
    };
    refresh_console(served, &form);
    let request_id = new_request_id();
    let response = answer(&served.sim, &head.headers, &form, &request_id);
    served.changed.notify_one();
    response
}

/// What GetConsoleOutput is about to show.
fn refresh_console(served: &Served, form: &[u8]) {
    let Some(machines) = &served.machines else { return };
    let mut fields = form_urlencoded::parse(form);
    if !fields.any(|(name, value)| name == "Action" && value == "GetConsoleOutput") {
        return;
    }
    let mut fields = form_urlencoded::parse(form);
    if let Some((_, id)) = fields.find(|(name, _)| name == "InstanceId") {
        let text = machines.console(&id);
        if !text.is_empty() {
            let now = served.sim.now();
            served.sim.lock().set_console(&id, text, now);
        }
    }
}

/// A random UUID.
fn new_request_id() -> String {
    let bits: u128 = rand::random();
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
