//! Health checks: the puller of each member is asked each second how it is.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::member::{Member, Unwell};
use crate::puller_status::PullerStatus;

/// Time from one check of a member to the next.
const INTERVAL: Duration = Duration::from_secs(1);
/// A puller asks its program before it answers, which may take 2 s; one lost packet is sent again after 1 s (RFC 6298, 2.1).
const TIMEOUT: Duration = Duration::from_millis(3_500);
/// Longest status that is read.
const LONGEST: usize = 64 * 1024;

/// Checks a member until it has left and is at work no more.
pub(super) async fn check_until_left(member: Arc<Member>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = member.has_left(), if !member.is_out() => {}
        }
        if member.is_out() && member.record.in_flight() == 0 {
            return;
        }
        let checked = timeout(TIMEOUT, check(member.address)).await;
        member.checked(checked.unwrap_or(Err(Unwell::Silent)));
    }
}

/// One check on a connection of its own: it also proves that the instance accepts connections.
async fn check(address: SocketAddr) -> Result<PullerStatus, Unwell> {
    let broken = |error: &dyn std::fmt::Display| Unwell::Broken(error.to_string());
    let stream = TcpStream::connect(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Unwell::Refused,
        _ => broken(&error),
    })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    // Driven by a task that ends with this check.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get("/health")
        .header(HOST, address.to_string())
        .header(USER_AGENT, "front")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(&error))?;
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| broken(&error))?.to_bytes();
    let puller: Result<PullerStatus, _> = serde_json::from_slice(&body);
    match puller {
        Ok(puller) if !status.is_server_error() => Ok(puller),
        Ok(puller) => Err(Unwell::Broken(puller.waits_for.unwrap_or_else(|| status.to_string()))),
        Err(error) => Err(Unwell::Broken(format!("{status}, which is no answer of a puller: {error}"))),
    }
}
