//! The pullers of members, as a front reaches them: a port, and what it is over HTTP.

use std::fmt::{Debug, Display};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::puller_status::{Order, PullerStatus};

/// Longest status that is read.
const LONGEST: usize = 64 * 1024;

/// An answer of a puller that is on its way.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<PullerStatus, Unwell>> + Send + 'a>>;

/// Whoever reaches pullers by their addresses.
pub trait Pullers: Debug + Send + Sync + 'static {
    /// Asks a puller how it is, once it has obeyed the order, if there is one. One whose program is not well answers nevertheless,
    /// and says what it waits for. After an error the order may have been obeyed.
    ///
    /// *Cancellation*: safe; an order may have been obeyed.
    fn ask(&self, address: SocketAddr, order: Option<Order>) -> Asked<'_>;
}

/// Why a puller gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// Its port is closed: nobody has to be asked twice.
    #[error("connection refused")]
    Refused,
    /// No answer in time.
    #[error("no answer of its puller in time")]
    Silent,
    /// Anything else.
    #[error("its puller was asked in vain: {0}")]
    Broken(String),
}

/// Pullers over HTTP, each time on a connection of its own: it also proves that the instance accepts connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpPullers;

impl Pullers for HttpPullers {
    fn ask(&self, address: SocketAddr, order: Option<Order>) -> Asked<'_> {
        Box::pin(ask(address, order))
    }
}

async fn ask(address: SocketAddr, order: Option<Order>) -> Result<PullerStatus, Unwell> {
    let stream = TcpStream::connect(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Unwell::Refused,
        _ => broken(error),
    })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Driven by a task that ends with this question.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(question(address, order)?).await.map_err(broken)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(broken)?.to_bytes();
    let puller: Result<PullerStatus, _> = serde_json::from_slice(&body);
    match puller {
        Ok(puller) if status.is_success() => Ok(puller),
        // Not well: it says why.
        Ok(puller) if status.is_server_error() && !puller.instance_id.is_empty() => {
            let waits_for = puller.waits_for.clone().or_else(|| Some(status.to_string()));
            Ok(PullerStatus { waits_for, ..puller })
        }
        _ => Err(Unwell::Broken(format!("{status}: {}", String::from_utf8_lossy(&body)))),
    }
}

/// `GET /health`, or `PUT /duty`, which is answered in the same way.
fn question(address: SocketAddr, order: Option<Order>) -> Result<Request<Full<Bytes>>, Unwell> {
    let (method, path, body) = match order {
        None => (Method::GET, "/health", Vec::new()),
        Some(order) => (Method::PUT, "/duty", serde_json::to_vec(&order).map_err(broken)?),
    };
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
        .header(USER_AGENT, "front")
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))
        .map_err(broken)
}

fn broken(error: impl Display) -> Unwell {
    Unwell::Broken(error.to_string())
}
