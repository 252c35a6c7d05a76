//! One HTTP/1.1 connection, kept alive, driven by the task that uses it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Target;

type Body = Empty<Bytes>;
type Engine = Pin<Box<http1::Connection<TokioIo<TcpStream>, Body>>>;

/// Largest document read by [`fetch`]: the status of a balancer with 10,000 members fits ten times.
const DOCUMENT_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// The connection is polled inside the task of its user: no second task, no wake-up between the two, and when the
/// user is dropped the socket closes with it.
pub(crate) struct Connection {
    sender: http1::SendRequest<Body>,
    /// `None` once the connection has ended.
    engine: Option<Engine>,
}

/// A whole answer, its body read and dropped.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

pub(crate) enum ExchangeError {
    /// Nothing was sent: the server had closed the idle connection. The request may go over another one.
    NotSent(Box<Request<Body>>),
    /// The connection ended or broke the protocol before the answer was whole.
    Broken,
}

impl Connection {
    /// # Cancellation
    /// Safe: the half-open socket closes.
    pub(crate) async fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.addresses.as_slice()).await?;
        // Without it small requests would wait for acknowledgements.
        stream.set_nodelay(true)?;
        let (sender, engine) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        Ok(Self { sender, engine: Some(Box::pin(engine)) })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.engine.is_some() && !self.sender.is_closed()
    }

    /// Sends `request` and reads the answer to the end of its body.
    ///
    /// # Cancellation
    /// The connection must be dropped afterwards: an answer may be under way.
    pub(crate) async fn exchange(&mut self, request: Request<Body>) -> Result<Answer, ExchangeError> {
        let Self { sender, engine } = self;
        if alongside(engine, pin!(sender.ready())).await.is_err() {
            return Err(ExchangeError::NotSent(Box::new(request)));
        }
        let response = sender.try_send_request(request);
        let answer = async {
            let response = response.await.map_err(|mut error| match error.take_message() {
                Some(request) => ExchangeError::NotSent(Box::new(request)),
                None => ExchangeError::Broken,
            })?;
            let (head, mut body) = response.into_parts();
            while let Some(frame) = body.frame().await {
                frame.map_err(|_| ExchangeError::Broken)?;
            }
            Ok(Answer { status: head.status, headers: head.headers })
        };
        alongside(engine, pin!(answer)).await
    }
}

/// Polls `work` with the engine turning beneath it: before it, so that it sees what has arrived, and once more after
/// it, so that what it asked for is under way before the task sleeps.
async fn alongside<T>(engine: &mut Option<Engine>, mut work: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|context| {
        turn(engine, context);
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(output);
        }
        turn(engine, context);
        work.as_mut().poll(context)
    })
    .await
}

fn turn(engine: &mut Option<Engine>, context: &mut Context<'_>) {
    // How it ended does not matter here: whoever waits for an answer is told.
    if engine.as_mut().is_some_and(|engine| engine.as_mut().poll(context).is_ready()) {
        *engine = None;
    }
}

/// GETs a small document over a connection of its own.
pub(crate) async fn fetch(target: &Target, limit: Duration) -> Result<Bytes, String> {
    let answer = async {
        let mut connection = Connection::open(target).await.map_err(|error| error.to_string())?;
        let response = connection.sender.send_request(target.request());
        let whole = async {
            let response = response.await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = Limited::new(response.into_body(), DOCUMENT_LIMIT_BYTES).collect().await;
            match (status, body) {
                (StatusCode::OK, Ok(body)) => Ok(body.to_bytes()),
                (StatusCode::OK, Err(error)) => Err(error.to_string()),
                (status, _) => Err(format!("it answered {status}")),
            }
        };
        alongside(&mut connection.engine, pin!(whole)).await
    };
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
}

impl Target {
    /// A GET of this target, without a seed.
    pub(crate) fn request(&self) -> Request<Body> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}
