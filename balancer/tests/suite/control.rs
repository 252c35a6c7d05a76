//! The control API over HTTP: who may change the membership, and from which version.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use agent::{Control, Guard, Readiness};
use balancer::control;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wire::{BalancerStatus, Membership, NOT_AFTER_HEADER, Policy, SIGNATURE_HEADER, Signer};

use crate::backend::{self, Backend};
use crate::client::{Answer, Client, eventually};
use crate::running::{Running, cluster};

const SEED: [u8; 32] = [5; 32];

struct Api {
    running: Running,
    address: SocketAddr,
}

impl Api {
    async fn start() -> Self {
        let running = Running::start(vec![]).await;
        let listener = agent::listen("--control-listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let verifier = wire::Verifier::new(&Signer::new(SEED).public_key()).unwrap();
        let guard = Guard::new(&Control { instance_id: "balancer".into(), listen: address, verifier });
        let routes = control::routes(&running.balancer, &Readiness::not_yet("no membership was set yet"), &guard);
        tokio::spawn(agent::serve(listener, routes, std::future::pending(), Duration::ZERO));
        Self { running, address }
    }

    async fn get(&self, path: &str) -> Answer {
        Client::new(self.address).get(path).await
    }

    async fn status(&self) -> BalancerStatus {
        serde_json::from_slice(&self.get("/status").await.body).unwrap()
    }

    /// The value of one line of `/metrics`.
    async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
    }

