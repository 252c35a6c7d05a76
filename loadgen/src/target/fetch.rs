//! Fetches a small document over a connection of its own. Measured requests do not go through here.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Resolver, Target};

/// Largest document: the status of a balancer with 10,000 members fits ten times.
const DOCUMENT_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfetched {
    /// Another time it may be there.
    #[error("{0}")]
    Unreachable(String),
    /// The server has no such document.
    #[error("{0}")]
    Refused(String),
}

/// GETs a small document.
///
/// # Cancellation
/// Safe: the connection closes.
pub(crate) async fn fetch(target: &Target, resolver: &Resolver, limit: Duration) -> Result<Bytes, Unfetched> {
    let answer = answer(target, resolver, limit).await.map_err(Unfetched::Unreachable)?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status if status.is_server_error() => Err(Unfetched::Unreachable(format!("it answered {status}"))),
        status => Err(Unfetched::Refused(format!("it answered {status}"))),
    }
}

/// Whole answer to a GET, whatever it says; an error says why there is none.
///
/// # Cancellation
/// Safe: the connection closes.
pub(crate) async fn answer(target: &Target, resolver: &Resolver, limit: Duration) -> Result<Response<Bytes>, String> {
    let late = |_| Err(format!("no answer within {limit:?}"));
    tokio::time::timeout(limit, whole(target, resolver)).await.unwrap_or_else(late)
}

async fn whole(target: &Target, resolver: &Resolver) -> Result<Response<Bytes>, String> {
    let text = |error: io::Error| error.to_string();
    let broken = |error: hyper::Error| error.to_string();
    let addresses = resolver.look_up(&target.authority).await.map_err(text)?;
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(text)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = target.path.clone();
    *request.headers_mut() = target.headers.clone();
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = match Limited::new(body, DOCUMENT_LIMIT_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if head.status == StatusCode::OK => return Err(error.to_string()),
            // The status says all.
            Err(_) => Bytes::new(),
        };
        Ok(Response::from_parts(head, body))
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end before the answer was read from it.
        _ended = connection => answer.await,
    }
}
