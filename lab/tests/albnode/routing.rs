//! Rules, and what a request becomes on its way.

use super::*;

#[test]
fn rules_take_their_paths_by_priority_and_everything_else_is_a_fixed_404() {
    let (a, b) = (Backend::new("a"), Backend::new("b"));
    let mut node = Node::start(&[]);
    node.configure(&config(
        [("one", Algorithm::RoundRobin, &[&a][..]), ("two", Algorithm::RoundRobin, &[&b][..])],
        &[
            (20, &["/cluster1", "/cluster1/*"], "one"),
            (10, &["/cluster1/special"], "two"),
            (30, &["/cluster2", "/cluster2/*", "/img/?.png"], "two"),
        ],
    ));
    let mut client = Client::new(node.address);
    for (path, name) in [
        ("/cluster1", "a"),
        ("/cluster1?q=/cluster2", "a"),
        ("/cluster1/", "a"),
        ("/cluster1/x/y", "a"),
        ("/cluster1/special", "b"),
        ("/cluster2", "b"),
        ("/img/1.png", "b"),
    ] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.text()), (200, name), "{path}");
    }
    for path in ["/cluster10", "/cluster10/x", "/Cluster1", "/", "/cluster", "/img/10.png"] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.text()), (404, ""), "{path}");
        assert_eq!(reply.field("server"), Some("awselb/2.0"));
        assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    }
    assert_eq!((a.count(), b.count()), (4, 3));
    let counted = node.end();
    assert_eq!((counted.own, counted.fixed), (BTreeMap::new(), 6));
}

#[test]
fn a_rule_may_answer_itself_and_the_default_action_may_forward() {
    let a = Backend::new("a");
    let mut node = Node::start(&[]);
    let mut config = config([("one", Algorithm::RoundRobin, &[&a][..])], &[]);
    config.default_action = Action::Forward(BTreeMap::from([("one".to_owned(), 1)]));
    let action = Action::FixedResponse {
        status: 503,
        content_type: "application/json".to_owned(),
        body: r#"{"closed":true}"#.to_owned(),
    };
    config.rules.push(Rule { priority: 1, paths: vec!["/shop*".to_owned()], action });
    node.configure(&config);
    let reply = get(node.address, "/shop/x");
    assert_eq!((reply.status, reply.text()), (503, r#"{"closed":true}"#));
    assert!(reply.field("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    assert_eq!(get(node.address, "/sho").text(), "a");
    let counted = node.end();
    assert_eq!((counted.own.len(), counted.fixed, counted.groups["one"].requests), (0, 1, 1));
}

#[test]
fn a_request_says_who_asked_and_keeps_its_host() {
    let a = Backend::new("a");
    let mut node = Node::at("127.0.0.9:0", &[]);
    node.configure(&one_group(Algorithm::RoundRobin, &[&a]));
    let mut client = Client::new(node.address);
    client.send(
        "GET http://shop.example/x?y=1 HTTP/1.1\r\nHost: shop.example\r\nConnection: X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n\
         X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Theirs: 2\r\n\r\n",
    );
    assert_eq!(client.reply().status, 200);
    let received = a.received.lock().unwrap()[0].clone();
    assert_eq!(received.line, "GET /x?y=1 HTTP/1.1");
    assert_eq!(received.field("host"), Some("shop.example"));
    assert_eq!(received.field("x-forwarded-for"), Some("203.0.113.7, 127.0.0.1"));
    assert_eq!(received.field("x-forwarded-proto"), Some("http"));
    assert_eq!(received.field("x-forwarded-port"), Some(node.address.port().to_string().as_str()));
    assert_eq!(received.field("x-theirs"), Some("2"));
    for gone in ["connection", "x-mine", "te"] {
        assert_eq!(received.field(gone), None, "{gone}");
    }
    assert_eq!(received.from.ip(), node.address.ip(), "targets are asked from the node's own address");
}

#[test]
fn an_answer_keeps_its_fields_but_those_of_the_connection() {
    let a = Backend::behaving("a", |_, stream| {
        let head = "HTTP/1.1 201 Made\r\nServer: mine\r\nX-Mine: 1\r\nConnection: close, X-Mine\r\nContent-Length: 2\r\n\r\nok";
        let _ = stream.write_all(head.as_bytes());
        false
    });
    let mut node = Node::start(&[]);
    node.configure(&one_group(Algorithm::RoundRobin, &[&a]));
    let mut client = Client::new(node.address);
    // The client's connection goes on, and each request gets a new one to the target: none fails for that.
    for _ in 0..20 {
        let reply = client.get("/");
        assert_eq!((reply.status, reply.text(), reply.field("server")), (201, "ok", Some("mine")));
        assert_eq!((reply.field("x-mine"), reply.field("connection")), (None, None));
    }
    assert_eq!(a.connections(), 20);
}

#[test]
fn a_line_that_is_no_configuration_is_refused_and_the_one_before_stays() {
    let a = Backend::new("a");
    let mut node = Node::start(&[]);
    let right = one_group(Algorithm::RoundRobin, &[&a]);
    node.configure(&right);
    let mut wrong = right;
    wrong.groups.clear();
    node.say("{");
    node.say(&serde_json::to_string(&wrong).unwrap());
    let mut refused = Vec::new();
    node.until("two refusals", |event| {
        if let Event::Refused { why } = event {
            refused.push(why.clone());
        }
        (refused.len() == 2).then_some(())
    });
    assert!(refused[1].contains("priority 1: forwards to all"), "{}", refused[1]);
    assert_eq!(get(node.address, "/").text(), "a");
}

#[test]
fn a_path_for_all_clusters_comes_after_theirs_and_goes_to_each_by_its_weight() {
    let (a, b) = (Backend::new("a"), Backend::new("b"));
    let mut node = Node::start(&[]);
    let groups = [("one", Algorithm::RoundRobin, &[&a][..]), ("two", Algorithm::RoundRobin, &[&b][..])];
    let mut config = config(groups, &[(1, &["/cluster1", "/cluster1/*"], "one")]);
    let action = Action::Forward(BTreeMap::from([("one".to_owned(), 1), ("two".to_owned(), 3)]));
    config.rules.push(Rule { priority: 2, paths: vec!["/".to_owned(), "/*".to_owned()], action });
    node.configure(&config);
    let mut client = Client::new(node.address);
    for path in ["/cluster1", "/cluster1/x"] {
        assert_eq!(client.get(path).text(), "a", "{path}");
    }
    let before = a.count();
    for path in ["/", "/anything", "/cluster10"].into_iter().cycle().take(1200) {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    // 300 of 1,200 with a standard deviation of 15.
    let of_a = a.count() - before;
    assert!((225..375).contains(&of_a), "{of_a} of 1,200");
    assert_eq!(of_a + b.count(), 1200);
}

#[test]
fn one_that_faces_the_internet_takes_connections_at_its_public_address_as_well() {
    let a = Backend::new("a");
    let port = std::net::TcpListener::bind("127.95.0.1:0").expect("a port").local_addr().expect("an address").port();
    let public = std::net::SocketAddr::from(([127, 95, 0, 1], port));
    let mut node = Node::start(&["--public", &public.to_string()]);
    node.configure(&config([("one", Algorithm::RoundRobin, &[&a][..])], &[(1, &["/x"], "one")]));
    assert_eq!((get(node.address, "/x").text(), get(public, "/x").text()), ("a", "a"));
}
