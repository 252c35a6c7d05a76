//! Health checks: each member is asked each second whether it answers HTTP.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::Either;
use futures::stream::FuturesUnordered;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, Response};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wire::{BOOT_HEADER, Health, HealthCheck, SLOTS_HEADER};

use super::member::{Member, Record};
use super::routing::Routing;
use super::{Cluster, ClusterState};
use crate::balancer::Balancer;
use crate::policy::{Nanos, Outcome};
use crate::proxy::upstream::is_local;

/// Time from one check of a member to the next.
const INTERVAL: Duration = Duration::from_secs(1);
/// A member that is silent for so long is out at once. One lost packet is not that: TCP sends the first one of a
/// connection again after 1 s (RFC 6298, 2.1), and a check that ended just then would never see it arrive.
const TIMEOUT: Duration = Duration::from_secs(2);
/// So many checks in a row without an answer take a member out: one may be chance.
const FAILURES: u32 = 2;

/// Checks every member of every membership, from the moment it joins until it leaves.
///
/// # Cancellation
/// Dropping the future ends all checks; members keep the health they have.
pub async fn check_members(balancer: Arc<Balancer>) -> Infallible {
    let mut changes = balancer.changes();
    changes.mark_changed();
    let mut checks = FuturesUnordered::new();
    loop {
        tokio::select! {
            // The balancer is held here, so the sender lives.
            _ = changes.changed() => {
                let routing = Arc::clone(&changes.borrow_and_update());
                for cluster in &routing.clusters {
                    for member in cluster.members.iter().filter(|member| member.claim_checks()) {
                        checks.push(Either::Left(check_until_left(Arc::clone(&balancer), Arc::clone(member))));
                        checks.push(Either::Right(probe_until_left(Arc::clone(&balancer), Arc::clone(member))));
                    }
                }
            }
            Some(()) = checks.next() => {}
        }
    }
}

async fn check_until_left(balancer: Arc<Balancer>, member: Arc<Member>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        tokio::select! {
            () = member.has_left() => return,
            _ = ticks.tick() => {}
        }
        let asked = asked(&balancer.current(), &member);
        let checked = tokio::select! {
            () = member.has_left() => return,
            checked = timeout(TIMEOUT, check(&member, &asked.path, |status| asked.is_met_by(status))) => {
                checked.unwrap_or(Err(Sick::Silent))
            }
        };
        match checked {
            Ok(()) => {
                failures = 0;
                member.set_healthy();
            }
            // This process has reached a limit: that says nothing about the member.
            Err(Sick::Unreachable(error)) if is_local(&error) => {
                tracing::warn!(member = member.id, %error, "could not be checked");
            }
            Err(sick) => {
                failures += 1;
                // One that never was healthy has nothing to lose: its first failure says what it is.
                let is_plain = matches!(sick, Sick::Refused | Sick::Silent);
                if failures >= FAILURES || is_plain || member.health() == Health::Unknown {
                    member.set_unhealthy(&format!("GET {}: {sick}", asked.path));
                }
            }
        }
        balancer.current().serving_with(&member).for_each(|cluster| cluster.state.checked());
        member.pool.reap(balancer.now());
    }
}

/// What its cluster has this member asked.
fn asked(routing: &Routing, member: &Member) -> HealthCheck {
    let mut clusters = routing.membership.clusters.iter();
    let own = clusters.find(|cluster| cluster.members.iter().any(|one| one.id == member.id));
    own.and_then(|cluster| cluster.health.clone()).unwrap_or_default()
}

/// The probes of a policy that lives on them, for as long as the member stays; with any other policy it only looks,
/// now and then, whether that is still so.
async fn probe_until_left(balancer: Arc<Balancer>, member: Arc<Member>) {
    loop {
        let pause = probe_if_wanted(&balancer.current(), &member).await;
        tokio::select! {
            () = member.has_left() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One probe for all policies that live on them: what is probed is the member. The time until the next.
async fn probe_if_wanted(routing: &Routing, member: &Member) -> Duration {
    let wanting = routing.serving_with(member).filter_map(|cluster| Some((cluster, cluster.state.probes()?)));
    let wanting: Vec<_> = wanting.collect();
    let Some((first, probes)) = wanting.first() else { return INTERVAL };
    let (outcome, latency) = probe(member, &first.path, Duration::from_nanos(probes.timeout.0), &first.state).await;
    wanting.iter().for_each(|(cluster, _)| cluster.state.probed(member.key, outcome, latency));
    Duration::from_nanos(probes.interval.0)
}

/// Probes each member that may be used, one after the other, for a policy that asked for it. No policy asks while health
/// is ignored.
pub(crate) async fn probe_all(cluster: &Cluster) {
    for member in cluster.members.iter().filter(|member| member.health() == Health::Healthy) {
        let (outcome, latency) = probe(member, &cluster.path, TIMEOUT, &cluster.state).await;
        cluster.state.probed(member.key, outcome, latency);
    }
}

/// A request like a client's: what is measured is the work, not the way.
async fn probe(member: &Member, path: &str, limit: Duration, state: &ClusterState) -> (Outcome, Nanos) {
    let begun = state.now();
    let outcome = match timeout(limit, check(member, path, |status| status < 500)).await {
        Ok(Ok(())) => Outcome::Success,
        Ok(Err(_)) | Err(_) => Outcome::Failure,
    };
    (outcome, state.now().since(begun))
}

/// The reason why a check failed.
#[derive(Debug, thiserror::Error)]
enum Sick {
    #[error("connection refused")]
    Refused,
    #[error("no answer within {} ms", TIMEOUT.as_millis())]
    Silent,
    #[error("no connection: {0}")]
    Unreachable(io::Error),
    #[error("it failed: {0}")]
    Broken(#[from] hyper::Error),
    #[error("it was answered with {0}")]
    Status(http::StatusCode),
}

/// One check on a connection of its own: it also proves that the member accepts connections.
async fn check(member: &Member, path: &str, is_good: impl Fn(u16) -> bool) -> Result<(), Sick> {
    let stream = TcpStream::connect(member.address).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Sick::Refused,
        _ => Sick::Unreachable(error),
    })?;
    let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(HOST, member.address.to_string())
        .header(USER_AGENT, "clusterbench-balancer")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    // Built of constants, a checked path and an address: it cannot fail.
    let Ok(request) = request else { return Ok(()) };
    let answer = sender.send_request(request);
    // The connection is driven here, and ends when this future does.
    let response: Response<_> = {
        let mut driver = std::pin::pin!(driver);
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            biased;
            response = &mut answer => response?,
            ended = &mut driver => { ended?; answer.await? }
        }
    };
    for (name, learn) in [(BOOT_HEADER, Record::learn_boot as fn(&Record, &[u8])), (SLOTS_HEADER, Record::learn_slots)]
    {
        if let Some(value) = response.headers().get(name) {
            learn(&member.record, value.as_bytes());
        }
    }
    if is_good(response.status().as_u16()) { Ok(()) } else { Err(Sick::Status(response.status())) }
}
