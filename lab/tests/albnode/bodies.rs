//! Bodies, in pieces as they come.

use std::io::Read as _;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::backend::{Received, reply};
use super::*;

#[test]
fn bodies_are_passed_on_as_they_come_both_ways() {
    let (heard, hear) = channel();
    let (go_on, wait) = channel::<()>();
    let (heard, wait) = (Mutex::new(heard), Mutex::new(wait));
    let a = Backend::behaving("a", move |_, stream| {
        let mut piece = [0; 5];
        stream.read_exact(&mut piece).unwrap();
        heard.lock().unwrap().send(piece).unwrap();
        stream.read_exact(&mut piece).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").unwrap();
        wait.lock().unwrap().recv().unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").is_ok()
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    let mut client = Client::new(node.address);
    client.send("POST / HTTP/1.1\r\nHost: shop.example\r\nX-Streamed: 1\r\nContent-Length: 10\r\n\r\nhello");
    // The target has the first half before the second one is sent.
    assert_eq!(&hear.recv_timeout(PATIENCE).unwrap(), b"hello");
    client.send("world");
    // And the client has the first half of the answer before the target writes the second one.
    let mut text = client.head().body;
    assert!(client.chunk(&mut text));
    assert_eq!(text, b"first");
    go_on.send(()).unwrap();
    while client.chunk(&mut text) {}
    assert_eq!(text, b"firstsecond");
}

#[test]
fn large_bodies_arrive_whole() {
    const BYTES: usize = 8 << 20;
    let echo = Backend::behaving("echo", |request: &Received, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len()).unwrap();
        stream.write_all(&request.body).is_ok()
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&echo]);
    let body: Vec<u8> = (0..BYTES).map(|at| (at % 251) as u8).collect();
    let mut client = Client::new(node.address);
    for _ in 0..2 {
        client.send(&format!("PUT / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {BYTES}\r\n\r\n"));
        client.0.get_mut().write_all(&body).unwrap();
        let reply = client.reply();
        assert_eq!(reply.status, 200);
        assert!(reply.body == body, "the echo is another one");
    }
    assert_eq!(echo.connections(), 1);
}

#[test]
fn a_body_without_a_length_is_passed_on_in_chunks() {
    let a = Backend::behaving("a", |request, stream| {
        let mut text = [0; 20];
        let expected = b"5\r\nhello\r\n0\r\n\r\n";
        stream.read_exact(&mut text[..expected.len()]).unwrap();
        assert_eq!(&text[..expected.len()], expected);
        reply(stream, 200, request.field("transfer-encoding").unwrap_or("none"))
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    for method in ["GET", "POST"] {
        let mut client = Client::new(node.address);
        client.send(&format!(
            "{method} / HTTP/1.1\r\nHost: shop.example\r\nX-Streamed: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        ));
        assert_eq!(client.reply().text(), "chunked", "{method}");
    }
}

#[test]
fn answers_without_a_body_are_whole() {
    let a = Backend::behaving("a", |request, stream| {
        let answer = if request.line.starts_with("HEAD") {
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        } else {
            "HTTP/1.1 204 No Content\r\n\r\n"
        };
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let (node, _) = serving(&[], Algorithm::RoundRobin, &[&a]);
    let mut client = Client::new(node.address);
    for _ in 0..3 {
        client.send("HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        let head = client.head();
        assert_eq!((head.status, head.field("content-length")), (200, Some("1000")));
        client.ask("/");
        assert_eq!(client.head().status, 204);
    }
    assert_eq!(a.connections(), 1);
}