    async fn put(&self, if_match: Option<&str>, body: String, seed: [u8; 32]) -> Answer {
        let path = "/v1/membership";
        let request = wire::Request {
            method: "PUT",
            path,
            instance_id: "balancer",
            if_match: if_match.unwrap_or(""),
            body: body.as_bytes(),
        };
        let (signature, not_after) = Signer::new(seed).sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
        let mut http = Request::put(path).header(SIGNATURE_HEADER, signature).header(NOT_AFTER_HEADER, not_after);
        if let Some(value) = if_match {
            http = http.header("if-match", value);
        }
        Client::new(self.address).send(http.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn a_signed_membership_is_served_and_pinned_by_its_version() {
    let (api, backend) = (Api::start().await, Backend::start("a").await);
    assert_eq!(api.get("/readyz").await.status, 503);
    let membership = Membership { clusters: vec![cluster("c", vec![backend.member()])], ..Membership::default() };
    let body = serde_json::to_string(&membership).unwrap();
    let empty = api.status().await.version;

    let applied = api.put(Some(&format!("\"{empty}\"")), body.clone(), SEED).await;
    assert_eq!(applied.status, 200, "{}", applied.text());
    let status: BalancerStatus = serde_json::from_slice(&applied.body).unwrap();
    assert_eq!(status.membership_sha256, membership.sha256());
    assert_ne!(status.version, empty);
    assert_eq!(api.running.client().get("/c").await.status, 200);
    assert_eq!(
        (api.get("/readyz").await.status, api.get("/healthz").await.status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );

    let replayed = api.put(Some(&format!("\"{empty}\"")), "{\"clusters\":[]}".into(), SEED).await;
    assert_eq!(replayed.status, 412);
    assert!(replayed.text().contains(&status.version), "{}", replayed.text());
    assert_eq!(api.status().await.version, status.version);
}

#[tokio::test]
async fn what_is_not_signed_versioned_and_valid_changes_nothing() {
    let api = Api::start().await;
    let version = format!("\"{}\"", api.status().await.version);
    let bad = api.put(Some(&version), "{\"clusters\":[]}".into(), [6; 32]).await;
    assert_eq!(bad.status, 401);
    assert_eq!(bad.json()["error"], "the signature is not valid for this request on this instance");
    let unsigned = Request::put("/v1/membership").header("if-match", &version).body(Full::from("{\"clusters\":[]}"));
    assert_eq!(Client::new(api.address).send(unsigned.unwrap()).await.unwrap().status, 401);

    assert_eq!(api.put(None, "{\"clusters\":[]}".into(), SEED).await.status, 428);
    let invalid = Membership { clusters: vec![cluster("c", vec![]), cluster("c", vec![])], ..Membership::default() };
    let invalid = api.put(Some(&version), serde_json::to_string(&invalid).unwrap(), SEED).await;
    assert_eq!(
        (invalid.status.as_u16(), invalid.json()["error"].as_str()),
        (400, Some("two clusters are named \"c\": names must differ"))
    );
    assert_eq!(api.put(Some(&version), "{".into(), SEED).await.status, 400);
    assert_eq!(format!("\"{}\"", api.status().await.version), version);
}

#[tokio::test]
async fn metrics_count_by_cluster_member_and_class() {
    let (api, backend) = (Api::start().await, Backend::start("a").await);
    api.running.apply(vec![cluster("c", vec![backend.member()])]);
    for _ in 0..3 {
        api.running.client().get("/c").await;
    }
    let metrics = api.get("/metrics").await;
    assert!(metrics.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = metrics.text();
    for line in [
        "balancer_requests_total{cluster=\"c\",member=\"a\",class=\"2xx\"} 3",
        "balancer_failures_total{cluster=\"c\",member=\"a\"} 0",
        "balancer_in_flight{cluster=\"c\",member=\"a\"} 0",
        "balancer_healthy{cluster=\"c\",member=\"a\"} 1",
        "balancer_latency_seconds_count{cluster=\"c\",member=\"a\"} 3",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("balancer_latency_seconds_bucket{le=\"+Inf\",cluster=\"c\",member=\"a\"} 3"), "{text}");
}

#[tokio::test]
async fn metrics_tell_retries_and_ejections() {
    let api = Api::start().await;
    let good = turning("good", Duration::from_millis(50), u64::MAX).await;
    let bad = turning("bad", Duration::ZERO, 20).await;
    let policy = Policy::ShortestExpectedDelay;
    api.running.apply(vec![wire::Cluster { policy, ..cluster("c", vec![good, bad]) }]);
    eventually("both are checked", || api.running.balancer.is_checked()).await;
    // By far the faster one, it gets nearly all, until it fails.
    let (mut client, mut sent) = (api.running.client(), 0);
    let ejections = "balancer_ejections_total{cluster=\"c\",member=\"bad\"}";
    while api.metric(ejections).await == 0 {
        assert!(sent < 400, "it was never ejected");
        assert_eq!(client.get("/c").await.status, 200);
        sent += 1;
    }
    // What was asked for is counted when the answer is out.
    let durations = "balancer_cluster_duration_seconds_count{cluster=\"c\"}";
    while api.metric(durations).await < sent {
        tokio::task::yield_now().await;
    }
    let bad = api.metric("balancer_requests_total{cluster=\"c\",member=\"bad\",class=\"5xx\"}").await;
    assert!(bad >= 4, "{bad} failures are no streak");
    for (name, expected) in [
        (ejections, 1),
        ("balancer_ejections_total{cluster=\"c\",member=\"good\"}", 0),
        ("balancer_requests_total{cluster=\"c\",member=\"bad\",class=\"2xx\"}", 20),
        ("balancer_requests_total{cluster=\"c\",member=\"good\",class=\"2xx\"}", sent - 20),
        ("balancer_cluster_requests_total{cluster=\"c\"}", sent),
        (durations, sent),
        ("balancer_cluster_failures_total{cluster=\"c\"}", 0),
        // Each failure there was answered by the other one.
        ("balancer_cluster_retries_total{cluster=\"c\"}", bad),
        ("balancer_failures_total{cluster=\"c\",member=\"bad\"}", bad),
        ("balancer_connections", 1),
        ("balancer_tunnels", 0),
        ("balancer_turned_away_total", 0),
    ] {
        assert_eq!(api.metric(name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn metrics_tell_kept_and_lost_connections() {
    let (api, mut backend) = (Api::start().await, Backend::start("a").await);
    api.running.apply(vec![cluster("c", vec![backend.member()])]);
    let (pool, losses) =
        (r#"balancer_pool{cluster="c",member="a"}"#, r#"balancer_losses_total{cluster="c",member="a"}"#);
    let mut client = api.running.client();
    assert_eq!(client.get("/c").await.status, 200);
    assert_eq!((api.metric(pool).await, api.metric(losses).await), (1, 0));
    backend.kill().await;
    assert_eq!(client.get("/c").await.status, 502);
    assert_eq!(api.metric(pool).await, 0);
    assert!(api.metric(losses).await >= 1);
}

/// A member that answers after so long, and from some request on with 500.
async fn turning(id: &str, after: Duration, good: u64) -> wire::Member {
    let served = Arc::new(AtomicU64::new(0));
    backend::raw(id, move |mut stream, _| {
        let is_good = served.fetch_add(1, Relaxed) < good;
        async move {
            tokio::time::sleep(after).await;
            let status = if is_good { "200 OK" } else { "500 Oops" };
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test]
async fn metrics_tell_who_is_parked() {
    let api = Api::start().await;
    // It accepts and says nothing: its first check is under way for a second.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let member = wire::Member { id: "a".into(), address: silent.local_addr().unwrap().to_string(), vcpus: None };
    api.running.apply(vec![cluster("c", vec![member])]);
    let mut client = api.running.client();
    let waiting = tokio::spawn(async move { client.get("/c").await });
    let parked = "balancer_cluster_parked_now{cluster=\"c\"}";
    for _ in 0..500 {
        if api.metric(parked).await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(api.metric(parked).await, 1);
    drop(silent);
    waiting.await.unwrap();
    assert_eq!((api.metric(parked).await, api.metric("balancer_cluster_parked_total{cluster=\"c\"}").await), (0, 1));
}
