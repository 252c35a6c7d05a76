//! A member that records what it is sent, byte by byte, and answers from a script.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The end of an answer after its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Close,
}

/// The answer to a target, and what follows.
pub(super) type Script = fn(&str) -> (Vec<u8>, After);

#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    /// Every whole request since the last call, head and body, as they came.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(super) async fn start(script: Script) -> (Self, wire::Member) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let recorder = Self::default();
        let recorded = recorder.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, recorded.clone(), script));
            }
        });
        (recorder, wire::Member { id: "a".into(), address, vcpus: None })
    }
}

async fn converse(mut stream: TcpStream, recorder: Recorder, script: Script) {
    loop {
        let mut message = Vec::new();
        if read_until(&mut stream, &mut message, b"\r\n\r\n").await.is_none() {
            return;
        }
        let head = String::from_utf8_lossy(&message).to_lowercase();
        let target = head.split(' ').nth(1).unwrap_or("").to_owned();
        if target == "/health" {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            return;
        }
        if head.contains("expect: 100-continue") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        }
        if head.contains("transfer-encoding: chunked") {
            for end in [&b"0\r\n"[..], b"\r\n\r\n"] {
                if read_until(&mut stream, &mut message, end).await.is_none() {
                    return;
                }
            }
        } else if let Some(length) = head.split("content-length: ").nth(1) {
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            message.extend(body);
        }
        recorder.0.lock().unwrap().push(String::from_utf8_lossy(&message).into_owned());
        let (answer, after) = script(&target);
        if stream.write_all(&answer).await.is_err() || after == After::Close {
            return;
        }
    }
}

/// Reads byte by byte, so that nothing of what follows is taken. `b"\r\n\r\n"` also matches over what was read before.
async fn read_until(stream: &mut TcpStream, message: &mut Vec<u8>, end: &[u8]) -> Option<()> {
    loop {
        message.push(stream.read_u8().await.ok()?);
        if message.ends_with(end) {
            return Some(());
        }
    }
}
