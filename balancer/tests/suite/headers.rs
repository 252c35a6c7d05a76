//! Headers: those that reach the member and those that reach the client.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::backend::Backend;
use crate::client::raw;
use crate::running::{Running, cluster};

async fn front() -> (Backend, Running) {
    let backend = Backend::start("a").await;
    let running = Running::start(vec![cluster("c", vec![backend.member()])]).await;
    (backend, running)
}

const FORWARDED: &str =
    "via: 1.1 clusterbench\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: h\nx-forwarded-proto: http";

#[tokio::test]
async fn hop_by_hop_headers_end_here() {
    let (_backend, running) = front().await;
    for lines in [
        "Connection: close, x-named\r\nX-Named: 1\r\n",
        "Connection: close\r\nKeep-Alive: timeout=5\r\n",
        "Connection: close\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\n",
        "Connection: close\r\nTE: trailers\r\nTrailer: Expires\r\n",
        "Connection: close, upgrade\r\nUpgrade: h2c\r\n",
    ] {
        let answer = raw(running.address, format!("GET /c HTTP/1.1\r\nHost: h\r\n{lines}\r\n").as_bytes()).await;
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body, format!("GET /c\nhost: h\n{FORWARDED}\n\n"), "{lines:?}");
    }
}

#[tokio::test]
async fn answers_are_cleaned_and_name_their_member() {
    let (backend, running) = front().await;
    for (name, value) in [("connection", "x-named"), ("x-named", "1"), ("keep-alive", "timeout=5"), ("x-kept", "2")] {
        backend.header(name, value);
    }
    let answer = running.client().get("/c").await;
    let mut names: Vec<&str> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "server-timing", "via", "x-backend", "x-kept"]);
    assert_eq!(answer.backend(), "a");
    backend.header("x-backend", "named by the worker");
    assert_eq!(running.client().get("/c").await.backend(), "named by the worker");
}

#[tokio::test]
async fn the_client_s_forwarded_lists_are_continued() {
    let (_backend, running) = front().await;
    let request = Request::get("/c").header("x-forwarded-for", "192.0.2.7").header("via", "1.0 before");
    let answer = running.client().send(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert!(answer.text().contains("x-forwarded-for: 192.0.2.7, 127.0.0.1\n"), "{}", answer.text());
    assert!(answer.text().contains("via: 1.0 before, 1.1 clusterbench\n"), "{}", answer.text());
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let (_backend, running) = front().await;
    let answer = raw(running.address, b"GET /c HTTP/1.0\r\n\r\n").await;
    // The answer's version is what this server speaks (RFC 9110, 2.5), and the connection ends with it.
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.contains("via: 1.0 clusterbench\n"), "{answer}");
}

#[tokio::test]
async fn bodies_pass_in_both_directions() {
    let (_backend, running) = front().await;
    let body = Bytes::from((0..4 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect::<Vec<u8>>());
    let answer = running.client().post("/c", body.clone()).await;
    let head = answer.body.windows(2).position(|pair| pair == b"\n\n").unwrap();
    assert!(answer.body[head + 2..] == body, "{} bytes came back", answer.body.len() - head - 2);
}

#[tokio::test]
async fn a_chunked_body_of_a_get_is_not_lost() {
    let (_backend, running) = front().await;
    let request =
        "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = raw(running.address, request.as_bytes()).await;
    assert!(answer.ends_with("\n\nabc") && answer.contains("transfer-encoding: chunked\n"), "{answer}");
}

#[tokio::test]
async fn head_has_no_body_and_the_connection_lives_on() {
    let (_backend, running) = front().await;
    let mut client = running.client();
    let head = client.send(Request::head("/c").body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_ne!(head.headers["content-length"], "0");
    assert_eq!(client.get("/c").await.status, 200);
}

#[tokio::test]
async fn a_body_is_asked_for_with_100_continue() {
    let (_backend, running) = front().await;
    let head =
        "POST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
    let answer = raw(running.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "{answer}");
    // It is the member that asks for the body: the expectation is passed on (RFC 9110, 10.1.1).
    assert!(answer.contains("expect: 100-continue") && answer.ends_with("\n\nabc"), "{answer}");
}
