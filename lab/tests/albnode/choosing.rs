//! The choice of the target that takes a request.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use super::backend::reply;
use super::*;

/// A target that answers when it is told to.
fn holding(name: &str) -> (Backend, Sender<()>) {
    let (release, released) = channel();
    let released = Mutex::new(released);
    let body = name.to_owned();
    let backend = Backend::behaving(name, move |_, stream| {
        let is_released = released.lock().expect("lock").recv().is_ok();
        is_released && reply(stream, 200, &body)
    });
    (backend, release)
}

#[test]
fn round_robin_is_exact_over_four_targets_and_many_connections() {
    let targets = ["a", "b", "c", "d"].map(Backend::new);
    let (node, _) = serving(&[], Algorithm::RoundRobin, &targets.each_ref());
    let address = node.address;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::new(address);
                (0..100).for_each(|_| assert_eq!(client.get("/").status, 200));
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert_eq!(targets.each_ref().map(Backend::count), [100; 4]);
}

#[test]
fn the_target_with_the_fewest_outstanding_requests_is_chosen() {
    let ((a, release), b) = (holding("a"), Backend::new("b"));
    let (node, _) = serving(&[], Algorithm::LeastOutstandingRequests, &[&a, &b]);
    let mut held = Client::new(node.address);
    held.ask("/held");
    until("a to have it", || a.count() == 1);
    let mut client = Client::new(node.address);
    for _ in 0..10 {
        assert_eq!(client.get("/").text(), "b");
    }
    release.send(()).unwrap();
    assert_eq!(held.reply().text(), "a");
    // Both have none now, and take turns.
    release.send(()).unwrap();
    assert_eq!(
        [client.get("/"), client.get("/")]
            .map(|reply| reply.text().to_owned())
            .iter()
            .filter(|name| *name == "a")
            .count(),
        1
    );
}

#[test]
fn weighted_random_comes_from_the_seed() {
    let targets = ["a", "b", "c"].map(Backend::new);
    let order = |seed: &str| {
        let (node, _) = serving(&["--seed", seed], Algorithm::WeightedRandom, &targets.each_ref());
        let mut client = Client::new(node.address);
        (0..60).map(|_| client.get("/").text().to_owned()).collect::<String>()
    };
    let first = order("7");
    assert_eq!(first, order("7"));
    assert_ne!(first, order("8"));
    assert!("abc".chars().all(|name| first.contains(name)), "{first}");
}

#[test]
fn a_draining_target_finishes_what_it_has_and_gets_nothing_new() {
    let ((a, release), b) = (holding("a"), Backend::new("b"));
    let (mut node, mut config) = serving(&[], Algorithm::RoundRobin, &[&a, &b]);
    let mut held = Client::new(node.address);
    held.ask("/held");
    until("a to have it", || a.count() == 1);
    config.groups[0].targets[0].draining = true;
    node.configure(&config);
    let mut client = Client::new(node.address);
    for _ in 0..10 {
        assert_eq!(client.get("/").text(), "b");
    }
    release.send(()).unwrap();
    assert_eq!(held.reply().text(), "a");
    assert_eq!(a.count(), 1);
    // Registered again it is new: one check is enough.
    config.groups[0].targets[0].draining = false;
    node.version += 1;
    config.version = node.version;
    node.say(&serde_json::to_string(&config).unwrap());
    node.until_all(HealthState::Initial, vec!["a"]);
    node.until_all(HealthState::Healthy, vec!["a"]);
}

#[test]
fn what_a_target_has_when_it_is_no_longer_registered_is_cut_off() {
    let ((a, _release), b) = (holding("a"), Backend::new("b"));
    let half = Backend::behaving("half", |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        thread::park();
        false
    });
    let (mut node, mut config) = serving(&[], Algorithm::RoundRobin, &[&a, &b, &half]);
    let [mut held, mut other, mut streamed] = [(); 3].map(|()| Client::new(node.address));
    held.ask("/held");
    until("a to have it", || a.count() == 1);
    assert_eq!(other.get("/").text(), "b");
    streamed.ask("/");
    let mut text = streamed.head().body;
    assert!(streamed.chunk(&mut text));
    config.groups[0].targets.retain(|target| target.id == "b");
    node.configure(&config);
    assert_eq!(held.reply().status, 502);
    assert!(streamed.is_closed(), "half an answer does not end as if it were whole");
    assert_eq!(other.get("/").text(), "b");
}

#[test]
fn unhealthy_targets_get_nothing_unless_all_are() {
    let targets = ["a", "b"].map(Backend::new);
    let (mut node, _) = serving(&[], Algorithm::RoundRobin, &targets.each_ref());
    let mut client = Client::new(node.address);
    let mut names = |count| -> String { (0..count).map(|_| client.get("/").text().to_owned()).collect() };
    targets[0].is_checked_with(503);
    node.until_all(HealthState::Unhealthy, vec!["a"]);
    assert_eq!(names(4), "bbbb");
    targets[1].is_checked_with(503);
    node.until_all(HealthState::Unhealthy, vec!["b"]);
    assert_eq!(names(4), "abab");
    targets[0].is_checked_with(200);
    node.until_all(HealthState::Healthy, vec!["a"]);
    assert_eq!(names(4), "aaaa");
}

#[test]
fn targets_in_other_zones_and_groups_without_a_rule_are_not_used() {
    let targets = Arc::new(["a", "b", "c"].map(Backend::new));
    let [a, b, c] = targets.each_ref();
    let mut node = Node::start(&[]);
    let mut config = config(
        [("used", Algorithm::RoundRobin, &[a, b][..]), ("unused", Algorithm::RoundRobin, &[c][..])],
        &[(1, &["*"], "used")],
    );
    config.groups[0].targets[1].zone = "us-east-1f".to_owned();
    node.configure(&config);
    let mut client = Client::new(node.address);
    for _ in 0..4 {
        assert_eq!(client.get("/").text(), "a");
    }
    until("a to be checked", || a.checks.load(std::sync::atomic::Ordering::SeqCst) > 3);
    for idle in [b, c] {
        assert_eq!((idle.checks.load(std::sync::atomic::Ordering::SeqCst), idle.count()), (0, 0), "{}", idle.name);
    }
    let counted = node.end();
    assert_eq!((counted.groups["used"].registered, counted.groups["unused"].registered), (1, 1));
}
