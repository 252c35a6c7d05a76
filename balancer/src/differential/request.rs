//! Requests: as they come from a client, and as a member gets them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use ::http1::{RequestBody, RequestHead, end_of_head};
use http::{Request, Response, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::script::Script;
use super::{Fields, MAX_FIELDS, block_on, our_fields, text, their_fields};
use crate::proxy::forward::{self, RequestContext};
use crate::proxy::relay::Relay;

/// The request that a client would send next on the same connection.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nhost: next\r\n\r\n";

/// A request as one of both reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    method: Vec<u8>,
    target: Vec<u8>,
    is_http_11: bool,
    fields: Fields,
    body: Vec<u8>,
}

/// A request that we took.
struct Taken {
    read: Read,
    /// Path and query, as the member is to see them.
    path: Vec<u8>,
    /// Bytes that the member is sent.
    forwarded: Vec<u8>,
    ends_here: bool,
}

/// Compares both readings of the first request in `bytes`, and hyper's of what a member would be sent; of one that ends
/// here (`Max-Forwards: 0`), only the readings. False when we do not take it.
///
/// # Errors
/// A text with what differs.
pub fn compare(bytes: &[u8]) -> Result<bool, String> {
    let Some(ours) = take(bytes) else { return Ok(false) };
    let input = String::from_utf8_lossy(bytes);
    let theirs = theirs(known_version(bytes.to_vec())).into_iter().next();
    if theirs.as_ref() != Some(&ours.read) {
        return Err(format!("{input:?}\nours   {:?}\ntheirs {theirs:?}", ours.read));
    }
    if ours.ends_here {
        return Ok(true);
    }
    let forwarded = self::theirs([&ours.forwarded[..], NEXT].concat());
    match &forwarded[..] {
        [Read { method, target, body, .. }, next]
            if (method, target, body) == (&ours.read.method, &ours.path, &ours.read.body)
                && next.target == b"/next" =>
        {
            Ok(true)
        }
        _ => Err(format!(
            "{input:?}\nis forwarded as {:?}\nwhich is read as {forwarded:?}",
            String::from_utf8_lossy(&ours.forwarded)
        )),
    }
}

/// `None` when it is refused or not complete.
fn take(bytes: &[u8]) -> Option<Taken> {
    let end = end_of_head(bytes, 0)?;
    let mut fields = Vec::new();
    let text = &bytes[..end];
    let head = RequestHead::parse(text, &mut fields).ok()?;
    let mut forwarded = Vec::new();
    let how = RequestContext { client: "192.0.2.1", fallback_host: "fallback" };
    forward::request(&mut forwarded, text, &fields, &head, &how);
    let (mut piece, mut before, mut after) = (bytes[end..].to_vec(), Vec::new(), Vec::new());
    let mut body = Relay::request(head.body);
    let taken = body.take(&mut piece, &mut before, &mut after).ok()?;
    if head.body != RequestBody::None && !body.is_done() {
        return None;
    }
    let body = piece[..taken.data].to_vec();
    forwarded.extend([&before[..], &body, &after].concat());
    let line = text.split(|byte| *byte == b'\r').next()?;
    let path = &forwarded[head.method_name.len() + 1..];
    let path = path[..path.iter().position(|byte| *byte == b' ')?].to_vec();
    Some(Taken {
        read: Read {
            method: text[head.method_name.clone()].to_vec(),
            // Written as hyper's type writes it: an absolute target without a path gets one.
            target: Uri::try_from(line.split(|byte| *byte == b' ').nth(1)?)
                .ok()
                .map_or_else(Vec::new, |uri| uri.to_string().into_bytes()),
            is_http_11: head.is_http_11,
            fields: our_fields(text, &fields),
            body,
        },
        path,
        forwarded,
        ends_here: head.ends_here(),
    })
}

/// hyper knows no later version than 1.1, as which we read them all.
fn known_version(mut bytes: Vec<u8>) -> Vec<u8> {
    let line = bytes.iter().position(|byte| *byte == b'\r').unwrap_or(0);
    if bytes[..line].ends_with(b" HTTP/1.0") {
        return bytes;
    }
    if let Some(minor) = line.checked_sub(1) {
        bytes[minor] = b'1';
    }
    bytes
}

/// Every request that hyper sees.
fn theirs(bytes: Vec<u8>) -> Vec<Read> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let kept = Arc::clone(&kept);
        async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let read = Read {
                    method: head.method.as_str().as_bytes().to_vec(),
                    target: head.uri.to_string().into_bytes(),
                    is_http_11: head.version == Version::HTTP_11,
                    fields: their_fields(&head.headers),
                    body: body.to_bytes().to_vec(),
                };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(read);
            }
            Ok::<_, Infallible>(Response::new(text(b"")))
        }
    });
    let io = TokioIo::new(Script::new(vec![bytes], true));
    let served = http1::Builder::new().half_close(true).max_headers(MAX_FIELDS).serve_connection(io, service);
    // How the connection ends is not the question.
    let _ = block_on(served);
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}
