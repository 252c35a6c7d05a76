//! Errors of the node, each once: it does not try again.

use std::net::{Shutdown, TcpListener};

use super::*;

fn statuses(node: Node) -> BTreeMap<u16, u64> {
    node.end().own
}

#[test]
fn no_target_is_503() {
    let a = Backend::new("a");
    let mut node = Node::start(&[]);
    node.configure(&one_group(Algorithm::RoundRobin, &[]));
    let reply = get(node.address, "/");
    assert_eq!((reply.status, reply.field("server")), (503, Some("awselb/2.0")));
    let mut draining = one_group(Algorithm::RoundRobin, &[&a]);
    draining.groups[0].targets[0].draining = true;
    node.configure(&draining);
    assert_eq!(get(node.address, "/").status, 503);
    let counted = node.end();
    assert_eq!((counted.own, counted.groups["all"].requests), (BTreeMap::from([(503, 2)]), 0));
}

#[test]
fn a_target_that_refuses_is_502_though_another_one_would_answer() {
    let (mut a, b) = (Backend::new("a"), Backend::new("b"));
    a.address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // closed again
    let mut node = Node::start(&[]);
    let mut config = one_group(Algorithm::RoundRobin, &[&a, &b]);
    // Both stay new for long, and all get requests.
    config.groups[0].health_check.unhealthy_count = 10_000;
    b.is_checked_with(503);
    node.configure(&config);
    let mut client = Client::new(node.address);
    let statuses: Vec<u16> = (0..4).map(|_| client.get("/").status).collect();
    assert_eq!(statuses, [502, 200, 502, 200]);
    let counted = node.end();
    assert_eq!(counted.own, BTreeMap::from([(502, 2)]));
    let group = &counted.groups["all"];
    assert_eq!((group.requests, group.connection_errors, group.answers[&200].len()), (4, 2, 2));
}

#[test]
fn a_target_that_closes_instead_of_answering_is_502() {
    let closing = Backend::behaving("closing", |_, stream| {
        let _ = stream.shutdown(Shutdown::Both);
        false
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&closing]);
    assert_eq!(get(node.address, "/").status, 502);
    assert_eq!(closing.count(), 1, "it was asked once");
    assert_eq!(statuses(node), BTreeMap::from([(502, 1)]));
}

#[test]
fn a_connection_that_the_target_closes_just_as_a_request_comes_is_502() {
    let served = std::sync::atomic::AtomicUsize::new(0);
    let a = Backend::behaving("a", move |_, stream| {
        let is_first = served.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        is_first && backend::reply(stream, 200, "a")
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    let mut client = Client::new(node.address);
    assert_eq!([client.get("/").status, client.get("/").status], [200, 502]);
    assert_eq!((a.count(), a.connections()), (2, 1), "the second one came on the connection of the first");
}

#[test]
fn an_answer_that_is_no_http_is_502() {
    let a = Backend::behaving("a", |_, stream| {
        let _ = stream.write_all(b"hello\r\n\r\n");
        false
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    assert_eq!(get(node.address, "/").status, 502);
}

#[test]
fn silence_is_504_after_the_idle_timeout() {
    let silent = Backend::behaving("silent", |_, _| {
        thread::park();
        false
    });
    let (node, _) = serving(&["--idle-timeout-millis=200"], Algorithm::RoundRobin, &[&silent]);
    let asked = Instant::now();
    assert_eq!(get(node.address, "/").status, 504);
    assert!(asked.elapsed() >= Duration::from_millis(200));
    let counted = node.end();
    assert_eq!((counted.own, counted.groups["all"].requests), (BTreeMap::from([(504, 1)]), 1));
}

#[test]
fn a_target_that_the_network_hides_is_504_and_not_connected_to() {
    let a = Backend::new("a");
    let mut node = Node::start(&["--connect-timeout-millis=100"]);
    let mut config = one_group(Algorithm::RoundRobin, &[&a]);
    config.groups[0].targets[0].reachable = false;
    node.configure(&config);
    assert_eq!(get(node.address, "/").status, 504);
    assert_eq!(a.count(), 0);
    config.groups[0].targets[0].reachable = true;
    node.configure(&config);
    assert_eq!(get(node.address, "/").status, 200);
    assert_eq!(node.end().groups["all"].connection_errors, 1);
}

#[test]
fn a_client_that_does_not_send_what_it_announced_is_408() {
    let a = Backend::new("a");
    let (node, _) = serving(&["--idle-timeout-millis=200"], Algorithm::RoundRobin, &[&a]);
    let mut client = Client::new(node.address);
    client.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\nhalf");
    assert_eq!(client.reply().status, 408);
    assert_eq!(statuses(node), BTreeMap::from([(408, 1)]));
}

#[test]
fn a_client_that_goes_before_it_has_an_answer_is_460() {
    let silent = Backend::behaving("silent", |_, _| {
        thread::park();
        false
    });
    let (mut node, _) = serving(&[], Algorithm::RoundRobin, &[&silent]);
    let mut client = Client::new(node.address);
    client.ask("/");
    until("the target to have it", || silent.count() == 1);
    drop(client);
    node.until("the count of it", |event| match event {
        Event::Sample(sample) => sample.own.get(&460).map(|count| assert_eq!(*count, 1)),
        _ => None,
    });
}

#[test]
fn what_is_no_http_is_400_and_counted() {
    let a = Backend::new("a");
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    let mut client = Client::new(node.address);
    client.send("no http at all\r\n\r\n");
    assert_eq!(client.head().status, 400);
    assert!(client.is_closed());
    assert_eq!(statuses(node), BTreeMap::from([(400, 1)]));
}

#[test]
fn a_connection_that_is_kept_for_nothing_is_closed_after_the_idle_timeout() {
    let a = Backend::new("a");
    let (node, _) = serving(&["--idle-timeout-millis=400"], Algorithm::RoundRobin, &[&a]);
    let mut client = Client::new(node.address);
    assert_eq!(client.get("/").status, 200);
    let since = Instant::now();
    assert!(client.is_closed());
    assert!((Duration::from_millis(300)..PATIENCE / 2).contains(&since.elapsed()), "{:?}", since.elapsed());
}

#[test]
fn connections_beyond_the_most_are_rejected_and_counted() {
    let a = Backend::new("a");
    let (node, _) = serving(&["--max-connections=1"], Algorithm::RoundRobin, &[&a]);
    let mut first = Client::new(node.address);
    assert_eq!(first.get("/").status, 200);
    assert!(Client::new(node.address).is_closed());
    assert_eq!(first.get("/").status, 200);
    let counted = node.end();
    assert_eq!((counted.new_connections, counted.rejected_connections), (1, 1));
}
