//! Plain HTTP requests to parts of the lab.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Nearly everything asked is on this machine and answers from memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Status and body of a GET.
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, Bytes)> {
    request("GET", address, path, Bytes::new()).await
}

/// The same of something that takes its time.
pub(crate) async fn get_within(limit: Duration, address: SocketAddr, path: &str) -> anyhow::Result<(u16, Bytes)> {
    request_within(limit, "GET", address, path, Bytes::new()).await
}

/// Status and body of a POST without content.
pub(crate) async fn post(address: SocketAddr, path: &str) -> anyhow::Result<(u16, Bytes)> {
    request("POST", address, path, Bytes::new()).await
}

/// Status and body of a request with a JSON document.
pub(crate) async fn request(
    method: &str,
    address: SocketAddr,
    path: &str,
    document: Bytes,
) -> anyhow::Result<(u16, Bytes)> {
    request_within(PATIENCE, method, address, path, document).await
}

async fn request_within(
    limit: Duration,
    method: &str,
    address: SocketAddr,
    path: &str,
    document: Bytes,
) -> anyhow::Result<(u16, Bytes)> {
    let exchange = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder().method(method).uri(path).header("host", address.to_string());
        let request = request.header("content-type", "application/json").body(Full::new(document))?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        // The connection makes progress only while it is polled.
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            ended = connection => { ended?; answer.await }
        }
    };
    let answer = tokio::time::timeout(limit, exchange).await;
    answer
        .context("no answer in time")
        .and_then(|answer| answer)
        .with_context(|| format!("{method} http://{address}{path}"))
}
