//! The last hop of a TRACE or an OPTIONS (`Max-Forwards`; RFC 9110, 7.6.2).

use crate::backend::Backend;
use crate::client::raw;
use crate::running::{Running, cluster};

async fn front() -> (Backend, Running) {
    let backend = Backend::start("a").await;
    let running = Running::start(vec![cluster("c", vec![backend.member()])]).await;
    (backend, running)
}

#[tokio::test]
async fn one_less_goes_on_and_other_methods_are_left_alone() {
    let (backend, running) = front().await;
    for (method, lines, expected) in [
        ("TRACE", "Max-Forwards: 1", &["max-forwards: 0"][..]),
        ("OPTIONS", "Max-Forwards: 10", &["max-forwards: 9"]),
        ("OPTIONS", "max-forwards: 007", &["max-forwards: 6"]),
        ("OPTIONS", "Max-Forwards: 99999999999999999999", &["max-forwards: 4294967294"]),
        // It is for everybody on the way, so no connection can take it away.
        ("TRACE", "Connection: Max-Forwards\r\nMax-Forwards: 5", &["max-forwards: 4"]),
        ("TRACE", "X: y", &[]),
        ("GET", "Max-Forwards: 0", &["max-forwards: 0"]),
        ("POST", "Max-Forwards: many", &["max-forwards: many"]),
    ] {
        let request = format!("{method} /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{lines}\r\n\r\n");
        let answer = raw(running.address, request.as_bytes()).await;
        let seen: Vec<&str> = answer.lines().filter(|line| line.contains("max-forwards")).collect();
        assert_eq!(seen, expected, "{method} {lines}: {answer}");
        assert!(answer.contains(&format!("\r\n\r\n{method} /c\n")), "{method} {lines}: {answer}");
    }
    assert_eq!(backend.requests(), 8);
}

#[tokio::test]
async fn at_zero_it_is_answered_here_and_the_connection_goes_on() {
    let (backend, running) = front().await;
    let request = "TRACE /c?q HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nVia: 1.0 before\r\nCookie: secret\r\n\r\n\
        OPTIONS /c HTTP/1.1\r\nHost: h\r\nMax-Forwards: 00\r\nAuthorization: secret\r\n\r\n\
        OPTIONS /nowhere HTTP/1.1\r\nHost: h\r\nConnection: max-forwards, close\r\nMax-Forwards: 0\r\n\r\n";
    let answer = raw(running.address, request.as_bytes()).await;
    let (trace, options) = answer.split_once("\r\n\r\nTRACE ").unwrap_or_else(|| panic!("{answer}"));
    assert!(trace.starts_with("HTTP/1.1 200 OK\r\ncontent-type: message/http\r\n"), "{answer}");
    let reflected = "/c?q HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nVia: 1.0 before\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert!(options.starts_with(reflected), "{answer}");
    assert!(!answer.contains("secret") && answer.matches("\r\ncontent-length: 0\r\n").count() == 2, "{answer}");
    assert_eq!((backend.requests(), running.balancer.status().clusters[0].requests), (0, 0));
}

#[tokio::test]
async fn what_is_asked_of_the_whole_host_is_answered_here_unless_a_cluster_has_all_of_it() {
    let (backend, running) = front().await;
    let request =
        b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS http://h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let answer = raw(running.address, request).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.matches("content-length: 0\r\n").count() == 2,
        "{answer}"
    );
    assert_eq!(backend.requests(), 0);
    running.apply(vec![wire::Cluster { path: "/".into(), ..cluster("c", vec![backend.member()]) }]);
    let answer = raw(running.address, b"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("\n\n") && answer.contains("\r\n\r\nOPTIONS *\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_number_or_no_trace_is_refused() {
    let (backend, running) = front().await;
    for lines in [
        "TRACE /c HTTP/1.1\r\nMax-Forwards: -1",
        "TRACE /c HTTP/1.1\r\nMax-Forwards: 1.5",
        "OPTIONS /c HTTP/1.1\r\nMax-Forwards:",
        "OPTIONS /c HTTP/1.1\r\nMax-Forwards: 1, 1",
        "OPTIONS /c HTTP/1.1\r\nMax-Forwards: 1\r\nMax-Forwards: 1",
        "TRACE /c HTTP/1.1\r\nContent-Length: 1",
        "TRACE /c HTTP/1.1\r\nTransfer-Encoding: chunked",
    ] {
        let answer = raw(running.address, format!("{lines}\r\nHost: h\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines}: {answer}");
    }
    assert_eq!(backend.requests(), 0);
}
