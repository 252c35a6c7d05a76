//! The program over HTTP/1.1, on a connection of its own for each request: a kept one that the program is just closing would
//! be a failure that is none.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use wire::BOOT_HEADER;

use crate::ports::{Answer, Call, Outcome, Program, Sick};

/// Longest answer that is passed on.
const LONGEST: usize = 16 * 1024 * 1024;
/// Longest page of the program that is passed on.
const LONGEST_PAGE: usize = 1024 * 1024;
/// Time for which a page of the program is waited for: a calibration takes a second.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection is used once, and the program is told so.
const CLOSE: &str = "close";
/// Header that names the request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Header from which a load generator lets the work be drawn.
const SEED: HeaderName = HeaderName::from_static("x-clusterbench-seed");

/// A program that serves HTTP at an address of this instance.
#[derive(Clone, Debug)]
pub struct HttpProgram {
    address: SocketAddr,
    health_path: String,
    /// What it answers there when it is well. `None`: any status below 500.
    health_status: Option<u16>,
}

impl HttpProgram {
    /// A program at this address, which is well when it answers `GET /health` with anything below 500.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, health_path: "/health".to_owned(), health_status: None }
    }

    /// The same, which says at another path how it is, or with this status alone that it is well.
    #[must_use]
    pub fn asked(self, health_path: String, health_status: Option<u16>) -> Self {
        Self { health_path, health_status, ..self }
    }

    /// A page that the program has for whoever measures it, passed on as it is.
    ///
    /// # Errors
    /// When there is no answer, in time and of a length that is passed on.
    pub(super) async fn page(&self, path_and_query: &str) -> Result<Response<Bytes>, Sick> {
        let answer = async {
            let (head, body) = self.exchange(self.get(path_and_query)?).await?.into_parts();
            Ok(Response::from_parts(head, read(body, LONGEST_PAGE).await?))
        };
        tokio::time::timeout(PAGE_TIMEOUT, answer).await.unwrap_or(Err(Sick::Silent(PAGE_TIMEOUT)))
    }

    fn get(&self, path_and_query: &str) -> Result<Request<Full<Bytes>>, Sick> {
        let request = Request::get(path_and_query).header(HOST, self.address.to_string()).header(CONNECTION, CLOSE);
        request.header(USER_AGENT, "puller").body(Full::default()).map_err(|error| Sick::Broken(error.to_string()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Body>, Sick> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Sick::Refused,
            _ => Sick::Broken(error.to_string()),
        })?;
        // A small head before a small body must not wait for the acknowledgement of the former.
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Driven by a task that ends with the body: whoever drops the exchange closes the connection.
        let mut driver = tokio::task::JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        Ok(response.map(|incoming| Body { incoming, _sender: sender, _driver: driver }))
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(call.method.as_str())
            .uri(call.path.as_str())
            .header(HOST, self.address.to_string())
            .header(CONNECTION, CLOSE)
            .header(REQUEST_ID, call.id);
        for (name, value) in [(CONTENT_TYPE, call.content_type), (SEED, call.seed)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.body(Full::new(call.body))
    }

    async fn answer(&self, call: Call) -> Result<Answer, Sick> {
        // Method and path were those of an HTTP request: the fallback is never taken.
        let request = self.request(call).map_err(|error| Sick::Broken(error.to_string()))?;
        let (head, body) = self.exchange(request).await?.into_parts();
        let body = read(body, LONGEST).await?;
        let content_type = text(&head.headers, &CONTENT_TYPE);
        let boot = head.headers.get(BOOT_HEADER).and_then(visible);
        Ok(Answer { status: head.status.as_u16(), content_type, body, boot })
    }
}

impl Program for HttpProgram {
    async fn run(&self, call: Call) -> Outcome {
        self.answer(call).await.map_or_else(Outcome::Failed, Outcome::Answer)
    }

    async fn health(&self) -> Result<Option<String>, Sick> {
        let (head, body) = self.exchange(self.get(&self.health_path)?).await?.into_parts();
        // To its end, so that the program does not see its connection reset each second. What it says does not matter.
        let _ = read(body, LONGEST_PAGE).await;
        // A program without /health answers 404: its HTTP works, which is all that is asked for unless somebody says more.
        let (status, path) = (head.status.as_u16(), self.health_path.clone());
        match self.health_status {
            Some(wanted) if status != wanted => Err(Sick::Status { path, status, wanted: format!(", not {wanted}") }),
            None if status >= 500 => Err(Sick::Status { path, status, wanted: String::new() }),
            _ => Ok(()),
        }?;
        Ok(head.headers.get(BOOT_HEADER).and_then(visible))
    }
}

/// A body with the connection that it comes by.
struct Body {
    incoming: Incoming,
    _sender: http1::SendRequest<Full<Bytes>>,
    _driver: tokio::task::JoinSet<hyper::Result<()>>,
}

async fn read(body: Body, longest: usize) -> Result<Bytes, Sick> {
    let read = Limited::new(body.incoming, longest).collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Sick::TooLong(longest),
        None => Sick::Broken(error.to_string()),
    })
}

fn broken(error: hyper::Error) -> Sick {
    Sick::Broken(error.to_string())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(visible)
}

fn visible(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().filter(|value| !value.is_empty()).map(str::to_owned)
}
