//! The control API over HTTP: who may change the membership, and from which version.

use std::net::SocketAddr;
use std::time::Duration;

use agent::{Control, Guard, Readiness};
use balancer::control;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use wire::{BalancerStatus, Membership, NOT_AFTER_HEADER, SIGNATURE_HEADER, Signer};

use crate::backend::Backend;
use crate::client::{Answer, Client};
use crate::front::{Front, cluster};

const SEED: [u8; 32] = [5; 32];

struct Api {
    front: Front,
    address: SocketAddr,
}

impl Api {
    async fn start() -> Self {
        let front = Front::start(vec![]).await;
        let listener = agent::listen("--control-listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let verifier = wire::Verifier::new(&Signer::new(SEED).public_key()).unwrap();
        let guard = Guard::new(&Control { instance_id: "balancer".into(), listen: address, verifier });
        let routes = control::routes(&front.balancer, &Readiness::not_yet("no membership was set yet"), &guard);
        tokio::spawn(agent::serve(listener, routes, std::future::pending(), Duration::ZERO));
        Self { front, address }
    }

    async fn get(&self, path: &str) -> Answer {
        Client::new(self.address).get(path).await
    }

    async fn status(&self) -> BalancerStatus {
        serde_json::from_slice(&self.get("/status").await.body).unwrap()
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
    let membership = Membership { clusters: vec![cluster("c", vec![backend.member()])] };
    let body = serde_json::to_string(&membership).unwrap();
    let empty = api.status().await.version;

    let applied = api.put(Some(&format!("\"{empty}\"")), body.clone(), SEED).await;
    assert_eq!(applied.status, 200, "{}", applied.text());
    let status: BalancerStatus = serde_json::from_slice(&applied.body).unwrap();
    assert_eq!(status.membership_sha256, membership.sha256());
    assert_ne!(status.version, empty);
    assert_eq!(api.front.client().get("/c").await.status, 200);
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
    let invalid = Membership { clusters: vec![cluster("c", vec![]), cluster("c", vec![])] };
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
    api.front.apply(vec![cluster("c", vec![backend.member()])]);
    for _ in 0..3 {
        api.front.client().get("/c").await;
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
