//! The control API: who may change the membership, from which version, and what stays when it changes.

use std::sync::Arc;

use agent::{Control, Guard, Readiness};
use axum::Router;
use axum::body::Body;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use queue::front::{Front, control};
use queue::memory::Memory;
use tower::ServiceExt;
use wire::{BalancerStatus, Membership, NOT_AFTER_HEADER, Policy, SIGNATURE_HEADER, SharedPath, Signer};

use crate::stage::{Told, front_settings, membership};

const SEED: [u8; 32] = [5; 32];

fn api(front: &Arc<Front<Memory>>) -> Router {
    let verifier = wire::Verifier::new(&Signer::new(SEED).public_key()).unwrap();
    let control = Control { instance_id: "i-front".into(), listen: ([127, 0, 0, 1], 0).into(), verifier };
    control::routes(front, &Readiness::not_yet("no membership was set yet"), &Guard::new(&control))
}

async fn get(api: &Router, path: &str) -> Told {
    Told::of(api.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()).await
}

async fn put(api: &Router, if_match: &str, membership: &Membership, seed: [u8; 32]) -> Told {
    let (path, body) = ("/v1/membership", serde_json::to_string(membership).unwrap());
    let request = wire::Request { method: "PUT", path, instance_id: "i-front", if_match, body: body.as_bytes() };
    let (signature, not_after) = Signer::new(seed).sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
    let request = Request::put(path).header(SIGNATURE_HEADER, signature).header(NOT_AFTER_HEADER, not_after);
    let request = request.header("if-match", if_match).body(Body::from(body)).unwrap();
    Told::of(api.clone().oneshot(request).await.unwrap()).await
}

async fn status(api: &Router) -> BalancerStatus {
    serde_json::from_slice(&get(api, "/status").await.body).unwrap()
}

#[tokio::test]
async fn a_signed_membership_is_served_and_pinned_by_its_version() {
    let front = Front::new(Arc::new(Memory::new()), front_settings());
    let api = api(&front);
    assert_eq!(get(&api, "/readyz").await.status.as_u16(), 503);
    let empty = format!("\"{}\"", status(&api).await.version);
    let wanted = membership(&["i-1"]);

    assert_eq!(put(&api, &empty, &wanted, [6; 32]).await.status.as_u16(), 401);
    assert_eq!(status(&api).await.clusters, []);
    let applied = put(&api, &empty, &wanted, SEED).await;
    assert_eq!(applied.status.as_u16(), 200);
    let applied: BalancerStatus = serde_json::from_slice(&applied.body).unwrap();
    assert_eq!((applied.membership_sha256.as_str(), applied.instance_id.as_str()), (&*wanted.sha256(), "i-front"));
    assert_eq!((applied.clusters[0].members[0].id.as_str(), applied.queues[0].cluster.as_str()), ("i-1", "micro"));
    assert_eq!(get(&api, "/readyz").await.status.as_u16(), 200);

    let stale = put(&api, &empty, &Membership::default(), SEED).await;
    assert_eq!(stale.status.as_u16(), 412);
    assert!(String::from_utf8_lossy(&stale.body).contains(&applied.version));
    let restarted = Front::new(Arc::new(Memory::new()), front_settings());
    assert_ne!(restarted.status().version.split('-').next(), applied.version.split('-').next());
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_and_changes_nothing() {
    let front = Front::new(Arc::new(Memory::new()), front_settings());
    let api = api(&front);
    let version = format!("\"{}\"", status(&api).await.version);
    let twice =
        Membership { clusters: [membership(&[]).clusters, membership(&[]).clusters].concat(), ..membership(&[]) };
    let shared = Some(SharedPath { path: "/".into(), policy: Policy::default() });
    for (bad, expected) in [
        (twice, "two clusters are named"),
        (Membership { shared, ..membership(&[]) }, "behind queues there is no path for the members of all clusters"),
    ] {
        let refused = put(&api, &version, &bad, SEED).await;
        let text = String::from_utf8_lossy(&refused.body);
        assert!(refused.status.as_u16() == 400 && text.contains(expected), "{text}");
    }
    assert_eq!(format!("\"{}\"", status(&api).await.version), version);
}

#[tokio::test]
async fn a_public_status_is_answered_at_the_port_of_the_clients() {
    let front = Front::new(Arc::new(Memory::new()), front_settings());
    let asked = || async { Told::of(front.answer(Request::get("/status").body(Body::empty()).unwrap()).await).await };
    front.apply(membership(&[]), None).unwrap();
    assert_eq!(asked().await.status.as_u16(), 404);
    front.apply(Membership { public_status: true, ..membership(&[]) }, None).unwrap();
    let status: BalancerStatus = serde_json::from_slice(&asked().await.body).unwrap();
    assert_eq!(status.clusters[0].name, "micro");
}
