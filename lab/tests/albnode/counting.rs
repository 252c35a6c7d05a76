//! Samples: exactly what passed.

use super::backend::reply;
use super::*;

#[test]
fn samples_are_exactly_what_clients_sent() {
    let a = Backend::behaving("a", |request, stream| {
        let status =
            request.line.split('/').nth(2).and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(200);
        reply(stream, status, "a")
    });
    let b = Backend::new("b");
    let mut node = Node::start(&[]);
    node.configure(&config(
        [("one", Algorithm::RoundRobin, &[&a][..]), ("two", Algorithm::RoundRobin, &[&b][..])],
        &[(1, &["/one", "/one/*"], "one"), (2, &["/two"], "two")],
    ));
    let address = node.address;
    let clients: Vec<_> = (0..3)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::new(address);
                let paths = ["/one", "/one/201", "/one/302", "/one/404", "/one/500", "/two", "/three"];
                for path in paths.iter().cycle().take(7 * 50) {
                    client.get(path);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    // What is told every second and what is told at the end are all of it, and nothing twice.
    node.until("a sample", |event| matches!(event, Event::Sample(_)).then_some(()));
    get(address, "/two");
    let counted = node.end();
    let (one, two) = (&counted.groups["one"], &counted.groups["two"]);
    assert_eq!((one.requests, two.requests), (750, 151));
    let answers = |group: &lab::albnode::GroupSample| -> BTreeMap<u16, usize> {
        group.answers.iter().map(|(status, micros)| (*status, micros.len())).collect()
    };
    assert_eq!(answers(one), BTreeMap::from([200, 201, 302, 404, 500].map(|status| (status, 150))));
    assert_eq!(answers(two), BTreeMap::from([(200, 151)]));
    assert_eq!((&counted.own, counted.fixed), (&BTreeMap::new(), 150));
    assert_eq!((counted.new_connections, counted.rejected_connections), (4, 0));
    assert_eq!((a.count(), b.count()), (750, 151));
}

#[test]
fn a_response_time_is_the_targets() {
    let pause = Duration::from_millis(60);
    let slow = Backend::behaving("slow", move |_, stream| {
        thread::sleep(pause); // what is measured, and no wait for something
        reply(stream, 200, "slow")
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&slow]);
    let asked = Instant::now();
    get(node.address, "/");
    let most = asked.elapsed();
    let took = Duration::from_micros(node.end().groups["all"].answers[&200][0].into());
    assert!((pause..=most).contains(&took), "{took:?} of {most:?}");
}

#[test]
fn connections_to_a_target_are_used_again() {
    let a = Backend::new("a");
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    // A new connection of a client for each: those to targets are the node's own.
    (0..50).for_each(|_| assert_eq!(get(node.address, "/").status, 200));
    assert_eq!((a.count(), a.connections()), (50, 1));
}

#[test]
fn a_node_ends_with_its_input_whoever_is_connected() {
    let silent = Backend::behaving("silent", |_, _| {
        thread::park();
        false
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&silent]);
    let address = node.address;
    let mut client = Client::new(address);
    client.ask("/");
    until("the target to have it", || silent.count() == 1);
    assert_eq!(node.end().groups["all"].requests, 1);
    assert!(client.is_closed());
    assert!(std::net::TcpStream::connect(address).is_err());
}
