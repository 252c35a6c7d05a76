//! One more path, at which the members of all clusters serve together; and the balancer's own answer about them.

use std::collections::BTreeMap;

use wire::{Cluster, Health, Membership, Policy, SharedPath};

use crate::backend::Backend;
use crate::client::{Client, eventually, raw};
use crate::running::{Running, cluster};

fn membership(clusters: Vec<Cluster>, policy: Policy) -> Membership {
    let shared = Some(SharedPath { path: "/".into(), policy });
    Membership { clusters, shared, ..Membership::default() }
}

/// Two clusters, the first of two members, and all of them at `/`.
async fn three(policy: Policy) -> ([Backend; 3], Running) {
    let backends = [Backend::start("a").await, Backend::start("b").await, Backend::start("c").await];
    let [a, b, c] = &backends;
    let mut clusters = vec![cluster("cluster1", vec![a.member(), b.member()]), cluster("cluster2", vec![c.member()])];
    clusters.iter_mut().for_each(|cluster| cluster.policy = policy);
    let running = Running::start(Vec::new()).await;
    running.serve(membership(clusters, policy));
    eventually("every member was checked", || running.balancer.is_checked()).await;
    (backends, running)
}

async fn answers(client: &mut Client, path: &str, requests: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..requests {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        *answers.entry(answer.backend().to_owned()).or_insert(0) += 1;
    }
    answers
}

