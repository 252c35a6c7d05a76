//! WebSocket and whatever else begins with `Upgrade`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend;
use crate::client::eventually;
use crate::front::{Front, cluster};

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
    let front = Front::start(vec![cluster("c", vec![member])]).await;
    let mut client = TcpStream::connect(front.address).await.unwrap();
    // The first frame comes right behind the request: it waits until the member has agreed.
    client.write_all(&[REQUEST, b"abc"].concat()).await.unwrap();
    let head = read_to(&mut client, "hello").await;
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n") && head.contains("upgrade: websocket\r\n"),
        "{head}"
    );
    eventually("the request is over for the policy", || front.member("a").in_flight == 0).await;
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
    let front = Front::start(vec![cluster("c", vec![member])]).await;
    let mut client = TcpStream::connect(front.address).await.unwrap();
    client.write_all(&[REQUEST, b"\x81\x03abc"].concat()).await.unwrap();
    let mut seen = Vec::new();
    client.read_to_end(&mut seen).await.unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.starts_with("HTTP/1.1 426 ") && seen.contains("\r\n\r\nnoHTTP/1.1 400 "), "{seen}");
}
