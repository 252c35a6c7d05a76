//! Live changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::backend::Backend;
use crate::client::eventually;
use crate::running::{Running, cluster};

#[tokio::test]
async fn membership_changes_under_load_without_a_failed_request() {
    let backends = [Backend::start("a").await, Backend::start("b").await, Backend::start("c").await];
    let only = |ids: &str| {
        let chosen = backends.iter().filter(|backend| ids.contains(&backend.id)).map(Backend::member);
        vec![cluster("c", chosen.collect())]
    };
    let running = Running::start(only("a")).await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (mut client, stop, done) = (running.client(), Arc::clone(&stop), Arc::clone(&done));
        clients.spawn(async move {
            while !stop.load(Relaxed) {
                let answer = if number % 2 == 0 { client.get("/c").await } else { client.post("/c", "x").await };
                assert_eq!(answer.status, 200, "{}", answer.text());
                done.fetch_add(1, Relaxed);
            }
        });
    }
    // All load moves at once to members that nobody checked yet.
    for ids in ["b", "c", "a", "bc", "a", "b", "c", "a", "b", "c"] {
        running.apply(only(ids));
        let before = done.load(Relaxed);
        eventually("load goes on", || done.load(Relaxed) > before + 100).await;
    }
    stop.store(true, Relaxed);
    clients.join_all().await;
    assert!(backends.iter().all(|backend| backend.requests() > 0));
}

#[tokio::test]
async fn a_dead_member_does_not_hide_one_that_nobody_checked() {
    let (old, new) = (Backend::start("old").await, Backend::start("new").await);
    let running = Running::start(vec![cluster("c", vec![old.member()])]).await;
    let mut client = running.client();
    assert_eq!(client.get("/c").await.backend(), "old");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = wire::Member { id: "dead".into(), address: closed.to_string(), vcpus: None };
    for _ in 0..5 {
        running.apply(vec![cluster("c", vec![dead.clone(), new.member()])]);
        for _ in 0..10 {
            let answer = client.get("/c").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.backend(), "new");
        }
        running.apply(vec![cluster("c", vec![old.member()])]);
        assert_eq!(client.get("/c").await.backend(), "old");
    }
}

#[tokio::test]
async fn policies_that_probe_ask_members_for_the_work_itself() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let probed_by = |policy| vec![wire::Cluster { policy, ..cluster("c", vec![a.member(), b.member()]) }];
    let running = Running::start(probed_by(wire::Policy::FastestOfTen)).await;
    eventually("both are healthy", || ["a", "b"].iter().all(|id| running.member(id).health == wire::Health::Healthy))
        .await;
    let mut client = running.client();
    for _ in 0..20 {
        assert_eq!(client.get("/c").await.status, 200);
    }
    // The first and the eleventh measure both members before they go to the faster one.
    assert_eq!(a.requests() + b.requests(), 20 + 2 * 2);
    running.apply(probed_by(wire::Policy::ProbeEwma));
    eventually("both are probed without a request", || a.requests() + b.requests() >= 24 + 2).await;
}

#[tokio::test]
async fn a_removed_member_finishes_what_it_has_and_gets_nothing_new() {
    let (old, new) = (Backend::start("old").await, Backend::start("new").await);
    let running = Running::start(vec![cluster("c", vec![old.member()])]).await;
    let mut other = running.client();
    other.get("/c").await;
    let mut slow = running.client();
    let held = tokio::spawn(async move { slow.get("/c/slow").await });
    eventually("it is held", || old.requests() == 2).await;
    running.apply(vec![cluster("c", vec![new.member()])]);
    for _ in 0..10 {
        assert_eq!(other.get("/c").await.backend(), "new");
    }
    assert_eq!(old.requests(), 2);
    old.release();
    let answer = held.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.backend()), (200, "old"));
    eventually("its connections are closed", || old.seen.connections.load(Relaxed) == 0).await;
}

#[tokio::test]
async fn members_that_stay_keep_connections_and_statistics() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let running = Running::start(vec![cluster("c", vec![a.member()])]).await;
    let mut client = running.client();
    for _ in 0..5 {
        client.get("/c").await;
    }
    running.apply(vec![cluster("c", vec![b.member(), a.member()]), cluster("d", vec![b.member()])]);
    assert_eq!((running.member("a").requests, running.member("a").health), (5, wire::Health::Healthy));
    assert_eq!(running.balancer.status().clusters[0].requests, 5);
}