fn told(told: &[(&str, usize)]) -> BTreeMap<String, usize> {
    told.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn the_longest_path_wins_and_the_shared_one_goes_to_all_members() {
    let (_backends, running) = three(Policy::RoundRobin).await;
    let mut client = running.client();
    assert_eq!(answers(&mut client, "/cluster1/x", 4).await, told(&[("a", 2), ("b", 2)]));
    assert_eq!(answers(&mut client, "/cluster2", 2).await, told(&[("c", 2)]));
    assert_eq!(answers(&mut client, "/anything", 9).await, told(&[("a", 3), ("b", 3), ("c", 3)]));
    assert_eq!(answers(&mut client, "/cluster10", 3).await, told(&[("a", 1), ("b", 1), ("c", 1)]));
    let status = running.balancer.status();
    let shared = status.shared.unwrap();
    assert_eq!((shared.name.as_str(), shared.path.as_str(), shared.requests), ("shared", "/", 12));
    assert_eq!(status.clusters.iter().map(|cluster| cluster.requests).collect::<Vec<_>>(), [4, 2]);
    // Counts of a member are of all its requests.
    let requests: Vec<_> = shared.members.iter().map(|member| (member.id.as_str(), member.requests)).collect();
    assert_eq!(requests, [("a", 6), ("b", 6), ("c", 6)]);
    assert_eq!(running.member("a").requests, 6);
}

#[tokio::test]
async fn requests_in_flight_of_one_path_are_seen_by_the_other() {
    let ([a, b, c], running) = three(Policy::LeastRequests).await;
    let mut slow = running.client();
    let held = tokio::spawn(async move { slow.get("/cluster2/slow").await });
    eventually("one is held", || c.requests() == 1).await;
    let mut client = running.client();
    let answers = answers(&mut client, "/", 20).await;
    assert!(!answers.contains_key("c"), "{answers:?}");
    let shared = running.balancer.status().shared.unwrap();
    assert_eq!(shared.members.iter().map(|member| member.in_flight).collect::<Vec<_>>(), [0, 0, 1]);
    [&a, &b, &c].into_iter().for_each(Backend::release);
    assert_eq!(held.await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_learnt_on_one_path_is_known_on_the_other() {
    let (_backends, running) = three(Policy::ShortestExpectedDelay).await;
    let mut client = running.client();
    answers(&mut client, "/cluster2", 20).await;
    let service = |running: &Running, id: &str| {
        let shared = running.balancer.status().shared.unwrap();
        let member = shared.members.into_iter().find(|member| member.id == id).unwrap();
        member.opinion.service_micros
    };
    eventually("the answers are known", || running.member("c").in_flight == 0).await;
    assert!(service(&running, "c").is_some());
    answers(&mut client, "/all", 20).await;
    assert!(
        running.member("a").opinion.service_micros.is_some() || running.member("b").opinion.service_micros.is_some()
    );
}

/// It waits for a slot of the one member, which a request of the other path has.
#[tokio::test]
async fn a_request_that_waits_is_called_when_one_of_the_other_path_ends() {
    let only = Backend::start("only").await;
    only.header("x-slots", "1");
    let mut one = cluster("cluster1", vec![only.member()]);
    one.policy = Policy::ShortestExpectedDelay;
    let running = Running::start(Vec::new()).await;
    running.serve(membership(vec![one], Policy::ShortestExpectedDelay));
    eventually("it was checked", || running.balancer.is_checked()).await;
    let mut client = running.client();
    // Service time and slots are known after some answers.
    answers(&mut client, "/cluster1", 40).await;
    let mut slow = running.client();
    let held = tokio::spawn(async move { slow.get("/cluster1/slow").await });
    eventually("one is held", || only.requests() == 41).await;
    let mut second = running.client();
    let waiting = tokio::spawn(async move { second.get("/all").await });
    tokio::task::yield_now().await;
    only.release();
    assert_eq!((held.await.unwrap().status.as_u16(), waiting.await.unwrap().status.as_u16()), (200, 200));
    eventually("nothing is in flight", || running.member("only").in_flight == 0).await;
}

#[tokio::test]
async fn a_member_that_is_out_is_out_on_both_paths_and_the_path_may_come_and_go() {
    let ([a, b, c], running) = three(Policy::RoundRobin).await;
    c.seen.health.store(500, std::sync::atomic::Ordering::Relaxed);
    running.until("c", Health::Unhealthy).await;
    let mut client = running.client();
    assert_eq!(answers(&mut client, "/", 4).await, told(&[("a", 2), ("b", 2)]));
    assert_eq!(running.balancer.status().shared.unwrap().members[2].losses, 1);
    let clusters = vec![cluster("cluster1", vec![a.member(), b.member()]), cluster("cluster2", vec![c.member()])];
    running.apply(clusters.clone());
    assert_eq!((client.get("/").await.status, running.balancer.status().shared), (http::StatusCode::NOT_FOUND, None));
    running.serve(membership(clusters, Policy::RoundRobin));
    assert_eq!(answers(&mut client, "/", 4).await, told(&[("a", 2), ("b", 2)]));
    assert_eq!(running.member("c").losses, 1, "it is the same member");
}

#[tokio::test]
async fn the_status_is_public_only_where_that_is_said_and_only_to_be_read() {
    let ([a, b, c], running) = three(Policy::RoundRobin).await;
    let mut client = running.client();
    let routed = client.get("/status").await;
    assert!(routed.text().starts_with("GET /status\n"), "{}", routed.text());
    let clusters = vec![cluster("cluster1", vec![a.member(), b.member()]), cluster("cluster2", vec![c.member()])];
    running.serve(Membership { public_status: true, ..membership(clusters.clone(), Policy::RoundRobin) });
    for path in ["/status", "/status?x=1"] {
        let status = client.get(path).await;
        assert_eq!(
            (status.status, status.headers["content-type"].to_str().unwrap()),
            (http::StatusCode::OK, "application/json")
        );
        let status = status.json();
        assert_eq!(status["clusters"][1]["name"], "cluster2");
        assert_eq!(status["clusters"][1]["members"][0]["health"], "Healthy");
        assert!(status["clusters"][0]["members"][0]["sharePerMille"].is_u64(), "{status}");
    }
    let head = raw(running.address, b"HEAD /status HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let posted = client.post("/status", "x").await;
    assert!(posted.text().starts_with("POST /status\n"), "{}", posted.text());
    let below = client.get("/status/x").await;
    assert!(below.text().starts_with("GET /status/x\n"), "{}", below.text());
    let mut taken = membership(clusters, Policy::RoundRobin);
    (taken.public_status, taken.clusters[0].path) = (true, "/status".into());
    let refused = running.balancer.apply(taken, None).unwrap_err().to_string();
    assert!(refused.contains("\"/status\", where requests are served: choose another path"), "{refused}");
}

#[tokio::test]
async fn a_shared_path_that_could_not_be_served_is_refused() {
    let (backends, running) = three(Policy::RoundRobin).await;
    let refused = |change: &dyn Fn(&mut Membership)| {
        let clusters = vec![cluster("c1", vec![backends[0].member()]), cluster("c2", vec![backends[1].member()])];
        let mut wrong = membership(clusters, Policy::RoundRobin);
        change(&mut wrong);
        running.balancer.apply(wrong, None).err().map(|refused| refused.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(&|_| ()), "");
    let path = |path: &'static str| move |wrong: &mut Membership| wrong.shared.as_mut().unwrap().path = path.into();
    assert!(refused(&path("/c1")).contains("where a cluster is served"));
    assert!(refused(&path("all")).contains("must start with '/'"));
    assert!(refused(&path("/all/")).contains("not end with one"));
    assert!(refused(&|wrong| wrong.clusters[0].name = "shared".into()).contains("name it otherwise"));
    let twice = refused(&|wrong| wrong.clusters[1].members[0].id = "a".into());
    assert_eq!(twice, "member \"a\" is in two clusters: with a shared path each member must be in one");
}
