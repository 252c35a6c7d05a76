//! Ambiguous requests are refused, over the wire; the rules themselves are tested beside them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::Backend;
use crate::client::raw;
use crate::running::{Running, cluster};

async fn front() -> (Backend, Running) {
    let backend = Backend::start("a").await;
    let running = Running::start(vec![cluster("c", vec![backend.member()])]).await;
    (backend, running)
}

#[tokio::test]
async fn ambiguous_requests_get_400_and_a_close_and_reach_no_member() {
    let (backend, running) = front().await;
    for request in [
        "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "GET /c HTTP/1.1\nHost: h\n\n",
        "GET /c HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET /c HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        "GET /c HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET /c HTTP/1.1\r\n\r\n",
        "GET /c HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "POST /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answer = raw(running.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{request:?} -> {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{request:?} -> {answer}");
    }
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn the_request_before_an_ambiguous_one_is_answered() {
    let (backend, running) = front().await;
    let good = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
    let answer =
        raw(running.address, format!("{good}GET /c/2 HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n{good}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("HTTP/1.1 400 Bad Request"), "{answer}");
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn an_ambiguous_chunk_ends_the_request_at_the_member_too() {
    let (backend, running) = front().await;
    let request = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0x\r\n\r\n";
    let answer = raw(running.address, request.as_bytes()).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(running.client().get("/c").await.status, 200);
    assert_eq!(running.member("a").failures, 0, "the member did nothing wrong");
    assert!(backend.requests() >= 1);
}

#[tokio::test]
async fn heads_are_limited() {
    let (_backend, running) = front().await;
    let long = format!("GET /c HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(33 * 1024));
    assert!(raw(running.address, long.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let path = |bytes: usize| format!("/c/{}", "x".repeat(bytes));
    for (request, status) in [
        (format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", path(33 * 1024)), 414),
        (format!("\r\nGET {}", path(33 * 1024)), 414),
        (format!("GET {} HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", path(30 * 1024), "x".repeat(3 * 1024)), 414),
        (format!("GET {} HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", path(3 * 1024), "x".repeat(30 * 1024)), 431),
        (format!("\r\nGET /c HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(33 * 1024)), 431),
        ("G".repeat(33 * 1024), 501),
    ] {
        let answer = raw(running.address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {answer}", &request[..30]);
    }
    let most = format!("GET {} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path(31 * 1024));
    assert!(raw(running.address, most.as_bytes()).await.starts_with("HTTP/1.1 200 "), "a long one that fits is taken");
    let fields = |count: usize| {
        format!("GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}\r\n", "X: y\r\n".repeat(count - 2))
    };
    // The member has the same limit, and the balancer adds four.
    assert!(raw(running.address, fields(96).as_bytes()).await.starts_with("HTTP/1.1 200 "));
    let by_the_balancer = |answer: &str| answer.starts_with("HTTP/1.1 431 ") && !answer.contains("x-backend");
    assert!(!by_the_balancer(&raw(running.address, fields(100).as_bytes()).await));
    assert!(by_the_balancer(&raw(running.address, fields(101).as_bytes()).await));
}

#[tokio::test]
async fn a_body_of_tiny_chunks_with_long_extensions_is_cut() {
    let (_backend, running) = front().await;
    let upload = |chunk: String, count: usize| {
        let head = "POST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{}0\r\n\r\n", chunk.repeat(count))
    };
    let cut = raw(running.address, upload(format!("1;{}\r\na\r\n", "x".repeat(900)), 100).as_bytes()).await;
    assert!(cut.starts_with("HTTP/1.1 400 ") && cut.contains("more framing than data"), "{cut}");
    let tiny = raw(running.address, upload("1\r\na\r\n".to_owned(), 50_000).as_bytes()).await;
    assert!(tiny.starts_with("HTTP/1.1 200 ") && tiny.ends_with("aaaaaaaaaa"), "{} bytes", tiny.len());
}

#[tokio::test]
async fn connect_is_refused() {
    let (backend, running) = front().await;
    let answer = raw(running.address, b"CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 501 Not Implemented\r\n"), "{answer}");
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_a_request() {
    let (_backend, running) = front().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in
        b"\r\nPOST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\n\na"), "{answer}");
}
