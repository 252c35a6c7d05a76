//! Health checks: each node asks each target, on a connection of its own for each check.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::config::HealthCheck;
use super::connection::connect;
use super::event::{Check, Event, Found};
use super::health::{Health, Outcome, Thresholds};
use super::node::Node;
use super::statuses::Statuses;
use super::table::{IsNew, Target};

/// Begins to check a target until the task is aborted. The result of each is told, and again what it changes.
pub(super) fn start(
    node: &Arc<Node>,
    group: &str,
    target: &Arc<Target>,
    check: &HealthCheck,
    is_new: IsNew,
) -> AbortHandle {
    if is_new.0 {
        *target.health() = Health::new();
        node.tell_health(group, target);
    }
    let (node, group, target, check) = (node.clone(), group.to_owned(), target.clone(), check.clone());
    tokio::spawn(async move { keep_checking(&node, &group, &target, &check).await }).abort_handle()
}

async fn keep_checking(node: &Node, group: &str, target: &Target, check: &HealthCheck) {
    // Configurations were checked before they came into force.
    let Ok(statuses) = Statuses::parse(&check.statuses) else { return };
    let thresholds = Thresholds { healthy: check.healthy_count, unhealthy: check.unhealthy_count };
    // The time that an answer takes does not put off the next check (user guide, "Health check settings").
    let mut turns = interval(Duration::from_millis(check.interval_millis));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let found = find(node.address.ip(), target, check).await;
        node.tell(Event::Check(Check { group: group.to_owned(), target: target.id.clone(), found }));
        let is_news = target.health().note(judge(found, &statuses), thresholds);
        if is_news {
            node.tell_health(group, target);
        }
    }
}

async fn find(from: IpAddr, target: &Target, check: &HealthCheck) -> Found {
    let limit = Duration::from_millis(check.timeout_millis);
    if !target.is_reachable() {
        sleep(limit).await;
        return Found::Timeout;
    }
    match timeout(limit, ask(from, target, &check.path)).await {
        Err(_) => Found::Timeout,
        Ok(None) => Found::Failed,
        Ok(Some(status)) => Found::Answered(status),
    }
}

fn judge(found: Found, statuses: &Statuses) -> Outcome {
    match found {
        Found::Answered(status) if statuses.contain(status) => Outcome::Success,
        Found::Answered(status) => Outcome::Mismatch(status),
        Found::Timeout => Outcome::TimedOut,
        Found::Failed => Outcome::Failed,
    }
}

/// The status of the answer, when all of it came.
async fn ask(from: IpAddr, target: &Target, path: &str) -> Option<u16> {
    let stream = connect(from, target.address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(path)
        .header(HOST, target.address.to_string())
        .header(USER_AGENT, "ELB-HealthChecker/2.0")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .ok()?;
    let exchange = async {
        let mut answer = sender.send_request(request).await.ok()?;
        while let Some(frame) = answer.body_mut().frame().await {
            frame.ok()?;
        }
        Some(answer.status().as_u16())
    };
    // In this task, so that nothing of a check outlives it.
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        status = &mut exchange => status,
        // The target closed after its answer, or instead of one.
        _ = &mut connection => exchange.await,
    }
}
