//! A small document over a connection of its own. What is measured does not go through here.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Target;

/// Largest document: the status of a balancer with 10,000 members fits ten times.
const DOCUMENT_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// GETs a small document.
///
/// # Cancellation
/// Safe: the connection closes.
pub(crate) async fn fetch(target: &Target, limit: Duration) -> Result<Bytes, String> {
    tokio::time::timeout(limit, whole(target)).await.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
}

async fn whole(target: &Target) -> Result<Bytes, String> {
    let text = |error: io::Error| error.to_string();
    let stream = TcpStream::connect(target.addresses.as_slice()).await.map_err(text)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = target.path.clone();
    *request.headers_mut() = target.headers.clone();
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        match (status, Limited::new(response.into_body(), DOCUMENT_LIMIT_BYTES).collect().await) {
            (StatusCode::OK, Ok(body)) => Ok(body.to_bytes()),
            (StatusCode::OK, Err(error)) => Err(error.to_string()),
            (status, _) => Err(format!("it answered {status}")),
        }
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end before the answer was read from it.
        _ended = connection => answer.await,
    }
}
