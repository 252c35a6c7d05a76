//! Our reading of a request against hyper's. Strictness may differ, the reading must not: what we take, hyper takes too,
//! and sees the same request in it. Used by a test with generated requests and by the fuzz target.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Uri, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http1::{RequestBody, RequestHead, end_of_head};
use crate::relay::Relay;

/// A request as one of both reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    method: Vec<u8>,
    target: Vec<u8>,
    is_http_11: bool,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Compares both readings of the first request in `bytes`.
///
/// # Errors
/// A text with both, when they differ.
pub fn compare(bytes: &[u8]) -> Result<bool, String> {
    let Some(ours) = ours(bytes) else { return Ok(false) };
    let theirs = theirs(bytes);
    match theirs {
        Some(theirs) if theirs == ours => Ok(true),
        theirs => Err(format!("{:?}\nours   {ours:?}\ntheirs {theirs:?}", String::from_utf8_lossy(bytes))),
    }
}

/// `None` when it is refused or not complete.
fn ours(bytes: &[u8]) -> Option<Read> {
    let end = end_of_head(bytes, 0)?;
    let mut fields = Vec::new();
    let text = &bytes[..end];
    let head = RequestHead::judge(text, &mut fields).ok()?;
    let (mut piece, mut body) = (bytes[end..].to_vec(), Relay::upload(head.body));
    let taken = body.take(&mut piece, &mut Vec::new(), &mut Vec::new()).ok()?;
    if head.body != RequestBody::None && !body.is_done() {
        return None;
    }
    let line = text.split(|byte| *byte == b'\r').next()?;
    let field = |field: &crate::http1::Field| {
        let name = String::from_utf8_lossy(&text[field.name.clone()]).to_lowercase();
        (name, text[field.value.clone()].to_vec())
    };
    let mut fields: Vec<(String, Vec<u8>)> = fields.iter().map(field).collect();
    fields.sort();
    Some(Read {
        method: text[head.method_name.clone()].to_vec(),
        // Written as hyper's type writes it: an absolute target without a path gets one.
        target: Uri::try_from(line.split(|byte| *byte == b' ').nth(1)?)
            .ok()
            .map_or_else(Vec::new, |uri| uri.to_string().into_bytes()),
        is_http_11: head.is_http_11,
        fields,
        body: piece[..taken.data].to_vec(),
    })
}

fn theirs(bytes: &[u8]) -> Option<Read> {
    let seen = Arc::new(Mutex::new(None));
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let kept = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let kept = Arc::clone(&kept);
        async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                    (name.as_str().to_owned(), value.as_bytes().to_vec())
                };
                let mut fields: Vec<(String, Vec<u8>)> = head.headers.iter().map(field).collect();
                fields.sort();
                let read = Read {
                    method: head.method.as_str().as_bytes().to_vec(),
                    target: head.uri.to_string().into_bytes(),
                    is_http_11: head.version == Version::HTTP_11,
                    fields,
                    body: body.to_bytes().to_vec(),
                };
                kept.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(read);
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let input = Input { bytes: bytes.to_vec(), at: 0 };
    let served = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(input), service);
    // How the connection ends is not the question.
    let _ = runtime.block_on(served);
    seen.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A connection on which these bytes come and whose end nobody reads.
struct Input {
    bytes: Vec<u8>,
    at: usize,
}

impl AsyncRead for Input {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let length = buffer.remaining().min(self.bytes.len() - self.at);
        buffer.put_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Input {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "x", "GE T", "G\0T", ""];
    const TARGETS: &[&str] =
        &["/", "/a", "/a?b=c", "/a%20b", "*", "http://h/a", "http://h?q", "a", "/a b", "/\u{e9}", "/#f", "/a|b", "/{}"];
    const VERSIONS: &[&str] = &["HTTP/1.1", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/1.1 ", "HTTP/1"];
    const LINES: &[&str] = &[
        "Host: h",
        "Host: h",
        "Host: h:80",
        "Host : h",
        "Content-Length: 3",
        "Content-Length: 3",
        "Content-Length: 03",
        "Content-Length: 3, 3",
        "Content-Length: x",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: Chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "X: a  b \t",
        "X:",
        "X",
        ": y",
        " folded",
        "X: \u{e9}",
        "X: a\0b",
        "Connection: close",
        "Connection: upgrade",
        "Upgrade: websocket",
        "Expect: 100-continue",
    ];
    const ENDS: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"];
    const BODIES: &[&str] = &[
        "",
        "abc",
        "abcdef",
        "3\r\nabc\r\n0\r\n\r\n",
        "1;x=y\r\na\r\n2\r\nbc\r\n0\r\nT: u\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
    ];

    /// A request of pieces, now and then with a byte changed.
    fn request(random: &mut ChaCha8Rng) -> Vec<u8> {
        let mut pick = |from: &[&'static str]| from.choose(random).copied().unwrap_or("");
        let mut text = format!("{} {} {}{}", pick(METHODS), pick(TARGETS), pick(VERSIONS), pick(ENDS));
        text += &format!("Host: h{}", pick(ENDS));
        for _ in 0..random.random_range(0..4) {
            text += LINES.choose(random).copied().unwrap_or("");
            text += ENDS.choose(random).copied().unwrap_or("");
        }
        text += "\r\n";
        text += BODIES.choose(random).copied().unwrap_or("");
        let mut bytes = text.into_bytes();
        if random.random_range(0..4) == 0 {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        bytes
    }

    #[test]
    fn what_we_take_hyper_takes_and_reads_alike() {
        const SEED: u64 = 20_261_125;
        println!("seed {SEED}");
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut alike = 0;
        for _ in 0..20_000 {
            let bytes = request(&mut random);
            alike += u32::from(compare(&bytes).unwrap_or_else(|differ| panic!("{differ}")));
        }
        println!("{alike} of 20000 were taken");
        assert!(alike > 300, "only {alike} requests were taken: the comparison compares too little");
    }

    #[test]
    fn the_corpus_is_read_alike() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/request");
        let mut count = 0;
        for entry in std::fs::read_dir(directory).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            compare(&bytes).unwrap_or_else(|differ| panic!("{differ}"));
            count += 1;
        }
        assert!(count >= 10, "{count} files");
    }
}
