//! Paths, shares, and who is asked.

use std::collections::BTreeMap;

use wire::{Health, Policy};

use crate::backend::{Backend, closed_port};
use crate::client::{eventually, raw};
use crate::running::{Running, cluster};

#[tokio::test]
async fn every_path_goes_to_its_cluster_unchanged() {
    let (one, two) = (Backend::start("one").await, Backend::start("two").await);
    let running =
        Running::start(vec![cluster("cluster1", vec![one.member()]), cluster("cluster2", vec![two.member()])]).await;
    let mut client = running.client();
    for (path, backend) in
        [("/cluster1", "one"), ("/cluster1/x?y=%20", "one"), ("/cluster1?q", "one"), ("/cluster2/", "two")]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.backend()), (200, backend), "{path}");
        assert!(answer.text().starts_with(&format!("GET {path}\n")), "{}", answer.text());
    }
    let unknown = client.get("/cluster10").await;
    assert_eq!((unknown.status.as_u16(), unknown.headers["content-type"].to_str().unwrap()), (404, "application/json"));
    assert_eq!(unknown.json()["paths"], serde_json::json!(["/cluster1", "/cluster2"]));
    assert_eq!(unknown.json()["error"], "no cluster is served at \"/cluster10\"");
}

#[tokio::test]
async fn a_root_cluster_takes_the_rest() {
    let (one, rest) = (Backend::start("one").await, Backend::start("rest").await);
    let mut all = cluster("rest", vec![rest.member()]);
    all.path = "/".into();
    let running = Running::start(vec![all, cluster("cluster1", vec![one.member()])]).await;
    let mut client = running.client();
    assert_eq!(client.get("/cluster1").await.backend(), "one");
    assert_eq!(client.get("/cluster10").await.backend(), "rest");
    assert_eq!(client.get("/").await.backend(), "rest");
}

#[tokio::test]
async fn shares_follow_the_policy_and_are_reported() {
    let backends = [Backend::start("a").await, Backend::start("b").await, Backend::start("c").await];
    let running = Running::start(vec![cluster("cluster1", backends.iter().map(Backend::member).collect())]).await;
    let mut client = running.client();
    let mut shares = BTreeMap::new();
    for _ in 0..300 {
        *shares.entry(client.get("/cluster1").await.backend().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(shares.values().copied().collect::<Vec<_>>(), [100, 100, 100]);
    let status = running.balancer.status();
    assert_eq!((status.clusters[0].requests, status.clusters[0].failures), (300, 0));
    for member in &status.clusters[0].members {
        assert_eq!((member.requests, member.share_per_mille, member.failures, member.losses), (100, 333, 0, 0));
        assert!(member.latency_micros.is_some() && member.health == Health::Healthy);
    }
    eventually("nothing is in flight", || running.member("a").in_flight == 0).await;
    // Connections are kept: 300 requests in sequence need one to each member, and checks close theirs.
    let open = || backends.iter().map(|b| b.seen.connections.load(std::sync::atomic::Ordering::Relaxed)).max();
    eventually("one connection each", || open() == Some(1)).await;
}

#[tokio::test]
async fn least_requests_avoids_the_busy_member() {
    let (busy, idle) = (Backend::start("busy").await, Backend::start("idle").await);
    let mut one = cluster("cluster1", vec![busy.member(), idle.member()]);
    one.policy = Policy::LeastRequests;
    let running = Running::start(vec![one]).await;
    let mut slow = running.client();
    let held = tokio::spawn(async move { slow.get("/cluster1/slow").await });
    eventually("one is held", || busy.requests() + idle.requests() == 1).await;
    let free = if busy.requests() == 0 { "busy" } else { "idle" };
    let mut client = running.client();
    for _ in 0..20 {
        assert_eq!(client.get("/cluster1").await.backend(), free);
    }
    busy.release();
    idle.release();
    assert_eq!(held.await.unwrap().status, 200);
}

#[tokio::test]
async fn without_an_eligible_member_it_is_503() {
    let running = Running::start(vec![cluster("cluster1", vec![])]).await;
    let answer = running.client().get("/cluster1").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"], "cluster \"cluster1\" has no members");
    assert_eq!(running.balancer.status().clusters[0].failures, 1);
}

#[tokio::test]
async fn a_request_waits_for_the_first_check_of_a_member_that_just_joined() {
    let running = Running::start(vec![cluster("cluster1", vec![])]).await;
    let backend = Backend::start("a").await;
    let mut client = running.client();
    running.apply(vec![cluster("cluster1", vec![backend.member()])]);
    assert_eq!(client.get("/cluster1").await.status, 200);
}

#[tokio::test]
async fn a_worker_without_a_health_page_is_healthy_and_one_that_answers_500_is_not() {
    let (bare, sick, well) = (Backend::start("bare").await, Backend::start("sick").await, Backend::start("well").await);
    bare.seen.health.store(404, std::sync::atomic::Ordering::Relaxed);
    sick.seen.health.store(500, std::sync::atomic::Ordering::Relaxed);
    let members = vec![bare.member(), sick.member(), well.member()];
    let running = Running::start(vec![cluster("cluster1", members)]).await;
    let health = |id| running.member(id).health;
    assert_eq!([health("bare"), health("sick"), health("well")], [Health::Healthy, Health::Unhealthy, Health::Healthy]);
    let mut client = running.client();
    for _ in 0..10 {
        assert_ne!(client.get("/cluster1").await.backend(), "sick");
    }
    sick.seen.health.store(200, std::sync::atomic::Ordering::Relaxed);
    running.until("sick", Health::Healthy).await;
}

#[tokio::test]
async fn when_most_members_look_ill_health_is_ignored() {
    let backends = [Backend::start("a").await, Backend::start("b").await, Backend::start("c").await];
    for backend in &backends[1..] {
        backend.seen.health.store(503, std::sync::atomic::Ordering::Relaxed);
    }
    let running = Running::start(vec![cluster("cluster1", backends.iter().map(Backend::member).collect())]).await;
    let mut client = running.client();
    for _ in 0..9 {
        assert_eq!(client.get("/cluster1").await.status, 200);
    }
    assert_eq!(backends.each_ref().map(Backend::requests), [3, 3, 3]);
}

#[tokio::test]
async fn boot_and_slots_are_learnt_from_checks_and_answers() {
    let backend = Backend::start("a").await;
    backend.header("x-boot", "b1");
    backend.header("x-slots", "4");
    let running = Running::start(vec![cluster("cluster1", vec![backend.member()])]).await;
    assert_eq!((running.member("a").boot.as_deref(), running.member("a").slots), (Some("b1"), Some(4)));
    backend.seen.headers.lock().unwrap()[0].1 = "b2".into();
    running.client().get("/cluster1").await;
    assert_eq!(running.member("a").boot.as_deref(), Some("b2"));
}

#[tokio::test]
async fn a_closed_port_is_unhealthy_at_once() {
    let member = wire::Member { id: "a".into(), address: closed_port().await.to_string(), vcpus: None };
    let running = Running::start(vec![cluster("cluster1", vec![member])]).await;
    assert_eq!(running.member("a").health, Health::Unhealthy);
    // The only member, so it is tried all the same, and the answer says what happened.
    let answer = raw(running.address, b"GET /cluster1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("it refused the connection"), "{answer}");
}
