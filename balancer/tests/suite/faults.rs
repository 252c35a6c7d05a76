//! Members that die, hang, close and lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use balancer::Timeouts;
use tokio::io::AsyncWriteExt;
use wire::Health;

use crate::backend::{self, Backend};
use crate::client::{eventually, raw};
use crate::running::{Running, cluster};

const SHORT: Duration = Duration::from_millis(100);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_killed_member_costs_no_get() {
    const CLIENTS: usize = 8;
    let mut backends = [Backend::start("a").await, Backend::start("b").await, Backend::start("c").await];
    let running = Running::start(vec![cluster("c", backends.iter().map(Backend::member).collect())]).await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (mut client, stop, done) = (running.client(), Arc::clone(&stop), Arc::clone(&done));
        clients.spawn(async move {
            let mut failed = Vec::new();
            while !stop.load(Relaxed) {
                let answer = client.get("/c").await;
                done.fetch_add(1, Relaxed);
                if answer.status != 200 {
                    failed.push(answer.text());
                }
            }
            failed
        });
    }
    eventually("load runs", || done.load(Relaxed) > 200).await;
    backends[1].kill().await;
    running.until("b", Health::Unhealthy).await;
    let after = done.load(Relaxed);
    eventually("load goes on", || done.load(Relaxed) > after + 200).await;
    stop.store(true, Relaxed);
    let failed: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(running.member("b").losses >= 1);
}

