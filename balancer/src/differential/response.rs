//! Answers: as they come from a member, and as a client gets them.

use ::http1::{Field, ResponseBody, ResponseHead, end_of_head};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::script::Script;
use super::{Fields, MAX_FIELDS, block_on, our_fields, text, their_fields};
use crate::proxy::forward::{self, ResponseContext};
use crate::proxy::relay::Relay;

/// The response to a client's next request on the same connection.
const NEXT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext";

/// A response as one of both reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    fields: Fields,
    body: Vec<u8>,
}

/// A response that we took.
struct Taken {
    read: Read,
    /// Bytes that the client is sent.
    passed_on: Vec<u8>,
}

/// Compares both readings of the final response in `bytes`, to a HEAD or a GET, and hyper's of what a client would be
/// sent. False when we do not take it.
///
/// # Errors
/// A text with what differs.
pub fn compare(bytes: &[u8], is_to_head: bool) -> Result<bool, String> {
    let Some(ours) = take(bytes, is_to_head) else { return Ok(false) };
    let input = String::from_utf8_lossy(bytes);
    let method = if is_to_head { Method::HEAD } else { Method::GET };
    let theirs = block_on(theirs(vec![known_version(bytes)], &method)).into_iter().next();
    if theirs.as_ref() != Some(&ours.read) {
        return Err(format!("{method} {input:?}\nours   {:?}\ntheirs {theirs:?}", ours.read));
    }
    let passed_on = block_on(self::theirs(vec![ours.passed_on.clone(), NEXT.to_vec()], &method));
    match &passed_on[..] {
        [Read { status, body, .. }, next]
            if (*status, body) == (ours.read.status, &ours.read.body) && next.body == b"next" =>
        {
            Ok(true)
        }
        _ => Err(format!(
            "{method} {input:?}\nis passed on as {:?}\nwhich is read as {passed_on:?}",
            String::from_utf8_lossy(&ours.passed_on)
        )),
    }
}

/// `None` when it is broken, not complete, or no response but a change to another protocol.
fn take(bytes: &[u8], is_to_head: bool) -> Option<Taken> {
    let (mut fields, mut passed_on, mut rest) = (Vec::new(), Vec::new(), bytes);
    let (text, head) = loop {
        let (text, behind) = rest.split_at(end_of_head(rest, 0)?);
        let head = ResponseHead::parse(text, is_to_head, &mut fields).ok()?;
        rest = behind;
        match head.status {
            101 => return None,
            100..=199 => forward::interim(&mut passed_on, text, &fields, &head),
            _ => break (text, head),
        }
    };
    pass_on(&mut passed_on, text, &fields, &head);
    let (mut piece, mut before, mut after) = (rest.to_vec(), Vec::new(), Vec::new());
    let mut relay = Relay::response(head.body, true, true);
    let taken = relay.take(&mut piece, &mut before, &mut after).ok()?;
    if head.body == ResponseBody::UntilClose {
        relay.end(&mut after);
    }
    if !relay.is_done() {
        return None;
    }
    let body = piece[..taken.data].to_vec();
    passed_on.extend([&before[..], &body, &after].concat());
    Some(Taken { read: Read { status: head.status, fields: our_fields(text, &fields), body }, passed_on })
}

/// hyper knows no later version than 1.1, as which we read them all: each head that begins with one says 1.1 instead.
fn known_version(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(head) = bytes.get_mut(at..)
        && head.starts_with(b"HTTP/1.")
    {
        if head.get(7).is_some_and(|minor| *minor != b'0') {
            head[7] = b'1';
        }
        let is_interim = head.get(9) == Some(&b'1');
        let Some(end) = end_of_head(head, 0).filter(|_| is_interim) else { break };
        at += end;
    }
    bytes
}

fn pass_on(out: &mut Vec<u8>, text: &[u8], fields: &[Field], head: &ResponseHead) {
    let how = ResponseContext {
        backend: Some(b"member"),
        date: b"Sun, 06 Nov 1994 08:49:37 GMT",
        is_to_http_11: true,
        persists: true,
        queue_micros: 1,
        upstream_micros: 2,
    };
    forward::response(out, text, fields, head, &how);
}

/// The answers that hyper gets to as many requests as there are pieces, each piece said to one request: the first of
/// this method, the next ones GETs, whose bodies show where the response before ended.
async fn theirs(pieces: Vec<Vec<u8>>, method: &Method) -> Vec<Read> {
    let mut builder = http1::Builder::new();
    builder.allow_spaces_after_header_name_in_responses(true).max_headers(MAX_FIELDS);
    let count = pieces.len();
    let Ok((mut sender, connection)) = builder.handshake(TokioIo::new(Script::new(pieces, false))).await else {
        return Vec::new();
    };
    let mut seen = Vec::new();
    let asked = async {
        for number in 0..count {
            let method = if number == 0 { method } else { &Method::GET };
            let Some(read) = ask(&mut sender, method).await else { break };
            seen.push(read);
        }
        drop(sender);
    };
    // How the connection ends is not the question.
    let _ = futures::join!(asked, connection);
    seen
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, method: &Method) -> Option<Read> {
    sender.ready().await.ok()?;
    let request = Request::builder().method(method).uri("/").header("host", "h").body(text(b"")).ok()?;
    let (head, body) = sender.send_request(request).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes().to_vec();
    Some(Read { status: head.status.as_u16(), fields: their_fields(&head.headers), body })
}
