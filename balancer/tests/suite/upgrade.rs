//! WebSocket, which is let through, and whatever else begins with `Upgrade`, which is not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{self, Backend};
use crate::client::{eventually, raw};
use crate::running::{Running, cluster};

const REQUEST: &[u8] =
    b"GET /c HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";

async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        read.push(stream.read_u8().await.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&read))));
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn after_a_101_bytes_pass_both_ways_until_both_sides_end() {
    let member = backend::raw("a", |mut stream, head| async move {
        assert!(String::from_utf8_lossy(&head).contains("upgrade: websocket\r\n"));
        let switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello";
        stream.write_all(switched).await.unwrap();
        let mut sent = Vec::new();
        stream.read_to_end(&mut sent).await.unwrap();
        sent.reverse();
        stream.write_all(&sent).await.unwrap();
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    let mut client = TcpStream::connect(running.address).await.unwrap();
    // The first frame comes right behind the request: it waits until the member has agreed.
    client.write_all(&[REQUEST, b"abc"].concat()).await.unwrap();
    let head = read_to(&mut client, "hello").await;
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n") && head.contains("upgrade: websocket\r\n"),
        "{head}"
    );
    eventually("the request is over for the policy", || running.member("a").in_flight == 0).await;
    client.write_all(b"def").await.unwrap();
    client.shutdown().await.unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "fedcba");
}

#[tokio::test]
async fn without_a_101_it_is_an_ordinary_request_and_nothing_is_tunnelled() {
    let member = backend::raw("a", |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
        let mut more = Vec::new();
        // What the client takes for its tunnel must not arrive here.
        stream.read_to_end(&mut more).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&more), "");
    })
    .await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(&[REQUEST, b"\x81\x03abc"].concat()).await.unwrap();
    let mut seen = Vec::new();
    client.read_to_end(&mut seen).await.unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.starts_with("HTTP/1.1 426 ") && seen.contains("\r\n\r\nnoHTTP/1.1 400 "), "{seen}");
}

/// Each with what the member is to see of it: `websocket` alone, or nothing at all (RFC 9110, 7.8).
#[tokio::test]
async fn websocket_is_offered_whatever_stands_beside_it_and_nothing_else_is() {
    let backend = Backend::start("a").await;
    let running = Running::start(vec![cluster("c", vec![backend.member()])]).await;
    for (lines, is_offered) in [
        ("Connection: Upgrade\r\nUpgrade: websocket, h2c", true),
        ("Connection: Upgrade\r\nUpgrade: h2c, websocket", true),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: WebSocket", true),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", true),
        ("Connection: HTTP2-Settings, upgrade\r\nUpgrade: h2c, websocket,\r\nHTTP2-Settings: AAMAAABkAAQ", true),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ", false),
        ("Connection: Upgrade\r\nUpgrade: H2C", false),
        ("Connection: Upgrade\r\nUpgrade: HTTP/2.0", false),
        ("Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1", false),
        ("Connection: Upgrade\r\nUpgrade: websocket/13", false),
        ("Connection: Upgrade\r\nUpgrade: xwebsocket", false),
        ("Connection: Upgrade\r\nUpgrade: ", false),
        ("Connection: Upgrade", false),
        ("Upgrade: websocket", false),
        ("Connection: xupgrade\r\nUpgrade: websocket", false),
    ] {
        let request = format!("GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{lines}\r\n\r\n");
        let answer = raw(running.address, request.as_bytes()).await.to_lowercase();
        let seen = answer.split_once("get /c\n").unwrap_or_else(|| panic!("{lines:?}: {answer}")).1;
        let protocols: Vec<&str> = seen.lines().filter(|line| line.contains("upgrade")).collect();
        let expected: &[&str] = if is_offered { &["connection: upgrade", "upgrade: websocket"] } else { &[] };
        assert_eq!(protocols, expected, "{lines:?}: {seen}");
        assert!(!seen.contains("h2c") && !seen.contains("http2-settings"), "{lines:?}: {seen}");
    }
    let old = raw(running.address, b"GET /c HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.1 200 ") && !old.contains("upgrade"), "{old}");
}

/// A member that says `switched` and then waits for its connection to end: `true` is sent when it did.
async fn switching(switched: &'static str, ended: tokio::sync::mpsc::UnboundedSender<Vec<u8>>) -> wire::Member {
    backend::raw("a", move |mut stream, _| {
        let ended = ended.clone();
        async move {
            stream.write_all(switched.as_bytes()).await.unwrap();
            let mut more = Vec::new();
            let _ = stream.read_to_end(&mut more).await;
            ended.send(more).unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_101_to_anything_but_what_was_offered_is_no_tunnel_but_a_502_and_a_close() {
    for switched in [
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket/13\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade:\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\nsecret",
        "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\nsecret",
        "HTTP/1.0 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nsecret",
    ] {
        let (ended, mut ending) = tokio::sync::mpsc::unbounded_channel();
        let running = Running::start(vec![cluster("c", vec![switching(switched, ended).await])]).await;
        // What stands behind the request must reach nobody.
        let answer = raw(running.address, &[REQUEST, b"GET /c/behind HTTP/1.1\r\nHost: h\r\n\r\n"].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("switched protocols"), "{switched:?} {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n") && !answer.contains("secret"), "{switched:?} {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{switched:?} {answer}");
        assert_eq!(ending.recv().await.unwrap(), b"", "{switched:?}");
        assert_eq!(running.member("a").failures, 1, "{switched:?}");
    }
}

#[tokio::test]
async fn websocket_is_agreed_on_in_any_case_and_told_in_one() {
    for switched in [
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nhello",
        "HTTP/1.1 101 S\r\nConnection: x, UPGRADE\r\nUpgrade: websocket,\r\n\r\nhello",
    ] {
        let (ended, _ending) = tokio::sync::mpsc::unbounded_channel();
        let running = Running::start(vec![cluster("c", vec![switching(switched, ended).await])]).await;
        let mut client = TcpStream::connect(running.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        let head = read_to(&mut client, "hello").await;
        assert!(head.contains("\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello"), "{head}");
    }
}

/// A server that wants another protocol must say which (RFC 9110, 15.5.22).
#[tokio::test]
async fn a_426_tells_the_client_what_it_may_ask_for() {
    for (offered, is_told) in [("websocket", true), ("h2c, WebSocket", true), ("h2c", false)] {
        let member = backend::raw("a", move |mut stream, _| async move {
            let head = format!("HTTP/1.1 426 X\r\nConnection: upgrade\r\nUpgrade: {offered}\r\n");
            stream.write_all(format!("{head}content-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        })
        .await;
        let running = Running::start(vec![cluster("c", vec![member])]).await;
        let request = b"GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let answer = raw(running.address, request).await.to_lowercase();
        let lines: Vec<&str> =
            answer.lines().filter(|line| line.contains("upgrade:") || line.contains(": upgrade")).collect();
        let expected: &[&str] = if is_told { &["connection: upgrade", "upgrade: websocket"] } else { &[] };
        assert_eq!(lines, expected, "{offered}: {answer}");
    }
}