/// Answers the first request of a connection and closes at the second one, without an answer.
async fn one_answer_per_connection(seen: Arc<AtomicU64>) -> wire::Member {
    backend::raw("a", move |mut stream, _head| {
        let seen = Arc::clone(&seen);
        async move {
            seen.fetch_add(1, Relaxed);
            stream.write_all(OK).await.unwrap();
            if backend::read_head(&mut stream).await.is_some() {
                seen.fetch_add(1, Relaxed);
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_reused_connection_that_closes_is_retried_for_get_and_not_for_post() {
    let seen = Arc::new(AtomicU64::new(0));
    let running = Running::start(vec![cluster("c", vec![one_answer_per_connection(Arc::clone(&seen)).await])]).await;
    let mut client = running.client();
    for path in ["/c/1", "/c/2", "/c/3"] {
        assert_eq!(client.get(path).await.status, 200);
    }
    // 1 opened a connection, 2 found it closing and opened another, 3 found that closing.
    assert_eq!(seen.load(Relaxed), 5);
    let post = client.post("/c", "").await;
    assert_eq!(post.status, 502, "{}", post.text());
    assert_eq!(post.json()["error"], "member \"a\" gave no answer: it closed a connection that was being reused");
    assert_eq!((seen.load(Relaxed), running.member("a").losses), (6, 0));
}

#[tokio::test]
async fn a_refused_connection_is_retried_on_another_member_whatever_the_method() {
    // Two of three look ill, so health is ignored and the closed port is asked in its turn.
    let (alive, ill) = (Backend::start("alive").await, Backend::start("ill").await);
    ill.seen.health.store(500, Relaxed);
    let closed = wire::Member { id: "closed".into(), address: backend::closed_port().await.to_string(), vcpus: None };
    let running = Running::start(vec![cluster("c", vec![closed, alive.member(), ill.member()])]).await;
    let mut client = running.client();
    // Nothing was sent, so nobody can have done it (RFC 9110, 9.2.2).
    for _ in 0..6 {
        let answer = client.post("/c", "body").await;
        assert!(answer.status == 200 && answer.text().ends_with("\n\nbody"), "{}", answer.text());
    }
    for _ in 0..6 {
        assert_eq!(client.get("/c").await.status, 200);
    }
    assert!(running.member("closed").losses >= 4);
}

#[tokio::test]
async fn retries_are_limited_by_the_budget() {
    let closed = |id: &str, address: std::net::SocketAddr| wire::Member {
        id: id.into(),
        address: address.to_string(),
        vcpus: None,
    };
    let members = vec![closed("a", backend::closed_port().await), closed("b", backend::closed_port().await)];
    let running = Running::start(vec![cluster("c", members)]).await;
    let mut client = running.client();
    for _ in 0..100 {
        assert_eq!(client.get("/c").await.status, 502);
    }
    let attempts = running.member("a").requests + running.member("b").requests;
    // 30 for ten seconds and a tenth of what came in.
    assert!((130..=145).contains(&attempts), "{attempts} attempts for 100 requests");
}

#[tokio::test]
async fn a_silent_member_is_504() {
    let member = backend::raw("a", |stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let timeouts = Timeouts { answer: SHORT, body: SHORT, ..Timeouts::default() };
    let running = Running::with(vec![cluster("c", vec![member])], timeouts).await;
    let answer = running.client().get("/c").await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.json()["error"], "member \"a\" gave no answer: it did not answer within 100 ms");
    assert_eq!((running.member("a").failures, running.member("a").latency_micros), (1, None));
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_502_and_one_that_breaks_off_ends_the_connection() {
    let member = backend::raw("a", |mut stream, head| async move {
        let answer: &[u8] = match head.starts_with(b"GET /c/nonsense") {
            true => b"SSH-2.0-OpenSSH\r\n\r\n",
            false => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        };
        stream.write_all(answer).await.unwrap();
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    let answer = running.client().get("/c/nonsense").await;
    assert!(answer.status == 502 && answer.text().contains("not HTTP/1.1"), "{}", answer.text());
    let half = raw(running.address, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(half.contains("content-length: 10") && half.ends_with("half"), "{half}");
    eventually("both are failures", || running.member("a").failures == 2).await;
}

/// It may come in any pieces: 40 KiB that fit into one read were taken once.
#[tokio::test]
async fn an_answer_whose_head_is_too_long_is_502() {
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nX: {}\r\n\r\n", "x".repeat(40 * 1024));
    let member = backend::raw("a", move |mut stream, _| {
        let long = long.clone();
        async move {
            stream.write_all(long.as_bytes()).await.ok();
        }
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    for _ in 0..20 {
        let answer = running.client().get("/c").await;
        assert!(answer.status == 502 && answer.text().contains("head is longer"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_member() {
    const OFFERED: u64 = 256 * 1024 * 1024;
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let member = backend::raw("a", move |mut stream, _| {
        let counter = Arc::clone(&counter);
        async move {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {OFFERED}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let piece = vec![0; 64 * 1024];
            while stream.write_all(&piece).await.is_ok() {
                counter.fetch_add(piece.len() as u64, Relaxed);
            }
        }
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    let mut reader = tokio::net::TcpStream::connect(running.address).await.unwrap();
    reader.write_all(b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    eventually("it flows", || sent.load(Relaxed) > 0).await;
    // It must come to rest in the sockets' buffers: no progress over 300 ms.
    let mut before = u64::MAX;
    while before != sent.load(Relaxed) {
        before = sent.load(Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(before < OFFERED / 2, "{before} bytes were taken from the member for a client that reads nothing");
    assert_eq!(running.member("a").in_flight, 1);
    drop(reader);
    eventually("the member's request ends with its client", || running.member("a").in_flight == 0).await;
}

#[tokio::test]
async fn a_body_that_stalls_is_cut_on_whichever_side() {
    let member = backend::raw("a", |mut stream, head| async move {
        if head.starts_with(b"GET") {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
        }
        std::future::pending::<()>().await;
    })
    .await;
    let timeouts = Timeouts { answer: SHORT, body: SHORT, ..Timeouts::default() };
    let running = Running::with(vec![cluster("c", vec![member])], timeouts).await;
    let download = raw(running.address, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(download.starts_with("HTTP/1.1 200 OK") && download.ends_with("half"), "{download}");
    assert_eq!((running.member("a").failures, running.member("a").in_flight), (1, 0));
    let upload = raw(running.address, b"POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert!(upload.starts_with("HTTP/1.1 408 ") && upload.contains("nothing of the request's body came"), "{upload}");
    assert_eq!(running.member("a").failures, 1, "the client stalled, not the member");
}

#[tokio::test]
async fn a_member_that_switches_protocols_unasked_is_502() {
    let member = backend::raw("a", |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    let answer = running.client().get("/c").await;
    assert!(answer.status == 502 && answer.text().contains("switched protocols"), "{}", answer.text());
}

#[tokio::test]
async fn a_get_that_a_member_cannot_answer_is_asked_elsewhere_and_a_post_is_not() {
    let failing = backend::raw("ill", |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops").await.unwrap();
    });
    let dying = backend::raw("ill", |_, _| async {});
    for (ill, status) in [(failing.await, 500), (dying.await, 502)] {
        let well = Backend::start("well").await;
        let running = Running::start(vec![cluster("c", vec![ill, well.member()])]).await;
        let mut client = running.client();
        for _ in 0..10 {
            assert_eq!(client.get("/c").await.status, 200);
        }
        assert!(running.member("ill").failures >= 5 && running.balancer.status().clusters[0].failures == 0);
        let mut posts = [client.post("/c", "x").await.status.as_u16(), client.post("/c", "x").await.status.as_u16()];
        posts.sort_unstable();
        assert_eq!(posts, [200, status]);
    }
}

#[tokio::test]
async fn with_nobody_else_to_ask_the_member_s_own_words_are_passed_on() {
    let failing = backend::raw("failing", |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 503 Later\r\ncontent-length: 4\r\n\r\nwait").await.unwrap();
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![failing])]).await;
    let answer = running.client().get("/c").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str(), answer.backend()), (503, "wait", "failing"));
    assert_eq!(running.balancer.status().clusters[0].failures, 1);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_place_and_is_no_evidence() {
    let backend = Backend::start("a").await;
    let running = Running::start(vec![cluster("c", vec![backend.member()])]).await;
    let mut client = tokio::net::TcpStream::connect(running.address).await.unwrap();
    client.write_all(b"GET /c/slow HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    eventually("it is in flight", || running.member("a").in_flight == 1).await;
    drop(client);
    eventually("it is not", || running.member("a").in_flight == 0).await;
    assert_eq!((running.member("a").failures, running.balancer.status().clusters[0].failures), (0, 0));
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_and_an_idle_connection_is_closed() {
    let timeouts = Timeouts { header: SHORT, idle: SHORT, ..Timeouts::default() };
    let running = Running::with(vec![cluster("c", vec![])], timeouts).await;
    let mut slow = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let (mut reading, mut writing) = slow.split();
    let trickle = async {
        for byte in std::iter::repeat(b"GET /c HTTP/1.1\r\nX: y\r\n").flatten() {
            writing.write_all(&[*byte]).await.ok();
            tokio::time::sleep(SHORT / 20).await;
        }
    };
    let mut answer = String::new();
    tokio::select! {
        () = trickle => {}
        read = tokio::io::AsyncReadExt::read_to_string(&mut reading, &mut answer) => drop(read),
    }
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(raw(running.address, b"").await, "", "closed without a word");
}

/// Some clients send an empty line after a body (RFC 9112, 2.2): that begins nothing which would have to be finished.
#[tokio::test]
async fn an_empty_line_does_not_begin_a_request() {
    let backend = Backend::start("a").await;
    let timeouts = Timeouts { header: Duration::from_secs(3_600), idle: SHORT, ..Timeouts::default() };
    let running = Running::with(vec![cluster("c", vec![backend.member()])], timeouts).await;
    for line in ["\r\n", "\r"] {
        assert_eq!(raw(running.address, line.as_bytes()).await, "", "{line:?}: closed without a word");
        let request = format!("POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx{line}");
        let answer = raw(running.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.matches("HTTP/1.1 ").count() == 1, "{line:?}: {answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_so() {
    let settings = balancer::Settings { max_connections: 1, ..balancer::Settings::default() };
    let running = Running::set(vec![cluster("c", vec![])], settings).await;
    let mut first = running.client();
    assert_eq!(first.get("/c").await.status, 503);
    let answer = raw(running.address, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("serves 1 connections already"), "{answer}");
    assert_eq!(first.get("/nowhere").await.status, 404, "who was there first stays");
}
