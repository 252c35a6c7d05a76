//! Connections for requests: an idle one of the target, or a new one.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{sleep, timeout};

use super::connection::{Connection, connect};
use super::table::Target;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoConnection {
    Refused,
    TimedOut,
}

/// An idle one, or a new one.
pub(super) async fn dial(
    target: &Target,
    from: IpAddr,
    oldest: Duration,
    limit: Duration,
) -> Result<Connection, NoConnection> {
    while target.is_reachable()
        && let Some(mut idle) = target.idle_connection(oldest)
    {
        // One that the target has closed is known to be closed, unless it did so in this moment.
        if idle.sender.ready().await.is_ok() {
            return Ok(idle);
        }
    }
    anew(target, from, limit).await
}

async fn anew(target: &Target, from: IpAddr, limit: Duration) -> Result<Connection, NoConnection> {
    if !target.is_reachable() {
        sleep(limit).await;
        return Err(NoConnection::TimedOut);
    }
    let connected = timeout(limit, connect(from, target.address)).await;
    let stream = connected.map_err(|_| NoConnection::TimedOut)?.map_err(|_| NoConnection::Refused)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| NoConnection::Refused)?;
    let is_cut = Arc::new(AtomicBool::default());
    let (cut, mut gone) = (is_cut.clone(), target.gone());
    tokio::spawn(async move {
        tokio::pin!(connection);
        tokio::select! {
            // Whoever waits for an answer learns how it ended.
            _ = &mut connection => {}
            // When the deregistration delay is over, what is left is cut off (user guide, "HTTP 502: Bad gateway").
            _ = gone.wait_for(|gone| *gone) => cut.store(true, Ordering::Relaxed),
        }
    });
    Ok(Connection::new(sender, is_cut))
}
